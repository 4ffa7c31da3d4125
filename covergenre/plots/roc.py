"""ROC curves, one genre against the rest."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from covergenre.evaluation.statistics import Labels, Probabilities
from covergenre.plots.style import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    NORMAL,
    SMALL,
    canvas,
    grid,
    with_interval,
)

_PANEL = 2.3
_TICKS = (0, 0.5, 1)


def roc_curves(
    truth: Labels, probabilities: Probabilities, per_genre: list[dict[str, Any]]
) -> Figure:
    """One panel a genre: its curve, the others behind it.

    Args:
        truth: int64 (n,).
        probabilities: float64 (n, genres).
        per_genre: as :func:`covergenre.evaluation.evaluate` gives it.
    """
    judged = [k for k, row in enumerate(per_genre) if 0 < row["covers"] < len(truth)]
    curves = {k: roc_curve(truth == k, probabilities[:, k])[:2] for k in judged}
    rows, columns = grid(len(per_genre))
    figure = canvas(
        max(columns * _PANEL, 5.5), rows * _PANEL + 0.7, "ROC curves, each genre against the rest"
    )
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(per_genre) :]:
        panel.set_visible(False)
    for k, (panel, row) in enumerate(zip(panels.flat, per_genre, strict=False)):
        panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.7, linestyle=":")
        for other, (x, y) in curves.items():
            if other != k:
                panel.plot(x, y, color=LIGHT, linewidth=0.8)
        note = f"{row['covers']} covers"
        if k in curves:
            panel.plot(*curves[k], color=BLUE, linewidth=1.8)
            note = f"AUC {with_interval(row['auc'])}\n{note}"
        panel.text(0.97, 0.05, note, ha="right", fontsize=SMALL, color=INK)
        panel.set_title(row["genre"], fontsize=NORMAL, color=INK, loc="left")
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        panel.set_xticks(_TICKS, map(str, _TICKS))
        panel.set_yticks(_TICKS, map(str, _TICKS))
        panel.set_aspect("equal")
        panel.spines[["top", "right"]].set_visible(False)
        # The lowest panel of each column carries the numbers.
        panel.tick_params(labelsize=SMALL, color=GREY, labelbottom=k + columns >= len(per_genre))
    figure.supxlabel("share of other covers taken for it", fontsize=NORMAL, color=INK)
    figure.supylabel("share of its covers found", fontsize=NORMAL, color=INK)
    return figure
