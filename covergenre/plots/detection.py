"""How well labels are found: at every threshold, and labels of every width."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from covergenre.detector.average_precision import Curve
from covergenre.plots.style import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    NORMAL,
    ORANGE,
    SMALL,
    canvas,
    tidy,
    with_interval,
)


def precision_recall(curve: Curve, figures: dict[str, Any], threshold: float) -> Figure:
    """Precision against recall, and what the threshold that is used gives.

    Args:
        curve: at least one detection, of covers with at least one label.
        figures: ``precision``, ``recall`` and ``ap50`` as value and interval.
        threshold: 0-1.
    """
    figure = canvas(5.4, 4.8, "Labels found, and how many of the finds are right")
    axes = figure.subplots()
    recall, precision = np.append(0.0, curve.recall), np.append(1.0, curve.precision)
    axes.plot(recall, precision, color=BLUE, linewidth=1.8)
    here = figures["recall"]["value"], figures["precision"]["value"]
    if not np.isnan(here).any():
        axes.plot(figures["recall"]["interval"], [here[1]] * 2, color=ORANGE, linewidth=1.6)
        axes.plot([here[0]] * 2, figures["precision"]["interval"], color=ORANGE, linewidth=1.6)
        axes.plot(*here, "D", color=ORANGE, markersize=6, zorder=3)
        axes.annotate(
            f"threshold {threshold:.3f}:\nrecall {here[0]:.3f}, precision {here[1]:.3f}",
            here, xytext=(-10, -12), textcoords="offset points", va="top", ha="right",
            fontsize=SMALL, color=INK,
        )  # fmt: skip
    # Where all that matters is in a corner, the corner.
    least = 0.6 if min(here) >= 0.8 else 0.0
    axes.set(xlim=(least, 1.005), ylim=(least, 1.005))
    tidy(axes, "recall: share of the labels found", "precision: share of the finds that are labels")
    note = f"AP50 {with_interval(figures['ap50'])}; a find overlaps its label by half (IoU)"
    axes.set_title(note, fontsize=SMALL, color=INK, loc="left")
    return figure


def recall_by_width(rows: list[dict[str, Any]]) -> Figure:
    """Recall of each class of widths with its 95 % interval, above how many labels it has.

    Args:
        rows: ``widths`` (least width and the width not reached, as parts of the cover's),
            ``labels``, ``found`` and ``recall`` as value and interval.
    """
    figure = canvas(5.4, 4.8, "Labels found, by their width")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.4))
    for place, row in enumerate(rows):
        if row["labels"] == 0:
            continue
        low, high = row["recall"]["interval"]
        value = row["recall"]["value"]
        upper.plot([place] * 2, [low, high], color=BLUE, linewidth=1.6, alpha=0.5)
        upper.plot(place, value, "o", color=BLUE, markersize=6)
        upper.annotate(
            f"{value:.3f}", (place, value), xytext=(7, 0), textcoords="offset points",
            fontsize=SMALL, color=INK, va="center",
        )  # fmt: skip
    upper.set_ylim(0, 1.03)
    tidy(upper, y="recall, 95 % interval")
    upper.grid(axis="x", color=LIGHT, linewidth=0)
    places = range(len(rows))
    found = [row["found"] for row in rows]
    missed = [row["labels"] - row["found"] for row in rows]
    lower.bar(places, found, color=BLUE, width=0.6, label="found")
    lower.bar(places, missed, bottom=found, color=ORANGE, width=0.6, label="missed", hatch="//")
    lower.legend(fontsize=SMALL, frameon=False, labelcolor=INK, ncols=2)
    lower.set_ylim(0, 1.45 * max(1, *(row["labels"] for row in rows)))
    lower.set_xticks(places, [width_class(*row["widths"]) for row in rows])
    lower.set_xlim(-0.5, len(rows) - 0.5)
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    tidy(lower, "width of the label, of the cover's", "labels")
    lower.grid(axis="x", color=LIGHT, linewidth=0)
    lower.tick_params(axis="x", labelsize=NORMAL, color=GREY)
    return figure


def width_class(least: float, end: float | None) -> str:
    """Widths in words: ``8-12 %``; ``end`` is None, or infinite, for the widest."""
    if end is None or np.isinf(end):
        return f"from {least * 100:g} %"
    return f"below {end * 100:g} %" if least == 0 else f"{least * 100:g}\u2013{end * 100:g} %"
