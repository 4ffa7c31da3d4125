"""The report of an analysis, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from covergenre.concepts.counts import ConceptCounts, markdown
from covergenre.config import Settings
from jobs.runtime.analysis.pictures import TITLES, change, highest_lifts
from jobs.runtime.analysis.tables import Analysis, Appearance, Concepts
from jobs.runtime.evaluation.markdown import table
from schemas import APPEARANCE

_MOST_ASSOCIATED = 30


def render(
    found: Analysis,
    published: ConceptCounts | None,
    settings: Settings,
    run: dict[str, str],
    pictures: Sequence[str],
) -> str:
    """The report as Markdown.

    Args:
        found: all that was found.
        published: counts of published concepts; None if none were asked for.
        settings: of analyse and concepts.
        run: ``run_id``, ``analysed_at``, ``source``.
        pictures: names of the pictures drawn.
    """
    drawn = set(pictures)
    lines = [
        "# Concepts and colours per genre and year",
        "",
        f"{run['source']}; run {run['run_id']}, {run['analysed_at']}.",
        "",
        *(f"**Note:** {remark}.\n" for remark in found.remarks),
        *_covers(found),
    ]
    if found.concepts is not None:
        lines += _concepts(found.concepts, settings, drawn)
    if published is not None:
        lines += [
            "## Published concepts",
            "",
            "Counts of the published files themselves, all covers that they name; `-`: kept back. "
            "See [published.csv](published.csv).",
            "",
            markdown(published),
        ]
    if found.appearance is not None:
        lines += _appearance(found.appearance, drawn)
    lines += _years(found, settings, drawn)
    return "\n".join(lines).rstrip() + "\n"


def _covers(found: Analysis) -> list[str]:
    looked_at = {
        "covers": found.covers,
        **({"with concepts": found.concepts.counts.covers} if found.concepts else {}),
        **({"measured": found.appearance.covers} if found.appearance else {}),
    }
    rows = [
        [str(genre), *(str(counts.get(genre, 0)) for counts in looked_at.values())]
        for genre in found.covers.index
    ]
    return ["## Covers", "", *table(["genre", *looked_at], rows)]


def _concepts(concepts: Concepts, settings: Settings, drawn: set[str]) -> list[str]:
    tests = concepts.associations
    tested = int(tests["p"].notna().sum())
    pairs = concepts.contrasts["significant"]
    rate = settings.concepts.false_discovery_rate
    associated = tests[tests["significant"].fillna(False).astype(bool)].head(_MOST_ASSOCIATED)
    lines = [
        "## Concepts",
        "",
        f"Of the tagger `{concepts.tagger}`. {len(tests)} concepts, {len(concepts.frequent)} of "
        f"them frequent: on at least {settings.concepts.min_share:.0%} of some genre's covers. "
        f"{int(tests['significant'].sum())} of {tested} tested are not spread evenly over the "
        f"genres, and {int(pairs.sum())} of {int(pairs.notna().sum())} pairs of genre and concept "
        f"are significant (chi-square, false discovery rate {rate:.0%}). All pairs: "
        "[concepts.csv](concepts.csv); all tests: [associations.csv](associations.csv).",
        "",
        "Covers with each concept in the genres where it is frequent; `-`: rarer, or not known:",
        "",
        markdown(concepts.counts.frequent(settings.concepts.min_share)),
        *_picture("concepts", drawn),
        *_picture("lifts", drawn),
    ]
    lines += _own(concepts, settings)
    if len(associated):
        lines += [
            "The concepts most strongly associated with genre (Cramer's V, 0-1):",
            "",
            *table(
                ["concept", "genres", "covers", "seen", "V", "p corrected"],
                [
                    [
                        *(str(row[name]) for name in ("concept", "genres", "covers", "seen")),
                        f"{row['cramers_v']:.3f}",
                        _p(row["p_corrected"]),
                    ]
                    for row in associated.to_dict("records")
                ],
            ),
        ]
    return lines


def _own(concepts: Concepts, settings: Settings) -> list[str]:
    """What is most of each genre's own, in words."""
    lifts = highest_lifts(concepts, settings.analyse.shown_lifts)
    told = {
        genre: ", ".join(f"{row.concept} {row.lift:.1f}x" for row in part.itertuples())
        for genre, part in lifts.groupby("genre")
    }
    return [
        "Significantly more frequent in a genre than in the others, by lift:",
        "",
        *table(
            ["genre", "concepts"],
            [[str(genre), told.get(genre, "none")] for genre in concepts.counts.covers.index],
        ),
    ]


