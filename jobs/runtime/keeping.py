"""Rows that are computed once and read again and again."""

from __future__ import annotations

from pyspark import StorageLevel
from pyspark.sql import DataFrame


def kept(rows: DataFrame, *, on_disk: bool = False) -> DataFrame:
    """Compute rows now, and keep them as they are whatever is written meanwhile.

    Checkpointed, not persisted: what is persisted would be read again, from changed tables, as soon
    as a table it came from is written. A checkpoint cannot be computed again, so that on a cluster
    each part of it lies with two executors: a run goes on without one.

    Args:
        rows: in any number.
        on_disk: whether they are too large for the executors' memory.
    """
    spilled = StorageLevel.DISK_ONLY if on_disk else StorageLevel.MEMORY_AND_DISK_DESER
    copies = 1 if str(rows.sparkSession.sparkContext.master).startswith("local") else 2
    level = StorageLevel(
        spilled.useDisk, spilled.useMemory, spilled.useOffHeap, spilled.deserialized, copies
    )
    return rows.localCheckpoint(storageLevel=level)
