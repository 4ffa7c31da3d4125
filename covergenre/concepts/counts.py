"""On how many covers of each genre each concept appears, and what sets genres apart.

Unknown is not 0: where a source keeps back whether a concept is on a genre's covers, the count is
missing (``<NA>``) and that genre is left out of what is said of the concept. A genre of which a few
covers are unknown is judged by the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.stats import chi2, chi2_contingency, false_discovery_control

from covergenre.concepts.clarifai_csv import PublishedGenre

LEAST_EXPECTED = 5
"""Covers that chance must lead one to expect in each cell, or the chi-square test is not made (W.
Cochran, "Some Methods for Strengthening the Common chi-square Tests", Biometrics 10, 1954)."""

LEAST_KNOWN = 0.9
"""Part of a genre's covers of which it must be known whether a concept is on them, or its count is
missing: those of which it is known need not be like the others (they may be filed under a second
genre, whose file tells)."""

_UNKNOWN = "-"
_Z = 1.959963984540054  # of 95 % under a normal distribution, both sides

Numbers = TypeVar("Numbers", pd.Series, pd.DataFrame)


@dataclass(frozen=True)
class ConceptCounts:
    """Covers with a concept.

    Attributes:
        seen: Int64, a row a concept, a column a genre; ``<NA>`` where it is not known.
        known: Int64, likewise: covers of which it is known whether the concept is on them.
        covers: int64 by genre, in the columns' order: how many were looked at.
    """

    seen: pd.DataFrame
    known: pd.DataFrame
    covers: pd.Series

    @property
    def shares(self) -> pd.DataFrame:
        """Float64, part of the genre's covers that are known, 0-1; ``<NA>`` where it is not."""
        return self.seen.astype("Float64") / self.compared

    @property
    def compared(self) -> pd.DataFrame:
        """Int64, a row a concept, a column a genre: covers that a comparison stands on; 0 where
        too few are known."""
        return self.known.where(self.seen.notna(), 0)

    @property
    def overall(self) -> pd.Series:
        """Float64 by concept: its share of all covers compared; ``<NA>`` where there is none."""
        compared = self.compared.sum(axis=1)
        return (self.seen.sum(axis=1) / compared.where(compared > 0)).astype("Float64")

    def frequent(self, min_share: float) -> ConceptCounts:
        """Only counts of at least this part of the genre's covers, as the study had them.

        Others become ``<NA>``, concepts that are frequent in no genre are left out; so counts of
        all concepts and those of files that were filtered already look alike.
        """
        kept = self.seen.where((self.shares >= min_share).fillna(False).astype(bool))
        kept = kept.dropna(how="all")
        return ConceptCounts(kept, self.known.loc[kept.index], self.covers)


def gather(rows: pd.DataFrame, covers: pd.Series) -> ConceptCounts:
    """Counts from what a query gives.

    Args:
        rows: ``genre``, ``concept``, ``seen`` (covers on which it is) and ``unknown`` (covers of
            which it is not known); a pair that has no row is on no cover.
        covers: int by genre, those without any concept included.
    """

    def wide(values: str) -> pd.DataFrame:
        table = rows.pivot(index="concept", columns="genre", values=values)
        return table.reindex(columns=covers.index).fillna(0).astype("Int64").sort_index()

    known = -wide("unknown").sub(covers, axis="columns")
    too_few = known.lt(LEAST_KNOWN * covers, axis="columns")
    return ConceptCounts(wide("seen").mask(too_few), known, covers.astype(np.int64))


def of_published(
    published: Sequence[PublishedGenre], names: dict[str, str] | None = None
) -> ConceptCounts:
    """Counts from published CSVs, of all covers that they name.

    Args:
        published: as :func:`covergenre.concepts.clarifai_csv.read_folder` gives them.
        names: file's genre to the name to show; None for the files' own.
    """
    shown = names or {}
    genres = [shown.get(one.genre, one.genre) for one in published]
    counts = [one.scores.count() for one in published]
    seen = pd.concat(counts, axis=1, keys=genres).sort_index().astype("Int64")
    seen.index.name, seen.columns.name = "concept", "genre"
    covers = pd.Series([len(one.scores) for one in published], seen.columns, np.int64)
    known = seen.notna().astype("Int64").mul(covers, axis="columns")
    return ConceptCounts(seen, known, covers)


