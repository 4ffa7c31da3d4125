"""Bring a table back to an earlier version."""

from __future__ import annotations

import datetime

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from covergenre.errors import CatalogueError
from jobs.runtime import sink
from jobs.runtime.keeping import kept
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE, RUNS, TABLES, TAKEDOWNS

_LOST = "a table was restored to a version that lacks the cover"


def restore(warehouse: Warehouse, name: str, to: str) -> dict[str, int]:
    """Make an earlier version of a table the current one, as a new version.

    Tables that follow from it are brought in line by the next scoring.

    Args:
        warehouse: open for writing.
        name: of the table.
        to: a Delta version, or a time in ISO 8601, in UTC unless it says otherwise.

    Returns:
        ``restored_version``, the new one, and ``albums_to_read``, whose cover is lost with it.

    Raises:
        CatalogueError: there is no such table, version or time, or its files are gone.
    """
    known = sorted(table for table in TABLES if table not in (RUNS.name, TAKEDOWNS.name))
    if name not in known or not warehouse.exists(TABLES[name]):
        raise CatalogueError(f"--restore {name}: name one of {', '.join(known)} that is there")
    table = TABLES[name]
    try:
        _restore(warehouse.delta(table), to)
    except (PySparkException, Py4JJavaError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CatalogueError(
            f"--restore {name} {to}: that version is not there, or its files were deleted after "
            f"maintain.retention_hours ({reason})"
        ) from error
    warehouse.create(table)  # an earlier version may have an earlier layout
    version = warehouse.version(table)
    return {"restored_version": version, "albums_to_read": _mend(warehouse)}


def _mend(warehouse: Warehouse) -> int:
    """Have albums looked at by the next job that have neither a cover that is held nor an open row
    in quarantine, as after a restore of albums, covers or quarantine; returns how many they are.

    Until then they are in quarantine.
    """
    warehouse.create(COVERS, QUARANTINE)
    held = warehouse.read(COVERS).select("cover_id")
    told = warehouse.read(QUARANTINE).where("closed_at IS NULL").select("album_id")
    albums = warehouse.read(ALBUMS)
    without = albums.join(held, "cover_id", "left_anti")
    lost = kept(
        without.where("cover_id IS NOT NULL")
        .unionByName(without.where("cover_id IS NULL").join(told, "album_id", "left_anti"))
        .select("album_id", F.lit(None).cast("string").alias("cover_id"))
    )
    count = lost.count()
    if count:
        reason, detail = F.lit("restored").alias("reason"), F.lit(_LOST).alias("detail")
        now = datetime.datetime.now(datetime.UTC)
        sink.quarantine(warehouse, lost.select("*", reason, detail), now)
        (
            warehouse.delta(ALBUMS)
            .alias("t")
            .merge(lost.alias("s"), "t.album_id = s.album_id")
            .whenMatchedUpdate(set={"cover_id": "NULL", "etag": "NULL"})
            .execute()
        )
    return count


def _restore(table: DeltaTable, to: str) -> None:
    if to.isdigit():
        table.restoreToVersion(int(to))
        return
    try:
        time = datetime.datetime.fromisoformat(to)
    except ValueError as error:
        raise CatalogueError(f"--restore: {to!r} is no version and no time") from error
    if time.tzinfo is not None:
        time = time.astimezone(datetime.UTC)
    # The session's time zone is UTC.
    table.restoreToTimestamp(f"{time:%Y-%m-%d %H:%M:%S.%f}")
