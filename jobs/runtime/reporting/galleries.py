"""Covers to look at: which, and small pictures of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.report.contents import Galleries
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS
from udfs.thumbnail import make_thumbnail

# Albums share covers, and each is shown once: so many times more are asked for.
_SPARE = 3


def choose(
    warehouse: Warehouse,
    scored: DataFrame,
    labels: Sequence[str],
    genres: Sequence[str],
    settings: Settings,
) -> Galleries:
    """The covers of a page.

    Args:
        warehouse: with covers.
        scored: predictions of one model.
        labels: the genres it knows.
        genres: predicted genres with a gallery, in order.
        settings: of report.
    """
    most = settings.report.gallery_covers
    if most == 0:
        return Galleries({}, [], [], {})
    agrees = F.col("genre").isNull() | (F.col("genre") == F.col("predicted_genre"))
    unsure = ~F.col("genre").isin([*labels])
    typical = _first_of_each(scored.where(agrees | unsure), _SPARE * most)
    differs = F.col("genre").isin([*labels]) & (F.col("genre") != F.col("predicted_genre"))
    galleries = {genre: _distinct(typical, most, genre) for genre in genres}
    surprising = _distinct(_first(scored.where(differs), "confidence", 2 * most), 2 * most)
    labelled = _distinct(_first(scored.where("advisory"), "advisory_score", 2 * most), 2 * most)
    shown = [*surprising, *labelled, *(row for rows in galleries.values() for row in rows)]
    thumbnails = _thumbnails(
        warehouse, {row["cover_id"] for row in shown}, settings.report.thumbnail_side
    )
    return Galleries(
        {genre: _ids(rows) for genre, rows in galleries.items() if rows},
        _ids(surprising),
        _ids(labelled),
        thumbnails,
    )


def _first_of_each(scored: DataFrame, most: int) -> list[Row]:
    order = Window.partitionBy("predicted_genre").orderBy(*_order("confidence"))
    ranked = scored.select("album_id", "cover_id", "predicted_genre", "confidence")
    first = ranked.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= most)
    return first.orderBy("predicted_genre", "rank").collect()


def _first(scored: DataFrame, by: str, most: int) -> list[Row]:
    rows = scored.select("album_id", "cover_id", "predicted_genre", by)
    return rows.orderBy(*_order(by)).limit(_SPARE * most).collect()


def _order(by: str) -> list[Column]:
    return [F.desc(by), F.col("album_id")]


def _distinct(rows: Iterable[Row], most: int, genre: str | None = None) -> list[Row]:
    """The first rows of a genre, or of any, each with another cover."""
    first: dict[str, Row] = {}
    for row in rows:
        if genre is None or row["predicted_genre"] == genre:
            first.setdefault(row["cover_id"], row)
    return list(first.values())[:most]


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row["album_id"] for row in rows]


def _thumbnails(warehouse: Warehouse, cover_ids: set[str], side: int) -> dict[str, bytes]:
    if not cover_ids or not warehouse.exists(COVERS):
        return {}
    # Drawn where the covers are: what comes here is small, however large their files.
    small = make_thumbnail(side)("content").alias("thumbnail")
    rows = warehouse.of_covers(COVERS, sorted(cover_ids)).select("cover_id", small).collect()
    return {row["cover_id"]: bytes(row["thumbnail"]) for row in rows}
