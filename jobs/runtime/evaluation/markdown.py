"""The report of an evaluation, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from covergenre.evaluation import GENRE_METRICS, LOWER_IS_BETTER, METRICS, origin

_PICTURES = {
    "roc.png": "ROC curves",
    "confusion.png": "Confusion matrix",
    "reliability.png": "Reliability",
    "risk_coverage.png": "Risk and coverage",
    "years.png": "Accuracy by year",
    "learning.png": "Learning curves",
    "errors.png": "The most confident errors",
}


def render(figures: dict[str, Any], pictures: Sequence[str]) -> str:
    """The report as Markdown.

    Args:
        figures: as the job evaluate puts them together.
        pictures: names of the files beside the report.
    """
    held = figures["held_out"]
    lines = [
        f"# Evaluation of {figures['model_version']}",
        "",
        f"Genres: {', '.join(figures['genres'])}.",
        "",
        f"Run {figures['run_id']}, {figures['evaluated_at']}.",
        "",
        f"Fold {held['fold']} of {held['folds']} (salt `{held['salt']}`), one cover of all near-"
        f"duplicates: {held['judged']} covers judged, {held['unknown_genre']} of a genre the "
        f"model does not know or of none, {held['unusable']} that cannot be used. The model lists "
        f"{held['listed']} of those judged as held out from its training.",
        "",
        *(f"**Warning:** {remark}.\n" for remark in figures["remarks"]),
    ]
    if figures["parity"]["covers"]:
        lines += [
            f"On {figures['parity']['covers']} covers the probabilities differ from those of its "
            f"training's own evaluation by at most {figures['parity']['max_difference']:.1e}.",
            "",
        ]
    if figures["model"]:
        lines += _judged(figures)
    lines += _unknown(figures["unknown_genres"])
    if pictures:
        lines += ["## Pictures", ""]
        lines += [f"![{_PICTURES[name]}]({name})\n" for name in pictures]
    return "\n".join(lines).rstrip() + "\n"


def _judged(figures: dict[str, Any]) -> list[str]:
    model, others = figures["model"], figures["beside"]
    return [
        "## Figures",
        "",
        "With 95 % bootstrap intervals over covers. Calibration is judged by the debiased error.",
        "",
        *table(
            ["", "model", *others],
            [
                [
                    title + (" (lower is better)" if name in LOWER_IS_BETTER else ""),
                    figure(model[name]),
                    *(figure(other["figures"][name]) for other in others.values()),
                ]
                for name, title in METRICS.items()
            ],
        ),
        f"Chance is {1 / len(figures['genres']):.2f}. `majority` calls every cover the most "
        "frequent genre of the training folds, `colour` is a logistic regression on CIELAB "
        "colours of their covers."
        if "majority" in others
        else f"Chance is {1 / len(figures['genres']):.2f}.",
        "",
        *_differences(others),
        "## Per genre",
        "",
        *table(
            ["genre", "covers", *GENRE_METRICS],
            [
                [row["genre"], str(row["covers"]), *(figure(row[name]) for name in GENRE_METRICS)]
                for row in model["per_genre"]
            ],
        ),
        *_abstention(figures["abstention"]),
        *_years(figures["per_year"]),
        *_origin(figures["origin"]),
    ]


def _differences(others: dict[str, Any]) -> list[str]:
    if not others:
        return []
    rows = [
        [title, *(difference(other["difference"][name]) for other in others.values())]
        for name, title in METRICS.items()
    ]
    return [
        "Differences, model less the other, from a paired bootstrap; * where 0 lies outside:",
        "",
        *table(["", *others], rows),
    ]


def _abstention(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    return [
        "## Abstaining",
        "",
        f"Below a confidence of {found['threshold']:.3f}, fitted on validation covers for an "
        f"accuracy of {found['target_accuracy']:.0%}, the model abstains. Here it keeps "
        f"{figure(found['coverage'])} of the covers, {figure(found['accuracy'])} of them right.",
        "",
    ]


def _years(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        "## Per year",
        "",
        "The earliest year known of the albums that carry a cover. Of a handful of covers an "
        "interval is too narrow: resamples hold no others.",
        "",
        *table(
            ["year", "covers", "accuracy", "mean confidence"],
            [
                [
                    "unknown" if row["group"] is None else str(row["group"]),
                    str(row["covers"]),
                    figure(row["accuracy"]),
                    figure(row["mean_confidence"]),
                ]
                for row in rows
            ],
        ),
    ]


def _origin(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        "## Beside the origin's figures",
        "",
        f"The {origin.STUDY}: other covers, so a comparison of results, not of methods.",
        "",
        *table(
            ["", "origin", "model"],
            [[row["figure"], f"{row['origin']:.3f}", figure(row["model"])] for row in rows],
        ),
    ]


def _unknown(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        "## Covers of genres the model does not know",
        "",
        "Not judged. What the model takes them for:",
        "",
        *table(
            ["genre", "covers", "taken for", "mean confidence", "abstained"],
            [
                [
                    row["genre"] or "none",
                    str(row["covers"]),
                    ", ".join(f"{genre} {n}" for genre, n in row["predicted"].items()),
                    f"{row['mean_confidence']:.3f}",
                    "" if row["abstained_share"] is None else f"{row['abstained_share']:.0%}",
                ]
                for row in rows
            ],
        ),
    ]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table, and an empty one behind it."""
    # A genre's name may hold anything.
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *cells]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def figure(found: dict[str, Any], digits: int = 3) -> str:
    """A value and its interval; nothing where it is not defined."""
    if math.isnan(found["value"]):
        return ""
    low, high = found["interval"]
    return f"{found['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def difference(found: dict[str, Any]) -> str:
    """A difference and its interval, with a star where 0 lies outside; or nothing."""
    if math.isnan(found["difference"]):
        return ""
    low, high = found["interval"]
    mark = " *" if found["significant"] else ""
    return f"{found['difference']:+.3f} ({low:+.3f} to {high:+.3f}){mark}"
