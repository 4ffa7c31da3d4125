"""Spark as vendors' guides show it: a pandas UDF makes arrays of floats, predict_batch_udf a model.

Settings and batch size are those of NVIDIA's spark-rapids-examples (Spark-DL/dl_inference,
keras_resnet50_tf), which follows Databricks' notebooks, with the decoding that is done beforehand
there in a pandas UDF; decoder and resizer are the project's, so that the pixels are the same. The
classifier alone: the guides know no second model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql.functions import col
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import ArrayType, FloatType

from benchmarks.contenders.task import Task
from covergenre import images
from covergenre.bundle import open_bundle
from jobs.runtime import session

_BATCH = 50
# What the guides set, and Spark's own defaults for what this project's defaults would change.
SPARK = {
    "spark.driver.memory": "8g",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "512",
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.parquet.columnarReaderBatchSize": "1024",
    "spark.sql.files.maxPartitionBytes": "128m",
    "spark.sql.files.openCostInBytes": "4m",
}


def run(task: Task) -> dict[str, Any]:
    """Score all covers.

    Returns:
        ``job_seconds`` from reading Parquet to Parquet written, in a session that is up.
    """
    spark = session.build("guide benchmark")
    start = time.perf_counter()
    size = open_bundle(Path(task.bundle)).backbone.preprocessing.size
    classify = predict_batch_udf(
        _loader(task),
        input_tensor_shapes=[[size, size, 3]],
        return_type=ArrayType(FloatType()),
        batch_size=_BATCH,
    )
    covers = spark.read.parquet(task.parquet)
    floats = covers.select("cover_id", _decoded(size)(col("content")).alias("data"))
    floats.select("cover_id", classify(col("data")).alias("probabilities")).write.parquet(
        task.output
    )
    return {"job_seconds": time.perf_counter() - start}


def _decoded(size: int) -> Any:
    def decoded(contents: pd.Series) -> pd.Series:
        return pd.Series(
            [images.load(content, size).astype(np.float32).ravel() for content in contents]
        )

    return pandas_udf(decoded, ArrayType(FloatType()))  # type: ignore[call-overload]


def _loader(task: Task) -> Callable[[], Callable[[Any], Any]]:
    def predict_batch_fn() -> Callable[[Any], Any]:
        import keras

        bundle = open_bundle(Path(task.bundle))
        backbone = bundle.backbone
        network = backbone.load()
        logits = keras.layers.Lambda(bundle.head().logits)(network.output)
        model = keras.Model(network.input, keras.layers.Softmax()(logits))

        def predict(inputs: Any) -> Any:
            said = model.predict(backbone.preprocessing.apply(inputs), verbose=0)
            task.stamp(len(inputs))
            return said

        return predict

    return predict_batch_fn
