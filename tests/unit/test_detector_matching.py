"""Overlaps, matching, box coding and losses, against cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from covergenre.detector.boxes import iou
from covergenre.detector.coding import decode, encode
from covergenre.detector.losses import box_loss, focal_loss, targets
from covergenre.detector.matching import match

NOTHING = [0.0, 0.0, 0.0, 0.0]
# Four anchors of a row, each 2 wide and high; whole numbers, so that overlaps are exact.
ROW = np.array([[x, 4, x + 2, 6] for x in (0, 2, 4, 6)], np.float32)


def matched(boxes: list[list[float]], anchors: Any = ROW, **thresholds: float) -> list[int]:
    found = match(anchors, tf.constant([boxes], tf.float32), **thresholds).numpy()
    assert found.dtype == np.int32
    return [int(index) for index in found[0]]


def test_overlaps_by_hand() -> None:
    one = np.array([[0, 0, 2, 2], [0, 0, 0, 0]], np.float32)
    other = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2], [0.5, 0.5, 1, 1.5]], np.float32)
    expected = [[1 / 7, 1, 0, 0.5 / 4], [0, 0, 0, 0]]
    np.testing.assert_allclose(iou(one, other), expected, atol=1e-6)
    in_graph = iou(tf.constant(one), tf.constant([other, other]), tf).numpy()
    np.testing.assert_allclose(in_graph, [expected, expected], atol=1e-6)


def test_a_box_has_the_anchors_that_overlap_it_enough() -> None:
    # Moved by half a unit: 3 of 5 are shared with the second anchor, 1 of 7 with the third.
    box = [2.5, 4, 4.5, 6]
    assert matched([box]) == [-1, 0, -1, -1]
    assert matched([box], positive=0.7, negative=0.5) == [-1, 0, -1, -1]  # its best all the same
    assert matched([box], positive=0.7, negative=0.1) == [-1, 0, -2, -1]
    # Two anchors wide: it shares half of itself with each.
    wide = [2, 4, 6, 6]
    assert matched([wide], positive=0.5, negative=0.4) == [-1, 0, 0, -1]
    assert matched([wide], positive=0.6, negative=0.5) == [-1, 0, -2, -1]  # of equals the first
    assert matched([wide], positive=0.6, negative=0.6) == [-1, 0, -1, -1]


def test_boxes_that_want_the_same_anchor_each_get_one() -> None:
    box = [2, 4, 4, 6]
    # Shares 1.5 of 4.5 with the second anchor, 0.5 of 5.5 with the third.
    low = [2.5, 4.5, 4.5, 5.5]
    assert matched([low]) == [-1, 0, -1, -1]
    assert matched([box, low]) == [-1, 0, 1, -1]
    assert matched([low, box]) == [-1, 1, 0, -1]
    # Two copies: the first has the best anchor, the second the next.
    copy = [2.5, 4, 4.5, 6]
    assert matched([copy, copy]) == [-1, 0, 1, -1]


def test_of_boxes_that_overlap_an_anchor_equally_the_first_has_it() -> None:
    long = [0, 4, 6, 6]  # a third of it with each of three anchors
    assert matched([long], positive=0.3, negative=0.3) == [0, 0, 0, -1]
    # The second copy has one anchor, which is its own; the first has what is left.
    assert matched([long, long], positive=0.3, negative=0.3) == [0, 1, 0, -1]


def test_no_boxes_and_padding_have_no_anchors() -> None:
    assert matched([NOTHING]) == [-1] * 4
    assert matched([NOTHING, [6, 4, 8, 6]]) == [-1, -1, -1, 1]
    assert matched([[5, 5, 5, 5]]) == [-1] * 4  # without area, though within an anchor
    assert matched([[9, 9, 10, 10]]) == [-1] * 4  # nowhere near one


def test_a_box_at_the_border_has_the_anchor_that_reaches_beyond_it() -> None:
    anchors = np.array([[-1, -1, 1, 1], [0, 0, 2, 2]], np.float32)
    # All of the box's 1 is shared, with 4 of either anchor: the first of equals.
    assert matched([[0, 0, 1, 1]], anchors) == [0, -1]
    # 2.25 of 4 with the second, 1 of 5.25 with the first.
    assert matched([[0, 0, 1.5, 1.5]], anchors) == [-1, 0]


def test_codes_by_hand_and_back() -> None:
    anchors = np.array([[0.0, 0.0, 0.4, 0.2]], np.float32)
    box = np.array([[0.2, 0.1, 0.4, 0.5]], np.float32)
    # The centre moves from (0.2, 0.1) to (0.3, 0.3): a quarter of 0.4, all of 0.2. Half as wide,
    # twice as high.
    expected = np.array([[2.5, 10, 5 * math.log(0.5), 5 * math.log(2)]], np.float32)
    np.testing.assert_allclose(encode(box, anchors), expected, atol=1e-5)
    np.testing.assert_allclose(decode(expected, anchors), box, atol=1e-6)
    np.testing.assert_allclose(encode(anchors, anchors), np.zeros((1, 4)), atol=1e-6)


def test_coding_is_inverse_of_decoding() -> None:
    random = np.random.default_rng(4)
    corners = random.uniform(-0.2, 0.8, (2, 500, 2))
    sides = random.uniform(0.01, 0.5, (2, 500, 2))
    boxes, anchors = np.concatenate([corners, corners + sides], -1).astype(np.float32)
    back = decode(encode(boxes, anchors).numpy(), anchors)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, boxes, atol=1e-5)


def test_no_code_overflows_and_padding_has_finite_codes() -> None:
    anchor = np.array([[0.4, 0.4, 0.6, 0.6]], np.float32)
    assert np.isfinite(decode(np.array([[0.0, 0.0, 1e6, 1e6]], np.float32), anchor)).all()
    assert np.isfinite(encode(np.array([NOTHING], np.float32), anchor)).all()


def test_targets_count_as_much_as_they_must() -> None:
    boxes = tf.constant([[[2.0, 4.0, 4.0, 6.0], NOTHING], [[4.0, 4.0, 8.0, 6.0], NOTHING]])
    wanted = targets(ROW, boxes, 0.6, 0.4)
    # The second image's box shares half with the third and the fourth: the one is forced, the other
    # ignored. Two anchors of the batch have a box.
    np.testing.assert_array_equal(wanted.values["logits"][..., 0], [[0, 1, 0, 0], [0, 0, 1, 0]])
    half = [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0]]
    np.testing.assert_allclose(wanted.weights["logits"], half)
    np.testing.assert_allclose(wanted.weights["codes"], [[0, 0.5, 0, 0], [0, 0, 0.5, 0]])
    np.testing.assert_allclose(wanted.values["codes"][0, 1], np.zeros(4), atol=1e-5)
    shifted = [5, 0, 5 * math.log(2), 0]
    np.testing.assert_allclose(wanted.values["codes"][1, 2], shifted, atol=1e-4)


def test_an_image_without_boxes_teaches_background_alone() -> None:
    wanted = targets(ROW, tf.constant([[NOTHING]]), 0.5, 0.4)
    np.testing.assert_array_equal(wanted.values["logits"][..., 0], np.zeros((1, 4)))
    np.testing.assert_array_equal(wanted.weights["logits"], np.ones((1, 4)))
    np.testing.assert_array_equal(wanted.weights["codes"], np.zeros((1, 4)))
    assert np.isfinite(wanted.values["codes"]).all()


def test_focal_loss_by_hand() -> None:
    # Chances 0.8, 0.2 and 0.5; the first has a box, the others have none, the last is ignored.
    logits = tf.Variable([[[math.log(4)], [-math.log(4)], [0.0]]])
    truth = tf.constant([[[1.0], [0.0], [0.0]]])
    weights = tf.constant([[1.0, 1.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = focal_loss()(truth, logits, weights)
    gap = 0.2
    assert float(loss) == pytest.approx(-(gap**2) * math.log(0.8) * (0.25 + 0.75), rel=1e-4)
    # d/dx of -(1-p)^2 log p, p = sigmoid(x): (1-p)^2 (2 p log p - (1-p)).
    slope = gap**2 * (2 * 0.8 * math.log(0.8) - gap)
    gradient = tape.gradient(loss, logits).numpy()[0, :, 0]
    np.testing.assert_allclose(gradient, [0.25 * slope, -0.75 * slope, 0], rtol=1e-3, atol=1e-7)


def test_box_loss_by_hand() -> None:
    codes = tf.Variable([[[0.5, -3.0, 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]]])
    with tf.GradientTape() as tape:
        loss = box_loss()(tf.zeros((1, 2, 4)), codes, tf.constant([[2.0, 0.0]]))
    # 0.5 * 0.5^2 and 3 - 0.5, the mean of four, twice.
    assert float(loss) == pytest.approx(2 * (0.125 + 2.5) / 4, rel=1e-6)
    # Within 1 the slope is the gap, beyond it 1; a quarter each, twice; none without a box.
    np.testing.assert_allclose(
        tape.gradient(loss, codes).numpy()[0], [[0.25, -0.5, 0, 0], [0, 0, 0, 0]], atol=1e-7
    )
