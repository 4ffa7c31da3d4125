"""Where a mark lies on a cover, how tilted, and the box that people would draw around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from covergenre.composer.mark import Mark

Points = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

SMALLEST, LARGEST = 0.04, 0.35
"""Widths of a plate, as shares of the cover's width."""

LEAST_VISIBLE = 0.4
"""Share of a plate's area that must lie on the cover."""

# Median and log-deviation of real widths: 14 % of the cover, quartiles 11.5 and 18 %.
_MEDIAN, _DEVIATION = 0.135, 0.36
_EVEN = 0.4  # share of widths spread evenly over their logarithm, for sizes that are rare


@dataclass(frozen=True)
class Pose:
    """Where a mark lies and how it is seen.

    Attributes:
        width: of the plate, as a share of the cover's width.
        x, y: centre of the plate, as shares of the cover's width and height.
        angle: degrees, clockwise.
        bend: float32 (4, 2), how far each corner of the plate is moved, as a share of its width,
            clockwise from its top left; or None.
    """

    width: float
    x: float
    y: float
    angle: float = 0.0
    bend: Points | None = None


def corners(mark: Mark, pose: Pose, shape: tuple[int, int]) -> Points:
    """Corners of the plate on a cover of (height, width) pixels.

    Returns:
        float32 (4, 2), x and y in pixels, clockwise from the plate's own top left.
    """
    height, width = shape
    left, top, right, bottom = mark.plate
    wide = pose.width * width
    tall = wide * (bottom - top) / (right - left)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (wide, tall)
    if pose.bend is not None:
        square = square + pose.bend * wide
    turn = np.deg2rad(pose.angle)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(square @ spin + (pose.x * width, pose.y * height), np.float32)


def hull(quad: Points, shape: tuple[int, int]) -> Box | None:
    """Upright box of the part of a plate that lies on the cover, or None if too little does.

    Args:
        quad: float32 (4, 2), from :func:`corners`.
        shape: height and width of the cover in pixels.

    Returns:
        xmin, ymin, xmax, ymax in 0-1 of width and height; None if less than
        :data:`LEAST_VISIBLE` of the plate's area is on the cover.
    """
    height, width = shape
    cover = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    area, inside = cv2.intersectConvexConvex(quad, cover)
    if inside is None or area < LEAST_VISIBLE * cv2.contourArea(quad):
        return None
    points = inside.reshape(-1, 2) / (width, height)
    low, high = points.min(axis=0).clip(0, 1), points.max(axis=0).clip(0, 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def choose_width(rng: Generator) -> float:
    """Width of a plate, :data:`SMALLEST` to :data:`LARGEST` of the cover's.

    Most follow the widths of real labels (log-normal), the others are even in the logarithm.
    """
    if rng.random() < _EVEN:
        return float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    width = np.exp(rng.normal(np.log(_MEDIAN), _DEVIATION))
    return float(np.clip(width, SMALLEST, LARGEST))


def choose_pose(rng: Generator, mark: Mark, width: float, shape: tuple[int, int]) -> Pose:
    """A pose about as real labels have it: two in three low on the cover, most in a corner.

    One in fourteen is tilted by up to 15 degrees or so, one in sixty lies on its side, one in ten
    is seen at a slight angle, and one in twenty-five is cut by the cover's border.

    Args:
        rng: chooses.
        mark: what is laid, whose height matters.
        width: of its plate, as a share of the cover's width.
        shape: height and width of the cover in pixels.
    """
    angle = _angle(rng)
    bend = rng.normal(0, 0.03, (4, 2)).astype(np.float32) if rng.random() < 0.1 else None
    quad = corners(mark, Pose(width, 0.0, 0.0, angle, bend), shape) / (shape[1], shape[0])
    half_wide, half_tall = (quad.max(axis=0) - quad.min(axis=0)) / 2
    cut = rng.random() < 0.04
    beyond = -rng.uniform(0.1, 0.5) if cut else abs(rng.normal(0, 0.035))
    margin = 2 * half_wide * beyond if cut else beyond
    x = _along(rng, half_wide, margin, 0.36, 0.44)
    margin = abs(rng.normal(0.01, 0.035))
    y = _along(rng, half_tall, margin, 0.1, 0.68)
    return Pose(width, x, y, angle, bend)


def _angle(rng: Generator) -> float:
    chance = rng.random()
    if chance < 0.07:
        return float(np.clip(rng.normal(0, 9), -25, 25))
    if chance < 0.087:
        return float(rng.choice([-90.0, 90.0]) + rng.normal(0, 1))
    if chance < 0.2:
        return float(rng.normal(0, 0.7))  # scanned by hand
    return 0.0


def _along(rng: Generator, half: float, margin: float, low: float, high: float) -> float:
    """Centre on one axis: at its start with chance ``low``, its end with ``high``, or between."""
    first, last = margin + half, 1 - margin - half
    chance = rng.random()
    if chance < low:
        return float(first)
    if chance < low + high:
        return float(last)
    return float(rng.uniform(min(half, 0.5), max(1 - half, 0.5)))
