"""How good a classifier is, on covers it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]
Metric = Callable[[Labels, Probabilities], float]
CALIBRATION_BINS = 10
BOOTSTRAP_SAMPLES = 1000


def accuracy(truth: Labels, probabilities: Probabilities) -> float:
    """Share of covers whose most probable genre is theirs."""
    return float(accuracy_score(truth, probabilities.argmax(axis=1)))


def macro_auc(truth: Labels, probabilities: Probabilities) -> float:
    """Mean over genres of the area under the one-vs-rest ROC curve, on probabilities.

    Genres without a cover are left out (their curve is not defined); NaN if fewer than two occur.
    """
    present = np.unique(truth)
    if len(present) < 2:
        return float("nan")
    areas = [roc_auc_score(truth == k, probabilities[:, k]) for k in present]
    return float(np.mean(areas))


def expected_calibration_error(truth: Labels, probabilities: Probabilities) -> float:
    """Mean gap of confidence and accuracy over ten equal-width bins, weighted by covers.

    M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning" (AAAI 2015); C. Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
    Not debiased: small samples read too high.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(confidence[bins == b].sum() - correct[bins == b].sum()) for b in np.unique(bins)]
    return float(np.sum(gaps) / len(truth))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_auc": macro_auc,
    "ece": expected_calibration_error,
}


def evaluate(
    truth: Labels, probabilities: Probabilities, labels: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Every figure about one model on one set of covers.

    Args:
        truth: int64 (n,), index into ``labels``.
        probabilities: float64 (n, len(labels)), rows sum to 1.
        labels: genres.
        seed: of the bootstrap.

    Returns:
        ``covers``; ``accuracy``, ``macro_auc`` and ``ece`` with their 95 % ``interval`` by
        percentile bootstrap over covers (B. Efron, R. Tibshirani, 1993); ``nll``; macro
        ``precision``, ``recall``, ``f1``; ``per_genre``; ``confusion`` (rows are the truth).

    Raises:
        ValueError: nothing to evaluate.
    """
    if len(truth) == 0:
        raise ValueError("no covers to evaluate on")
    truth = np.asarray(truth, np.int64)
    probabilities = np.asarray(probabilities, np.float64)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    every = list(range(len(labels)))
    each: dict[str, Any] = {"labels": every, "average": None, "zero_division": 0.0}
    per_genre = zip(
        labels,
        precision_score(truth, predicted, **each),
        recall_score(truth, predicted, **each),
        f1_score(truth, predicted, **each),
        np.bincount(truth, minlength=len(labels)),
        strict=True,
    )
    rows: list[dict[str, Any]] = [
        {
            "genre": genre,
            "precision": float(p),
            "recall": float(r),
            "f1": float(f),
            "covers": int(n),
        }
        for genre, p, r, f, n in per_genre
    ]
    samples = np.random.default_rng(seed).integers(len(truth), size=(BOOTSTRAP_SAMPLES, len(truth)))
    return {
        "covers": len(truth),
        **{
            name: {"value": metric(truth, probabilities),
                   "interval": _interval(metric, truth, probabilities, samples)}
            for name, metric in METRICS.items()
        },
        "nll": float(log_loss(truth, probabilities, labels=every)),
        **{k: float(np.mean([row[k] for row in rows])) for k in ("precision", "recall", "f1")},
        "per_genre": rows,
        "confusion": confusion_matrix(truth, predicted, labels=every).tolist(),
    }  # fmt: skip


def _interval(
    metric: Metric,
    truth: Labels,
    probabilities: Probabilities,
    samples: npt.NDArray[np.int64],
) -> list[float]:
    values = [metric(truth[rows], probabilities[rows]) for rows in samples]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return [float(low), float(high)]
