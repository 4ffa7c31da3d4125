"""What a detector's scores mean, and from which score on there is a label."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from covergenre.calibration import Platt
from covergenre.detector.boxes import Detections
from covergenre.detector.threshold import choose_threshold, fit_platt
from covergenre.errors import TrainingDataError

LABEL = (0.8, 0.9, 0.95, 0.98)
ELSEWHERE = (0.1, 0.1, 0.3, 0.2)
NONE = np.zeros((0, 4), np.float32)
ONE = np.array([LABEL], np.float32)


def detections(*said: tuple[tuple[float, ...], float]) -> Detections:
    """Of boxes and scores, the highest first."""
    boxes = np.array([box for box, _ in said], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in said], np.float32)
    return Detections(boxes, scores, np.zeros(len(said), np.int32))


def test_platt_finds_the_sigmoid_that_labels_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    logits = rng.uniform(-6, 6, 40_000)
    labelled = rng.random(40_000) < expit(0.5 * logits - 1)
    fitted = fit_platt(expit(logits).astype(np.float32), labelled)
    assert fitted.scale == pytest.approx(0.5, abs=0.02)
    assert fitted.bias == pytest.approx(-1, abs=0.05)


def test_platt_stays_short_of_certainty_where_scores_tell_labels_apart() -> None:
    scores = np.array([0.01] * 8 + [0.9] * 3, np.float32)
    fitted = fit_platt(scores, np.arange(11) >= 8)
    # Platt's targets: (3 + 1) / (3 + 2) of those with a label, 1 / (8 + 2) of those without.
    assert fitted.apply(scores[[0, 10]]) == pytest.approx([0.1, 0.8], abs=1e-3)


def test_platt_takes_scores_of_zero_and_one() -> None:
    fitted = fit_platt(np.array([0, 0, 0.5, 1, 1], np.float32), np.array([0, 0, 1, 1, 1], bool))
    assert np.isfinite([fitted.scale, fitted.bias]).all()


@pytest.mark.parametrize(
    ("scores", "labelled", "says"),
    [
        ([0.1, 0.2], [False, False], "0 validation covers with a label and 2 without"),
        ([0.1, 0.2], [True, True], "2 validation covers with a label and 0 without"),
        ([0.9, 0.9, 0.1, 0.1], [False, False, True, True], "has learnt nothing"),
    ],
)
def test_scores_that_cannot_be_calibrated(
    scores: list[float], labelled: list[bool], says: str
) -> None:
    with pytest.raises(TrainingDataError, match=says):
        fit_platt(np.array(scores, np.float32), np.array(labelled))


# Four composed pictures, then real covers without a label.
TRUTH = [ONE, ONE, ONE, ONE, NONE, NONE]
FOUND = [
    detections((LABEL, 0.9)),
    detections((LABEL, 0.8)),
    detections((LABEL, 0.5), (ELSEWHERE, 0.2)),
    detections((LABEL, 0.1)),
    detections((ELSEWHERE, 0.3)),
    detections(),
]
BARE = np.array([False] * 4 + [True] * 2)


@pytest.mark.parametrize(
    ("precision", "false_per_thousand", "threshold", "recall", "false"),
    [
        # 3 of 3 right down to 0.5; the next lower detection, of 0.3, is wrong.
        (0.98, 1000, 0.4, 0.75, 0),
        # 3 of 4 right down to 0.3; 0.2 makes it 3 of 5.
        (0.75, 1000, 0.25, 0.75, 500),
        # 4 of 6 in all.
        (0.6, 1000, 0.05, 1, 500),
        # One false label on two covers is more than 499 on 1000, however low the precision.
        (0.1, 499, 0.4, 0.75, 0),
        (0.1, 500, 0.05, 1, 500),
    ],
)
def test_the_lowest_threshold_that_keeps_both_promises(
    precision: float, false_per_thousand: float, threshold: float, recall: float, false: float
) -> None:
    choice = choose_threshold(TRUTH, FOUND, BARE, precision, false_per_thousand)
    assert choice.met
    assert choice.threshold == pytest.approx(threshold)
    assert (choice.recall, choice.false_per_thousand) == (recall, false)
    assert choice.precision >= precision


def test_a_false_label_on_a_composed_picture_counts_against_precision_alone() -> None:
    found = [detections((LABEL, 0.9), (ELSEWHERE, 0.8)), detections()]
    truth, bare = [ONE, NONE], np.array([False, True])
    choice = choose_threshold(truth, found, bare, 0.5, 0)
    assert (choice.threshold, choice.precision) == (pytest.approx(0.4), 0.5)
    assert choose_threshold(truth, found, bare, 0.51, 0).threshold == pytest.approx(0.85)


def test_no_threshold_keeps_what_nothing_reaches() -> None:
    found = [detections((ELSEWHERE, 0.9), (LABEL, 0.8)), detections()]
    choice = choose_threshold([ONE, NONE], found, np.array([False, True]), 0.98, 1)
    assert not choice.met
    assert (choice.threshold, choice.precision, choice.recall) == (1, 1, 0)


def test_false_labels_need_real_covers_to_be_counted_on() -> None:
    with pytest.raises(TrainingDataError, match="no real validation cover without a label"):
        choose_threshold([ONE], [detections((LABEL, 0.9))], np.array([False]), 0.98, 1)


def test_the_order_of_detections_stays_under_calibration() -> None:
    scores = np.array([0.02, 0.3, 0.31, 0.98], np.float32)
    assert (np.diff(Platt(0.4, -2).apply(scores)) > 0).all()
