"""Figures of a classifier on covers, for many resamples of these covers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]

CALIBRATION_BINS = 10
_LEAST_PROBABILITY = 1e-15


def calibration_bin(confidence: Floats) -> npt.NDArray[np.int64]:
    """Index of the equal-width bin of each confidence, 0 to CALIBRATION_BINS - 1."""
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_errors(
    weights: Weights, confidence: Floats, correct: npt.NDArray[np.bool_]
) -> dict[str, Floats]:
    """How far confidences are from what they say, for every row of weights.

    Args:
        weights: float64 (samples, n), how often each cover counts.
        confidence: float64 (n,), 0-1.
        correct: bool (n,).

    Returns:
        (samples,) each.

        ``ece``: the gap between mean confidence and accuracy in ten bins of equal width, weighted
        by covers (M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities
        using Bayesian binning", AAAI 2015). Chance alone opens gaps: of 1,404 covers and perfect
        confidences it reads about 0.03.

        ``ece_debiased``: the same, each bin's gap less what chance adds to it, as A. Kumar,
        P. Liang, T. Ma, "Verified uncertainty calibration" (NeurIPS 2019) take it off in their
        library; the mean of a gap's absolute value under normal noise is known in closed form, so
        it needs no simulation. At least 0.
    """
    bins = np.eye(CALIBRATION_BINS)[calibration_bin(confidence)]
    gaps = weights @ (bins * (confidence - correct)[:, None])
    variances = weights @ (bins * (confidence * (1 - confidence))[:, None])
    covers = weights.sum(axis=1)
    return {
        "ece": np.abs(gaps).sum(axis=1) / covers,
        "ece_debiased": _debiased(gaps, variances) / covers,
    }


class Statistics:
    """Figures as functions of how often each cover is counted.

    A resample of the bootstrap counts some covers twice and others not at all. With the counts as
    weights, all figures of a thousand resamples are a few matrix products and cumulative sums;
    calling scikit-learn's functions on each resample gives the same numbers (the tests hold them
    against each other) in twenty times the time.

    Args:
        truth: int64 (n,), index of each cover's genre.
        probabilities: float64 (n, classes), rows sum to 1.
    """

    def __init__(self, truth: Labels, probabilities: Probabilities) -> None:
        covers, self.classes = probabilities.shape
        rows = np.arange(covers)
        predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        correct = predicted == truth
        losses = -np.log(np.maximum(probabilities[rows, truth], _LEAST_PROBABILITY))
        of_class = np.eye(self.classes)
        # One column a sum that figures are made of.
        parts = {
            "covers": np.ones((covers, 1)),
            "losses": losses[:, None],
            "truth": of_class[truth],
            "predicted": of_class[predicted],
            "hits": of_class[truth] * correct[:, None],
        }
        self._columns = np.hstack(list(parts.values()))
        ends = np.cumsum([part.shape[1] for part in parts.values()])
        starts = [0, *ends[:-1]]
        self._slices = {
            name: slice(start, end) for name, start, end in zip(parts, starts, ends, strict=True)
        }
        self._confidence, self._correct = confidence, correct
        self._ranked = [_Ranked(truth == k, probabilities[:, k]) for k in range(self.classes)]

    def figures(self, weights: Weights) -> dict[str, Floats]:
        """All figures, each for every row of weights.

        Args:
            weights: float64 (samples, n), how often each cover counts.

        Returns:
            (samples,) each: ``accuracy``; ``precision``, ``recall``, ``f1`` and ``macro_auc``, the
            plain means over the genres that occur of what :meth:`per_genre` gives; ``nll``, the
            mean negative log probability of the true genre (nats); ``ece`` and ``ece_debiased`` as
            :func:`calibration_errors` gives them. (samples, classes): ``genre_precision`` and so
            on.
        """
        sums = weights @ self._columns
        part = {name: sums[:, where] for name, where in self._slices.items()}
        covers = part["covers"][:, 0]
        genres = self._genre_figures(part, weights)
        occurs = part["truth"] > 0
        macro = {name: _mean_where(occurs, values) for name, values in genres.items()}
        return {
            "accuracy": part["hits"].sum(axis=1) / covers,
            "precision": macro["precision"],
            "recall": macro["recall"],
            "f1": macro["f1"],
            "macro_auc": macro["auc"],
            "nll": part["losses"][:, 0] / covers,
            **calibration_errors(weights, self._confidence, self._correct),
            **{f"genre_{name}": values for name, values in genres.items()},
        }

    def _genre_figures(self, part: dict[str, Floats], weights: Weights) -> dict[str, Floats]:
        truth, predicted, hits = part["truth"], part["predicted"], part["hits"]
        absent = np.where(truth > 0, 0.0, np.nan)  # NaN where a genre does not occur
        return {
            "precision": hits / np.maximum(predicted, 1) + absent,
            "recall": hits / np.maximum(truth, 1) + absent,
            "f1": 2 * hits / np.maximum(predicted + truth, 1) + absent,
            "auc": np.stack([ranked.area(weights) for ranked in self._ranked], axis=1),
        }


class _Ranked:
    """Covers in the order of one genre's probability."""

    def __init__(self, positive: npt.NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = scores[self._order]
        # Where each run of equal scores starts.
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._positive = positive[self._order].astype(np.float64)

    def area(self, weights: Weights) -> Floats:
        """Area under the ROC curve by ranks; ties count half (H. Mann, D. Whitney, 1947).

        Returns:
            (samples,); NaN where all covers or none are of the genre.
        """
        ordered = weights[:, self._order]
        every = np.add.reduceat(ordered, self._starts, axis=1)
        positive = np.add.reduceat(ordered * self._positive, self._starts, axis=1)
        negative = every - positive
        below = negative.cumsum(axis=1) - negative / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        with np.errstate(invalid="ignore"):
            area: Floats = (positive * below).sum(axis=1) / pairs
        return area


def _mean_where(chosen: npt.NDArray[np.bool_], values: Floats) -> Floats:
    known = chosen & ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return mean


def _debiased(gaps: Floats, variances: Floats) -> Floats:
    """Sum over bins of |gap|, less its bias, in covers.

    With d the gap and s its standard deviation if confidences were right, the bias is the mean of
    |N(d, s)| (folded normal) less |d|.
    """
    size, deviation = np.abs(gaps), np.sqrt(variances)
    ratio = np.divide(size, deviation, out=np.zeros_like(size), where=deviation > 0)
    density = np.exp(-(ratio**2) / 2) * np.sqrt(2 / np.pi)
    expected = deviation * density + size * (1 - 2 * ndtr(-ratio))
    expected = np.where(deviation > 0, expected, size)
    total: Floats = np.maximum((2 * size - expected).sum(axis=1), 0)
    return total
