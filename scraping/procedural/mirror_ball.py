"""The mirror ball of the disco covers and the light it throws."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural.canvas import Canvas, ramp, unit
from scraping.procedural.texture import blur


def sparkle(canvas: Canvas, x: float, y: float, reach: float, colour: str = "#ffffff") -> None:
    """Four-pointed glint."""
    dx, dy = np.abs(canvas.x - x) / reach, np.abs(canvas.y - y) / reach
    arms = unit(1 - np.sqrt(dx) - np.sqrt(dy)) * 2.6
    canvas.light(canvas.halo(x, y, reach * 0.35), colour, 0.6)
    canvas.light(unit(arms), "#ffffff", 1.0)


def bokeh(canvas: Canvas, rng: Generator, colours: tuple[str, ...], count: int) -> None:
    """Spots of light out of focus, as a mirror ball throws them on the walls."""
    for colour in colours:
        spots = canvas.stencil()
        for _ in range(count // len(colours)):
            x, y = rng.random(2)
            away = 0.006 + 0.03 * np.hypot(x - 0.5, y - 0.4) * rng.random()
            spots.disc(x, y, away, away * rng.uniform(0.6, 1), value=rng.uniform(0.15, 0.7))
        canvas.light(blur(spots.mask(), 0.006), colour, 0.8)


def ball(
    canvas: Canvas, rng: Generator, x: float, y: float, radius: float, night: tuple[str, ...]
) -> None:
    """Mirror ball: every facet reflects its own bit of the room."""
    nx, ny = (canvas.x - x) / radius, (canvas.y - y) / radius
    inside = unit((1 - np.hypot(nx, ny)) * radius * canvas.size + 0.5)
    nz = np.sqrt(unit(1 - nx**2 - ny**2))
    rows = int(np.clip(radius * 80, 9, 26))
    row = (np.arcsin(np.clip(ny, -1, 1)) / np.pi + 0.5) * rows
    belt = np.clip(np.floor(row), 0, rows - 1)
    across = np.maximum(3, np.round(2 * rows * np.cos((belt + 0.5) / rows * np.pi - np.pi / 2)))
    column = (np.arctan2(nx, nz) / (2 * np.pi) + 0.5) * across
    facet = (belt * 61 + np.floor(column) * 7).astype(np.int64) % 1009
    luck, hue = (
        rng.random(1009).astype(np.float32)[facet],
        rng.random(1009).astype(np.float32)[facet],
    )
    lean = unit(0.5 - 0.45 * nx - 0.5 * ny)
    tone = unit(0.08 + 0.5 * lean * (0.4 + luck) + 0.9 * (luck > 0.9) + 0.25 * luck * hue)
    chrome = ramp(tone, ("#08060d", night[1], "#a9a4b8", "#ffffff"))
    tinted = ramp(hue, (night[1], night[2], night[3], "#ffffff")) * (0.35 + 0.75 * tone[..., None])
    gap = np.maximum(np.abs(row % 1 - 0.5), np.abs(column % 1 - 0.5)) > 0.44
    colour = np.where((luck * hue > 0.3)[..., None], tinted, chrome) * (1 - 0.7 * gap)[..., None]
    canvas.paint(inside, (colour * (0.55 + 0.45 * nz)[..., None]).astype(np.float32))
    canvas.light(inside * unit(np.hypot(nx, ny) - 0.75) * 2, night[2], 0.5)
    for _ in range(max(2, round(radius * 18))):
        turn, far = rng.uniform(2.4, 5.4), radius * np.sqrt(rng.random()) * 0.85
        sparkle(
            canvas, x + far * np.cos(turn), y + far * np.sin(turn), rng.uniform(0.15, 0.4) * radius
        )


def beams(canvas: Canvas, rng: Generator, x: float, y: float, colours: tuple[str, ...]) -> None:
    """Four shafts of light of each colour out of (x, y), in directions of their own."""
    angle, fading = canvas.angle(x, y), np.exp(-canvas.radius(x, y) * 1.3)
    for colour in colours:
        rays = np.zeros_like(angle)
        for _ in range(4):
            gap = np.abs((angle - rng.uniform(-np.pi, np.pi) + np.pi) % (2 * np.pi) - np.pi)
            rays += unit(1 - (gap / rng.uniform(0.08, 0.2)) ** 2) ** 2
        canvas.light(rays * fading, colour, 0.55)
