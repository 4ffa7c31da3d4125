"""Keep tables quick to read and no larger than they must be."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.config.maintain import Maintain
from covergenre.engines.openvino import cache_folder
from covergenre.errors import SettingError
from jobs.runtime import snapshot
from jobs.runtime.keeping import kept
from jobs.runtime.maintenance import storage
from jobs.runtime.publishing import SNAPSHOT
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, TABLES, Table

_OPTIMIZE = "spark.databricks.delta.optimize"
_DELETED, _LOG = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
# A conversion takes minutes: what was not touched for so long belongs to nobody.
_DEAD_SECONDS = 24 * 3600


def care(warehouse: Warehouse, settings: Settings) -> dict[str, int]:
    """Drop what nothing needs, compact, and delete the files that no version kept needs.

    Tables that are as they should be are not written: their versions stay.

    Args:
        warehouse: open for writing.
        settings: section ``maintain``, and ``score.keep_snapshots``.

    Returns:
        what was counted.

    Raises:
        SettingError: ``maintain.cluster`` names a table or column that there is not.
    """
    chosen = settings.maintain
    _check(chosen)
    tables = [table for table in TABLES.values() if warehouse.exists(table)]
    for table in tables:
        set_retention(warehouse, table, chosen)
    counts = drop_unused(warehouse, chosen)
    counts["files_compacted"] = sum(compact(warehouse, table, chosen) for table in tables)
    counts["snapshots_dropped"] = drop_old_copies(warehouse, settings.score.keep_snapshots)
    counts["conversions_dropped"] = drop_dead_conversions(cache_folder())
    counts.update(files_deleted=0, bytes_deleted=0)
    for table in tables:
        files, size = _data(warehouse, table)
        vacuum(warehouse, table, chosen.retention_hours)
        files_left, size_left = _data(warehouse, table)
        counts["files_deleted"] += files - files_left
        counts["bytes_deleted"] += size - size_left
    return counts


def _data(warehouse: Warehouse, table: Table) -> tuple[int, int]:
    """How many files a table's folder holds beside its log, and their bytes."""
    files, size = storage.size(warehouse.spark, warehouse.path(table.name))
    of_log = storage.size(warehouse.spark, warehouse.path(f"{table.name}/_delta_log"))
    return files - of_log[0], size - of_log[1]


def _check(settings: Maintain) -> None:
    for name, columns in settings.cluster.items():
        known = TABLES[name].names if name in TABLES else []
        for column in columns:
            if column not in known:
                raise SettingError(f"maintain.cluster: there is no column {column} in table {name}")


def set_retention(warehouse: Warehouse, table: Table, settings: Maintain) -> None:
    """Note in the table how long files and history are kept, if it says otherwise."""
    wanted = {
        _DELETED: f"interval {settings.retention_hours} hours",
        _LOG: f"interval {settings.history_days} days",
    }
    held = properties(warehouse, table)
    if any(held.get(name) != value for name, value in wanted.items()):
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in wanted.items())
        alter(warehouse, table, f"SET TBLPROPERTIES ({pairs})")


def properties(warehouse: Warehouse, table: Table) -> dict[str, str]:
    """The table's Delta properties."""
    return dict(warehouse.delta(table).detail().select("properties").collect()[0]["properties"])


def alter(warehouse: Warehouse, table: Table, change: str) -> None:
    """``ALTER TABLE`` with what follows."""
    warehouse.spark.sql(f"ALTER TABLE {name_of(warehouse, table)} {change}")


def name_of(warehouse: Warehouse, table: Table) -> str:
    """The table as SQL names it."""
    return "delta.`{}`".format(warehouse.path(table.name).replace("`", "``"))


def drop_unused(warehouse: Warehouse, settings: Maintain) -> dict[str, int]:
    """Delete what is held of covers that no album has any more; returns how many rows."""
    counts = {}
    wanted = [(INFERENCES, settings.drop_unused_inferences), (COVERS, settings.drop_unused_covers)]
    used = warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select("cover_id")
    for table, drop in wanted:
        if drop and warehouse.exists(table):
            ids = warehouse.read(table).select("cover_id").distinct()
            unused = kept(ids.join(used, "cover_id", "left_anti"))
            counts[f"unused_{table.name}"] = delete_covers(warehouse, table, unused)
    return counts


