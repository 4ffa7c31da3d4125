"""Real covers, varied: the boxes stay on the labels, and labels stay whole and readable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from covergenre.composer.variation import vary

SIZE = 160
BOX = np.array([[0.1, 0.7, 0.4, 0.9]], np.float32)
SEEDS = range(40)


def cover(left: int = 255, right: int = 255) -> npt.NDArray[np.uint8]:
    """Dark grey with a plate at :data:`BOX` in one brightness, or in two."""
    pixels = np.full((300, 280, 3), 40, np.uint8)
    pixels[210:270, 28:70] = left
    pixels[210:270, 70:112] = right
    return pixels


@pytest.mark.parametrize("seed", SEEDS)
def test_the_box_lies_on_the_label(seed: int) -> None:
    pixels, boxes = vary(cover(), BOX, seed, SIZE)
    assert pixels.shape == (SIZE, SIZE, 3)
    expected = boxes[0] * SIZE
    # Only around the label: a cover seen from farther away may stand on white.
    around = np.clip(np.round(expected).astype(int) + np.array([-6, -6, 6, 6]), 0, SIZE)
    left, top, right, bottom = around
    grey = pixels[top:bottom, left:right].mean(axis=2)
    rows, columns = np.nonzero(grey > (grey.max() + grey.min()) / 2)
    corner = np.array([left, top, left, top])
    seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) + corner
    assert seen == pytest.approx(expected, abs=1.6)


def test_it_is_shown_from_near_and_from_afar_but_whole() -> None:
    boxes = np.concatenate([vary(cover(), BOX, seed, SIZE)[1] for seed in SEEDS])
    widths = boxes[:, 2] - boxes[:, 0]
    assert widths.min() < 0.26
    assert widths.max() > 0.4
    assert ((boxes >= 0) & (boxes <= 1)).all()
    # 0.3 x 0.2 of a cover shown as a square.
    assert widths / (boxes[:, 3] - boxes[:, 1]) == pytest.approx(1.5, rel=0.08)


def test_it_is_never_mirrored() -> None:
    for seed in SEEDS:
        pixels, boxes = vary(cover(left=255, right=140), BOX, seed, SIZE)
        left, top, right, bottom = np.round(boxes[0] * SIZE).astype(int)
        plate, half = pixels[top:bottom, left:right].mean(axis=(0, 2)), (right - left) // 2
        assert plate[:half].mean() > plate[half:].mean() + 20


def test_the_same_arguments_give_the_same_picture() -> None:
    first, boxes = vary(cover(), BOX, -5, SIZE)
    again, same = vary(cover(), BOX, -5, SIZE)
    other, _ = vary(cover(), BOX, 6, SIZE)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(boxes, same)
    assert (first != other).any()


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0.9, 1, 1), (0.95, 0, 1, 0.02)])
def test_a_label_at_the_border_stays_in_the_picture(box: tuple[float, ...]) -> None:
    whole = np.array([box], np.float32)
    for seed in SEEDS:
        _, boxes = vary(cover(), whole, seed, SIZE)
        assert ((boxes >= 0) & (boxes <= 1)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_a_cover_without_labels_has_none() -> None:
    pixels, boxes = vary(cover(), np.zeros((0, 4), np.float32), 1, SIZE)
    assert boxes.shape == (0, 4)
    assert pixels.dtype == np.uint8