def lifts(counts: ConceptCounts) -> pd.DataFrame:
    """How many times as frequent a concept is in a genre as in all genres where it is known.

    Returns:
        Float64, a row a concept, a column a genre: 1 as often, 2 twice as often; ``<NA>`` where it
        is not known, in less than two genres, or on no cover. (Brin, Motwani, Ullman, Tsur,
        "Dynamic Itemset Counting", 1997, there called interest.)
    """
    overall = counts.overall.where(counts.seen.notna().sum(axis=1) > 1)
    return counts.shares.div(overall.where(overall > 0), axis="index")


def associations(counts: ConceptCounts, false_discovery_rate: float) -> pd.DataFrame:
    """Which concepts are on some genres' covers more than on others'.

    Pearson's chi-square test of independence, concept by concept, on covers with and without it in
    the genres where it is known; p-values corrected for their number (Y. Benjamini, Y. Hochberg,
    "Controlling the False Discovery Rate", 1995). Where filtered files keep back the rarer counts
    a concept is compared only between the genres in which it is frequent, so differences look
    smaller than they are. Covers are taken as independent: near-duplicates are to be left out.

    Args:
        counts: unfiltered, as far as they are known.
        false_discovery_rate: of the concepts called significant, the part that may be chance.

    Returns:
        A row a concept, the most strongly associated first: ``genres`` and ``covers`` compared,
        ``seen``, ``chi2``, ``cramers_v`` (0-1, the strength, whatever the number of covers),
        ``p``, ``p_corrected`` and ``significant``. The last five are ``<NA>`` where the test is not
        made: fewer than two genres, or fewer than :data:`LEAST_EXPECTED` covers expected.
    """
    compared = counts.compared
    rows = [_test(counts.seen.loc[name], compared.loc[name]) for name in counts.seen.index]
    columns = ["genres", "covers", "seen", "chi2", "cramers_v", "p"]
    found = pd.DataFrame(rows, counts.seen.index, columns)
    found = found.astype({"genres": "Int64", "covers": "Int64", "seen": "Int64"})
    found = found.astype({"chi2": "Float64", "cramers_v": "Float64", "p": "Float64"})
    found["p_corrected"] = corrected(found["p"])
    found["significant"] = found["p_corrected"] <= false_discovery_rate
    return found.sort_values(["cramers_v", "seen"], ascending=False, kind="stable")


def contrasts(counts: ConceptCounts, min_share: float, false_discovery_rate: float) -> pd.DataFrame:
    """Each genre held against all others, concept by concept.

    The test is that of :func:`associations`, of covers with and without the concept in the genre
    and in all others where it is known; p-values corrected for the number of pairs.

    Args:
        counts: unfiltered, as far as they are known.
        min_share: from which a concept is called frequent in a genre.
        false_discovery_rate: of the pairs called significant, the part that may be chance.

    Returns:
        A row a genre and concept, genre after genre, the most frequent concept first: ``genre``,
        ``concept``, ``covers`` looked at, ``seen``, ``unknown`` covers, ``share`` of those known
        with ``low`` and ``high``, its 95 % interval (E. Wilson, 1927), ``lift`` (:func:`lifts`),
        ``chi2``, ``p``, ``p_corrected``, ``significant`` and ``frequent``; ``<NA>`` where it is not
        known or not tested.
    """
    seen, known = counts.seen, counts.compared
    low, high = wilson(seen, known)
    tables = {
        "covers": known * 0 + counts.covers,
        "seen": seen,
        "unknown": known * 0 + counts.covers - counts.known,
        "share": counts.shares,
        "low": low,
        "high": high,
        "lift": lifts(counts),
        "chi2": _against_others(seen, known),
    }
    found = pd.DataFrame({name: table.unstack() for name, table in tables.items()})
    p = pd.Series(chi2.sf(found["chi2"].to_numpy(np.float64, na_value=np.nan), 1), found.index)
    found["p"] = p.astype("Float64")
    found["p_corrected"] = corrected(found["p"])
    found["significant"] = found["p_corrected"] <= false_discovery_rate
    found["frequent"] = found["share"] >= min_share
    found = found.rename_axis(["genre", "concept"]).reset_index()
    place = found["genre"].map({genre: k for k, genre in enumerate(counts.covers.index)})
    order = found.assign(place=place).sort_values(
        ["place", "share", "concept"], ascending=[True, False, True]
    )
    return order.drop(columns="place").reset_index(drop=True)


