"""Anchors: places, shapes and order, counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from covergenre.detector.anchors import Anchors
from covergenre.detector.boxes import iou


def test_a_level_by_hand() -> None:
    # Two places a side, 8 pixels apart in 16; areas of 4x4 and 6x6, each square and four times as
    # wide as high.
    anchors = Anchors(16, (8,), (0.5, 0.75), (1.0, 4.0))
    boxes = anchors.boxes() * 16
    assert anchors.per_place == 4
    assert boxes.shape == (16, 4)
    first = [[2, 2, 6, 6], [0, 3, 8, 5], [1, 1, 7, 7], [-2, 2.5, 10, 5.5]]
    np.testing.assert_allclose(boxes[:4], first, atol=1e-5)
    # The next place is to the right, then come those of the row below.
    np.testing.assert_allclose(boxes[4], [10, 2, 14, 6], atol=1e-5)
    np.testing.assert_allclose(boxes[8], [2, 10, 6, 14], atol=1e-5)


def test_levels_follow_one_another_the_finest_first() -> None:
    boxes = Anchors(32, (8, 16), (1.0,), (1.0,)).boxes() * 32
    assert len(boxes) == 16 + 4
    np.testing.assert_allclose(boxes[15], [24, 24, 32, 32], atol=1e-5)
    np.testing.assert_allclose(boxes[16], [0, 0, 16, 16], atol=1e-5)


@pytest.mark.parametrize("width", [13, 16, 22, 32, 48, 64, 90, 112])
@pytest.mark.parametrize("aspect", [1.6, 1.2, 0.9])
def test_labels_of_every_size_upright_and_tilted_have_an_anchor(width: int, aspect: float) -> None:
    random = np.random.default_rng(width)
    sides = np.array([width, width / aspect]) / 320
    corners = random.uniform(0, 1 - sides, (20, 2))
    corners[0] = 0  # flush in the corner
    labels = np.concatenate([corners, corners + sides], 1).astype(np.float32)
    best = iou(labels, Anchors().boxes()).max(1)
    assert best.min() > 0.45
    assert best.mean() > 0.55


def test_what_cannot_be_tiled_is_refused() -> None:
    with pytest.raises(ValueError, match="stride 32 is no power of two that divides 336"):
        Anchors(336, (8, 16, 32))
    with pytest.raises(ValueError, match="stride 12"):
        Anchors(48, (12,))
    with pytest.raises(ValueError, match="must grow"):
        Anchors(64, (16, 8))


def test_a_manifest_gives_them_back() -> None:
    anchors = Anchors(64, (8, 16), (2.0,), (1.6,))
    assert Anchors.from_json(json.loads(json.dumps(anchors.to_json()))) == anchors
