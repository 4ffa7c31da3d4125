"""The report of a detector's evaluation, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covergenre.evaluation.labels import METRICS
from covergenre.plots.detection import width_class
from jobs.runtime.evaluation.markdown import difference, figure, table

_LOWER_IS_BETTER = ("ece", "ece_debiased")


def render(figures: dict[str, Any], pictures: Sequence[str]) -> str:
    """The report as Markdown.

    Args:
        figures: as :func:`jobs.runtime.evaluation.label_report.evaluate_labels` has them.
        pictures: names of the files beside the report.
    """
    marked = figures["marked"]
    lines = [
        f"# Labels found by {figures['model_version']}",
        "",
        f"Run {figures['run_id']}, {figures['evaluated_at']}.",
        "",
        f"{marked['covers']} covers marked by hand ({marked['labels']} labels) are judged; "
        f"{marked['in_doubt']} with labels in doubt are left out, {marked['unusable']} cannot be "
        "used. A find is right if it overlaps a label by half (IoU) and no more probable one does.",
        "",
        f"From a score of {figures['threshold']:.4f} on a cover carries the label: the bundle's "
        "threshold, not chosen on these covers.",
        "",
        *(f"**Warning:** {remark}.\n" for remark in figures["remarks"]),
        *_overall(figures),
        *_parts("By width of the label", "width", _widths(figures["by_width"])),
        *_parts("By kind of the label", "kind", _variants(figures["by_variant"]), whole=False),
        *_parts("By genre", "genre", [(r["genre"] or "none", r) for r in figures["by_genre"]]),
        *_false(figures["false_labels"]),
        *_says(figures["says_genre"]),
    ]
    if pictures:
        lines += ["## Pictures", ""]
        lines += [
            f"![{name.removesuffix('.png').replace('_', ' ')}]({name})\n" for name in pictures
        ]
    return "\n".join(lines).rstrip() + "\n"


def _overall(figures: dict[str, Any]) -> list[str]:
    others = figures["beside"]
    rows = []
    for name, title in METRICS.items():
        lower = " (lower is better)" if name in _LOWER_IS_BETTER else ""
        values = [figures["detector"], *(other["figures"] for other in others.values())]
        rows.append([title + lower, *(figure(value[name]) for value in values)])
    lines = [
        "## Figures",
        "",
        "With 95 % bootstrap intervals over covers; of a figure of exactly 1 the interval is too "
        "narrow, as resamples hold no other covers. The score judged is a cover's highest, as the "
        "probability that it carries a label.",
        "",
        *table(["", "detector", *others], rows),
    ]
    if others:
        lines += [
            "Differences, detector less the other, each at its own threshold, from a paired "
            "bootstrap; * where 0 lies outside:",
            "",
            *table(
                ["", *others],
                [
                    [title, *(difference(other["difference"][name]) for other in others.values())]
                    for name, title in METRICS.items()
                ],
            ),
        ]
    return lines


def _widths(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(width_class(*row["widths"]), row) for row in rows]


def _variants(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(row["variant"].replace("_", " ") or "not said", row) for row in rows]


def _parts(
    title: str, what: str, rows: list[tuple[str, dict[str, Any]]], *, whole: bool = True
) -> list[str]:
    """A table of parts; without ``whole``, of covers that all carry the label, only recalls."""
    if not rows:
        return []
    header = [what, "covers", "labels", "found", "recall"]
    header += ["false", "precision", "AP50"] if whole else []
    return [
        f"## {title}",
        "",
        *table(
            header,
            [
                [
                    name, *(str(row[k]) for k in ("covers", "labels", "found")),
                    figure(row["recall"]),
                    *([str(row["false"]), figure(row["precision"]), figure(row["ap50"])]
                      if whole else []),
                ]
                for name, row in rows
            ],
        ),
    ]  # fmt: skip


def _false(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "## False labels",
        "",
        "On covers without a label, with the exact 95 % interval of a Poisson count. On covers "
        "that nobody marked some finds may be real labels: look at them.",
        "",
        *table(
            ["covers", "number", "finds", "per 1000 covers"],
            [
                [row["on"], str(row["covers"]), str(row["false"]), figure(row["per_thousand"], 2)]
                for row in rows
            ],
        ),
    ]


def _says(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        "## How much the label alone tells",
        "",
        "A classifier that says the genre where there is a label and another where there is none. "
        "`for the catalogue`: each marked cover counts for as many covers as its genre has in the "
        "whole catalogue for each marked one.",
        "",
        *table(
            ["label: genre", "covers", "label seen by", "number", "with label", "precision",
             "recall", "share of the genre"],
            [
                [
                    row["genre"], row["on"], row["by"], str(row["covers"]), str(row["labelled"]),
                    figure(row["precision"]), figure(row["recall"]), figure(row["share"]),
                ]
                for row in rows
            ],
        ),
    ]  # fmt: skip
