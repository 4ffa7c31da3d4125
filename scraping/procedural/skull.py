"""The skull of the hard rock covers."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural.canvas import Array, Canvas, mirrored, ramp, unit
from scraping.procedural.texture import blur, cloud, relief


def _skull_parts(canvas: Canvas, x: float, y: float, s: float) -> tuple[Array, Array]:
    """Masks of a skull's bone and of its hollows, its face centred on (x, y), `s` wide."""

    def at(points: object) -> list[tuple[float, float]]:
        return [(x + px * s, y + py * s) for px, py in np.asarray(points)]

    crown = ((0, -0.66), (0.25, -0.62), (0.45, -0.42), (0.5, -0.14), (0.44, 0.08), (0.47, 0.2),
             (0.38, 0.3), (0.26, 0.34), (0.25, 0.52), (0, 0.56))  # fmt: skip
    jaw = ((0, 0.5), (0.25, 0.46), (0.37, 0.3), (0.34, 0.55), (0.22, 0.76), (0, 0.8))
    bone = canvas.stencil().blob(at(mirrored(crown, 0))).blob(at(mirrored(jaw, 0)))
    dark = canvas.stencil()
    socket = np.array(
        [(0.08, -0.02), (0.2, -0.13), (0.36, -0.08), (0.38, 0.06), (0.27, 0.16), (0.12, 0.13)]
    )
    for side in (-1, 1):
        dark.blob(at(socket * (side, 1)))
        dark.blob(at(np.array([(0.35, 0.28), (0.3, 0.5), (0.27, 0.42), (0.27, 0.33)]) * (side, 1)))
    dark.blob(at(mirrored(((0, 0.15), (0.05, 0.2), (0.085, 0.31), (0.04, 0.32), (0, 0.28)), 0)))
    dark.stroke(at([(-0.24, 0.5), (0, 0.525), (0.24, 0.5)]), 0.028 * s)
    for tooth in np.linspace(-0.21, 0.21, 8):
        bow = 0.5 + 0.02 * np.cos(tooth * 5)
        dark.stroke(
            at([(tooth * 0.95, bow - 0.09), (tooth, bow), (tooth * 0.95, bow + 0.1)]), 0.014 * s
        )
    crack = [(0.1, -0.62), (0.15, -0.5), (0.1, -0.43), (0.17, -0.34), (0.14, -0.27)]
    dark.stroke(at(crack), 0.012 * s)
    return bone.mask(), dark.mask()


def paint_skull(
    canvas: Canvas, rng: Generator, x: float, y: float, s: float, eyes: str | None
) -> None:
    bone, dark = _skull_parts(canvas, x, y, s)
    hollow = blur(dark, 0.012 * s)
    height = (
        blur(bone, 0.22 * s) * 2.4
        - 0.55 * blur(dark, 0.05 * s)
        + 0.04 * cloud(canvas.size, rng, 24, 3)
    )
    lit = relief(height, 0.008, -np.pi / 2 + rng.choice([-0.7, 0.7]))
    tone = unit(0.5 + lit * 0.9 - 0.25 * cloud(canvas.size, rng, 9, 4))
    canvas.paint(unit(blur(bone, 0.05) * 1.2), "#000000", 0.55)
    canvas.paint(bone, ramp(tone, ("#0d0907", "#4a3b2c", "#a8977a", "#efe6cd")))
    canvas.paint(unit(bone * np.maximum(dark, hollow * 0.8)), "#060303", 0.95)
    if eyes is not None:
        for side in (-1, 1):
            canvas.light(canvas.halo(x + side * 0.23 * s, y + 0.02 * s, 0.11 * s), eyes, 0.95)
            canvas.light(canvas.halo(x + side * 0.23 * s, y + 0.02 * s, 0.035 * s), "#fff2c0", 1.0)
