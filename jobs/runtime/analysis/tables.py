"""The tables of an analysis."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.appearance import version
from covergenre.concepts.counts import ConceptCounts, associations, contrasts, gather
from covergenre.config import Settings
from jobs.runtime.analysis import covers as of
from jobs.runtime.analysis import statistics
from jobs.runtime.analysis.palettes import GroupPalette, palettes
from jobs.runtime.analysis.statistics import Period
from jobs.runtime.warehouse import Warehouse
from schemas import APPEARANCE


@dataclass
class Concepts:
    """What a tagger named.

    Attributes:
        tagger: its name.
        counts: by genre.
        contrasts, associations: see :mod:`covergenre.concepts.counts`.
        frequent: names of the concepts frequent in some genre, the most frequent first.
        by_period: shares of the frequent ones by ``name`` and period; see :func:`with_years`.
        trends: of the frequent ones.
    """

    tagger: str
    counts: ConceptCounts
    contrasts: pd.DataFrame
    associations: pd.DataFrame
    frequent: list[str]
    by_period: pd.DataFrame
    trends: pd.DataFrame


@dataclass
class Appearance:
    """What covers look like.

    Attributes:
        version: of the measures.
        covers: by genre.
        means: by ``name`` and ``genre``.
        overall: mean of all covers, by name, those that tell genres apart most first.
        told_apart: part of the variance that is between genres, likewise.
        by_period, trends: as of concepts.
        palettes, decades: of genres and, where years are known, of decades.
    """

    version: str
    covers: pd.Series
    means: pd.DataFrame
    overall: pd.Series
    told_apart: pd.Series
    by_period: pd.DataFrame
    trends: pd.DataFrame
    palettes: list[GroupPalette]
    decades: list[GroupPalette]


@dataclass
class Analysis:
    """All that is found.

    Attributes:
        covers: by genre, the most first; near-duplicates left out unless they are kept.
        periods: years, merged; empty if none is known.
        dated: covers of a known year.
        concepts, appearance: None where there are none.
        remarks: what a reader has to know.
    """

    covers: pd.Series
    periods: list[Period]
    dated: int
    concepts: Concepts | None = None
    appearance: Appearance | None = None
    remarks: list[str] = field(default_factory=list)


def analyse(
    warehouse: Warehouse, settings: Settings, tagger: str | None, keep_duplicates: bool
) -> Analysis:
    """Look at the covers of a warehouse.

    Args:
        warehouse: with albums, and with splits unless duplicates are kept.
        settings: of analyse, concepts and describe.
        tagger: whose concepts are looked at; None for none.
        keep_duplicates: whether near-duplicates count, too.
    """
    chosen = of.covers_by_genre(warehouse, keep_duplicates)
    chosen = chosen.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)  # read many times
    counted = of.count_covers(chosen, "genre", "release_year")
    genres = counted.groupby("genre")["covers"].sum().sort_values(ascending=False, kind="stable")
    years = counted.dropna(subset="release_year").astype({"release_year": int})
    by_year = years.groupby("release_year")["covers"].sum()
    periods = statistics.periods(by_year, settings.analyse.min_period_covers)
    found = Analysis(genres, periods, int(by_year.sum()))
    if tagger is not None:
        rows = of.tagged(warehouse, chosen, tagger)
        found.concepts = _concepts(rows, tagger, genres, periods, settings)
    if warehouse.exists(APPEARANCE):
        current = version(settings.describe.colours)
        found.appearance = _appearance(
            of.measured(warehouse, chosen, current), current, genres, periods, settings
        )
    return found


def _concepts(
    rows: DataFrame, tagger: str, genres: pd.Series, periods: list[Period], settings: Settings
) -> Concepts | None:
    looked_at = of.count_covers(rows, "genre", "release_year")
    covers = looked_at.groupby("genre")["covers"].sum()
    covers = covers[[genre for genre in genres.index if genre in covers.index]]
    if covers.empty:
        return None
    counts = gather(of.count_concepts(rows, ["genre"]), covers)
    rate = settings.concepts.false_discovery_rate
    frequent = counts.frequent(settings.concepts.min_share).seen.index
    names = counts.overall[frequent].sort_values(ascending=False, kind="stable").index.tolist()
    by_year = of.count_concepts(rows, ["genre", "release_year"], names)
    sums = _concept_sums(looked_at, by_year, counts, names)
    return Concepts(
        tagger=tagger,
        counts=counts,
        contrasts=contrasts(counts, settings.concepts.min_share, rate),
        associations=associations(counts, rate).reset_index(),
        frequent=names,
        by_period=with_years(
            statistics.shares(statistics.by_period(sums, periods), ["name", "release_year"]),
            periods,
        ),
        trends=statistics.trends(sums, rate),
    )


def _concept_sums(
    looked_at: pd.DataFrame, counted: pd.DataFrame, counts: ConceptCounts, names: list[str]
) -> pd.DataFrame:
    """Sums as :mod:`jobs.runtime.analysis.statistics` takes them: of each concept all covers of
    the genres where it is known, on which it is 1 or 0."""
    keys = ["genre", "release_year", "concept"]
    every = looked_at.merge(pd.DataFrame({"concept": names}, dtype=object), how="cross")
    known = [not pd.isna(counts.seen.loc[c, g]) for c, g in every[["concept", "genre"]].to_numpy()]
    joined = every[known].merge(counted, how="left", on=keys).fillna({"seen": 0, "unknown": 0})
    return pd.DataFrame({
        "name": joined["concept"],
        "genre": joined["genre"],
        "release_year": joined["release_year"],
        "covers": joined["covers"] - joined["unknown"].astype(int),
        "total": joined["seen"].astype(float),
        "squares": joined["seen"].astype(float),
    })  # fmt: skip


def _appearance(
    rows: DataFrame, current: str, genres: pd.Series, periods: list[Period], settings: Settings
) -> Appearance | None:
    sums = of.add_up_measures(rows).rename(columns={"measure": "name"})
    if sums.empty:
        return None
    first = sums[sums["name"] == of.MEASURES[0]].groupby("genre")["covers"].sum()
    covers = first[[genre for genre in genres.index if genre in first.index]]
    told_apart = statistics.told_apart(sums)
    overall = statistics.means(sums, ["name"]).set_index("name")["mean"][told_apart.index]
    most = settings.analyse.palette_colours
    colours = of.add_up_colours(rows, F.col("genre"))
    decade = (F.floor(F.col("release_year") / 10) * 10).cast("int")
    of_decade = of.count_covers(rows.select(decade.alias("decade")), "decade").dropna()
    enough = of_decade[of_decade["covers"] >= settings.analyse.min_period_covers]
    decades = dict(zip(enough["decade"].astype(int), enough["covers"], strict=True))
    return Appearance(
        version=current,
        covers=covers,
        means=statistics.means(sums, ["name", "genre"]),
        overall=overall,
        told_apart=told_apart,
        by_period=with_years(
            statistics.means(statistics.by_period(sums, periods), ["name", "release_year"]), periods
        ),
        trends=statistics.trends(sums, settings.concepts.false_discovery_rate),
        palettes=palettes(colours, {g: int(n) for g, n in covers.items()}, most),
        decades=palettes(of.add_up_colours(rows, decade), decades, most) if decades else [],
    )


def with_years(rows: pd.DataFrame, periods: list[Period]) -> pd.DataFrame:
    """Replace ``release_year``, a period's first, by its ``first``, ``last`` and ``middle``."""
    by_first = {p.first: p for p in periods}
    found = [by_first[int(year)] for year in rows["release_year"]]
    return rows.drop(columns="release_year").assign(
        first=[p.first for p in found],
        last=[p.last for p in found],
        middle=[p.middle for p in found],
    )
