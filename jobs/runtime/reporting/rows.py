"""The rows of the page's table."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS

_TEXT = 300
"""Characters kept of what a catalogue says."""

_PROBABILITIES, _CONCEPTS, _REASONS, _COLOURS = 12, 6, 8, 5
_HASHES = 1 << 20


def table(
    warehouse: Warehouse,
    scored: DataFrame,
    count: int,
    most: int,
    first: Sequence[str],
) -> pd.DataFrame:
    """Predictions with artist and title, and what a dialog says of each.

    Args:
        warehouse: with albums.
        scored: predictions of one model.
        count: how many.
        most: rows; of more predictions, about so many by a hash of ``album_id``.
        first: albums that are in it in any case, and come first; the others follow by
            ``album_id``.

    Returns:
        ``album_id``, ``cover_id``, ``artist``, ``title``, ``genre``, ``release_year``,
        ``predicted_genre``, ``confidence``, ``abstained``, ``advisory``, ``advisory_score`` and
        ``details``, a JSON object:

        ``p``, ``q``: the most probable genres with their probabilities, of all that is known and
        of the classifier alone; ``r``: reasons as part, input, contribution; ``c``: concepts;
        ``k``: colours; ``b``: the label's box. Numbers are in thousandths, parts that are missing
        are left out.
    """
    if count > most:
        drawn = F.pmod(F.xxhash64("album_id"), F.lit(_HASHES)) < int(_HASHES * most / count)
        scored = scored.where(drawn | F.col("album_id").isin([*first]))
    named = warehouse.read(ALBUMS).select("album_id", "artist", "title")
    rows = scored.join(named, "album_id", "left").select(
        *(_short(name) for name in ("album_id", "cover_id", "artist", "title", "genre")),
        "release_year",
        "predicted_genre",
        "confidence",
        "abstained",
        "advisory",
        "advisory_score",
        details().alias("details"),
    )
    frame = rows.toPandas()
    return _ordered(frame, first)


def _ordered(frame: pd.DataFrame, first: Collection[str]) -> pd.DataFrame:
    place = {album[:_TEXT]: k for k, album in enumerate(first)}
    ranks = frame["album_id"].map(place).fillna(len(place)).astype("int64")
    ordered = frame.assign(rank=ranks).sort_values(["rank", "album_id"], kind="stable")
    return ordered.drop(columns="rank").reset_index(drop=True)


def _short(name: str) -> Column:
    return F.substring(name, 1, _TEXT).alias(name)


def details() -> Column:
    """The JSON object of a row of predictions; see :func:`table`."""
    reasons = F.slice("reasons", 1, _REASONS)
    concepts = F.slice("concepts", 1, _CONCEPTS)
    colours = F.slice("appearance.palette", 1, _COLOURS)
    box = F.col("advisory_box")
    return F.to_json(
        F.struct(
            _probabilities("probabilities").alias("p"),
            _probabilities("classifier_probabilities").alias("q"),
            F.when(
                reasons.isNotNull(),
                F.struct(
                    F.transform(reasons, lambda r: r["part"]).alias("p"),
                    F.transform(reasons, lambda r: _cut(r["input"])).alias("i"),
                    F.transform(reasons, lambda r: _thousandths(r["contribution"])).alias("c"),
                ),
            ).alias("r"),
            F.when(concepts.isNotNull(), _pairs(concepts, "name", "score")).alias("c"),
            F.when(colours.isNotNull(), _pairs(colours, "hex", "share")).alias("k"),
            F.when(
                box.isNotNull(),
                F.array(*(_thousandths(box[side]) for side in ("xmin", "ymin", "xmax", "ymax"))),
            ).alias("b"),
        )
    )


def _probabilities(name: str) -> Column:
    """Genres and their probabilities, the most probable first."""
    entries = F.transform(
        F.map_entries(name), lambda e: F.struct((-e["value"]).alias("least"), e["key"].alias("key"))
    )
    first = F.slice(F.array_sort(entries), 1, _PROBABILITIES)
    return F.when(
        F.col(name).isNotNull(),
        F.struct(
            F.transform(first, lambda e: e["key"]).alias("n"),
            F.transform(first, lambda e: _thousandths(-e["least"])).alias("s"),
        ),
    )


def _pairs(values: Column, name: str, score: str) -> Column:
    return F.struct(
        F.transform(values, lambda v: _cut(v[name])).alias("n"),
        F.transform(values, lambda v: _thousandths(v[score])).alias("s"),
    )


def _cut(text: Column) -> Column:
    return F.substring(text, 1, _TEXT)


def _thousandths(value: Column) -> Column:
    return F.round(F.when(~F.isnan(value), value) * 1000).cast("int")
