"""Covers by genre and year, and what is added up over them: Spark in, small tables out.

A cover counts once in each genre it is filed under, however many albums carry it there.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre.errors import TaggerError
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, APPEARANCE, CONCEPTS, SPLITS

MEASURES = tuple(c.name for c in APPEARANCE.columns if c.type in ("double", "int"))
"""Of colour and composition: columns of the table appearance."""

_STEP = 8
"""Palette colours whose red, green and blue (0-255) share these ranges are added up as one: so
their number is bounded, whatever the number of covers."""


def covers_by_genre(warehouse: Warehouse, keep_duplicates: bool) -> DataFrame:
    """The covers looked at.

    Args:
        warehouse: with albums, and with splits unless duplicates are kept.
        keep_duplicates: whether near-duplicates count, too, or one of them for all.

    Returns:
        ``genre``, ``cover_id`` (together the key) and ``release_year``, the earliest known of the
        genre's albums that carry the cover, or NULL.
    """
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL AND genre IS NOT NULL")
    covers = albums.groupBy("genre", "cover_id").agg(F.min("release_year").alias("release_year"))
    if keep_duplicates:
        return covers
    chosen = warehouse.read(SPLITS).where("representative").select("cover_id")
    return covers.join(chosen, "cover_id", "left_semi")


def choose_tagger(warehouse: Warehouse, asked: str | None) -> str | None:
    """The tagger whose concepts are looked at.

    Args:
        warehouse: with or without concepts.
        asked: its name; None for the only one there.

    Returns:
        its name; None if there are no concepts and none were asked for.

    Raises:
        TaggerError: it has described no cover, or none was named and there are several.
    """
    names: list[str] = []
    if warehouse.exists(CONCEPTS):
        described = warehouse.read(CONCEPTS).where("concepts IS NOT NULL")
        names = sorted(row["tagger"] for row in described.select("tagger").distinct().collect())
    listed = ", ".join(names)
    if asked is not None and asked not in names:
        there = f"there are {listed}" if names else "there are none at all: run describe first"
        raise TaggerError(f"--tagger {asked} has no concepts in {warehouse.location}: {there}")
    if asked is None and len(names) > 1:
        raise TaggerError(f"several taggers described these covers: name one, --tagger of {listed}")
    return asked or (names[0] if names else None)


def tagged(warehouse: Warehouse, covers: DataFrame, tagger: str) -> DataFrame:
    """Covers that a tagger described, with ``concepts``."""
    described = warehouse.read(CONCEPTS).where(
        (F.col("tagger") == tagger) & F.col("concepts").isNotNull()
    )
    return covers.join(described.select("cover_id", "concepts"), "cover_id")


def measured(warehouse: Warehouse, covers: DataFrame, version: str) -> DataFrame:
    """Covers whose colour and composition was measured, in this version, with the measures."""
    rows = warehouse.read(APPEARANCE).where(F.col("version") == version)
    return covers.join(rows.select("cover_id", "palette", *MEASURES), "cover_id")


def count_covers(covers: DataFrame, *by: str) -> pd.DataFrame:
    """Columns ``by``, NULL as None, and ``covers``, int64."""
    rows = covers.groupBy(*by).agg(F.count("*").alias("covers")).orderBy(*by).collect()
    return pd.DataFrame([tuple(row) for row in rows], columns=[*by, "covers"])


def count_concepts(
    covers: DataFrame, by: Sequence[str], names: Sequence[str] | None = None
) -> pd.DataFrame:
    """On how many covers concepts are.

    Args:
        covers: as :func:`tagged` gives them.
        by: columns to group by.
        names: of the concepts; None for all.

    Returns:
        The columns ``by``, ``concept``, ``seen`` and ``unknown``, covers of which it is not known;
        no row for a concept that is on none of a group's covers.
    """
    named = covers.select(*by, F.explode("concepts").alias("c"))
    if names is not None:
        named = named.where(F.col("c.name").isin(list(names)))
    counted = named.groupBy(*by, F.col("c.name").alias("concept")).agg(
        F.count("c.score").alias("seen"), F.count_if(F.col("c.score").isNull()).alias("unknown")
    )
    rows = [tuple(row) for row in counted.collect()]
    return pd.DataFrame(rows, columns=[*by, "concept", "seen", "unknown"])


def add_up_measures(covers: DataFrame) -> pd.DataFrame:
    """Sums of the measures, from which means and trends follow.

    Args:
        covers: as :func:`measured` gives them.

    Returns:
        ``measure``, ``genre``, ``release_year`` (None if not known), ``covers``, ``total`` and
        ``squares``, the sum of squares.
    """
    keys = ["genre", "release_year"]
    values = [F.col(name).cast("double").alias(name) for name in MEASURES]
    long = covers.select(*keys, *values).unpivot(tuple(keys), MEASURES, "measure", "value")
    sums = long.groupBy("measure", *keys).agg(
        F.count("value").alias("covers"),
        F.sum("value").alias("total"),
        F.sum(F.col("value") * F.col("value")).alias("squares"),
    )
    rows = [tuple(row) for row in sums.collect()]
    return pd.DataFrame(rows, columns=["measure", *keys, "covers", "total", "squares"])


def add_up_colours(covers: DataFrame, group: Column) -> pd.DataFrame:
    """How much of which colours covers have.

    Args:
        covers: as :func:`measured` gives them.
        group: what to group by; covers where it is NULL are left out.

    Returns:
        ``group``, ``red``, ``green``, ``blue`` (float64, 0-255; a mean where several much alike
        are one row) and ``share``, summed over covers.
    """
    parts = {
        name: F.conv(F.substring("c.hex", start, 2), 16, 10).cast("int")
        for name, start in (("red", 2), ("green", 4), ("blue", 6))
    }
    colours = (
        covers.select(group.alias("group"), F.explode("palette").alias("c"))
        .where("group IS NOT NULL")
        .select("group", F.col("c.share").alias("share"), *(c.alias(n) for n, c in parts.items()))
    )
    alike = [F.floor(F.col(name) / _STEP).alias(f"{name}_step") for name in parts]
    sums = colours.groupBy("group", *alike).agg(
        *((F.sum(F.col(n) * F.col("share")) / F.sum("share")).alias(n) for n in parts),
        F.sum("share").alias("share"),
    )
    columns = ["group", *parts, "share"]
    rows = [tuple(row) for row in sums.select(*columns).orderBy(*columns).collect()]
    return pd.DataFrame(rows, columns=columns)
