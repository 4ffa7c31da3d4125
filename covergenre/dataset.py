"""From a Spark DataFrame to tf.data, through petastorm's Spark dataset converter.

Source: petastorm documentation, "Spark Dataset Converter API".
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

with warnings.catch_warnings():
    # petastorm 0.13 stands on pyarrow's legacy file systems, which is why pyarrow is held at 14.
    warnings.simplefilter("ignore", FutureWarning)
    from petastorm.spark import SparkDatasetConverter, make_spark_converter

# One row group holds many examples; small ones keep the reader's threads evenly fed.
_ROW_GROUP_BYTES = 8 * 1024 * 1024


@contextlib.contextmanager
def converted(df: DataFrame, cache: Path) -> Iterator[SparkDatasetConverter]:
    """Materialise a DataFrame as Parquet that petastorm reads; gone when the block ends.

    Args:
        df: columns of numbers, arrays of numbers of one length, or binary.
        cache: folder for the Parquet files; must be reachable by the driver.
    """
    spark: SparkSession = df.sparkSession
    # The converter wants a URL with a scheme; a cache of its own never meets another run's.
    folder = cache.resolve() / uuid.uuid4().hex
    spark.conf.set(SparkDatasetConverter.PARENT_CACHE_DIR_URL_CONF, folder.as_uri())
    try:
        converter = make_spark_converter(df, parquet_row_group_size_bytes=_ROW_GROUP_BYTES)
        try:
            yield converter
        finally:
            converter.delete()
    finally:
        # Of a conversion that failed, too, of which petastorm knows nothing.
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def examples(
    converter: SparkDatasetConverter,
    batch_size: int,
    epochs: int | None = 1,
    shuffle_rows: int = 0,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
) -> Iterator[Any]:
    """Batches of the rows as a tf.data.Dataset of named tuples.

    Args:
        converter: from :func:`converted`.
        batch_size: rows a batch; the last of all may be shorter.
        epochs: passes over the rows; None repeats for ever.
        shuffle_rows: size of the shuffling buffer; 0 keeps the files' order.
        seed: of the order of row groups.
        shard: which of how many disjoint parts, together all rows, e.g. (0, 2); parts are made of
            row groups, as many as Spark wrote files at least.
    """
    part, parts = shard or (None, None)
    with converter.make_tf_dataset(
        batch_size=batch_size,
        num_epochs=epochs,
        workers_count=2,
        shuffling_queue_capacity=shuffle_rows,
        shuffle_row_groups=shuffle_rows > 0,
        seed=seed,
        cur_shard=part,
        shard_count=parts,
    ) as dataset:
        yield dataset
