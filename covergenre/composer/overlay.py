"""Printing a mark on a cover."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from covergenre.composer.inks import Inks, Wear
from covergenre.composer.mark import Mark
from covergenre.composer.pose import Points, Pose, corners

Canvas = npt.NDArray[np.float32]
Bounds = tuple[int, int, int, int]

_FINER = 3  # marks are laid on a grid so many times finer than the cover's, then averaged
_COARSEST = 4  # least pixels of that grid between two rubbed patches


def lay(canvas: Canvas, mark: Mark, pose: Pose, inks: Inks, wear: Wear) -> None:
    """Print a mark on a cover, in place.

    The mark is drawn on a grid three times finer than the cover's and averaged, as happens to
    artwork that is reduced to a small picture. What lies beyond the cover is cut off.

    Args:
        canvas: float32 (height, width, 3), RGB 0-255, contiguous; drawn into.
        mark, pose, inks, wear: what, where and how.
    """
    height, width = canvas.shape[:2]
    reduced, scale = _reduced(mark, pose.width * width * _FINER)
    to_cover = _to_cover(mark, corners(mark, pose, (height, width)), scale)
    bounds = _bounds(reduced, to_cover, (height, width), 1 + round(3 * wear.blur))
    left, top, right, bottom = bounds
    if right <= left or bottom <= top:
        return
    light, dark = _printed(reduced, to_cover, bounds, wear.blur)
    patch = canvas[top:bottom, left:right]
    keep = _kept((bottom - top, right - left), wear)
    light = light * (keep * inks.light_opacity)
    dark = dark * (keep * inks.dark_opacity)
    colour = light[..., None] * np.asarray(inks.light, np.float32)
    colour += dark[..., None] * np.asarray(inks.dark, np.float32)
    if min(wear.shade) < 1:
        lit = np.asarray(wear.shade, np.float32).reshape(2, 2)
        size = (patch.shape[1], patch.shape[0])
        colour *= cv2.resize(lit, size, interpolation=cv2.INTER_LINEAR)[..., None]
    patch *= (1 - light - dark)[..., None]
    patch += colour


def _reduced(mark: Mark, width: float) -> tuple[npt.NDArray[np.uint8], float]:
    """The inks as uint8 (rows, columns, 2), the plate at most ``width`` pixels wide; the scale."""
    inks = cv2.merge([mark.light, mark.dark])
    scale = min(1.0, width / (mark.plate[2] - mark.plate[0]))
    if scale < 1:
        size = (max(1, round(inks.shape[1] * scale)), max(1, round(inks.shape[0] * scale)))
        inks = cv2.resize(inks, size, interpolation=cv2.INTER_AREA)
    return np.asarray(inks, np.uint8), inks.shape[1] / mark.light.shape[1]


def _to_cover(mark: Mark, quad: Points, scale: float) -> npt.NDArray[np.float64]:
    """Matrix (3, 3) from the reduced raster, with all around its plate, to pixels of the cover."""
    left, top, right, bottom = mark.plate
    plate = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    matrix = cv2.getPerspectiveTransform(plate * np.float32(scale), quad)
    return np.asarray(matrix, np.float64)


def _bounds(
    inks: npt.NDArray[np.uint8],
    matrix: npt.NDArray[np.float64],
    shape: tuple[int, int],
    margin: int,
) -> Bounds:
    """Left, top, right and bottom, in whole pixels of the cover, of what a mark can touch."""
    rows, columns = inks.shape[:2]
    ends = np.array([[[0, 0], [columns, 0], [columns, rows], [0, rows]]], np.float32)
    points = cv2.perspectiveTransform(ends, matrix.astype(np.float32))[0]
    low = np.floor(points.min(axis=0)).astype(int) - margin
    high = np.ceil(points.max(axis=0)).astype(int) + margin
    height, width = shape
    return max(0, low[0]), max(0, low[1]), min(width, high[0]), min(height, high[1])


def _printed(
    inks: npt.NDArray[np.uint8], matrix: npt.NDArray[np.float64], bounds: Bounds, blur: float
) -> tuple[Canvas, Canvas]:
    """Share of each pixel within ``bounds`` that the light and the dark ink cover, 0-1."""
    left, top, right, bottom = bounds
    size = (right - left, bottom - top)
    # Both grids count from the middle of their first pixel, the matrix from its corner.
    finer = np.array(
        [[_FINER, 0, -_FINER * left - 0.5], [0, _FINER, -_FINER * top - 0.5], [0, 0, 1]], float
    )
    middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], float)
    grid = cv2.warpPerspective(
        inks, finer @ matrix @ middle, (size[0] * _FINER, size[1] * _FINER), flags=cv2.INTER_LINEAR
    )
    cover = cv2.resize(grid, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if blur:
        cover = cv2.GaussianBlur(cover, (0, 0), blur)
    cover *= np.float32(1 / 255)
    return cover[..., 0], cover[..., 1]


def _kept(shape: tuple[int, int], wear: Wear) -> Canvas:
    """How much of the mark is left at each pixel, 0-1."""
    height, width = shape
    keep = np.full(shape, wear.opacity, np.float32)
    rng = np.random.default_rng(wear.seed)
    if wear.rubbed:
        coarse = rng.random((height // _COARSEST + 2, width // _COARSEST + 2), np.float32)
        field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        keep *= np.clip((field - np.quantile(field, wear.rubbed)) * 6 + 0.5, 0, 1)
    if wear.hidden:
        x = np.linspace(0, 1, width, dtype=np.float32)[None]
        y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        x, y = (x if rng.random() < 0.5 else 1 - x), (y if rng.random() < 0.5 else 1 - y)
        slant = rng.uniform(0.35, 0.65)
        keep *= np.clip((slant * x + (1 - slant) * y - wear.hidden) * width, 0, 1)
    return keep
