"""Erase covers from a warehouse: rows, history, copies, and files beside the tables."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.errors import CovergenreError
from jobs.runtime import planning, sink, snapshot
from jobs.runtime.crawling import journal_folder
from jobs.runtime.folds import fold
from jobs.runtime.keeping import kept
from jobs.runtime.maintenance import beside, care, storage
from jobs.runtime.maintenance.takedowns import DETAIL, REASON, names_one, veil
from jobs.runtime.publishing import SNAPSHOT
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, PREDICTIONS, QUARANTINE, SPLITS, TABLES, TAKEDOWNS, Table

_CHECKPOINTS = "delta.checkpointInterval"
# A group's new name is looked for among so many: one in ``splits.folds`` of them keeps its fold.
_NAMES_TRIED = 1024


class ErasureError(CovergenreError):
    """Something of a cover that was taken down is still there: a defect, never to be ignored."""

    exit_code = 4


def erase(
    warehouse: Warehouse, cover_ids: Sequence[str], settings: Settings, now: datetime.datetime
) -> dict[str, int]:
    """Erase covers everywhere but in the table takedowns, which refuses them from now on.

    Albums stay, without a cover and in quarantine. No table can be restored to a version before.
    Killed in between, it is done again and ends the same.

    Args:
        warehouse: open for writing.
        cover_ids: sha256 of the covers' bytes.
        settings: of splits, and where the journals of crawls are.
        now: the time written.

    Returns:
        what was counted.

    Raises:
        ErasureError: a table still names one of the covers; says which.
        LockedError: a crawl is running.
    """
    warehouse.create(ALBUMS, COVERS, QUARANTINE)
    tables = [t for t in TABLES.values() if t != TAKEDOWNS and warehouse.exists(t)]
    warehouse.create(*tables)  # an earlier layout may lack a column
    rows = [(one,) for one in cover_ids]
    ids = kept(warehouse.spark.createDataFrame(rows, "cover_id string"))
    with beside.journals(journal_folder(warehouse.location, settings)) as stores:
        counts = {"files": 0}
        # Before the tables: the bytes that are looked for are in them.
        if warehouse.local:
            contents = _contents(warehouse, ids)
            counts["files"] = beside.erase(warehouse.location, cover_ids, contents)
        beside.forget(stores, cover_ids)
        counts["albums"] = _leave_albums(warehouse, ids, now)
        if warehouse.exists(SPLITS):
            _rename_groups(warehouse, ids, settings)
        for table in tables:
            if _about_covers(table):
                counts[table.name] = care.delete_covers(warehouse, table, ids)
            _veil(warehouse, table, cover_ids)
        counts["copies"] = _rewrite_copies(warehouse, ids)
        for table in tables:
            forget_history(warehouse, table)
    left = [table.name for table in tables if _names_one_of(warehouse, table, cover_ids)]
    if left:
        raise ErasureError(f"a cover is still named in {', '.join(left)}: please report this")
    return counts


def _about_covers(table: Table) -> bool:
    """Whether its rows are about a cover each; those about an album stay without one."""
    return any(column.name == "cover_id" and not column.nullable for column in table.columns)


def _contents(warehouse: Warehouse, ids: DataFrame) -> list[bytes]:
    rows = warehouse.read(COVERS).join(F.broadcast(ids), "cover_id", "left_semi")
    return [bytes(row["content"]) for row in rows.select("content").collect()]


def _leave_albums(warehouse: Warehouse, ids: DataFrame, now: datetime.datetime) -> int:
    """Take their cover from albums, into quarantine; returns how many albums they are."""
    hit = kept(
        warehouse.read(ALBUMS)
        .join(F.broadcast(ids), "cover_id", "left_semi")
        .select(
            "album_id",
            F.lit(None).cast("string").alias("cover_id"),
            F.lit(REASON).alias("reason"),
            F.lit(DETAIL).alias("detail"),
        )
    )
    sink.quarantine(warehouse, hit, now)
    for table in (QUARANTINE, ALBUMS):
        (
            warehouse.delta(table)
            .alias("t")
            .merge(ids.alias("s"), "t.cover_id = s.cover_id")
            .whenMatchedUpdate(set={"cover_id": "NULL"})
            .execute()
        )
    return hit.count()


def _veil(warehouse: Warehouse, table: Table, cover_ids: Sequence[str]) -> None:
    """Let other texts, such as the name of a file, name none of these covers."""
    names = [c.name for c in table.columns if c.type == "string" and c.name != "cover_id"]
    named = reduce(
        Column.__or__, (F.coalesce(names_one(n, cover_ids), F.lit(False)) for n in names)
    )
    if not warehouse.read(table).where(named).isEmpty():
        warehouse.delta(table).update(named, {name: veil(name, cover_ids) for name in names})


def _rename_groups(warehouse: Warehouse, ids: DataFrame, settings: Settings) -> None:
    """Bring the other rows of splits in line; no group is named after one of these covers any more.

    Whom near-duplicates are represented by for now is the smallest id: prepare chooses the largest
    cover again.
    """
    rest = warehouse.read(SPLITS).join(F.broadcast(ids), "cover_id", "left_anti")
    copies = Window.partitionBy("duplicate_id", "fold")
    first = F.min("cover_id").over(copies)
    spoken_for = F.max("representative").over(copies) | F.col("fold").isNull()
    names = _new_names(ids, settings)
    should = rest.join(F.broadcast(names), F.col("group_id") == F.col("old"), "left").select(
        "cover_id",
        F.coalesce("new", "group_id").alias("group_id"),
        first.alias("duplicate_id"),
        F.count("*").over(copies).cast("int").alias("group_size"),
        F.when(spoken_for, F.col("representative"))
        .otherwise(F.col("cover_id") == first)
        .alias("representative"),
    )
    changed = kept(should.exceptAll(rest.select(*should.columns)))
    (
        warehouse.delta(SPLITS)
        .alias("t")
        .merge(changed.alias("s"), "t.cover_id = s.cover_id")
        .whenMatchedUpdate(set={name: f"s.{name}" for name in should.columns})
        .execute()
    )


def _new_names(ids: DataFrame, settings: Settings) -> DataFrame:
    """``old`` to ``new``: what a group named after one of these covers is called from now on.

    It keeps its fold: of some hashes of the old name the first that has the same is taken.
    """
    old = ids.select(F.col("cover_id").alias("old"))
    tried = old.crossJoin(F.broadcast(ids.sparkSession.range(_NAMES_TRIED))).select(
        "old", "id", F.sha2(F.concat_ws(":", "old", "id"), 256).alias("new")
    )
    kept = tried.where(fold(F.col("old"), settings) == fold(F.col("new"), settings))
    return kept.groupBy("old").agg(F.min_by("new", "id").alias("new"))


def _rewrite_copies(warehouse: Warehouse, ids: DataFrame) -> int:
    """Write the Parquet copy without these covers and delete all others; returns how many."""
    spark, location = warehouse.spark, warehouse.location
    held = snapshot.version(spark, location, SNAPSHOT) is not None
    if held:
        path = planning.readable(snapshot.latest(spark, location, SNAPSHOT))
        # With a schema: a copy without rows has none, and a genre may look like a number.
        rows = spark.read.schema(PREDICTIONS.schema).parquet(path)
        rest = rows.join(F.broadcast(ids), "cover_id", "left_anti")
        # Of no state of the tables: the next scoring writes that of theirs.
        snapshot.publish(rest, location, SNAPSHOT, uuid.uuid4().hex, 0, "predicted_genre")
    return care.drop_old_copies(warehouse, 0) + int(held)


def forget_history(warehouse: Warehouse, table: Table) -> None:
    """Leave of a table its current version alone: no file and no log entry of those before.

    Log entries hold statistics of files, among them the least and largest id. A checkpoint holds
    all that the current version is made of; the protocol lets go of the commits before it.
    """
    detail = warehouse.delta(table).detail().select("tableFeatures", "properties").collect()[0]
    if "deletionVectors" in detail["tableFeatures"]:
        # Rows that are only marked as deleted are in their files still.
        warehouse.spark.sql(f"REORG TABLE {care.name_of(warehouse, table)} APPLY (PURGE)")
    care.vacuum(warehouse, table, hours=0)
    care.alter(warehouse, table, f"SET TBLPROPERTIES ('{_CHECKPOINTS}' = '1')")
    first = warehouse.version(table)
    held = detail["properties"].get(_CHECKPOINTS, "1")
    # It is 1 after a kill between these two.
    restored = f"UNSET TBLPROPERTIES ('{_CHECKPOINTS}')"
    if held != "1":
        restored = f"SET TBLPROPERTIES ('{_CHECKPOINTS}' = '{held}')"
    care.alter(warehouse, table, restored)
    log = storage.entries(warehouse.spark, warehouse.path(f"{table.name}/_delta_log"))
    if not any(e.name.startswith(f"{first:020}.checkpoint") for e in log):
        raise ErasureError(f"table {table.name} has no checkpoint: its history is still there")
    for entry in log:
        number = entry.name.split(".")[0]
        needed = entry.name.startswith("_") or (number.isdigit() and int(number) >= first)
        if not needed:
            storage.delete(warehouse.spark, entry.path)


def _names_one_of(warehouse: Warehouse, table: Table, cover_ids: Sequence[str]) -> bool:
    rows = warehouse.read(table)
    text = [f.name for f in rows.schema.fields if f.dataType.simpleString() != "binary"]
    row = F.to_json(F.struct(*text))
    return not rows.where(reduce(Column.__or__, map(row.contains, cover_ids))).isEmpty()
