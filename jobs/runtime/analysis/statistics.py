"""Means by genre and change over the years, from sums: of ten covers and of ten million.

Concepts and measures are told in one form: rows of ``name``, ``genre``, ``release_year``,
``covers``, ``total`` (sum over covers) and ``squares`` (sum of squares). A concept is 1 on a cover
or 0, so that both sums are the covers on which it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from covergenre.concepts.counts import corrected, wilson

_SUMS = ["covers", "total", "squares"]


@dataclass(frozen=True)
class Period:
    """Years looked at together.

    Attributes:
        first, last: years, both included.
        middle: mean year of its covers.
        covers: how many, of all genres.
    """

    first: int
    last: int
    middle: float
    covers: int

    @property
    def label(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def periods(covers: pd.Series, least: int) -> list[Period]:
    """Merge years until each period has covers enough.

    Args:
        covers: int by year, without unknown years.
        least: covers a period, but for all years together where there are not so many.

    Returns:
        In order; what is left over at the end belongs to the last one.
    """
    groups: list[list[int]] = []
    enough = True
    for year in sorted(covers.index):
        if enough:
            groups.append([])
        groups[-1].append(year)
        enough = covers[groups[-1]].sum() >= least
    if not enough and len(groups) > 1:
        rest = groups.pop()
        groups[-1] += rest
    return [
        Period(
            years[0],
            years[-1],
            float(np.average(years, weights=covers[years])),
            int(covers[years].sum()),
        )
        for years in groups
    ]


def by_period(sums: pd.DataFrame, found: Iterable[Period]) -> pd.DataFrame:
    """Sums of periods instead of years; rows without a year are left out."""
    first = {year: p.first for p in found for year in range(p.first, p.last + 1)}
    known = sums[sums["release_year"].notna()]
    years = known["release_year"].astype(int).map(first)
    return known.assign(release_year=years).groupby(
        ["name", "genre", "release_year"], as_index=False, sort=True
    )[_SUMS].sum()  # fmt: skip


def means(sums: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means with 95 % intervals of Student's t (W. Gosset, 1908), cut at 0: no measure is negative.

    Returns:
        The columns ``by``, ``covers``, ``mean``, ``deviation`` (standard, of a cover), ``low`` and
        ``high``; NaN of a single cover but for the mean.
    """
    found = sums.groupby(by, as_index=False)[_SUMS].sum()
    number = found["covers"].where(found["covers"] > 0).astype(np.float64)
    mean = found["total"] / number
    more = number.where(number > 1) - 1
    deviation = ((found["squares"] - number * mean**2).clip(lower=0) / more) ** 0.5
    reach = student.ppf(0.975, more) * deviation / number**0.5
    return found[[*by, "covers"]].assign(
        mean=mean, deviation=deviation, low=(mean - reach).clip(lower=0), high=mean + reach
    )


def shares(sums: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Shares of concepts, with Wilson's 95 % intervals.

    Returns:
        The columns ``by``, ``covers``, ``seen``, ``mean`` (the share), ``low`` and ``high``.
    """
    found = sums.groupby(by, as_index=False)[_SUMS].sum()
    seen, covers = found["total"].astype("Int64"), found["covers"].astype("Int64")
    low, high = wilson(seen, covers)
    share = seen / covers.where(covers > 0)
    return found[[*by, "covers"]].assign(seen=seen, mean=share, low=low, high=high)


def told_apart(sums: pd.DataFrame) -> pd.Series:
    """Of each name's variance, the part between genres: eta squared (R. Fisher, "Statistical
    Methods for Research Workers", 1925), 0-1; NaN where all covers are alike. The largest first."""
    genres = sums.groupby(["name", "genre"])[_SUMS].sum()
    between = (genres["total"] ** 2 / genres["covers"]).groupby("name").sum()
    every = genres.groupby("name").sum()
    middle = every["total"] ** 2 / every["covers"]
    total = every["squares"] - middle
    # Rounding leaves a little where there is nothing.
    share = (between - middle) / total.where(total > 1e-9 * every["squares"])
    return share.clip(0, 1).rename("eta_squared").sort_values(ascending=False, kind="stable")


def trends(sums: pd.DataFrame, false_discovery_rate: float) -> pd.DataFrame:
    """Change over the years within genres.

    Least squares of the value on the year, with an intercept a genre (the within estimator of
    fixed effects; for instance J. Wooldridge, "Introductory Econometrics", ch. 14): that there is
    more of one genre in some years is no change. Of a concept it is the linear probability model.
    p-values are Student's t, corrected for their number (Benjamini and Hochberg).

    Args:
        sums: rows without a year are left out.
        false_discovery_rate: of the changes called significant, the part that may be chance.

    Returns:
        A row a name: ``covers``, ``per_decade`` with its 95 % interval ``low`` and ``high``, ``p``,
        ``p_corrected`` and ``significant``; missing where the covers are of one year or too few.
    """
    known = sums[sums["release_year"].notna() & (sums["covers"] > 0)]
    year = known["release_year"].astype(np.float64) - known["release_year"].astype(int).mean()
    number = known["covers"]
    parts = known.assign(x=number * year, xx=number * year**2, xy=known["total"] * year)
    columns = [*_SUMS, "x", "xx", "xy"]
    genre = parts.groupby(["name", "genre"], sort=True)[columns].sum()
    within = pd.DataFrame({
        "xx": genre["xx"] - genre["x"] ** 2 / genre["covers"],
        "xy": genre["xy"] - genre["x"] * genre["total"] / genre["covers"],
        "yy": genre["squares"] - genre["total"] ** 2 / genre["covers"],
        "covers": genre["covers"],
        "genres": 1,
    }).groupby("name").sum()  # fmt: skip
    spread = within["xx"].where(within["xx"] > 1e-6)
    slope = within["xy"] / spread
    free = (within["covers"] - within["genres"] - 1).where(lambda count: count > 0)
    left = (within["yy"] - slope * within["xy"]).clip(lower=0)
    error = (left / free / spread) ** 0.5
    statistic = (slope / error.where(error > 0)).abs()
    reach = student.ppf(0.975, free) * error
    p = pd.Series(2 * student.sf(statistic, free), within.index).astype("Float64")
    p = p.mask(statistic.isna())
    found = pd.DataFrame({
        "covers": within["covers"],
        "per_decade": 10 * slope,
        "low": 10 * (slope - reach),
        "high": 10 * (slope + reach),
        "p": p,
        "p_corrected": corrected(p),
    })  # fmt: skip
    found["significant"] = found["p_corrected"] <= false_discovery_rate
    return found.reset_index()
