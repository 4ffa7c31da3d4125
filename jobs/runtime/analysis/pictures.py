"""Which pictures an analysis has, and what goes into them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from covergenre import plots
from covergenre.config import Settings
from jobs.runtime.analysis.tables import Analysis, Appearance, Concepts

TITLES = {
    "concepts": "Share of a genre's covers with a concept",
    "lifts": "Concepts a genre has more than the catalogue",
    "palettes": "Colours of genres",
    "appearance": "Colour and composition by genre",
    "concepts_by_year": "Concepts over the years",
    "appearance_by_year": "Colour and composition over the years",
    "palettes_by_decade": "Colours of decades",
}
"""Of the pictures, by the name of their file."""

_MOST_TRENDS = 16


def draw(found: Analysis, settings: Settings) -> Iterator[tuple[str, Figure]]:
    """Each picture that there is something to show in, by name.

    Args:
        found: to be shown.
        settings: ``analyse.shown_concepts``, ``analyse.shown_lifts``.
    """
    if found.concepts is not None:
        yield from _of_concepts(found.concepts, settings)
    if found.appearance is not None:
        yield from _of_appearance(found.appearance)


def highest_lifts(concepts: Concepts, most: int) -> pd.DataFrame:
    """Of each genre the concepts that are on significantly more of its covers than of others', by
    lift; ``most`` a genre."""
    rows = concepts.contrasts
    more = rows[(rows["significant"] & (rows["lift"] > 1)).fillna(False).astype(bool)]
    return more.sort_values("lift", ascending=False, kind="stable").groupby("genre").head(most)


def _of_concepts(concepts: Concepts, settings: Settings) -> Iterator[tuple[str, Figure]]:
    shown = concepts.frequent[: settings.analyse.shown_concepts]
    if shown:
        rows = concepts.contrasts.assign(
            above=lambda t: (t["significant"] & (t["lift"] > 1)).fillna(False).astype(bool)
        )
        above = rows.pivot(index="concept", columns="genre", values="above")
        shares = concepts.counts.shares.loc[shown]
        above = above.loc[shown, shares.columns]
        yield "concepts", plots.concept_shares(shares, above, concepts.counts.covers)
    lifts = highest_lifts(concepts, settings.analyse.shown_lifts)
    if len(lifts):
        yield "lifts", plots.concept_lifts(lifts, list(concepts.counts.covers.index))
    if len(concepts.by_period["first"].unique()) > 1:
        notes = _notes(concepts.trends, shown[:_MOST_TRENDS], percent=True)
        title = TITLES["concepts_by_year"]
        yield "concepts_by_year", plots.changes(concepts.by_period, notes, title, percent=True)


def _of_appearance(appearance: Appearance) -> Iterator[tuple[str, Figure]]:
    stripes = [(p.group, p.covers, p.colours) for p in appearance.palettes]
    yield "palettes", plots.palette_stripes(stripes, TITLES["palettes"])
    genres = list(appearance.covers.index)
    yield "appearance", plots.measures(appearance.means, appearance.overall, genres)
    if len(appearance.by_period["first"].unique()) > 1:
        notes = _notes(appearance.trends, list(appearance.overall.index), percent=False)
        title = TITLES["appearance_by_year"]
        picture = plots.changes(appearance.by_period, notes, title, percent=False)
        yield "appearance_by_year", picture
    if len(appearance.decades) > 1:
        stripes = [(f"{p.group}s", p.covers, p.colours) for p in appearance.decades]
        yield "palettes_by_decade", plots.palette_stripes(stripes, TITLES["palettes_by_decade"])


def _notes(trends: pd.DataFrame, names: list[str], *, percent: bool) -> dict[str, str]:
    """Change a decade within genres, with a star where it is significant."""
    rows = trends.set_index("name").reindex(names)
    return {
        name: ""
        if pd.isna(row["per_decade"])
        else change(row["per_decade"], percent=percent)
        + " a decade"
        + (" *" if row["significant"] is True else "")
        for name, row in zip(names, rows.to_dict("records"), strict=True)
    }


def change(value: float, *, percent: bool) -> str:
    """A change with its sign: points of a share, or three significant digits."""
    return f"{100 * value:+.1f} points" if percent else f"{value:+.2g}"
