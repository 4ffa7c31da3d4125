"""Whether confidences mean what they say, and what abstaining on low ones brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.stats import binomtest

from covergenre.evaluation import CALIBRATION_BINS, calibration_bin
from covergenre.evaluation.statistics import Floats
from covergenre.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SMALL,
    canvas,
    tidy,
    with_interval,
)


def reliability(
    confidence: Floats,
    correct: npt.NDArray[np.bool_],
    figures: dict[str, Any],
    *,
    title: str = "Do confidences mean what they say?",
    share: str = "accuracy",
    probability: str = "confidence: probability of the predicted genre",
) -> Figure:
    """Accuracy against confidence in ten bins (A. Niculescu-Mizil, R. Caruana, "Predicting good
    probabilities with supervised learning", 2005), with Wilson's 95 % intervals, above how many
    covers each bin holds.

    Args:
        confidence: (n,), 0 to 1.
        correct: (n,).
        figures: ``ece`` and ``ece_debiased`` as :func:`covergenre.evaluation.evaluate` gives them.
        title: of the figure.
        share, probability: what is correct, and what the confidence is.
    """
    figure = canvas(5.2, 5.6, title)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    bins = calibration_bin(confidence)
    for k in np.unique(bins):
        of_bin = bins == k
        hits, covers = int(correct[of_bin].sum()), int(of_bin.sum())
        low, high = binomtest(hits, covers).proportion_ci(method="wilson")
        x, y = float(confidence[of_bin].mean()), hits / covers
        upper.plot([x, x], [low, high], color=BLUE, linewidth=1.6, alpha=0.55)
        upper.plot([x, x], [x, y], color=ORANGE, linewidth=1.2)
        upper.plot(x, y, "o", color=BLUE, markersize=5.5)
    upper.text(0.03, 0.97, "less sure than right", fontsize=SMALL, color=GREY, va="top")
    upper.text(0.97, 0.03, "surer than right", fontsize=SMALL, color=GREY, ha="right")
    upper.set(xlim=(0, 1), ylim=(0, 1))
    tidy(upper, y=share)
    note = (
        f"calibration error, debiased {figures['ece_debiased']['value']:.3f}, "
        f"as it is {figures['ece']['value']:.3f}; bars: 95 %; orange: the gap"
    )
    upper.set_title(note, fontsize=SMALL, color=INK, loc="left")
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    lower.hist(confidence, bins=edges.tolist(), color=BLUE, rwidth=0.9)
    tidy(lower, probability, "covers")
    return figure


def risk_and_coverage(curve: dict[str, Any], abstention: dict[str, Any] | None) -> Figure:
    """The share of errors among the covers kept, from keeping few to keeping all.

    Args:
        curve: as :func:`covergenre.evaluation.risk_coverage` gives it.
        abstention: ``threshold``, ``target_accuracy``, and ``coverage`` and ``accuracy`` on these
            covers; None for a model that never abstains.
    """
    figure = canvas(5.6, 4.4, "Errors among the covers it does not abstain on")
    axes = figure.subplots()
    axes.fill_between(curve["coverage"], curve["low"], curve["high"], color=BLUE, alpha=0.18, lw=0)
    axes.plot(curve["coverage"], curve["risk"], color=BLUE, linewidth=1.8)
    axes.axhline(curve["risk"][-1], color=GREY, linewidth=0.8, linestyle=":")
    axes.text(0.01, curve["risk"][-1], " abstaining at random", fontsize=SMALL, color=GREY,
              va="bottom")  # fmt: skip
    top = max(0.05, 1.15 * max(curve["risk"][-1], *curve["risk"][3:]))
    if abstention is not None:
        asked = 1 - abstention["target_accuracy"]
        top = max(top, 1.1 * asked)
        axes.axhline(asked, color=ORANGE, linewidth=0.8, linestyle="--", zorder=1)
        axes.text(1, asked, "asked for ", fontsize=SMALL, color=GREY, ha="right", va="bottom")
        coverage = abstention["coverage"]["value"]
        if coverage > 0:
            risk = 1 - abstention["accuracy"]["value"]
            axes.plot(coverage, risk, "D", color=ORANGE, markersize=7, zorder=3)
            axes.annotate(
                f"threshold {abstention['threshold']:.2f}:\nkeeps {coverage:.0%}, "
                f"{1 - risk:.0%} of them right",
                (coverage, risk),
                xytext=(10, -8),
                textcoords="offset points",
                va="top",
                fontsize=SMALL,
                color=INK,
            )
    axes.set(xlim=(0, 1), ylim=(0, min(top, 1.02)))
    tidy(axes, "coverage: share of covers kept, the most confident first", "errors among them")
    note = f"area under the curve {with_interval(curve['area'])}; band: 95 %"
    axes.set_title(note, fontsize=SMALL, color=INK, loc="left")
    return figure
