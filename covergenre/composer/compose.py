"""One training picture of the label detector, from a cover and a seed.

Everything is drawn on the cover as it would be stored on the web, at about 300 pixels; then the
whole picture, label and all, is reduced, sharpened and compressed as covers are, and resized for
the network by the function that scoring uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from covergenre.composer.background import LUMA, background
from covergenre.composer.capture import capture
from covergenre.composer.inks import choose_inks, choose_wear
from covergenre.composer.label import draw_label
from covergenre.composer.mark import Mark
from covergenre.composer.negatives import draw_negative
from covergenre.composer.overlay import lay
from covergenre.composer.pose import Box, choose_pose, choose_width, corners, hull
from covergenre.images import Pixels, resize

SIZE = 320
"""Pixels of a side of the network's input."""

LEAST_WIDTH = 10 / SIZE
"""Least width of a box, as a share of the picture's: narrower labels are not laid on at all."""

_TRIES = 4


@dataclass(frozen=True)
class Composition:
    """What is laid on covers.

    Attributes:
        labelled: share of pictures with a label, 0-1.
        second: share of those that have two, 0-1.
        negatives: mean number of hard negatives a picture (Poisson).
    """

    labelled: float = 0.65
    second: float = 0.06
    negatives: float = 0.7


def compose(
    cover: Pixels,
    seed: int,
    composition: Composition | None = None,
    art: Sequence[Mark] = (),
    size: int = SIZE,
) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """Compose one training picture. The same arguments give the same picture.

    Args:
        cover: uint8 (height, width, 3), RGB, of any size; it must carry no label itself, see
            :func:`covergenre.composer.background.usable`.
        seed: any 64-bit integer, signed or not.
        composition: what is laid on it.
        art: pictures of the label, from :func:`covergenre.composer.label.read_art`, used beside
            our own drawing.
        size: side of the result in pixels.

    Returns:
        pixels, uint8 (size, size, 3), RGB, and boxes, float32 (k, 4), k = 0, 1 or 2: xmin, ymin,
        xmax, ymax in 0-1 of each label's plate without its outline; the upright hull if tilted,
        the visible part if cut by the border.
    """
    picture, boxes = scene(cover, seed, composition, art)
    narrowest = min((box[2] - box[0] for box in boxes), default=1.0)
    pixels = capture(picture, _stream(seed, 2), narrowest)
    return resize(pixels, size), np.array(boxes, np.float32).reshape(-1, 4)


def scene(
    cover: Pixels,
    seed: int,
    composition: Composition | None = None,
    art: Sequence[Mark] = (),
) -> tuple[npt.NDArray[np.float32], list[Box]]:
    """The composed cover before it is stored as a JPEG; arguments as of :func:`compose`.

    Returns:
        float32 (height, width, 3), RGB 0-255, about 300 pixels wide, and the labels' boxes.
    """
    composition = composition or Composition()
    canvas = background(cover, _stream(seed, 0))
    rng = _stream(seed, 1)
    boxes: list[Box] = []
    labels = int(rng.random() < composition.labelled)
    labels += int(labels and rng.random() < composition.second)
    for _ in range(int(rng.poisson(composition.negatives))):
        _add(canvas, draw_negative(rng), rng, ())
    for _ in range(labels):
        box = _add(canvas, draw_label(rng, art), rng, boxes)
        boxes += [box] if box else []
    return canvas, boxes


def _add(
    canvas: npt.NDArray[np.float32], mark: Mark, rng: Generator, taken: Sequence[Box]
) -> Box | None:
    """Lay a mark where it can be seen and covers none of the boxes taken; its box, if laid."""
    shape = (canvas.shape[0], canvas.shape[1])
    width = max(choose_width(rng), mark.legible)
    for _ in range(_TRIES):
        pose = choose_pose(rng, mark, width, shape)
        box = hull(corners(mark, pose, shape), shape)
        if box is None or box[2] - box[0] < LEAST_WIDTH or any(_meet(box, one) for one in taken):
            continue
        inks = choose_inks(rng, _brightness(canvas, box), mark.colourful)
        lay(canvas, mark, pose, inks, choose_wear(rng, width * shape[1]))
        return box
    return None


def _stream(seed: int, index: int) -> Generator:
    """Independent generators of one seed, so that the cover does not depend on what is laid on."""
    return np.random.default_rng([seed % 2**64, index])


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _brightness(canvas: npt.NDArray[np.float32], box: Box) -> float:
    """Mean luma, 0-255, of a box given in 0-1."""
    height, width = canvas.shape[:2]
    left, top = int(box[0] * (width - 1)), int(box[1] * (height - 1))
    right, bottom = int(np.ceil(box[2] * width)), int(np.ceil(box[3] * height))
    return float((canvas[top:bottom, left:right].mean(axis=(0, 1)) * LUMA).sum())
