"""Non-maximum suppression, against cases worked by hand."""

from __future__ import annotations

import numpy as np

from covergenre.detector.nms import Suppression, suppress

LEFT = [0.1, 0.1, 0.3, 0.2]
# Shares 0.15 of 0.25 with LEFT: an overlap of 0.6.
NEAR = [0.15, 0.1, 0.35, 0.2]
# Shares 0.1 of 0.3 with NEAR and 0.05 of 0.35 with LEFT.
FURTHER = [0.25, 0.1, 0.45, 0.2]
AWAY = [0.6, 0.6, 0.8, 0.7]


def kept(boxes: list[list[float]], scores: list[list[float]], **rule: float) -> list[list[float]]:
    """Rows of box, score and class."""
    given = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)
    found = suppress(*given, Suppression(**{"least_score": 0.1, **rule}))
    assert (found.boxes.dtype, found.scores.dtype, found.classes.dtype) == ("f4", "f4", "i4")
    rows = zip(found.boxes, found.scores, found.classes, strict=True)
    return [[round(float(x), 4) for x in (*box, score, kind)] for box, score, kind in rows]


def test_the_most_probable_of_those_that_overlap_stays() -> None:
    scores = [[0.5], [0.9], [0.6], [0.7]]
    found = kept([LEFT, NEAR, FURTHER, AWAY], scores)
    assert found == [[*NEAR, 0.9, 0], [*AWAY, 0.7, 0], [*FURTHER, 0.6, 0]]
    assert len(kept([LEFT, NEAR, FURTHER, AWAY], scores, overlap=0.65)) == 4
    assert kept([LEFT, NEAR, FURTHER, AWAY], scores, overlap=0.2) == [
        [*NEAR, 0.9, 0], [*AWAY, 0.7, 0]
    ]  # fmt: skip


def test_what_was_dropped_drops_nothing() -> None:
    # NEAR falls to LEFT; FURTHER, which overlaps NEAR alone, stays.
    found = kept([LEFT, NEAR, FURTHER], [[0.9], [0.8], [0.7]], overlap=0.3)
    assert found == [[*LEFT, 0.9, 0], [*FURTHER, 0.7, 0]]


def test_of_equals_the_first_stays() -> None:
    assert kept([NEAR, LEFT], [[0.5], [0.5]]) == [[*NEAR, 0.5, 0]]
    assert kept([LEFT, NEAR], [[0.5], [0.5]]) == [[*LEFT, 0.5, 0]]
    assert kept([AWAY, AWAY, LEFT], [[0.5], [0.5], [0.5]]) == [[*AWAY, 0.5, 0], [*LEFT, 0.5, 0]]


def test_classes_do_not_drop_one_another() -> None:
    found = kept([LEFT, NEAR], [[0.9, 0.3], [0.8, 0.6]])
    assert found == [[*LEFT, 0.9, 0], [*NEAR, 0.6, 1]]


def test_nothing_improbable_stays_and_the_least_score_does() -> None:
    assert kept([LEFT, AWAY], [[0.05], [0.25]], least_score=0.25) == [[*AWAY, 0.25, 0]]
    assert kept([LEFT, AWAY], [[0.05], [0.09]]) == []


def test_no_boxes() -> None:
    found = suppress(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.float32), Suppression())
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_no_more_than_asked_for_the_most_probable_ones() -> None:
    found = kept([LEFT, FURTHER, AWAY], [[0.2], [0.3], [0.4]], most=2)
    assert found == [[*AWAY, 0.4, 0], [*FURTHER, 0.3, 0]]
