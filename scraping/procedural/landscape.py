"""Hills, woods and water: the views on the folk covers."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural.canvas import Array, Canvas, Stencil, mix, ramp, rgb, unit
from scraping.procedural.texture import blur, cloud, paper, relief, shifted, vignette, warped

# Sky from the top down, then hills from far to near.
_VALLEYS = (
    (("#7d9aa3", "#c9cdb8", "#f0dcb0"), ("#9fae9d", "#6f8468", "#49603f", "#2a3a24")),
    (("#a8674a", "#dd9a62", "#f4d9a0"), ("#b98463", "#8f5d45", "#5f3f33", "#33241f")),
    (("#5d6f7c", "#9aa8a6", "#dcd8c6"), ("#93a09c", "#66777a", "#445259", "#242d33")),
    (("#b9a86d", "#dfcb8f", "#f3e7c0"), ("#b7a467", "#8d8448", "#5f6433", "#343a20")),
    (("#3b4a5c", "#8d7f86", "#e2b594"), ("#7a7480", "#565766", "#393f4f", "#1d232e")),
)


def _ridge(canvas: Canvas, rng: Generator, level: float, height: float, rough: float) -> Array:
    """Mask of all that lies under a hill's uneven skyline; returns a soft-edged mask."""
    x = canvas.x[0]
    line = np.full_like(x, level)
    for octave in range(6):
        waves = 1.1 * 2**octave
        weight = height * (rough if octave > 2 else 0.5) ** octave
        line += weight * np.sin(x * waves * np.pi + rng.uniform(0, 6.3)).astype(np.float32)
    return unit((canvas.y - line) * canvas.size + 0.5)


def _pine(stencil: Stencil, x: float, foot: float, height: float) -> None:
    stencil.box(x - height * 0.02, foot - height * 0.2, x + height * 0.02, foot)
    for tier in range(5):
        top = foot - height + tier * height * 0.17
        half = height * (0.07 + 0.045 * tier)
        stencil.polygon(
            [
                (x, top),
                (x + half, top + height * 0.27),
                (x, top + height * 0.22),
                (x - half, top + height * 0.27),
            ]
        )


def _birds(canvas: Canvas, rng: Generator, ink: str) -> None:
    flock = canvas.stencil()
    x, y = rng.uniform(0.2, 0.7), rng.uniform(0.3, 0.42)
    for _ in range(int(rng.integers(3, 8))):
        bx, by, w = (
            x + rng.uniform(-0.12, 0.16),
            y + rng.uniform(-0.06, 0.06),
            rng.uniform(0.01, 0.02),
        )
        wings = [(bx - w, by - w * 0.6), (bx - w * 0.4, by - w * 0.7), (bx, by),
                 (bx + w * 0.4, by - w * 0.7), (bx + w, by - w * 0.6)]  # fmt: skip
        flock.stroke(wings, 0.004)
    canvas.paint(flock.mask(), ink, 0.8)


def _cabin(canvas: Canvas, x: float, y: float, w: float) -> None:
    house = canvas.stencil().box(x - w, y - w * 0.8, x + w, y).mask()
    canvas.paint(house, "#2b1f18")
    roof = canvas.stencil().polygon(
        [(x - w * 1.25, y - w * 0.75), (x, y - w * 1.6), (x + w * 1.25, y - w * 0.75)]
    )
    roof.box(x + w * 0.45, y - w * 1.75, x + w * 0.7, y - w)
    canvas.paint(roof.mask(), "#15100d")
    pane = canvas.stencil().box(x - w * 0.5, y - w * 0.55, x - w * 0.1, y - w * 0.2).mask()
    canvas.paint(pane, "#ffd27a")
    canvas.light(blur(pane, 0.03), "#ffb650", 2.0)


