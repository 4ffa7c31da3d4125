"""How well labels are found, on covers whose labels are known.

A detection is right if it overlaps (IoU) a label by no less than a threshold and no more probable
detection has that label: M. Everingham et al., "The PASCAL Visual Object Classes Challenge" (IJCV
2010), section 4.2. The average precision is COCO's: precision, made never to rise with recall,
averaged at 101 recalls (T.-Y. Lin et al., "Microsoft COCO", ECCV 2014; pycocotools).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from covergenre.detector.boxes import Boxes, Detections, iou

Floats = npt.NDArray[np.float64]
# COCO's: AP50-95 is the mean over these.
OVERLAPS = tuple(np.round(np.arange(0.5, 0.951, 0.05), 2).tolist())
RECALLS = np.linspace(0, 1, 101)
_RIGHT, _WRONG, _UNCOUNTED = 1, 0, -1


@dataclass(frozen=True)
class Judged:
    """Detections of many covers against the truth, the most probable first.

    Attributes:
        scores: float64 (d,).
        right: bool (d,).
        labels: there are.
        covers: looked at.
    """

    scores: Floats
    right: npt.NDArray[np.bool_]
    labels: int
    covers: int


@dataclass(frozen=True)
class Curve:
    """Precision and recall at every score that can be a threshold, the highest first.

    Attributes:
        thresholds, precision, recall: float64 (t,).
        false: int (t,), false detections at each.
    """

    thresholds: Floats
    precision: Floats
    recall: Floats
    false: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Point:
    """What one threshold gives.

    Attributes:
        threshold: detections of this score or more count.
        precision: 1 without a detection.
        recall: NaN without a label.
        false_per_thousand: false detections on 1000 covers.
    """

    threshold: float
    precision: float
    recall: float
    false_per_thousand: float


def judge(
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    overlap: float = 0.5,
    widths: tuple[float, float] = (0.0, np.inf),
) -> Judged:
    """Detections against the labels of the same covers.

    As in COCO a label may be had by a later detection if an earlier one overlapped another more,
    and labels of other widths, and detections on them, count neither way.

    Args:
        truth: float (m, 4) a cover, xmin, ymin, xmax, ymax in 0-1.
        found: the same covers' detections, of one class.
        overlap: least IoU of a right detection.
        widths: least width of the labels that count, and the width that they do not reach, as
            parts of the cover's; false detections count by their own width.
    """
    least, end = widths
    scores: list[npt.NDArray[np.float32]] = [np.zeros(0, np.float32)]
    outcomes: list[npt.NDArray[np.int8]] = [np.zeros(0, np.int8)]
    labels = 0
    for boxes, detections in zip(truth, found, strict=True):
        counted = _within(boxes, least, end)
        labels += int(counted.sum())
        outcome = _outcomes(boxes, counted, detections.boxes, overlap)
        outcome[(outcome == _WRONG) & ~_within(detections.boxes, least, end)] = _UNCOUNTED
        scores.append(detections.scores)
        outcomes.append(outcome)
    outcome, score = np.concatenate(outcomes), np.concatenate(scores).astype(np.float64)
    order = np.argsort(-score, kind="stable")
    order = order[outcome[order] != _UNCOUNTED]
    return Judged(score[order], outcome[order] == _RIGHT, labels, len(truth))


def _within(boxes: Boxes, least: float, end: float) -> npt.NDArray[np.bool_]:
    widths = boxes[:, 2] - boxes[:, 0]
    return np.asarray((widths >= least) & (widths < end))


def _outcomes(
    truth: Boxes, counted: npt.NDArray[np.bool_], boxes: Boxes, overlap: float
) -> npt.NDArray[np.int8]:
    """Of detections of one cover, the most probable first: right, wrong or uncounted."""
    outcomes = np.full(len(boxes), _WRONG, np.int8)
    free = np.ones(len(truth), bool)
    for index, overlaps in enumerate(iou(boxes, truth)):
        # Labels that count come first: one that does not is only had when no other can be.
        for group, outcome in ((counted, _RIGHT), (~counted, _UNCOUNTED)):
            choice = np.where(free & group & (overlaps >= overlap), overlaps, -1.0)
            if choice.max(initial=-1.0) >= 0:
                free[choice.argmax()] = False
                outcomes[index] = outcome
                break
    return outcomes


def curve(judged: Judged) -> Curve:
    """Precision and recall; equal scores are one threshold."""
    last = np.append(np.flatnonzero(np.diff(judged.scores)), len(judged.scores) - 1)
    last = last[last >= 0]
    right = np.cumsum(judged.right)[last]
    total = last + 1
    recall = right / judged.labels if judged.labels else np.full(len(last), np.nan)
    return Curve(judged.scores[last], right / total, recall, total - right)


def average_precision(judged: Judged) -> float:
    """COCO's average precision, 0-1; NaN without a label."""
    if judged.labels == 0:
        return float("nan")
    right = np.cumsum(judged.right)
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # A recall is a fraction of labels; one that is meant to be met must not be missed by rounding.
    places = np.searchsorted(right / judged.labels, RECALLS - 1e-12)
    return float(np.append(envelope, 0.0)[places].mean())


def average_precision_50_95(truth: Sequence[Boxes], found: Sequence[Detections]) -> float:
    """Mean of the average precisions at the ten overlaps of :data:`OVERLAPS`."""
    return float(np.mean([average_precision(judge(truth, found, o)) for o in OVERLAPS]))


def at_threshold(judged: Judged, threshold: float) -> Point:
    """What detections of this score or more are worth."""
    kept = judged.right[judged.scores >= threshold]
    right, false = int(kept.sum()), int((~kept).sum())
    return Point(
        threshold,
        right / len(kept) if len(kept) else 1.0,
        right / judged.labels if judged.labels else float("nan"),
        1000 * false / judged.covers if judged.covers else float("nan"),
    )


def at_precision(judged: Judged, least: float) -> Point | None:
    """The threshold of highest recall at no less than this precision; None if there is none.

    Of equal recalls the highest threshold, whose precision is the highest.
    """
    line = curve(judged)
    good = np.flatnonzero(line.precision >= least)
    if len(good) == 0:
        return None
    return at_threshold(judged, float(line.thresholds[good[line.recall[good].argmax()]]))


def by_width(
    truth: Sequence[Boxes], found: Sequence[Detections], edges: Sequence[float]
) -> dict[tuple[float, float], Judged]:
    """:func:`judge` at an overlap of 0.5 for labels between each two edges of width."""
    return {widths: judge(truth, found, 0.5, widths) for widths in pairwise(edges)}
