"""Accuracy by year of release."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from covergenre.plots.style import BLUE, GREY, LIGHT, SMALL, canvas, tidy


def accuracy_by_year(rows: list[dict[str, Any]], overall: float) -> Figure:
    """Accuracy of each year with its 95 % interval, above how many covers the year has.

    Args:
        rows: as :func:`covergenre.evaluation.accuracy_by` gives them, with a year as ``group``;
            at least one.
        overall: accuracy on all covers.
    """
    years = [row["group"] for row in rows]
    width = min(max(0.28 * (max(years) - min(years) + 1), 5.0), 16.0)
    figure = canvas(width, 4.6, "Accuracy by year of release")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.axhline(overall, color=GREY, linewidth=0.8, linestyle=":")
    upper.annotate(
        f"all {overall:.2f}", (1, overall), xycoords=("axes fraction", "data"), xytext=(3, 0),
        textcoords="offset points", fontsize=SMALL, color=GREY, va="center",
    )  # fmt: skip
    for row in rows:
        low, high = row["accuracy"]["interval"]
        upper.plot([row["group"]] * 2, [low, high], color=BLUE, linewidth=1.6, alpha=0.5)
    values = [row["accuracy"]["value"] for row in rows]
    upper.plot(years, values, "o", color=BLUE, markersize=5)
    upper.set_ylim(-0.03, 1.03)
    tidy(upper, y="accuracy, 95 % interval")
    lower.bar(years, [row["covers"] for row in rows], color=BLUE, width=0.8)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    tidy(lower, "year of release", "covers")
    lower.grid(axis="x", color=LIGHT, linewidth=0)
    return figure
