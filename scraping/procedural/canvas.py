"""Painting surface of the drawn covers: soft masks and light on a float RGB picture.

Everything is placed in unit coordinates, (0, 0) at the top left and (1, 1) at the bottom right, so
a layout looks the same at every size. Masks and fields are float32 arrays of shape (size, size).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

Array = NDArray[Any]
Points = Sequence[tuple[float, float]] | NDArray[Any]

# Twice the final size is the least at which slanted edges stop showing stairs at 300 pixels.
SUPERSAMPLE = 2
_RAMP_STEPS = 1024
_UNSEEN = 0.002  # less than half a step of an 8-bit channel


@lru_cache(maxsize=512)
def _parsed(code: str) -> tuple[float, float, float]:
    red, green, blue = ImageColor.getrgb(code)[:3]
    return red / 255, green / 255, blue / 255


def rgb(code: str) -> Array:
    """Colour of a ``#rrggbb`` code, shape (3,), 0 to 1. Raises ValueError for a malformed code."""
    return np.array(_parsed(code), np.float32)


def mix(first: str, second: str, share: float) -> Array:
    """Colour `share` (0 to 1) of the way from `first` to `second`, shape (3,)."""
    return rgb(first) * (1 - share) + rgb(second) * share


def unit(field: Array) -> Array:
    """The field held between 0 and 1."""
    held: Array = np.clip(field, 0, 1)
    return held


def ramp(field: Array, codes: Sequence[str], stops: Sequence[float] | None = None) -> Array:
    """Map a 0-to-1 field of any shape through a row of colours: shape (*field.shape, 3)."""
    at = np.linspace(0, 1, len(codes)) if stops is None else np.asarray(stops)
    table = np.stack([rgb(code) for code in codes])
    steps = np.linspace(0, 1, _RAMP_STEPS)
    lookup = np.stack([np.interp(steps, at, table[:, i]) for i in range(3)], axis=1)
    index = (unit(field) * (_RAMP_STEPS - 1)).astype(np.int32)
    return lookup.astype(np.float32)[index]


def smooth(points: Points, closed: bool = True, steps: int = 8) -> NDArray[np.float64]:
    """Catmull-Rom curve through `points` with `steps` segments per point, shape (n, 2)."""
    knots = np.asarray(points, dtype=float)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, knots[-1:]])


def mirrored(points: Points, centre: float) -> NDArray[np.float64]:
    """Close a right-hand outline with its reflection in the vertical line x = `centre`."""
    right = np.asarray(points, dtype=float)
    left = right[::-1].copy()
    left[:, 0] = 2 * centre - left[:, 0]
    return np.concatenate([right, left])


