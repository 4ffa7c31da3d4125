"""Means, shares and change over the years, from sums; palettes of many covers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, f_oneway, linregress, ttest_1samp

from covergenre.concepts.counts import wilson
from jobs.runtime.analysis import statistics
from jobs.runtime.analysis.palettes import mean_palette, palettes


def sums(values: list[tuple[str, int | None, float]], name: str = "it") -> pd.DataFrame:
    """Sums of single covers: genre, year and value of each."""
    table = pd.DataFrame(values, columns=["genre", "release_year", "value"])
    grouped = table.assign(name=name, squares=table["value"] ** 2).groupby(
        ["name", "genre", "release_year"], dropna=False
    )
    return grouped.agg(
        covers=("value", "count"), total=("value", "sum"), squares=("squares", "sum")
    ).reset_index()


@pytest.fixture
def covers() -> list[tuple[str, int | None, float]]:
    """Sixty covers of two genres; each genre changes by half a unit a year, folk starts higher."""
    random = np.random.default_rng(3)
    found: list[tuple[str, int | None, float]] = []
    for genre, start, years in (("rap", 0.0, range(2000, 2020)), ("folk", 9.0, range(1980, 2000))):
        for year in years:
            found.append((genre, year, start + 0.5 * (year - years[0]) + random.normal(0, 0.3)))
    return found


def test_years_with_few_covers_are_looked_at_together() -> None:
    years = pd.Series({1960: 3, 1975: 4, 1976: 10, 1977: 2, 1978: 5, 1979: 1})
    found = statistics.periods(years, 7)
    assert [(p.label, p.covers) for p in found] == [
        ("1960-1975", 7), ("1976", 10), ("1977-1979", 8),
    ]  # fmt: skip
    assert found[0].middle == pytest.approx((3 * 1960 + 4 * 1975) / 7)
    # What is left over belongs to the last period.
    assert [p.label for p in statistics.periods(years, 8)] == ["1960-1976", "1977-1979"]
    assert [p.label for p in statistics.periods(years, 15)] == ["1960-1979"]
    assert [p.label for p in statistics.periods(years, 100)] == ["1960-1979"]
    assert statistics.periods(pd.Series([], dtype=int), 5) == []


def test_periods_add_up_their_years() -> None:
    rows = sums([("rap", 1990, 1.0), ("rap", 1991, 2.0), ("rap", 1992, 4.0), ("rap", None, 8.0)])
    found = statistics.by_period(rows, [statistics.Period(1990, 1991, 1990.5, 2),
                                        statistics.Period(1992, 1992, 1992.0, 1)])  # fmt: skip
    assert found["release_year"].tolist() == [1990, 1992]
    assert found[["covers", "total", "squares"]].to_numpy().tolist() == [[2, 3, 5], [1, 4, 16]]


def test_means_have_the_intervals_of_students_t() -> None:
    values = [0.3, 0.4, 0.4, 0.7]
    rows = sums([("rap", None, v) for v in values] + [("folk", None, 0.5)])
    found = statistics.means(rows, ["name", "genre"]).set_index("genre")
    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.loc["rap", ["mean", "low", "high"]].tolist() == pytest.approx([0.45, *interval])
    assert found.loc["rap", "deviation"] == pytest.approx(np.std(values, ddof=1))
    assert found.loc["folk", "mean"] == 0.5
    assert found.loc["folk", ["deviation", "low", "high"]].isna().all()  # of one cover
    none = statistics.means(sums([("rap", None, 0.0), ("rap", None, 0.1)]), ["name"]).iloc[0]
    assert none["low"] == 0 < none["mean"]


def test_shares_have_wilsons_intervals() -> None:
    rows = sums([("rap", None, 1.0)] * 3 + [("rap", None, 0.0)] * 17 + [("folk", None, 0.0)] * 5)
    found = statistics.shares(rows, ["name", "genre"]).set_index("genre")
    expected = binomtest(3, 20).proportion_ci(method="wilson")
    assert found.loc["rap", ["mean", "low", "high"]].tolist() == pytest.approx([0.15, *expected])
    assert found.loc["folk", ["seen", "mean", "low"]].tolist() == [0, 0, 0]
    assert found.loc["folk", "high"] == pytest.approx(
        binomtest(0, 5).proportion_ci(method="wilson").high
    )
    none = wilson(pd.Series([None, 0], dtype="Int64"), pd.Series([5, 0], dtype="Int64"))
    assert none[0].isna().all() and none[1].isna().all()


def test_what_tells_genres_apart_comes_first() -> None:
    groups = {"rap": [1.0, 2.0, 3.0], "folk": [3.0, 5.0, 7.0]}
    told = [(genre, None, v) for genre, values in groups.items() for v in values]
    alike = [(genre, None, 1.0) for genre in ("rap", "folk") for _ in range(3)]
    rows = pd.concat([sums(alike, "alike"), sums(told, "told")])
    found = statistics.told_apart(rows)
    # Means 2 and 5 around 3.5: 3 (1.5)^2 twice of the squares' sum 97 - 6 (3.5)^2.
    assert found["told"] == pytest.approx(13.5 / 23.5)
    assert np.isnan(found["alike"]) and found.index[0] == "told"
    f = f_oneway(*groups.values()).statistic
    assert found["told"] == pytest.approx(f / (f + 4))


def test_change_is_told_within_genres(covers: list[tuple[str, int | None, float]]) -> None:
    found = statistics.trends(sums(covers), 0.05).set_index("name").loc["it"]
    assert found["covers"] == 40
    assert found["low"] < 5 < found["high"]
    assert found["per_decade"] == pytest.approx(5, abs=0.3)
    assert found["significant"]
    # All covers together would tell of a fall: folk is older, and higher.
    years, values = np.array([(year, value) for _, year, value in covers]).T
    assert linregress(years, values).slope < 0


def test_change_of_one_genre_is_that_of_a_regression() -> None:
    years = [1990, 1990, 1993, 1997, 2001, 2001, 2010]
    values = [0.2, 0.5, 0.1, 0.6, 0.4, 0.9, 0.5]
    rows = sums([("rap", y, v) for y, v in zip(years, values, strict=True)])
    rows = pd.concat([rows, sums([("rap", None, 5.0)])])  # counts for nothing
    found = statistics.trends(rows, 0.05).iloc[0]
    expected = linregress(years, values)
    assert found["covers"] == 7
    assert found["per_decade"] == pytest.approx(10 * expected.slope)
    assert found["p"] == pytest.approx(expected.pvalue)
    half = 2.570582 * 10 * expected.stderr  # Student's t of 5 degrees of freedom
    assert [found["low"], found["high"]] == pytest.approx(
        [10 * expected.slope - half, 10 * expected.slope + half]
    )
    assert not found["significant"]


def test_there_is_no_change_without_years_or_of_one() -> None:
    one = statistics.trends(
        sums([("rap", 1990, 0.1), ("rap", 1990, 0.3), ("rap", 1990, 1.0)]), 0.05
    )
    assert one[["per_decade", "p", "significant"]].isna().all(axis=None)
    assert len(statistics.trends(sums([("rap", None, 0.1)]), 0.05)) == 0


def colours(*rows: tuple[str, int, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["group", "red", "green", "blue", "share"])


def test_a_palette_is_of_the_colours_that_covers_have() -> None:
    table = colours(
        ("rap", 250, 10, 10, 2.0), ("rap", 255, 0, 0, 4.0), ("rap", 0, 0, 0, 3.0),
        ("rap", 0, 0, 200, 1.0),
    )  # fmt: skip
    found = mean_palette(table, 3)
    # The darkest first; the two reds are one, shown as the one nearer to their mean.
    assert [(c.hex, c.share) for c in found] == [
        ("#000000", pytest.approx(0.3)), ("#0000c8", pytest.approx(0.1)),
        ("#ff0000", pytest.approx(0.6)),
    ]  # fmt: skip
    assert [c.name for c in found] == ["black", "mediumblue", "red"]
    assert len(mean_palette(table, 8)) == 4


def test_palettes_are_of_groups_in_order() -> None:
    table = colours(("rap", 0, 0, 0, 3.0), ("folk", 255, 255, 255, 2.0))
    found = palettes(table, {"folk": 2, "polka": 0, "rap": 3}, 4)
    assert [(p.group, p.covers, p.colours[0].hex) for p in found] == [
        ("folk", 2, "#ffffff"), ("rap", 3, "#000000"),
    ]  # fmt: skip