def _appearance(appearance: Appearance, drawn: set[str]) -> list[str]:
    genres = list(appearance.covers.index)
    said = {
        (row["name"], row["genre"]): _with_interval(row["mean"], row["low"], row["high"])
        for row in appearance.means.to_dict("records")
    }
    apart = appearance.told_apart.map("{:.3f}".format, na_action="ignore").fillna("")
    rows = [
        [str(name), f"{mean:.3g}", *(said[name, genre] for genre in genres), part]
        for (name, mean), part in zip(appearance.overall.items(), apart, strict=True)
    ]
    comments = {column.name: column.comment for column in APPEARANCE.columns}
    return [
        "## Colour and composition",
        "",
        f"Measures of version {appearance.version}; means with 95 % intervals (Student's t). Eta "
        "squared is the part of the variance between genres. See "
        "[appearance.csv](appearance.csv), [palettes.csv](palettes.csv).",
        "",
        *_picture("palettes", drawn),
        *_picture("appearance", drawn),
        *table(["measure", "all", *map(str, genres), "eta squared"], rows),
        *(f"- {name}: {comments[str(name)]}" for name in appearance.overall.index),
        "",
    ]


def _years(found: Analysis, settings: Settings, drawn: set[str]) -> list[str]:
    lines = ["## Change over the years", ""]
    if not found.periods:
        return [*lines, "No year of release is known, so there is nothing to say.", ""]
    first, last = found.periods[0].first, found.periods[-1].last
    lines += [
        f"{found.dated} of {int(found.covers.sum())} covers have a year, {first} to {last}. "
        f"Neighbouring years with fewer than {settings.analyse.min_period_covers} covers are "
        f"looked at together: {len(found.periods)} periods. Changes are per decade, within genres "
        "(least squares with an intercept a genre), so that another mix of genres is no change; "
        "the pictures show all covers together. See [years.csv](years.csv), "
        "[trends.csv](trends.csv).",
        "",
    ]
    for title, part, percent in (
        ("Concepts", found.concepts, True),
        ("Colour and composition", found.appearance, False),
    ):
        if part is not None:
            lines += _changes(title, part.trends, percent)
    for name in ("concepts_by_year", "appearance_by_year", "palettes_by_decade"):
        lines += _picture(name, drawn)
    return lines


def _changes(title: str, trends: pd.DataFrame, percent: bool) -> list[str]:
    significant = trends[trends["significant"].fillna(False).astype(bool)]
    tested = int(trends["p"].notna().sum())
    if significant.empty:
        return [f"{title}: none of {tested} changes is significant.", ""]
    rows = [
        [
            str(row["name"]),
            change(row["per_decade"], percent=percent),
            f"{change(row['low'], percent=percent)} to {change(row['high'], percent=percent)}",
            _p(row["p_corrected"]),
        ]
        for row in significant.sort_values("p").to_dict("records")
    ]
    said = f"{title}: {len(significant)} of {tested} changes are significant."
    return [said, "", *table(["", "a decade", "95 % interval", "p corrected"], rows)]


def _picture(name: str, drawn: Iterable[str]) -> list[str]:
    return [f"![{TITLES[name]}]({name}.png)", ""] if name in drawn else []


def _with_interval(mean: Any, low: Any, high: Any) -> str:
    if pd.isna(mean):
        return ""
    return f"{mean:.3g}" if pd.isna(low) else f"{mean:.3g} ({low:.3g} to {high:.3g})"


def _p(value: float) -> str:
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"