class Stencil:
    """Shapes cut into one soft mask; later shapes overwrite earlier ones, 0 erases."""

    def __init__(self, size: int) -> None:
        self._scale = size * SUPERSAMPLE
        self._image = Image.new("L", (self._scale, self._scale), 0)
        self._draw = ImageDraw.Draw(self._image)

    def _pixels(self, points: Points) -> list[tuple[float, float]]:
        return [(float(x) * self._scale, float(y) * self._scale) for x, y in points]

    def polygon(self, points: Points, value: float = 1.0) -> Stencil:
        self._draw.polygon(self._pixels(points), fill=round(255 * value))
        return self

    def blob(self, points: Points, value: float = 1.0) -> Stencil:
        """Closed smooth shape through `points`."""
        return self.polygon(smooth(points), value)

    def stroke(self, points: Points, width: float, value: float = 1.0) -> Stencil:
        thickness = max(1, round(width * self._scale))
        self._draw.line(self._pixels(points), round(255 * value), thickness, joint="curve")
        return self

    def disc(
        self, x: float, y: float, rx: float, ry: float | None = None, value: float = 1.0
    ) -> Stencil:
        ry = rx if ry is None else ry
        corners = self._pixels([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse([*corners[0], *corners[1]], fill=round(255 * value))
        return self

    def ring(self, x: float, y: float, radius: float, width: float) -> Stencil:
        corners = self._pixels([(x - radius, y - radius), (x + radius, y + radius)])
        thickness = max(1, round(width * self._scale))
        self._draw.ellipse([*corners[0], *corners[1]], outline=255, width=thickness)
        return self

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        radius: float = 0.0,
        value: float = 1.0,
    ) -> Stencil:
        corners = self._pixels([(min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))])
        self._draw.rounded_rectangle(
            [*corners[0], *corners[1]], radius * self._scale, fill=round(255 * value)
        )
        return self

    def limb(
        self, start: tuple[float, float], end: tuple[float, float], wide: float, narrow: float
    ) -> Stencil:
        """Round-ended bar that tapers from half-width `wide` to half-width `narrow`."""
        (x0, y0), (x1, y1) = start, end
        length = max(1e-6, float(np.hypot(x1 - x0, y1 - y0)))
        nx, ny = (y0 - y1) / length, (x1 - x0) / length
        self.polygon(
            [
                (x0 + nx * wide, y0 + ny * wide),
                (x1 + nx * narrow, y1 + ny * narrow),
                (x1 - nx * narrow, y1 - ny * narrow),
                (x0 - nx * wide, y0 - ny * wide),
            ]
        )
        return self.disc(x0, y0, wide).disc(x1, y1, narrow)

    def mask(self) -> Array:
        """Coverage, shape (size, size), 0 to 1."""
        reduced = self._image.reduce(SUPERSAMPLE)
        return np.asarray(reduced, np.float32) / 255


def _touched(mask: Array) -> slice:
    """Rows a mask covers; most shapes cover few, and painting only those saves half the time."""
    rows = np.flatnonzero(mask.max(axis=1) > _UNSEEN)
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def _ink(colour: Array | str, rows: slice) -> Array:
    if isinstance(colour, str):
        return rgb(colour)
    return colour[rows] if colour.ndim == 3 else colour


class Canvas:
    """Float RGB picture `rgb` of shape (size, size, 3); `x` and `y` hold each pixel's place."""

    def __init__(self, size: int, colour: Array | str) -> None:
        self.size = size
        self.rgb = np.empty((size, size, 3), np.float32)
        self.rgb[:] = rgb(colour) if isinstance(colour, str) else colour
        line = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = np.meshgrid(line, line)

    def stencil(self) -> Stencil:
        return Stencil(self.size)

    def paint(self, mask: Array, colour: Array | str, opacity: float = 1.0) -> None:
        """Cover the picture with `colour`, (3,) or (size, size, 3), where the mask is set."""
        rows = _touched(mask)
        target, cover = self.rgb[rows], (mask[rows] * np.float32(opacity))[..., None]
        target += (_ink(colour, rows) - target) * cover

    def light(self, mask: Array, colour: Array | str, strength: float = 1.0) -> None:
        """Add light without washing out: the brighter a pixel is, the less it gains."""
        rows = _touched(mask)
        target = self.rgb[rows]
        gain = unit(mask[rows] * np.float32(strength))[..., None] * _ink(colour, rows)
        target += (1 - np.minimum(target, 1)) * gain

    def shade(self, field: Array | float) -> None:
        """Multiply the brightness by `field`, (size, size) or one number."""
        self.rgb *= field[..., None] if isinstance(field, np.ndarray) else field

    def radius(self, x: float, y: float) -> Array:
        """Distance of every pixel from (x, y)."""
        return np.hypot(self.x - x, self.y - y)

    def angle(self, x: float, y: float) -> Array:
        """Direction of every pixel seen from (x, y), -pi to pi."""
        return np.arctan2(self.y - y, self.x - x)

    def halo(self, x: float, y: float, reach: float, power: float = 2.0) -> Array:
        """Round glow, 1 at (x, y) and fading out over about `reach`."""
        glow: Array = np.exp(-((self.radius(x, y) / reach) ** power))
        return glow

    def image(self) -> Image.Image:
        pixels = unit(self.rgb) * 255 + 0.5
        return Image.fromarray(pixels.astype(np.uint8), "RGB")
