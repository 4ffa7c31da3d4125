"""Folders of a warehouse, wherever it lies: through Hadoop's file systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Entry:
    """A file or folder.

    Attributes:
        name: without the folder it lies in.
        path: as the functions here take it.
        modified: milliseconds since 1970.
    """

    name: str
    path: str
    is_folder: bool
    modified: int


def entries(spark: SparkSession, path: str) -> list[Entry]:
    """What a folder holds; nothing where it is not there."""
    system, folder = _hadoop(spark, path)
    if not system.exists(folder):
        return []
    return [
        Entry(
            status.getPath().getName(),
            status.getPath().toString(),
            status.isDirectory(),
            status.getModificationTime(),
        )
        for status in system.listStatus(folder)
    ]


def text(spark: SparkSession, path: str) -> str | None:
    """What a small file holds, as UTF-8; None where it is not there."""
    system, file = _hadoop(spark, path)
    if not system.exists(file):
        return None
    stream = system.open(file)
    try:
        return str(spark._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))  # type: ignore[union-attr]
    finally:
        stream.close()


def delete(spark: SparkSession, path: str) -> None:
    """Delete a file with its checksum, or a folder with all that it holds."""
    system, target = _hadoop(spark, path)
    system.delete(target, True)


def size(spark: SparkSession, path: str) -> tuple[int, int]:
    """How many files a folder holds at any depth, and their bytes."""
    system, folder = _hadoop(spark, path)
    summary = system.getContentSummary(folder)
    return summary.getFileCount(), summary.getLength()


def _hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    jvm = spark._jvm
    assert jvm is not None
    located = jvm.org.apache.hadoop.fs.Path(path)
    configuration = spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[union-attr]
    return located.getFileSystem(configuration), located
