"""What abstaining on the covers a classifier is least sure of would cost and bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.evaluation.bootstrap import interval, resamples
from covergenre.evaluation.statistics import Floats

_POINTS = 200


def at_threshold(
    confidence: Floats,
    correct: npt.NDArray[np.bool_],
    threshold: float,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Coverage and accuracy where covers below a threshold are abstained on.

    Args:
        confidence: (n,), 0 to 1.
        correct: (n,).
        threshold: 0 to 1.
        samples, seed: of the bootstrap.

    Returns:
        ``coverage``, the share of covers kept, and ``accuracy`` among these, each as value and
        95 % percentile interval; NaN where none is kept.
    """
    kept = confidence >= threshold
    columns = np.stack([kept, kept & correct], axis=1).astype(np.float64)
    sums = [columns.sum(axis=0, keepdims=True)]
    sums += [weights @ columns for weights in resamples(len(kept), samples, seed)]
    left, right = np.concatenate(sums).T
    with np.errstate(invalid="ignore"):
        shares = {"coverage": left / len(kept), "accuracy": right / left}
    return {
        name: {"value": float(share[0]), "interval": list(interval(share[1:]))}
        for name, share in shares.items()
    }


def risk_coverage(
    confidence: Floats, correct: npt.NDArray[np.bool_], *, samples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """The share of errors among the most confident covers, for each share of covers kept
    (R. El-Yaniv, Y. Wiener, "On the foundations of noise-free selective classification", 2010).

    Args:
        confidence: (n,), 0 to 1.
        correct: (n,).
        samples, seed: of the bootstrap.

    Returns:
        ``coverage``, ``risk``, ``low`` and ``high`` (95 % percentile interval of the risk), lists
        of one length; ``area`` under the curve as value and interval.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = (~correct[order]).astype(np.float64)
    count = len(order)
    points = np.unique(np.linspace(1, count, min(_POINTS, count)).astype(int))
    value = (wrong.cumsum() / np.arange(1, count + 1))[points - 1]
    drawn = []
    for weights in resamples(count, samples, seed):
        ordered = weights[:, order]
        kept, missed = ordered.cumsum(axis=1), (ordered * wrong).cumsum(axis=1)
        for left, errors in zip(kept, missed, strict=True):
            # Of a resample, too, the first so many covers.
            ends = np.searchsorted(left, points)
            drawn.append(errors[ends] / left[ends])
    spread = np.array(drawn)
    low, high = np.percentile(spread, [2.5, 97.5], axis=0)
    return {
        "coverage": (points / count).tolist(),
        "risk": value.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "area": {"value": float(value.mean()), "interval": list(interval(spread.mean(axis=1)))},
    }
