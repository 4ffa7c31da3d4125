"""A plain Parquet copy of a table that any engine reads, replaced whole.

On a local disk ``DIR/NAME`` is a link to the newest of the folders in ``DIR/_snapshots``; renaming
a new link over it is atomic, so a reader sees the old copy or the new one. An object store has no
links: there ``DIR/NAME/<version>`` holds the copies and ``DIR/NAME/LATEST`` names the newest.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from covergenre.errors import OutputError
from jobs.runtime.maintenance import storage


def publish(df: DataFrame, location: str, name: str, version: str, keep: int, by: str) -> str:
    """Write a copy and make it the one that is read.

    Args:
        df: the rows.
        location: the warehouse, a local folder or a URL.
        name: of the copy, e.g. ``predictions_parquet``.
        version: of this copy, unique; becomes a folder's name.
        keep: older copies kept for readers that still have one open.
        by: column whose values become folders (``by=value``).

    Returns:
        path that readers use.

    Raises:
        OutputError: something that is no snapshot lies where the link belongs.
    """
    written = write(df, location, name, version, by)
    return switch(df.sparkSession, written, location, name, version, keep)


def write(df: DataFrame, location: str, name: str, version: str, by: str) -> str:
    """The first half of :func:`publish`: a copy that nobody reads yet; returns where it lies."""
    if "://" in location:
        part = f"{location}/{name}/{version}"
    else:
        link, folder = Path(location) / name, Path(location) / "_snapshots"
        if link.exists() and not link.is_symlink():
            raise OutputError(f"{link} is there and is no snapshot: move it away")
        for left in folder.glob(f".{name}.*part"):  # of runs that were killed
            shutil.rmtree(left, ignore_errors=True)
        # A name of its own: executors outlive a driver that was killed, and may still be writing
        # there.
        part = str(folder / f".{name}.{uuid.uuid4().hex}.part")
    # One file a value: the copy of a catalogue is small beside its covers.
    df.repartition(by).write.mode("overwrite").partitionBy(by).parquet(part)
    return part


def switch(
    spark: SparkSession, written: str, location: str, name: str, version: str, keep: int
) -> str:
    """The second half of :func:`publish`: what was ``written`` becomes the copy that is read."""
    if "://" in location:
        _point_to(spark, f"{location}/{name}", version)
        return written
    link, part = Path(location) / name, Path(written)
    folder = part.parent
    target = folder / f"{name}-{version}"
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    fresh = Path(location) / f".{name}.link"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path(folder.name) / target.name)
    fresh.replace(link)
    _drop_old(folder, name, target, keep)
    return str(link)


def version(spark: SparkSession, location: str, name: str) -> str | None:
    """Which version the newest copy is; None where there is none."""
    if "://" in location:
        return _pointed_to(spark, f"{location}/{name}")
    link = Path(location) / name
    return link.readlink().name.removeprefix(f"{name}-") if link.is_symlink() else None


def path(location: str, name: str, version: str) -> str:
    """What readers of a version that is the newest use."""
    return f"{location}/{name}/{version}" if "://" in location else str(Path(location) / name)


def latest(spark: SparkSession, location: str, name: str) -> str:
    """Path of the newest copy, for an engine that cannot follow a pointer file."""
    if "://" not in location:
        return str((Path(location) / name).resolve())
    return f"{location}/{name}/{_pointed_to(spark, f'{location}/{name}')}"


def _point_to(spark: SparkSession, path: str, version: str) -> None:
    system, pointer = _pointer(spark, path)
    stream = system.create(pointer, True)  # a put of one small object is atomic
    stream.write(bytearray(f"{version}\n".encode()))
    stream.close()


def _pointed_to(spark: SparkSession, path: str) -> str | None:
    held = storage.text(spark, f"{path}/LATEST")
    return None if held is None else held.strip()


def _pointer(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system, and in it the file that names the newest copy."""
    jvm, context = spark._jvm, spark.sparkContext
    assert jvm is not None
    pointer = jvm.org.apache.hadoop.fs.Path(f"{path}/LATEST")
    return pointer.getFileSystem(context._jsc.hadoopConfiguration()), pointer  # type: ignore[union-attr]


def _drop_old(folder: Path, name: str, newest: Path, keep: int) -> None:
    copies = [p for p in folder.glob(f"{name}-*") if p != newest]
    copies.sort(key=lambda p: os.stat(p).st_mtime_ns, reverse=True)
    for old in copies[keep:]:
        shutil.rmtree(old, ignore_errors=True)
