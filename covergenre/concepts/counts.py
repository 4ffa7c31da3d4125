"""On how many covers of each genre each concept appears, and what sets genres apart.

Unknown is not 0: where a source keeps back whether a concept is on a genre's covers, the count is
missing (``<NA>``) and that genre is left out of what is said of the concept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency, false_discovery_control

from covergenre.concepts.clarifai_csv import PublishedGenre

LEAST_EXPECTED = 5
"""Covers that chance must lead one to expect in each cell, or the chi-square test is not made (W.
Cochran, "Some Methods for Strengthening the Common chi-square Tests", Biometrics 10, 1954)."""

_UNKNOWN = "-"


@dataclass(frozen=True)
class ConceptCounts:
    """Covers with a concept.

    Attributes:
        seen: Int64, a row a concept, a column a genre; ``<NA>`` where it is not known.
        covers: int64 by genre, in the columns' order: how many were looked at.
    """

    seen: pd.DataFrame
    covers: pd.Series

    @property
    def shares(self) -> pd.DataFrame:
        """Float64, part of the genre's covers, 0-1; ``<NA>`` where it is not known."""
        return self.seen.astype("Float64").div(self.covers, axis="columns")

    def frequent(self, min_share: float) -> ConceptCounts:
        """Only counts of at least this part of the genre's covers, as the study had them.

        Others become ``<NA>``, concepts that are frequent in no genre are left out; so counts of
        all concepts and those of files that were filtered already look alike.
        """
        kept = self.seen.where((self.shares >= min_share).fillna(False).astype(bool))
        return ConceptCounts(kept.dropna(how="all"), self.covers)


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

    return ConceptCounts(wide("seen").mask(wide("unknown") > 0), covers.astype(np.int64))


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
    return ConceptCounts(seen, covers)


def lifts(counts: ConceptCounts) -> pd.DataFrame:
    """How many times as frequent a concept is in a genre as in all genres where it is known.

    Returns:
        Float64, a row a concept, a column a genre: 1 as often, 2 twice as often; ``<NA>`` where it
        is not known, in less than two genres, or on no cover. (Brin, Motwani, Ullman, Tsur,
        "Dynamic Itemset Counting", 1997, there called interest.)
    """
    known = counts.seen.notna()
    looked_at = known.mul(counts.covers, axis="columns").sum(axis=1)
    overall = (counts.seen.sum(axis=1) / looked_at).where(known.sum(axis=1) > 1)
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
    rows = [
        _test(counts.seen.loc[concept].to_numpy(np.float64, na_value=np.nan), counts.covers)
        for concept in counts.seen.index
    ]
    columns = ["genres", "covers", "seen", "chi2", "cramers_v", "p"]
    found = pd.DataFrame(rows, counts.seen.index, columns)
    found = found.astype({"genres": "Int64", "covers": "Int64", "seen": "Int64"})
    found = found.astype({"chi2": "Float64", "cramers_v": "Float64", "p": "Float64"})
    tested = found["p"].notna()
    found["p_corrected"] = pd.Series(pd.NA, found.index, "Float64")
    if tested.any():
        p = found.loc[tested, "p"].to_numpy(np.float64)
        found.loc[tested, "p_corrected"] = false_discovery_control(p, method="bh")
    found["significant"] = found["p_corrected"] <= false_discovery_rate
    return found.sort_values(["cramers_v", "seen"], ascending=False, kind="stable")


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
        ``genre``, ``concept``, ``seen``, ``covers`` and ``share``; genre after genre, the most
        frequent concept first.
    """
    rows = []
    for genre, covers in counts.covers.items():
        known = counts.seen[genre].dropna().sort_index()
        for concept, seen in known.sort_values(ascending=False, kind="stable").items():
            rows.append((genre, concept, int(seen), int(covers), int(seen) / int(covers)))
    return pd.DataFrame(rows, columns=["genre", "concept", "seen", "covers", "share"])


def _test(seen: npt.NDArray[np.float64], covers: pd.Series) -> list[float | None]:
    known = ~np.isnan(seen)
    with_it = seen[known]
    without = covers.to_numpy(np.float64)[known] - with_it
    described = [int(known.sum()), int((with_it + without).sum()), int(with_it.sum())]
    if known.sum() < 2 or not with_it.any() or not without.any():
        return [*described, None, None, None]
    test = chi2_contingency(np.stack([with_it, without]), correction=False)
    if test.expected_freq.min() < LEAST_EXPECTED:
        return [*described, None, None, None]
    strength = float(np.sqrt(test.statistic / described[1]))
    return [*described, float(test.statistic), strength, float(test.pvalue)]


def _line(cells: Iterable[object]) -> str:
    texts = (_UNKNOWN if cell is pd.NA else str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"