def valley(canvas: Canvas, rng: Generator) -> str:
    """Paint ridge behind ridge in mist; returns the colour in which type shows on the sky."""
    sky, hills = _VALLEYS[rng.integers(len(_VALLEYS))]
    drift = cloud(canvas.size, rng, 2.5, 5, (0.7, 2.4)) - 0.5
    canvas.rgb[:] = ramp(canvas.y * 1.6 + drift * 0.35, sky)
    sun_x, sun_y = rng.uniform(0.2, 0.8), rng.uniform(0.36, 0.46)
    canvas.light(canvas.halo(sun_x, sun_y, 0.3), "#fff0c8", 0.6)
    disc = canvas.stencil().disc(sun_x, sun_y, rng.uniform(0.04, 0.085)).mask()
    canvas.paint(disc, "#fff6dc", 0.9)
    _birds(canvas, rng, hills[3])
    levels = np.linspace(0.5, 0.84, len(hills)) + rng.uniform(-0.02, 0.02, len(hills))
    for depth, (level, colour) in enumerate(zip(levels, hills, strict=True)):
        ridge = _ridge(canvas, rng, level, 0.055 - 0.006 * depth, 0.42)
        canvas.paint(ridge, colour)
        mist = ridge * unit(1 - (canvas.y - level + 0.03) * (5 + depth))
        canvas.paint(shifted(mist, 0, 0.05), sky[2], 0.34 - 0.07 * depth)
        if depth >= 1:
            wood = canvas.stencil()
            for _ in range(16 - 2 * depth):
                x = rng.random()
                column = ridge[:, min(canvas.size - 1, int(x * canvas.size))]
                foot = float(np.argmax(column > 0.5)) / canvas.size + 0.015
                _pine(wood, x, foot, rng.uniform(0.03, 0.06) * (1 + 0.75 * depth))
            canvas.paint(wood.mask(), mix(colour, "#10150f", 0.35))
    if rng.random() < 0.4:
        _cabin(canvas, rng.uniform(0.25, 0.75), levels[2] + 0.03, 0.045)
    brush = relief(cloud(canvas.size, rng, 30, 3, (0.6, 1.4)), 0.004, 1.0)
    canvas.shade((1 + 0.07 * brush).astype(np.float32))
    paper(canvas, rng, 0.09)
    vignette(canvas, 0.35)
    dark_sky = float(rgb(sky[0]).mean()) < 0.5
    return "#fbf3df" if dark_sky else "#2c261e"


def lake(canvas: Canvas, rng: Generator) -> str:
    """Paint woods and a low sun or moon over still water; returns the colour of its depths."""
    sky, hills = _VALLEYS[rng.integers(len(_VALLEYS))]
    shore = rng.uniform(0.54, 0.6)
    canvas.rgb[:] = ramp(
        canvas.y / shore + (cloud(canvas.size, rng, 3, 4, (0.6, 2)) - 0.5) * 0.3, sky
    )
    disc = (
        canvas.stencil().disc(rng.uniform(0.3, 0.7), shore - 0.16, rng.uniform(0.05, 0.08)).mask()
    )
    canvas.light(blur(disc, 0.06), "#fff2cf", 0.7)
    canvas.paint(disc, "#fdf3da", 0.9)
    canvas.paint(_ridge(canvas, rng, shore - 0.07, 0.035, 0.4), hills[1], 0.9)
    for depth, tall in ((2, 0.1), (3, 0.17)):
        wood = canvas.stencil().box(-1, shore - 0.012, 2, shore)
        for x in np.arange(-0.02, 1.02, 0.022 + 0.012 * (depth - 2)):
            if depth == 2 or abs(x - 0.5) > rng.uniform(0.05, 0.4):
                _pine(wood, x + rng.normal(0, 0.008), shore, tall * rng.uniform(0.55, 1.2))
        canvas.paint(wood.mask(), hills[depth])
    if rng.random() < 0.5:
        _cabin(canvas, rng.uniform(0.35, 0.65), shore, 0.05)
    ripple = (cloud(canvas.size, rng, 9, 4, (0.5, 5.0)) - 0.5) * 0.03 * (0.3 + canvas.y)
    below = unit((canvas.y - shore) * canvas.size)
    up = np.minimum(0, (shore - canvas.y) * 2)
    water = np.stack([warped(canvas.rgb[..., i], ripple, up + ripple) for i in range(3)], axis=2)
    canvas.paint(below, water)
    canvas.paint(below, hills[3], 0.25)
    glitter = unit(cloud(canvas.size, rng, 14, 4, (0.5, 6.0)) * 6 - 4.3) * below
    canvas.light(glitter, sky[2], 0.35)
    paper(canvas, rng, 0.1)
    vignette(canvas, 0.4)
    return hills[3]