def delete_covers(warehouse: Warehouse, table: Table, ids: DataFrame) -> int:
    """Delete the rows of covers (``cover_id``, one row a cover); returns how many they were.

    A join deletes them, so that the table's log does not name them.
    """
    gone = warehouse.read(table).join(ids, "cover_id", "left_semi").count()
    if gone:
        target = warehouse.delta(table).alias("t")
        target.merge(ids.alias("s"), "t.cover_id = s.cover_id").whenMatchedDelete().execute()
    return int(gone)


def compact(warehouse: Warehouse, table: Table, settings: Maintain) -> int:
    """Write small files together, in the order of ``maintain.cluster``; returns how many they were.

    A clustered table is written anew as a whole, so that is done when there is something to gain:
    two files or more below half the target.
    """
    target = settings.target_file_bytes
    columns = settings.cluster.get(table.name)
    cluster = f" ZORDER BY ({', '.join(columns)})" if columns else ""
    if cluster and _small_files(warehouse, table, target // 2) < 2:
        return 0
    limits = {f"{_OPTIMIZE}.maxFileSize": target, f"{_OPTIMIZE}.minFileSize": target // 2}
    with _configured(warehouse.spark, limits):
        sql = f"OPTIMIZE {name_of(warehouse, table)}{cluster}"
        done = warehouse.spark.sql(sql).select("metrics.numFilesRemoved").collect()
    return int(done[0][0])


def _small_files(warehouse: Warehouse, table: Table, below: int) -> int:
    """How many of its files are smaller, found without reading rows."""
    files = warehouse.read(table).select(
        F.col("_metadata.file_path").alias("file"), F.col("_metadata.file_size").alias("size")
    )
    return files.where(F.col("size") < below).select("file").distinct().count()


def vacuum(warehouse: Warehouse, table: Table, hours: int) -> None:
    """Delete files that no version of the last hours needs.

    Args:
        warehouse, table: which one.
        hours: 0 deletes all that the current version does not need, also under a running reader:
            only where no byte may stay.
    """
    limits: dict[str, object] = {
        # A version that changes nothing.
        "spark.databricks.delta.vacuum.logging.enabled": False,
        # So many tasks list a table's files, however few they are; Spark's default is 10,000.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": (
            warehouse.spark.sparkContext.defaultParallelism
        ),
    }
    if hours == 0:
        limits["spark.databricks.delta.retentionDurationCheck.enabled"] = False
    with _configured(warehouse.spark, limits):
        warehouse.spark.sql(f"VACUUM {name_of(warehouse, table)} RETAIN {hours} HOURS").collect()


def drop_old_copies(warehouse: Warehouse, keep: int) -> int:
    """Delete Parquet copies but the one that is read and ``keep`` older ones; returns how many."""
    spark, location = warehouse.spark, warehouse.location
    newest = snapshot.version(spark, location, SNAPSHOT)
    folder, prefix = (
        (warehouse.path("_snapshots"), f"{SNAPSHOT}-")
        if warehouse.local
        else (warehouse.path(SNAPSHOT), "")
    )
    found = [entry for entry in storage.entries(spark, folder) if entry.is_folder]
    copies = [e for e in found if e.name.startswith(prefix) and e.name != f"{prefix}{newest}"]
    copies.sort(key=lambda entry: entry.modified, reverse=True)
    half = [entry for entry in found if entry.name.startswith(".")]
    # The job that wrote it was killed: whoever holds the warehouse is alone.
    for entry in [*copies[keep:], *half]:
        storage.delete(spark, entry.path)
    return len(copies[keep:]) + len(half)


def drop_dead_conversions(cache: Path) -> int:
    """Delete what killed jobs left half-converted in the cache of engines; returns how many."""
    dead = [
        folder
        for folder in cache.glob(".*")
        if folder.is_dir() and time.time() - folder.stat().st_mtime > _DEAD_SECONDS
    ]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return len(dead)


@contextlib.contextmanager
def _configured(spark: SparkSession, values: Mapping[str, object]) -> Iterator[None]:
    before = {name: spark.conf.get(name, None) for name in values}
    for name, value in values.items():
        spark.conf.set(name, str(value).lower())
    try:
        yield
    finally:
        for name, old in before.items():
            spark.conf.unset(name) if old is None else spark.conf.set(name, old)
