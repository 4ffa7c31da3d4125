"""Where every source's albums and covers go: the tables albums, covers and quarantine."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.runtime.keeping import kept
from jobs.runtime.maintenance.takedowns import refused
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE

FACTS = (
    "cover_id",
    "width",
    "height",
    "format",
    "byte_size",
    "phash",
    "reason",
    "detail",
    "content",
)


@dataclass(frozen=True)
class Counts:
    """What a catalogue holds after it was written, and what changed."""

    albums: int
    covers: int
    duplicates: int
    quarantined: int
    changed: int
    removed: int

    def as_dict(self) -> dict[str, int]:
        """By name, for the record of runs."""
        return dict(vars(self))


def to_look_at(warehouse: Warehouse, listing: DataFrame) -> DataFrame:
    """The albums of the listing whose cover must be looked at: new ones, and changed files.

    Args:
        listing: at least ``album_id`` and ``etag``, one row an album.
    """
    held = warehouse.held(ALBUMS).select("album_id", "etag")
    return listing.join(
        held,
        (listing.album_id == held.album_id) & listing.etag.eqNullSafe(held.etag),
        "left_anti",
    )


def write(
    warehouse: Warehouse,
    listing: DataFrame,
    looked_at: DataFrame | None,
    now: datetime.datetime,
    *,
    mirror: bool = True,
) -> tuple[int, int]:
    """Write albums and their covers; writing the same twice changes nothing.

    A new album's row is written last, behind its bytes or the reason why there are none, so that
    after a kill at any moment every album has one of the two.

    Args:
        warehouse: with albums, covers and quarantine created.
        listing: one row an album: the columns of albums but cover_id and scraped_at.
        looked_at: the covers that were looked at: album_id and :data:`FACTS`, read more than once;
            ``reason`` is NULL and ``content`` set for the usable ones (NULL for bytes held
            already). With a column ``attempts`` it says how often a cover failed, else failures
            are counted. Covers that were taken down are refused. None: none were looked at.
        now: the time written.
        mirror: whether the listing is the whole catalogue: albums that it lacks leave.

    Returns:
        number of albums that changed, number that left.
    """
    if looked_at is not None:
        looked_at = refused(warehouse, looked_at)
        _append_covers(warehouse, looked_at, now)
        quarantine(warehouse, looked_at.where(F.col("reason").isNotNull()), now)
    changed, removed = _merge_albums(warehouse, listing, looked_at, now, mirror)
    _close_mended(warehouse, looked_at, now)
    return changed, removed


def _append_covers(warehouse: Warehouse, looked_at: DataFrame, now: datetime.datetime) -> None:
    usable = looked_at.where("reason IS NULL AND content IS NOT NULL")
    # One album stands for each new cover: chosen among ids, so that no bytes are shuffled.
    chosen = (
        usable.groupBy("cover_id")
        .agg(F.min("album_id").alias("album_id"))
        .join(warehouse.read(COVERS).select("cover_id"), "cover_id", "left_anti")
        .select("album_id")
    )
    if chosen.isEmpty():
        return
    new = usable.join(F.broadcast(chosen), "album_id", "left_semi")
    facts = [name for name in COVERS.names if name in FACTS]
    warehouse.append(COVERS, new.select(*facts, F.lit(now).alias("fetched_at")))


def _merge_albums(
    warehouse: Warehouse,
    listing: DataFrame,
    looked_at: DataFrame | None,
    now: datetime.datetime,
    mirror: bool,
) -> tuple[int, int]:
    held = warehouse.held(ALBUMS)
    old = held.select("album_id", F.col("cover_id").alias("old_cover_id"))
    rows, cover_id = listing.join(old, "album_id", "left"), F.col("old_cover_id")
    if looked_at is not None:
        new = F.when(F.col("reason").isNull(), F.col("cover_id"))
        outcome = looked_at.select(
            "album_id", new.alias("new_cover_id"), F.lit(True).alias("looked_at")
        )
        rows = rows.join(outcome, "album_id", "left")
        cover_id = F.when(F.col("looked_at"), F.col("new_cover_id")).otherwise(cover_id)
    rows = rows.withColumn("cover_id", cover_id).withColumn("scraped_at", F.lit(now))
    rows = kept(ALBUMS.conform(rows.select(*ALBUMS.names)))
    content = [name for name in ALBUMS.names if name != "scraped_at"]
    added, updated, removed = _differences(rows, held, content)
    if updated or (mirror and removed):
        differs = " OR ".join(f"NOT (t.{name} <=> s.{name})" for name in content)
        merge = (
            warehouse.delta(ALBUMS)
            .alias("t")
            .merge(rows.alias("s"), "t.album_id = s.album_id")
            .whenMatchedUpdateAll(differs)
            .whenNotMatchedInsertAll()
        )
        (merge.whenNotMatchedBySourceDelete() if mirror else merge).execute()
    elif added:
        ids = held.select("album_id")
        warehouse.append(ALBUMS, rows.join(ids, "album_id", "left_anti"))
    return added + updated, removed if mirror else 0


def _differences(new: DataFrame, old: DataFrame, content: list[str]) -> tuple[int, int, int]:
    """How many albums are new, how many differ in these columns, how many are gone."""
    should = new.select("album_id", F.struct(*content).alias("should"))
    does = old.select("album_id", F.struct(*content).alias("does"))
    both = F.col("should").isNotNull() & F.col("does").isNotNull()
    counted = should.join(does, "album_id", "full_outer").agg(
        F.count_if(F.col("does").isNull()),
        F.count_if(both & ~F.col("should").eqNullSafe(F.col("does"))),
        F.count_if(F.col("should").isNull()),
    )
    added, updated, removed = counted.collect()[0]
    return added, updated, removed


def _close_mended(
    warehouse: Warehouse, looked_at: DataFrame | None, now: datetime.datetime
) -> None:
    # Closed: albums whose cover can be used after all, and those that left the catalogue.
    albums = warehouse.held(ALBUMS).select("album_id", F.col("cover_id").alias("held"))
    open_rows = warehouse.held(QUARANTINE).where("closed_at IS NULL")
    open_rows = open_rows.select("album_id", "cover_id")
    # What scoring put there stays until scoring can use it: its cover is held. Another cover than
    # the one that failed is held where the run that looked at it was killed before it came here.
    other = ~F.col("cover_id").eqNullSafe(F.col("held"))
    mended = open_rows.join(albums.where("held IS NOT NULL"), "album_id")
    if looked_at is None:
        mended = mended.where(other)
    else:
        usable = looked_at.where(F.col("reason").isNull())
        usable = usable.select("album_id", F.lit(True).alias("now"))
        mended = mended.join(usable, "album_id", "left").where(F.col("now") | other)
    mended = mended.select("album_id")
    gone = open_rows.join(albums, "album_id", "left_anti").select("album_id")
    close(warehouse, mended.unionByName(gone), now)


def quarantine(warehouse: Warehouse, failed: DataFrame, now: datetime.datetime) -> None:
    """Record albums whose cover cannot be used; rows that were cleared are listed again if it is
    another cover, or another reason.

    Args:
        warehouse: with quarantine created.
        failed: ``album_id``, ``cover_id``, ``reason``, ``detail``, one row an album; ``attempts``
            if they are counted elsewhere, else each call is one.
        now: the time written.
    """
    counted = "attempts" in failed.columns
    names = ("album_id", "cover_id", "reason", "detail", *(("attempts",) if counted else ()))
    rows = failed.select(*names).withColumn("now", F.lit(now))
    known = warehouse.held(QUARANTINE).select("album_id", F.lit(True).alias("known"))
    found = rows.join(known, "album_id", "left").agg(F.count("album_id"), F.count("known"))
    of_rows, of_known = found.collect()[0]
    if of_rows == 0:
        return
    seen = {"reason": "s.reason", "detail": "s.detail", "cover_id": "s.cover_id",
            "last_seen": "s.now", "closed_at": "NULL",
            "attempts": "s.attempts" if counted else "t.attempts + 1"}  # fmt: skip
    same = "t.reason = s.reason AND t.cover_id <=> s.cover_id AND t.closed_at IS NULL"
    kept = {name: f"CASE WHEN {same} THEN t.{name} END" for name in ("cleared_at", "note")}
    first = {**seen, "album_id": "s.album_id", "first_seen": "s.now",
             "attempts": "s.attempts" if counted else "1"}  # fmt: skip
    if of_known == 0:  # an append is a third of the work of a MERGE
        values = {field.name: field.dataType for field in QUARANTINE.schema.fields}
        columns = [F.expr(first.get(n, "NULL")).cast(t).alias(n) for n, t in values.items()]
        warehouse.append(QUARANTINE, rows.alias("s").select(*columns))
        return
    (
        warehouse.delta(QUARANTINE)
        .alias("t")
        .merge(rows.alias("s"), "t.album_id = s.album_id")
        .whenMatchedUpdate(set={**seen, **kept})
        .whenNotMatchedInsert(values=dict(first))
        .execute()
    )


def close(warehouse: Warehouse, albums: DataFrame, now: datetime.datetime) -> None:
    """Close the open quarantine rows of albums (``album_id``, one row an album)."""
    if albums.isEmpty():
        return
    (
        warehouse.delta(QUARANTINE)
        .alias("t")
        .merge(albums.alias("s"), "t.album_id = s.album_id AND t.closed_at IS NULL")
        .whenMatchedUpdate(set={"closed_at": F.lit(now)})
        .execute()
    )


def counts(warehouse: Warehouse, changed: int = 0, removed: int = 0) -> Counts:
    """What the catalogue's tables hold."""
    albums = warehouse.held(ALBUMS)
    row = albums.agg(
        F.count("*").alias("albums"),
        F.count("cover_id").alias("with_cover"),
        F.countDistinct("cover_id").alias("covers"),
    ).first()
    assert row is not None
    open_rows = warehouse.held(QUARANTINE).where("closed_at IS NULL")
    return Counts(
        albums=row["albums"],
        covers=row["covers"],
        duplicates=row["with_cover"] - row["covers"],
        quarantined=0 if open_rows.isEmpty() else open_rows.count(),
        changed=changed,
        removed=removed,
    )
