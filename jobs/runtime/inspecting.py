"""Look at covers for the first time, so that one that ends its worker is a row as any other."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.config import Settings
from jobs.runtime.isolation import Poisoned, death, isolate
from jobs.runtime.keeping import kept
from udfs.inspect import make_inspect

Look = Callable[[DataFrame], DataFrame]


def inspected(rows: DataFrame, look: Look, settings: Settings) -> DataFrame:
    """What is found out of covers, found out once: checkpointed.

    Args:
        rows: one an album, ``album_id`` its key.
        look: gives for each row ``album_id`` and :data:`jobs.runtime.sink.FACTS`, and may have
            Python workers that a cover can end.
        settings: section ``workers``.

    Returns:
        what ``look`` gives; albums whose cover ends its worker have the reason and nothing else.

    Raises:
        WorkersError: workers end whatever they look at.
    """
    try:
        return kept(look(rows), on_disk=True)
    except Exception as error:
        if death(error) is None:
            raise
    rows = kept(rows)  # looked up again and again from here on
    keys = [row["album_id"] for row in rows.select("album_id").collect()]
    parts: list[DataFrame] = []

    def attempt(some: Sequence[str]) -> None:
        ids = rows.sparkSession.createDataFrame(pd.DataFrame({"album_id": list(some)}))
        asked = rows.join(F.broadcast(ids), "album_id", "left_semi")
        parts.append(kept(look(asked), on_disk=True))

    found = isolate(keys, attempt, settings.workers.poison_attempts, lambda: _probe(rows, settings))
    told = unusable(rows.sparkSession, found).withColumnRenamed("key", "album_id")
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), [*parts, told])


def in_parts(rows: DataFrame, covers: int) -> Iterator[DataFrame]:
    """Rows in parts of about so many, each album in one: what a kill can lose of a catalogue.

    A small catalogue is one part; an empty one none.
    """
    rows = kept(rows)
    parts = -(-rows.count() // covers)
    if parts < 2:
        yield from [rows] * parts
        return
    part = F.pmod(F.xxhash64("album_id"), F.lit(parts))
    for number in range(parts):
        yield rows.where(part == number)


def unusable(spark: SparkSession, found: Sequence[Poisoned]) -> DataFrame:
    """Covers that end their worker as rows: ``key``, ``reason``, ``detail``."""
    told = [(one.key, one.reason, one.detail) for one in found]
    return spark.createDataFrame(told, "key string, reason string, detail string")


def good_cover() -> bytes:
    """A cover that nothing is wrong with."""
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(90)), axis=-1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _probe(rows: DataFrame, settings: Settings) -> None:
    inspect = make_inspect(settings.images.limits, settings.workers.timeout_seconds)
    cover = rows.sparkSession.createDataFrame([(good_cover(),)], "content binary")
    cover.select(inspect("content")).collect()