def corrected(p: pd.Series) -> pd.Series:
    """p-values corrected for their number (Benjamini and Hochberg); ``<NA>`` stays and does not
    count."""
    found = pd.Series(pd.NA, p.index, "Float64")
    tested = p.notna()
    if tested.any():
        found[tested] = false_discovery_control(p[tested].to_numpy(np.float64), method="bh")
    return found


def wilson(seen: Numbers, covers: Numbers) -> tuple[Numbers, Numbers]:
    """95 % interval of a share (E. Wilson, "Probable inference, the law of succession, and
    statistical inference", 1927).

    Args:
        seen: Int64, how many of the covers; may be missing.
        covers: Int64, of the same shape.

    Returns:
        its lower and upper end, Float64, 0-1; ``<NA>`` where ``seen`` is, or of no covers.
    """
    number = covers.where(covers > 0).astype("Float64")
    share = seen / number
    centre = share + _Z**2 / (2 * number)
    reach = _Z * (share * (1 - share) / number + _Z**2 / (4 * number**2)) ** 0.5
    whole = 1 + _Z**2 / number
    return ((centre - reach) / whole).clip(lower=0), ((centre + reach) / whole).clip(upper=1)


def markdown(counts: ConceptCounts) -> str:
    """A Markdown table: a row a concept, the most frequent first, a column a genre."""
    total = counts.seen.sum(axis=1)
    ordered = counts.seen.loc[total.sort_values(ascending=False, kind="stable").index]
    lines = [
        _line(["concept", *counts.covers.index]),
        _line(["---", *["---:"] * len(counts.covers)]),
        _line(["covers", *counts.covers]),
        *(_line([concept, *row]) for concept, row in ordered.iterrows()),
    ]
    return "\n".join(lines) + "\n"


def ranking(counts: ConceptCounts) -> pd.DataFrame:
    """One row a genre and concept that is known, as for a CSV.

    Returns:
        ``genre``, ``concept``, ``seen``, ``covers`` of which it is known, and ``share``; genre
        after genre, the most frequent concept first.
    """
    rows = []
    for genre in counts.covers.index:
        known = counts.seen[genre].dropna().sort_index()
        for concept, seen in known.sort_values(ascending=False, kind="stable").items():
            covers = counts.known.loc[concept, genre]
            rows.append((genre, concept, int(seen), int(covers), int(seen) / int(covers)))
    return pd.DataFrame(rows, columns=["genre", "concept", "seen", "covers", "share"])


def _test(seen: pd.Series, covers: pd.Series) -> list[float | None]:
    """Genres, covers and covers with a concept; chi-square, Cramer's V and p.

    Args:
        seen: covers with the concept, by genre; missing where it is not known.
        covers: of which it is known; 0 where it is not.
    """
    known = seen.notna().to_numpy() & (covers > 0).to_numpy()
    with_it = seen.to_numpy(np.float64, na_value=np.nan)[known]
    without = covers.to_numpy(np.float64)[known] - with_it
    described = [int(known.sum()), int((with_it + without).sum()), int(with_it.sum())]
    if known.sum() < 2 or not with_it.any() or not without.any():
        return [*described, None, None, None]
    test = chi2_contingency(np.stack([with_it, without]), correction=False)
    if test.expected_freq.min() < LEAST_EXPECTED:
        return [*described, None, None, None]
    strength = float(np.sqrt(test.statistic / described[1]))
    return [*described, float(test.statistic), strength, float(test.pvalue)]


def _against_others(seen: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Pearson's chi-square of each genre's covers and all others', with and without a concept;
    ``<NA>`` where it is not tested."""
    mine, with_it = known.astype("Float64"), seen.astype("Float64")
    every, every_with = mine.sum(axis=1), with_it.sum(axis=1)
    others = -mine.sub(every, axis="index")
    # ad - bc = a(c + d) - c(a + b), and c is what the genre's own leave of all with the concept.
    others_with = -with_it.sub(every_with, axis="index")
    difference = with_it * others - others_with * mine
    rarer = every_with.where(every_with < every - every_with, every - every_with)
    expected = mine.where(mine < others, others).mul(rarer / every, axis="index")
    products = (mine * others).mul(every_with * (every - every_with) / every, axis="index")
    return (difference**2 / products).where(expected >= LEAST_EXPECTED)


def _line(cells: Iterable[object]) -> str:
    texts = (_UNKNOWN if cell is pd.NA else str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"
