"""Covers that must not be held any more: who they are, and that they do not come back."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre.errors import CatalogueError
from jobs.runtime.warehouse import Warehouse
from schemas.takedowns import TAKEDOWNS

REASON = "taken_down"
DETAIL = "the cover was taken down"


def identify(named: str) -> str:
    """The id of a cover that is named by it, or by a file that holds its bytes.

    Raises:
        CatalogueError: it is neither.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", named):
        return named.lower()
    try:
        return hashlib.sha256(Path(named).read_bytes()).hexdigest()
    except OSError as error:
        raise CatalogueError(
            f"--takedown {named}: neither the sha256 of a cover, 64 hexadecimal digits, nor a file "
            f"that can be read ({error.strerror})"
        ) from error


def request(
    warehouse: Warehouse, cover_ids: Iterable[str], why: str | None, now: datetime.datetime
) -> None:
    """Note covers in the table takedowns: from now on they are refused; asked twice, done again."""
    warehouse.create(TAKEDOWNS)
    rows = [(cover_id, why, now, None) for cover_id in sorted(set(cover_ids))]
    asked = warehouse.spark.createDataFrame(rows, TAKEDOWNS.schema)
    (
        warehouse.delta(TAKEDOWNS)
        .alias("t")
        .merge(asked.alias("s"), "t.cover_id = s.cover_id")
        .whenMatchedUpdate(set={"finished_at": "NULL", "why": "coalesce(s.why, t.why)"})
        .whenNotMatchedInsertAll()
        .execute()
    )


def unfinished(warehouse: Warehouse) -> list[str]:
    """Covers of which something may be left: the run that took them down was killed, or failed."""
    if not warehouse.exists(TAKEDOWNS):
        return []
    rows = warehouse.read(TAKEDOWNS).where("finished_at IS NULL").select("cover_id").collect()
    return sorted(row["cover_id"] for row in rows)


def finish(warehouse: Warehouse, now: datetime.datetime) -> None:
    """Note that nothing is left of any cover in the table."""
    warehouse.delta(TAKEDOWNS).update("finished_at IS NULL", {"finished_at": F.lit(now)})


def refused(warehouse: Warehouse, looked_at: DataFrame) -> DataFrame:
    """Covers that were looked at, those that were taken down among them unusable and without bytes.

    Args:
        warehouse: whose takedowns count.
        looked_at: ``cover_id``, ``reason``, ``detail``, ``content`` and others, which stay.
    """
    if not warehouse.exists(TAKEDOWNS):
        return looked_at
    columns = looked_at.columns
    down = F.broadcast(_ids(warehouse).withColumn("down", F.lit(True)))
    joined = looked_at.join(down, looked_at.cover_id == down.taken_down, "left")
    values = {"cover_id": None, "content": None, "reason": REASON, "detail": DETAIL}
    return joined.select(
        *(
            F.when(F.col("down"), F.lit(values[name])).otherwise(F.col(name)).alias(name)
            if name in values
            else F.col(name)
            for name in columns
        )
    )


def masked(warehouse: Warehouse, listing: DataFrame) -> DataFrame:
    """A listing whose ``etag`` names no cover that was taken down, but still tells bytes apart.

    That of a Delta table is the sha256 of the bytes, as a cover's id is.
    """
    if not warehouse.exists(TAKEDOWNS):
        return listing
    columns = listing.columns
    down = F.broadcast(_ids(warehouse))
    joined = listing.join(down, listing.etag == down.taken_down, "left")
    etag = F.when(F.col("taken_down").isNotNull(), mask(F.col("etag"))).otherwise(F.col("etag"))
    return joined.select(*(etag.alias(n) if n == "etag" else F.col(n) for n in columns))


def mask(column: Column) -> Column:
    """What stands for an id that must not be named."""
    return F.sha2(column, 256)


def _ids(warehouse: Warehouse) -> DataFrame:
    return warehouse.read(TAKEDOWNS).select(F.col("cover_id").alias("taken_down"))
