"""Bring a table back to an earlier version."""

from __future__ import annotations

import datetime

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from covergenre.errors import CatalogueError
from jobs.runtime.warehouse import Warehouse
from schemas import RUNS, TABLES
from schemas.takedowns import TAKEDOWNS


def restore(warehouse: Warehouse, name: str, to: str) -> dict[str, int]:
    """Make an earlier version of a table the current one, as a new version.

    Tables that follow from it are brought in line by the next scoring.

    Args:
        warehouse: open for writing.
        name: of the table.
        to: a Delta version, or a time in ISO 8601, in UTC unless it says otherwise.

    Returns:
        ``restored_version``, the new one.

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
    return {"restored_version": warehouse.version(table)}


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
