"""Average precision and its kin, against cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from covergenre.detector.average_precision import (
    Judged,
    at_precision,
    at_threshold,
    average_precision,
    average_precision_50_95,
    by_width,
    curve,
    judge,
)
from covergenre.detector.boxes import Boxes, Detections

NONE = np.zeros((0, 4), np.float32)


def boxes(*rows: list[float]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def found(*rows: list[float]) -> Detections:
    """Each row a box and its score."""
    values = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(values[:, :4], values[:, 4], np.zeros(len(values), np.int32))


def judged(right: list[int], labels: int, covers: int = 100) -> Judged:
    """One detection a tenth below the other."""
    scores = np.round(1 - np.arange(len(right)) / 10, 1)
    return Judged(scores, np.array(right, bool), labels, covers)


def test_right_are_those_on_a_label_that_none_before_had() -> None:
    truth = [boxes([0, 0, 0.4, 0.2], [0.5, 0.5, 0.9, 0.7]), NONE, boxes([0, 0, 0.2, 0.1])]
    said = [
        # The label itself, the label again, and half of the second: an overlap of a half.
        found([0, 0, 0.4, 0.2, 0.9], [0, 0, 0.38, 0.2, 0.8], [0.5, 0.5, 0.9, 0.6, 0.3]),
        found([0, 0, 0.1, 0.1, 0.85]),
        found([0.5, 0.5, 0.7, 0.6, 0.4]),
    ]
    outcome = judge(truth, said)
    np.testing.assert_allclose(outcome.scores, [0.9, 0.85, 0.8, 0.4, 0.3], rtol=1e-6)
    assert outcome.right.tolist() == [True, False, False, False, True]
    assert (outcome.labels, outcome.covers) == (3, 3)
    assert judge(truth, said, 0.6).right.tolist() == [True, False, False, False, False]


def test_a_detection_has_the_label_it_overlaps_most() -> None:
    truth = [boxes([0, 0, 0.2, 0.2], [0.02, 0, 0.22, 0.2])]
    said = [found([0.02, 0, 0.22, 0.2, 0.9], [0.02, 0, 0.22, 0.2, 0.8], [0.02, 0, 0.22, 0.2, 0.7])]
    # The second takes what is left, 0.18 of 0.22; nothing is left for the third.
    assert judge(truth, said).right.tolist() == [True, True, False]
    assert judge(truth, said, 0.9).right.tolist() == [True, False, False]


def test_average_precision_at_101_recalls() -> None:
    # Two labels: precision 1 up to recall 0.5 (51 recalls), then 2/3 up to 1 (50).
    assert average_precision(judged([1, 0, 1], 2)) == pytest.approx((51 + 50 * 2 / 3) / 101)
    # Precisions 0, 1/2, 2/3: the last is the envelope, up to a recall of 0.4 (41).
    assert average_precision(judged([0, 1, 1], 5)) == pytest.approx(41 * 2 / 3 / 101)
    assert average_precision(judged([1, 1, 1, 1], 4)) == 1
    assert average_precision(judged([0, 0], 3)) == 0
    assert average_precision(judged([], 3)) == 0
    assert math.isnan(average_precision(judged([0], 0)))


def test_recalls_that_are_just_met_count() -> None:
    # 0.29 * 100 is 28.999 in binary: 29 of 100 labels reach the recall 0.29, the 30th of 101.
    assert average_precision(judged([1] * 29, 100)) == pytest.approx(30 / 101)


def test_mean_over_overlaps() -> None:
    truth = [boxes([0, 0, 0.5, 0.5])]
    # An overlap of 0.72: right at 0.5, 0.55, 0.6, 0.65 and 0.7.
    assert average_precision_50_95(truth, [found([0, 0, 0.36, 0.5, 0.9])]) == pytest.approx(0.5)


def test_curve_takes_equal_scores_together() -> None:
    scores = np.array([0.9, 0.7, 0.7, 0.2])
    line = curve(Judged(scores, np.array([1, 1, 0, 0], bool), 4, 10))
    assert line.thresholds.tolist() == [0.9, 0.7, 0.2]
    assert line.recall.tolist() == [0.25, 0.5, 0.5]
    np.testing.assert_allclose(line.precision, [1, 2 / 3, 0.5])
    assert line.false.tolist() == [0, 1, 2]
    assert len(curve(judged([], 2)).thresholds) == 0


def test_points() -> None:
    outcome = judged([1, 1, 0, 1, 0, 0], 5, covers=200)
    point = at_threshold(outcome, 0.7)
    assert (point.precision, point.recall, point.false_per_thousand) == (0.75, 0.6, 5)
    assert at_threshold(outcome, 1.1).precision == 1
    assert at_threshold(outcome, 1.1).recall == 0
    best = at_precision(outcome, 0.7)
    assert best is not None
    assert (best.threshold, best.recall) == (0.7, 0.6)
    strict = at_precision(outcome, 0.9)
    assert strict is not None
    assert (strict.threshold, strict.recall) == (0.9, 0.4)
    assert at_precision(judged([0, 1], 1), 0.6) is None


def test_by_width() -> None:
    truth = [boxes([0, 0, 0.05, 0.03], [0.5, 0.5, 0.8, 0.7])]
    said = [
        found(
            [0.5, 0.5, 0.8, 0.7, 0.9],
            [0, 0, 0.05, 0.03, 0.8],
            [0.2, 0.2, 0.25, 0.23, 0.7],  # false, and small
            [0.2, 0.6, 0.5, 0.8, 0.6],  # false, and large
        )
    ]
    small, large = by_width(truth, said, [0, 0.12, 1.01]).values()
    np.testing.assert_allclose(small.scores, [0.8, 0.7], rtol=1e-6)
    assert small.right.tolist() == [True, False]
    np.testing.assert_allclose(large.scores, [0.9, 0.6], rtol=1e-6)
    assert large.right.tolist() == [True, False]
    assert small.labels == large.labels == 1


def test_what_finds_a_label_of_another_size_is_not_false() -> None:
    truth = [boxes([0, 0, 0.13, 0.08])]
    said = [found([0, 0, 0.11, 0.08, 0.9])]
    outcome = judge(truth, said, widths=(0, 0.12))
    assert (len(outcome.scores), outcome.labels) == (0, 0)
