"""Covers that must not be held any more: who they are, and that they do not come back."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre.errors import CatalogueError
from jobs.runtime.warehouse import Warehouse
from schemas import TAKEDOWNS

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
    each = {"why": why, "requested_at": now}
    rows = [{"cover_id": cover_id, **each} for cover_id in sorted(set(cover_ids))]
    asked = TAKEDOWNS.rows(warehouse.spark, rows)
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


def taken_down(warehouse: Warehouse) -> list[str]:
    """The ids of the covers that are refused."""
    if not warehouse.exists(TAKEDOWNS):
        return []
    return [row["cover_id"] for row in warehouse.read(TAKEDOWNS).select("cover_id").collect()]


def refused(warehouse: Warehouse, looked_at: DataFrame) -> DataFrame:
    """Covers that were looked at, those that were taken down among them unusable and without bytes.

    Args:
        warehouse: whose takedowns count.
        looked_at: ``cover_id``, ``reason``, ``detail``, ``content`` and others, which stay; a
            failure counts in ``attempts``, if there.
    """
    ids = taken_down(warehouse)
    if not ids:
        return looked_at
    down = F.col("cover_id").isin(ids)
    values = {
        "cover_id": F.lit(None),
        "content": F.lit(None),
        "reason": F.lit(REASON),
        "detail": F.lit(DETAIL),
        "attempts": F.col("attempts") + F.col("reason").isNull().cast("int"),
    }
    return looked_at.select(
        *(
            F.when(down, values.get(name, F.col(name))).otherwise(F.col(name)).alias(name)
            for name in looked_at.columns
        )
    )


def veiled(warehouse: Warehouse, listing: DataFrame) -> DataFrame:
    """A listing that names no cover that was taken down.

    The etag of a Delta table's row is the sha256 of its bytes, as a cover's id is, and files may be
    named by theirs.
    """
    ids = taken_down(warehouse)
    if not ids:
        return listing
    text = {f.name for f in listing.schema.fields if f.dataType.simpleString() == "string"}
    return listing.select(
        *(veil(name, ids).alias(name) if name in text else name for name in listing.columns)
    )


def veil(name: str, ids: Sequence[str]) -> Column:
    """A text column with a hash in place of an id that must not be named."""
    text, found = F.col(name), _found(name)
    hidden = F.replace(text, found, F.sha2(found, 256))
    return F.when(names_one(name, ids), hidden).otherwise(text)


def names_one(name: str, ids: Sequence[str]) -> Column:
    """Whether a text column holds one of these ids; NULL where it is NULL."""
    return _found(name).isin([*ids])


def _found(name: str) -> Column:
    return F.regexp_extract(F.col(name), "[0-9a-f]{64}", 0)
