"""What is counted over all albums, in few passes, for the charts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre.report.contents import OTHER, Palette
from jobs.runtime.analysis.covers import add_up_colours, count_concepts
from jobs.runtime.analysis.palettes import mean_palette
from jobs.runtime.metrics import count_cells
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, QUARANTINE

STEPS = 1000
"""A probability is counted in so many steps: a curve of them cannot be told from that of all."""

_KEYS = ("genre", "predicted_genre", "release_year")


def cells(
    warehouse: Warehouse, scored: DataFrame, labels: Sequence[str], most: int
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Counts by genre, predicted genre and year.

    Args:
        warehouse: with albums.
        scored: predictions of one model.
        labels: the genres it knows.
        most: genres by themselves, of the catalogue's and of the model's; others count together.

    Returns:
        the cells, as :class:`covergenre.report.contents.Contents` wants them; the catalogue's most
        frequent genres that the model does not know, and how many albums they have.
    """
    albums = warehouse.read(ALBUMS).select("album_id", "genre", "release_year")
    unusable = albums.where("false").select("album_id")
    if warehouse.exists(QUARANTINE):
        unusable = warehouse.read(QUARANTINE).where("closed_at IS NULL")
    counted = count_cells(albums, scored, unusable, labels)
    genres, predicted = (_frequent(counted, name, most) for name in _KEYS[:2])
    kept = counted.withColumns(
        {"genre": _kept("genre", genres), "predicted_genre": _kept("predicted_genre", predicted)}
    )
    sums = [name for name in counted.columns if name not in _KEYS]
    added = kept.groupBy(*_KEYS).agg(*(F.sum(name).alias(name) for name in sums))
    rows = [tuple(row) for row in added.collect()]
    frame = pd.DataFrame(rows, columns=[*_KEYS, *sums])
    return frame, [(genre, albums) for genre, albums in genres if genre not in labels]


def _frequent(counted: DataFrame, name: str, most: int) -> list[tuple[str, int]]:
    totals = counted.where(F.col(name).isNotNull()).groupBy(name).agg(F.sum("albums"))
    rows = totals.orderBy(F.desc("sum(albums)"), name).limit(most).collect()
    return [(str(row[0]), int(row[1])) for row in rows]


def _kept(name: str, frequent: Sequence[tuple[str, int]]) -> Column:
    genre = F.col(name)
    return F.when(genre.isNull() | genre.isin([one for one, _ in frequent]), genre).otherwise(OTHER)


def steps(scored: DataFrame, labels: Sequence[str], shown: Sequence[str]) -> pd.DataFrame:
    """How often which probability was given to a genre that was, or was not, an album's own.

    Args:
        scored: predictions of one model.
        labels: the genres it knows: albums of others, or of none, are left out.
        shown: those that are counted by themselves.

    Returns:
        at most 4 x :data:`STEPS` rows a genre, as
        :class:`covergenre.report.contents.Contents` describes them.
    """
    own = F.col("label")
    long = scored.where(F.col("genre").isin([*labels])).select(
        "genre", "predicted_genre", F.explode("probabilities").alias("label", "probability")
    )
    keys = {
        "label": F.when(own.isin([*shown]), own),
        "step": F.least(F.floor(F.col("probability") * STEPS), F.lit(STEPS - 1)).cast("int"),
        "truth": own == F.col("genre"),
        "top": own == F.col("predicted_genre"),
    }
    counted = long.groupBy(*(column.alias(name) for name, column in keys.items())).agg(
        F.count("*").alias("albums"), F.sum("probability").alias("probability")
    )
    rows = [tuple(row) for row in counted.collect()]
    return pd.DataFrame(rows, columns=[*keys, "albums", "probability"])


def palettes(scored: DataFrame, genres: Sequence[str], most: int) -> list[Palette]:
    """The colours of each predicted genre whose covers were measured, so many at most."""
    measured = scored.where("appearance IS NOT NULL").where(
        F.col("predicted_genre").isin([*genres])
    )
    palette = measured.select("predicted_genre", F.col("appearance.palette").alias("palette"))
    counts = {row[0]: row[1] for row in palette.groupBy("predicted_genre").count().collect()}
    if not counts:
        return []
    colours = add_up_colours(palette, F.col("predicted_genre"))
    of = {genre: part for genre, part in colours.groupby("group")}
    return [
        Palette(genre, counts[genre], mean_palette(of[genre], most))
        for genre in genres
        if genre in of
    ]


def concepts(
    scored: DataFrame, genres: Sequence[str], most: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """On how many albums of each predicted genre the most frequent concepts are.

    Returns:
        ``genre``, ``concept``, ``seen`` of so many concepts, the most frequent first; albums whose
        concepts are known, by genre.
    """
    known = scored.where("concepts IS NOT NULL").where(F.col("predicted_genre").isin([*genres]))
    named = known.select(F.col("predicted_genre").alias("genre"), "concepts")
    described = {row[0]: row[1] for row in named.groupBy("genre").count().collect()}
    if not described:
        return pd.DataFrame(columns=["genre", "concept", "seen"]), {}
    counted = count_concepts(named, ["genre"])
    totals = counted.groupby("concept")["seen"].sum()
    order = totals.sort_index().sort_values(ascending=False, kind="stable").index[:most]
    rows = counted[counted["concept"].isin(order)]
    rows = rows.assign(place=rows["concept"].map({name: k for k, name in enumerate(order)}))
    return rows.sort_values(["place", "genre"])[["genre", "concept", "seen"]], described
