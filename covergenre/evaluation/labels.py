"""How well labels are found, with 95 % intervals by resampling covers.

What a right detection and an average precision are: :mod:`covergenre.detector.average_precision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from covergenre.detector.average_precision import OVERLAPS, RECALLS, judge
from covergenre.detector.boxes import Boxes, Detections
from covergenre.evaluation.bootstrap import difference, figure, resamples
from covergenre.evaluation.statistics import Floats, Weights, calibration_errors

WIDTHS = (0.0, 0.08, 0.12, 0.18, np.inf)
"""Edges of the classes of a label's width, as parts of the cover's."""

METRICS = {
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "ap50": "AP50",
    "ap50_95": "AP50-95",
    "ece_debiased": "calibration error of the score, debiased",
    "ece": "calibration error of the score, as it is",
}
"""Every figure about labels on marked covers, and its title."""

_SAMPLES = 1000


class Ranked:
    """Detections against the labels of the same covers, the most probable first.

    Args:
        truth, found, overlap, widths: as :func:`covergenre.detector.average_precision.judge` has
            them; n covers.
    """

    def __init__(
        self,
        truth: Sequence[Boxes],
        found: Sequence[Detections],
        overlap: float = 0.5,
        widths: tuple[float, float] = (0.0, np.inf),
    ) -> None:
        judged = [
            judge([boxes], [detections], overlap, widths)
            for boxes, detections in zip(truth, found, strict=True)
        ]
        scores = np.concatenate([one.scores for one in judged])
        order = np.argsort(-scores, kind="stable")
        self._scores = scores[order]
        self._right = np.concatenate([one.right for one in judged])[order].astype(np.float64)
        self._cover = np.repeat(np.arange(len(judged)), [len(one.scores) for one in judged])[order]
        self._labels = np.array([one.labels for one in judged], np.float64)

    def counts(self, threshold: float) -> Floats:
        """float64 (n, 3): each cover's labels, right and false detections of this score or more."""
        kept = self._scores >= threshold
        covers, right = self._cover[kept], self._right[kept]
        return np.stack(
            [
                self._labels,
                np.bincount(covers, right, minlength=len(self._labels)),
                np.bincount(covers, 1 - right, minlength=len(self._labels)),
            ],
            axis=1,
        )

    def average_precision(self, weights: Weights) -> Floats:
        """COCO's average precision, for every row of weights.

        Args:
            weights: float64 (samples, n), how often each cover counts.

        Returns:
            (samples,); NaN where no label counts.
        """
        # What is less probable than the last right one decides nothing.
        end = int(np.flatnonzero(self._right)[-1]) + 1 if self._right.any() else 0
        labels = weights @ self._labels
        values = [
            self._area(row[self._cover[:end]], sum_)
            for row, sum_ in zip(weights, labels, strict=True)
        ]
        return np.where(labels > 0, values, np.nan)

    def _area(self, weight: Floats, labels: float) -> float:
        right = np.cumsum(weight * self._right[: len(weight)])
        precision = right / np.maximum(np.cumsum(weight), 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(right / max(labels, 1), RECALLS - 1e-12)
        return float(np.append(envelope, 0.0)[places].mean())


def spread(
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    threshold: float,
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> dict[str, Floats]:
    """Every figure of one detector on covers, and on resamples of these.

    Args:
        truth: float (m, 4) a cover, its labels, xmin, ymin, xmax, ymax in 0-1.
        found: the same covers' detections, the most probable first.
        threshold: detections of this score or more count.
        samples, seed: of the bootstrap.

    Returns:
        float64 (1 + samples,) for each of :data:`METRICS`, the covers themselves first; NaN where
        it is not defined: the precision where nothing is found. A cover's score, for calibration,
        is its highest (0 without any), and is to be the probability that it carries a label.

    Raises:
        ValueError: no covers.
    """
    if len(truth) == 0:
        raise ValueError("no covers to evaluate on")
    ranked = {overlap: Ranked(truth, found, overlap) for overlap in OVERLAPS}
    counts = ranked[OVERLAPS[0]].counts(threshold)
    score, labelled = highest(found), np.array([len(boxes) > 0 for boxes in truth])

    def figures(weights: Weights) -> dict[str, Floats]:
        areas = [ranked[overlap].average_precision(weights) for overlap in OVERLAPS]
        return {
            **_shares(weights @ counts),
            "ap50": areas[0],
            "ap50_95": np.mean(areas, axis=0),
            **calibration_errors(weights, score, labelled),
        }

    drawn = [np.ones((1, len(truth))), *resamples(len(truth), samples, seed)]
    parts = [figures(weights) for weights in drawn]
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def with_intervals(values: dict[str, Floats]) -> dict[str, Any]:
    """What :func:`spread` gives as ``value`` and 95 % ``interval`` (see
    :func:`covergenre.evaluation.evaluate`) for each name."""
    return {name: figure(name, line[0], line[1:]) for name, line in values.items()}


def differences(first: dict[str, Floats], second: dict[str, Floats]) -> dict[str, Any]:
    """How much two detectors differ on the same covers: a paired bootstrap.

    Args:
        first, second: as :func:`spread` gives them for the same covers, samples and seed.

    Returns:
        As :func:`covergenre.evaluation.compare`.
    """
    return {
        name: difference(
            float(first[name][0]), float(second[name][0]), first[name][1:] - second[name][1:]
        )
        for name in METRICS
    }


def part(
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    threshold: float,
    widths: tuple[float, float] = (0.0, np.inf),
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Labels of one kind: some of the covers, or some widths.

    Args:
        truth, found, threshold, samples, seed: as for :func:`spread`.
        widths: as for :func:`covergenre.detector.average_precision.judge`.

    Returns:
        ``covers``, ``labels``, ``found`` and ``false`` detections at the threshold; ``precision``,
        ``recall`` and ``ap50`` as value and interval.
    """
    ranked = Ranked(truth, found, widths=widths)
    counts = ranked.counts(threshold)
    parts = [
        {**_shares(weights @ counts), "ap50": ranked.average_precision(weights)}
        for weights in (np.ones((1, len(truth))), *resamples(len(truth), samples, seed))
    ]
    labels, right, false = counts.sum(axis=0).astype(int).tolist()
    return {
        "covers": len(truth),
        "labels": labels,
        "found": right,
        "false": false,
        **with_intervals({k: np.concatenate([p[k] for p in parts]) for k in parts[0]}),
    }


def false_labels(found: Sequence[Detections], threshold: float) -> dict[str, Any]:
    """Labels found on covers that carry none.

    Returns:
        ``covers``; ``false``, the detections of the threshold's score or more; ``per_thousand``
        covers as value and interval: the exact one of a Poisson count (F. Garwood, "Fiducial limits
        for the Poisson distribution", 1936), as resampling says nothing of what has not occurred.
    """
    count = sum(int((detections.scores >= threshold).sum()) for detections in found)
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(0.975, 2 * count + 2)) / 2
    scale = 1000 / len(found) if len(found) else float("nan")
    return {
        "covers": len(found),
        "false": count,
        "per_thousand": {"value": count * scale, "interval": [low * scale, high * scale]},
    }


def label_says_genre(
    labelled: npt.NDArray[np.bool_],
    of_genre: npt.NDArray[np.bool_],
    counted: Floats | None = None,
    *,
    samples: int = _SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """How good a classifier "label: this genre, no label: another" would be.

    Args:
        labelled: bool (n,), whether the cover carries a label, or is said to.
        of_genre: bool (n,).
        counted: float64 (n,), how many covers of a catalogue each stands for; None for one.
        samples, seed: of the bootstrap.

    Returns:
        ``covers``, ``labelled`` and ``of_genre``, counts; ``precision``, ``recall``, and ``share``
        of the genre among the covers, as value and interval.
    """
    counted = np.ones(len(labelled)) if counted is None else counted
    columns = np.stack([of_genre, labelled, labelled & of_genre], axis=1) * counted[:, None]
    columns = np.column_stack([columns, counted])
    drawn = (np.ones((1, len(labelled))), *resamples(len(labelled), samples, seed))
    genre, label, both, every = np.concatenate([weights @ columns for weights in drawn]).T
    with np.errstate(invalid="ignore"):
        shares = {"precision": both / label, "recall": both / genre, "share": genre / every}
    return {
        "covers": len(labelled),
        "labelled": int(labelled.sum()),
        "of_genre": int(of_genre.sum()),
        **with_intervals(shares),
    }


def highest(found: Sequence[Detections]) -> Floats:
    """float64 (n,): the highest score of each cover, 0 without any."""
    return np.array([one.scores[0] if len(one) else 0.0 for one in found], np.float64)


def _shares(sums: Floats) -> dict[str, Floats]:
    """Precision and recall from sums of labels, right and false detections, (samples, 3)."""
    labels, right, false = sums.T
    with np.errstate(invalid="ignore"):
        return {"precision": right / (right + false), "recall": right / labels}
