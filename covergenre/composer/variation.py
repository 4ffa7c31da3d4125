"""A real cover whose labels are known, as many training pictures."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from covergenre.composer.background import recoloured
from covergenre.composer.capture import capture
from covergenre.composer.compose import SIZE
from covergenre.images import Pixels, resize

Boxes = npt.NDArray[np.float32]

# Shares of a cover's side that are shown; beyond 1 it stands on a plain ground, all of it smaller.
_NEAREST, _FARTHEST = 0.6, 1.3
_SIDE = 300  # pixels of a side of most covers on the web


def vary(cover: Pixels, boxes: Boxes, seed: int, size: int = SIZE) -> tuple[Pixels, Boxes]:
    """Show a cover nearer or from farther away, shifted, in other colours, stored anew.

    It is never mirrored, labels are type, and no label is cut. The same arguments give the same
    picture.

    Args:
        cover: uint8 (height, width, 3), RGB, of any size.
        boxes: float32 (k, 4), its labels, xmin, ymin, xmax, ymax in 0-1.
        seed: any 64-bit integer, signed or not.
        size: side of the result in pixels.

    Returns:
        pixels, uint8 (size, size, 3), RGB, and boxes, float32 (k, 4), as they are in it.
    """
    rng = np.random.default_rng([seed % 2**64, 3])
    height, width = cover.shape[:2]
    left, right = _window(boxes[:, 0], boxes[:, 2], width, zoom := _zoom(rng), rng)
    top, bottom = _window(boxes[:, 1], boxes[:, 3], height, zoom * rng.uniform(0.94, 1.06), rng)
    seen = _seen(cover, (left, top, right, bottom), rng)
    side = _SIDE if rng.random() < 0.7 else int(rng.integers(240, 321))
    method = cv2.INTER_AREA if seen.shape[1] > side else cv2.INTER_CUBIC
    picture = recoloured(cv2.resize(seen, (side, side), interpolation=method), rng)
    corner = np.array([left, top, left, top], np.float32)
    span = np.array([right - left, bottom - top] * 2, np.float32)
    moved = (boxes * np.array([width, height] * 2, np.float32) - corner) / span
    narrowest = float((moved[:, 2] - moved[:, 0]).min(initial=1.0))
    pixels = capture(np.clip(picture, 0, 255), rng, narrowest)
    return resize(pixels, size), np.clip(moved, 0, 1).astype(np.float32)


def _zoom(rng: Generator) -> float:
    if rng.random() < 0.2:
        return 1.0
    return float(np.exp(rng.uniform(np.log(_NEAREST), np.log(_FARTHEST))))


def _window(low: Boxes, high: Boxes, side: int, zoom: float, rng: Generator) -> tuple[int, int]:
    """First and last pixel, exclusive, of what is shown along one axis: all labels are."""
    long = round(side * zoom)
    first = np.floor(low.min(initial=1.0) * side) if len(low) else side
    last = np.ceil(high.max(initial=0.0) * side) if len(high) else 0
    least = max(min(0, side - long), last - long)
    most = min(max(0, side - long), first)
    if least > most:
        return 0, side
    start = int(rng.integers(int(least), int(most) + 1))
    return start, start + long


def _seen(
    cover: Pixels, window: tuple[int, int, int, int], rng: Generator
) -> npt.NDArray[np.float32]:
    """The part of a cover in a window of pixels, on a plain ground where it reaches beyond."""
    left, top, right, bottom = window
    height, width = cover.shape[:2]
    ground = rng.choice([0.0, 255.0]) if rng.random() < 0.5 else rng.uniform(0, 255, 3)
    seen = np.empty((bottom - top, right - left, 3), np.float32)
    seen[:] = ground
    columns, rows = (max(left, 0), min(right, width)), (max(top, 0), min(bottom, height))
    seen[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left] = cover[
        rows[0] : rows[1], columns[0] : columns[1]
    ]
    return seen
