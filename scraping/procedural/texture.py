"""Surfaces of the drawn covers: clouds, blur, relief, paper, grain and the print's ageing."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from scraping.procedural.canvas import Array, Canvas, unit

_OLDEST, _NEWEST = 2000, 2022


def resized(
    field: Array,
    width: int,
    height: int,
    how: Image.Resampling = Image.Resampling.BICUBIC,
) -> Array:
    """Smooth resize of a 2-D float field to (height, width), low-passed when it shrinks."""
    picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(picture.resize((width, height), how))


def cloud(
    size: int,
    rng: Generator,
    scale: float = 4,
    octaves: int = 5,
    stretch: tuple[float, float] = (1, 1),
) -> Array:
    """Fractal noise filling 0 to 1, shape (size, size); `scale` blobs across at the coarsest.

    `stretch` multiplies the number of blobs along x and y, for grain that runs one way.
    """
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        across = max(2, round(scale * 2**octave * stretch[0]) + 1)
        down = max(2, round(scale * 2**octave * stretch[1]) + 1)
        if min(across, down) > size:
            break
        grid = rng.random((min(down, size), min(across, size)), np.float32)
        total += resized(grid, size, size) * 0.55**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def blur(field: Array, radius: float) -> Array:
    """Soften a square field by about `radius`, a share of its side."""
    size = field.shape[0]
    sigma = max(0.5, 0.5 * radius * size)
    # Wide blurs work on a shrunken copy: the result has no detail that a full one would keep.
    factor = max(1.0, sigma / 1.5)
    small = max(3, round(size / factor))
    soft = resized(field, small, small, Image.Resampling.BILINEAR) if small < size else field
    for _ in range(min(5, max(1, round(2 * (sigma / factor) ** 2)))):
        wide = np.pad(soft, 1, "edge")
        rows = wide[:-2] + 2 * wide[1:-1] + wide[2:]
        soft = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return np.clip(resized(soft, size, size), 0, None) if small < size else soft


def relief(height: Array, radius: float, angle: float) -> Array:
    """Light from direction `angle` (radians) on a height field: -1 (away) to 1 (towards)."""
    down, across = np.gradient(blur(height, radius))
    slope: Array = -(across * np.cos(angle) + down * np.sin(angle))
    return slope / np.float32(max(float(np.abs(slope).max()), 1e-6))


def shifted(field: Array, dx: float, dy: float) -> Array:
    """Move a field by a share of its side; what leaves one edge does not come back."""
    size = field.shape[0]
    step_x, step_y = round(dx * size), round(dy * size)
    moved = np.zeros_like(field)
    into = (
        slice(max(0, step_y), size + min(0, step_y)),
        slice(max(0, step_x), size + min(0, step_x)),
    )
    out = (
        slice(max(0, -step_y), size - max(0, step_y)),
        slice(max(0, -step_x), size - max(0, step_x)),
    )
    moved[into] = field[out]
    return moved


def warped(field: Array, dx: Array, dy: Array) -> Array:
    """Sample a square field at places moved by (dx, dy), shares of its side."""
    size = field.shape[0]
    rows, columns = np.indices(field.shape, dtype=np.float32)
    across = np.clip(columns + dx * size, 0, size - 1).astype(np.int32)
    down = np.clip(rows + dy * size, 0, size - 1).astype(np.int32)
    sampled: Array = field[down, across]
    return sampled


def halftone(canvas: Canvas, tone: Array, cells: float, tilt: float = 0.6) -> Array:
    """Printed-dot screen of a 0-to-1 tone: a mask whose dots grow with the tone."""
    turn = np.pi * 2 * cells
    across = np.cos((canvas.x * np.cos(tilt) + canvas.y * np.sin(tilt)) * turn)
    down = np.cos((canvas.y * np.cos(tilt) - canvas.x * np.sin(tilt)) * turn)
    return unit((across * down * 0.5 + 0.5 + (tone - 0.5) * 2 - 0.5) * 5 + 0.5)


def vignette(canvas: Canvas, strength: float, reach: float = 0.75) -> None:
    """Darken the corners by `strength` (0 to 1)."""
    away = unit(canvas.radius(0.5, 0.5) / reach)
    canvas.shade(1 - strength * away**2.4)


def paper(canvas: Canvas, rng: Generator, strength: float = 0.1) -> None:
    """Fibres and blotches of uncoated stock."""
    fibres = cloud(canvas.size, rng, 40, 3, (1, 2.2)) - 0.5
    blotches = cloud(canvas.size, rng, 3, 4) - 0.5
    canvas.shade((1 + strength * (fibres * 1.1 + blotches)).astype(np.float32))


def spatter(canvas: Canvas, rng: Generator, drops: int, reach: float) -> Array:
    """Mask of paint drops, many small and few large, `reach` being the largest radius."""
    shape = canvas.stencil()
    for _ in range(drops):
        x, y = rng.uniform(-0.02, 1.02, 2)
        shape.disc(x, y, reach * rng.random() ** 4 + 0.0015)
    return shape.mask()


def _wear(canvas: Canvas, rng: Generator, strength: float) -> None:
    """Rubbed edges and the ring a record leaves on a sleeve that was much handled."""
    ring = np.exp(-(((canvas.radius(0.5, 0.5) - 0.47) / 0.006) ** 2))
    edge = np.minimum(np.minimum(canvas.x, 1 - canvas.x), np.minimum(canvas.y, 1 - canvas.y))
    rubbed = unit(1 - edge / 0.014) + ring * 0.5
    patches = unit((cloud(canvas.size, rng, 14, 3) - 0.5) * 5)
    canvas.light((rubbed * patches * strength).astype(np.float32), "#fff4e0")


def finish(canvas: Canvas, rng: Generator, year: int, warmth: float = 0.0) -> None:
    """Print the picture as its year would have: older is warmer, paler, grainier and more worn.

    `warmth` (-1 to 1) leans the whole print to yellow or to blue.
    """
    age = 1 - min(1.0, max(0.0, (year - _OLDEST) / (_NEWEST - _OLDEST)))
    grey = canvas.rgb @ np.array([0.3, 0.59, 0.11], np.float32)
    saturation = 1.08 - 0.22 * age + rng.uniform(-0.06, 0.06)
    canvas.rgb = grey[..., None] + (canvas.rgb - grey[..., None]) * saturation
    lean = warmth * 0.5 + 0.5 * age
    canvas.rgb *= np.array([1 + 0.05 * lean, 1 + 0.01 * lean, 1 - 0.07 * lean], np.float32)
    canvas.rgb += np.float32(0.018 * age)
    if rng.random() < 0.1 + 0.25 * age:
        _wear(canvas, rng, rng.uniform(0.2, 0.6))
    grain = rng.standard_normal((canvas.size, canvas.size), np.float32)
    middle = 0.35 + 4 * unit(grey) * (1 - unit(grey))
    canvas.rgb += (grain * middle * (0.008 + 0.008 * age) * rng.uniform(0.6, 1.4))[..., None]
