"""Figures with 95 % intervals, by resampling covers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from covergenre.evaluation.statistics import Floats, Labels, Probabilities, Statistics, Weights

METRICS = {
    "accuracy": "accuracy",
    "precision": "macro precision",
    "recall": "macro recall",
    "f1": "macro F1",
    "macro_auc": "macro one-vs-rest ROC AUC",
    "nll": "negative log likelihood",
    "ece_debiased": "calibration error, debiased",
    "ece": "calibration error, as it is",
}
"""Every figure and its title. ``ece_debiased`` is the one to judge calibration by: ``ece`` reads
high on few covers, however right the confidences are."""

GENRE_METRICS = ("precision", "recall", "f1", "auc")
LOWER_IS_BETTER = ("nll", "ece_debiased", "ece")
_CALIBRATION = ("ece_debiased", "ece")
_SAMPLES = 1000
# Weights held at once: 16 MB of them, whatever the number of covers.
_CELLS = 2_000_000


def evaluate(
    truth: Labels,
    probabilities: Probabilities,
    labels: Sequence[str],
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Every figure about one model on one set of covers.

    Args:
        truth: int64 (n,), index into ``labels``.
        probabilities: float (n, len(labels)), rows sum to 1; made to, where float32 left them off.
        labels: genres.
        samples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        ``covers``; each of :data:`METRICS` as ``value`` and ``interval``; ``per_genre``, one dict
        a genre with ``covers`` and each of :data:`GENRE_METRICS` as value and interval;
        ``confusion``, counts, rows are the truth. A figure that is not defined is NaN: all about
        genres without a cover, which macro figures leave out; the AUC where one genre is all.

        Intervals are 95 % bootstrap intervals over covers (B. Efron, R. Tibshirani, "An
        introduction to the bootstrap", 1993): percentiles, but for the calibration errors the
        standard normal interval, cut at 0; a resample adds noise that only ever widens gaps, so
        their percentiles lie too high.

    Raises:
        ValueError: nothing to evaluate.
    """
    truth, probabilities = _checked(truth, probabilities)
    statistics = Statistics(truth, probabilities)
    value = statistics.figures(np.ones((1, len(truth))))
    drawn = [statistics.figures(weights) for weights in resamples(len(truth), samples, seed)]
    spread = {name: np.concatenate([figures[name] for figures in drawn]) for name in value}
    every = np.arange(len(labels))
    counts = np.bincount(truth, minlength=len(labels))
    return {
        "covers": len(truth),
        **{name: figure(name, value[name][0], spread[name]) for name in METRICS},
        "per_genre": [
            {
                "genre": genre,
                "covers": int(counts[k]),
                **{
                    name: figure(name, value[f"genre_{name}"][0, k], spread[f"genre_{name}"][:, k])
                    for name in GENRE_METRICS
                },
            }
            for k, genre in enumerate(labels)
        ],
        "confusion": confusion_matrix(truth, probabilities.argmax(axis=1), labels=every).tolist(),
    }


def compare(
    truth: Labels,
    first: Probabilities,
    second: Probabilities,
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """How much two models differ on the same covers: a paired bootstrap.

    Both are judged on the same resamples, so what makes a resample easy cancels out.

    Args:
        truth: int64 (n,), index of the genre.
        first, second: float (n, classes), rows sum to 1, genres in the same order.
        samples, seed: of the bootstrap.

    Returns:
        For each of :data:`METRICS` the values of the ``first`` and the ``second``, the
        ``difference`` first - second and its 95 % percentile ``interval``. It is ``significant``
        where 0 lies outside the interval.

    Raises:
        ValueError: nothing to evaluate, or not the same covers and genres.
    """
    if np.shape(first) != np.shape(second):
        raise ValueError(f"{np.shape(first)} and {np.shape(second)} are not the same covers")
    truth, first = _checked(truth, first)
    second = _checked(truth, second)[1]
    both = (Statistics(truth, first), Statistics(truth, second))
    ones = np.ones((1, len(truth)))
    values = [statistics.figures(ones) for statistics in both]
    drawn = [
        [statistics.figures(weights) for statistics in both]
        for weights in resamples(len(truth), samples, seed)
    ]
    found = {}
    for name in METRICS:
        one, other = (float(value[name][0]) for value in values)
        spread = np.concatenate([a[name] - b[name] for a, b in drawn])
        found[name] = difference(one, other, spread)
    return found


def accuracy_by(
    groups: Sequence[Any],
    truth: Labels,
    probabilities: Probabilities,
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Accuracy and mean confidence of parts of the covers, e.g. of each year.

    Args:
        groups: one a cover; None is a group of its own and comes last.
        truth: int64 (n,).
        probabilities: float (n, classes).
        samples, seed: of the bootstrap.

    Returns:
        One dict a group, in order: ``group``, ``covers``, ``accuracy`` and ``mean_confidence`` as
        value and 95 % percentile interval.
    """
    truth, probabilities = _checked(truth, probabilities)
    names = sorted({g for g in groups if g is not None}) + [None] * (None in groups)
    index = {name: k for k, name in enumerate(names)}
    member = np.eye(len(names))[[index[g] for g in groups]]
    correct = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    columns = [member, member * correct[:, None], member * probabilities.max(axis=1)[:, None]]
    stacked = np.hstack(columns)
    sums = [stacked.sum(axis=0, keepdims=True)]
    sums += [weights @ stacked for weights in resamples(len(truth), samples, seed)]
    covers, hits, confidence = np.split(np.concatenate(sums), 3, axis=1)
    with np.errstate(invalid="ignore"):  # a resample without a cover of a group counts for nothing
        shares = {"accuracy": hits / covers, "mean_confidence": confidence / covers}
    return [
        {
            "group": name,
            "covers": int(covers[0, k]),
            **{what: figure(what, share[0, k], share[1:, k]) for what, share in shares.items()},
        }
        for k, name in enumerate(names)
    ]


def resamples(covers: int, samples: int, seed: int) -> Iterator[Weights]:
    """How often each cover is drawn in each resample: float64 (some samples, covers) at a time."""
    random = np.random.default_rng(seed)
    at_once = max(1, _CELLS // covers)
    for start in range(0, samples, at_once):
        count = min(at_once, samples - start)
        drawn = random.integers(covers, size=(count, covers))
        weights = [np.bincount(row, minlength=covers) for row in drawn]
        yield np.stack(weights).astype(np.float64)


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of the values that are defined; NaN if none is."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return math.nan, math.nan
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def figure(name: str, value: float, spread: Floats) -> dict[str, Any]:
    """One figure as ``value`` and ``interval``, from its values on resamples: see
    :func:`evaluate`."""
    low, high = interval(spread)
    if name in _CALIBRATION:
        reach = 1.96 * float(spread.std())
        low, high = max(0.0, float(value) - reach), float(value) + reach
    if math.isnan(value):
        low = high = math.nan
    return {"value": float(value), "interval": [low, high]}


def difference(first: float, second: float, spread: Floats) -> dict[str, Any]:
    """How much one figure of two models differs, from its differences on resamples: see
    :func:`compare`."""
    low, high = interval(spread)
    return {
        "first": first,
        "second": second,
        "difference": first - second,
        "interval": [low, high],
        "significant": low > 0 or high < 0,
    }


def _checked(truth: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Labels, Probabilities]:
    values, known = np.asarray(probabilities, np.float64), np.asarray(truth, np.int64)
    if len(known) == 0:
        raise ValueError("no covers to evaluate on")
    return known, values / values.sum(axis=1, keepdims=True)
