"""Look of the disco covers: mirror balls, neon, glitter, dancers and warm seventies stripes."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural import figures
from scraping.procedural.canvas import Array, Canvas, mirrored, mix, ramp, rgb, smooth, unit
from scraping.procedural.lettering import PLAIN, ROUND, SPACED, Face, lettering, wrap
from scraping.procedural.mirror_ball import ball, beams, bokeh, sparkle
from scraping.procedural.texture import blur, cloud, paper, shifted, vignette

# Dark ground, middle, hot light, second light.
_NIGHTS = (
    ("#12041f", "#4a0f5e", "#ff3fa4", "#ffd34d"),
    ("#1b0412", "#7a0f4a", "#ff5f6d", "#ffc371"),
    ("#0d0630", "#3a1a8a", "#c85bff", "#5ff0ff"),
    ("#1f0a05", "#8a3a0f", "#ffae3d", "#ff4f8b"),
)
_STRIPES = (
    ("#3b1a12", "#8c2f1b", "#d9541e", "#f08a24", "#f6c043", "#f7e6bd"),
    ("#2a1530", "#7d1f55", "#d43a6a", "#f2795a", "#f9b65c", "#fbe8c6"),
    ("#3a2416", "#a33b20", "#e2762b", "#efb13c", "#5f8f84", "#f4e4c1"),
    ("#40120f", "#b5243a", "#ef5b5b", "#f7a072", "#f4d58d", "#fff3dc"),
)
_SCRIPT = Face(weight=0.05, width=1.05, tracking=-0.02, upper=False, rounded=True)


def _neon(canvas: Canvas, tube: Array, colour: str) -> None:
    """Glass tube alight: white core, coloured rim, glow on everything around."""
    canvas.light(unit(blur(tube, 0.16) * 1.8), colour, 0.6)
    canvas.light(unit(blur(tube, 0.035) * 2.2), colour, 0.9)
    canvas.paint(tube, mix(colour, "#ffffff", 0.35))
    canvas.light(unit(blur(tube, 0.008) * 2 - 1.05), "#ffffff", 1.0)


def _hollow(mask: Array) -> Array:
    """Outline of a mask, as bent glass would follow it."""
    inside = blur(mask, 0.012)
    return unit(1 - np.abs(inside - 0.5) * 3.2)


def _title(
    canvas: Canvas,
    title: str,
    artist: str,
    box: tuple[float, float, float, float],
    rng: Generator,
    colour: str,
    ink: str = "#fff6e4",
) -> None:
    """Fat round type with an echo behind it, the artist spaced out beneath."""
    rows = wrap(title, 1 if len(title) < 19 else 2)
    mask = lettering(canvas.size, rows, box, ROUND if rng.random() < 0.6 else _SCRIPT, gap=0.12)
    for step in (3, 2, 1):
        echo = shifted(mask, 0.007 * step, 0.007 * step)
        canvas.paint(echo, mix(colour, "#1a0418", 0.3 * step - 0.05))
    canvas.paint(
        mask, ramp((canvas.y - box[1]) / (box[3] - box[1]), ("#fffdf2", "#fff0c9", colour))
    )
    name = lettering(canvas.size, artist, (0.1, box[3] + 0.025, 0.9, box[3] + 0.065), SPACED)
    canvas.paint(name, ink)


def _mirror_ball(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    night = _NIGHTS[rng.integers(len(_NIGHTS))]
    low = rng.random() < 0.6
    x, y, radius = rng.uniform(0.42, 0.58), 0.37 if low else 0.64, rng.uniform(0.22, 0.29)
    haze = cloud(canvas.size, rng, 3, 4) * 0.3
    canvas.rgb[:] = ramp(canvas.radius(x, y) * 1.1 + haze, (night[1], night[1], night[0]))
    canvas.light(canvas.halo(x, y, 0.5), night[2], 0.4)
    beams(canvas, rng, x, y, (night[2], night[3]))
    bokeh(canvas, rng, (night[2], night[3], "#ffffff"), 90)
    canvas.paint(canvas.stencil().box(x - 0.004, -0.1, x + 0.004, y - radius).mask(), "#0a0610")
    ball(canvas, rng, x, y, radius, night)
    vignette(canvas, 0.45)
    _title(
        canvas,
        title,
        artist,
        (0.06, 0.71, 0.94, 0.88) if low else (0.06, 0.07, 0.94, 0.23),
        rng,
        night[2],
    )


def _stripes(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Bands of warm colour swinging over the cover."""
    colours = _STRIPES[rng.integers(len(_STRIPES))]
    canvas.rgb[:] = rgb(colours[-1])
    kind = rng.integers(3)
    if kind == 0:
        distance, start, step = canvas.radius(0.5, 0.72), 0.14, 0.062
    elif kind == 1:
        corner = float(rng.choice([0.0, 1.0]))
        distance, start, step = canvas.radius(corner, 1.0), 0.26, 0.095
    else:
        swing = 0.13 * np.sin(canvas.x * np.pi * rng.uniform(1.2, 2.0) + rng.uniform(0, 6))
        distance, start, step = canvas.y + swing, 0.42, 0.075
    band = (distance - start) / step
    for i, colour in enumerate(colours[:-1]):
        edge = unit((band - i) * step * canvas.size + 0.5)
        edge = edge * unit((i + 0.86 - band) * step * canvas.size + 0.5)
        if kind == 0:
            edge = edge * (canvas.y < 0.72)
        canvas.paint(edge, colour)
    if kind == 0:
        canvas.paint(canvas.stencil().disc(0.5, 0.72, 0.115).mask() * (canvas.y < 0.72), colours[3])
    if rng.random() < 0.6:
        dancer = canvas.stencil()
        figures.body(
            dancer,
            0.5 if kind == 0 else rng.uniform(0.3, 0.7),
            0.76,
            0.46,
            int(rng.integers(3)),
            rng.random() < 0.5,
            rng.random() < 0.5,
            float(rng.choice([0.0, 0.03])),
        )
        canvas.paint(dancer.mask(), colours[0])
    for _ in range(4):
        sparkle(canvas, rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.6), rng.uniform(0.04, 0.09))
    paper(canvas, rng, 0.07)
    rows = wrap(title, 1 if len(title) < 19 else 2)
    top = 0.78 if kind == 0 else 0.06
    mask = lettering(canvas.size, rows, (0.06, top, 0.94, top + 0.13), ROUND, gap=0.1)
    canvas.paint(unit(blur(mask, 0.012) * 4), colours[-1])
    canvas.paint(mask, colours[1])
    name = lettering(canvas.size, artist, (0.1, top + 0.15, 0.9, top + 0.19), SPACED)
    canvas.paint(unit(blur(name, 0.01) * 3), colours[-1])
    canvas.paint(name, colours[0])


def _dance_floor(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Dancers on a floor of lit tiles."""
    night = _NIGHTS[rng.integers(len(_NIGHTS))]
    horizon = 0.6
    canvas.rgb[:] = ramp(
        canvas.y / horizon + cloud(canvas.size, rng, 3, 4) * 0.2, (night[0], night[1], night[1])
    )
    beams(canvas, rng, 0.5, 0.35, (night[2], night[3]))
    bokeh(canvas, rng, (night[2], night[3]), 60)
    below = canvas.y > horizon
    depth = 0.11 / np.maximum(canvas.y - horizon + 0.03, 1e-3)
    across, ahead = (canvas.x - 0.5) * depth * 9, depth * 4.2
    tile = (np.floor(across) * 31 + np.floor(ahead) * 17).astype(np.int64) % 257
    hues = rgb(night[2]), rgb(night[3]), rgb("#ffffff"), rgb(night[1]), rgb("#7a3cff")
    table = np.stack([hues[i] for i in rng.integers(0, len(hues), 257)])
    bright = (0.3 + 0.7 * rng.random(257)).astype(np.float32)
    seam = np.maximum(np.abs(across % 1 - 0.5), np.abs(ahead % 1 - 0.5)) > 0.455
    floor = table[tile] * (bright[tile] * (1 - 0.75 * seam))[..., None]
    canvas.paint(below.astype(np.float32), floor)
    canvas.light(np.exp(-(((canvas.y - horizon) / 0.035) ** 2)), night[2], 0.8)
    ball(canvas, rng, 0.5, 0.35, rng.uniform(0.07, 0.1), night)
    canvas.paint(canvas.stencil().box(0.497, -0.1, 0.503, 0.26).mask(), "#0a0610")
    crowd = canvas.stencil()
    for x in np.linspace(0.2, 0.8, int(rng.integers(2, 5))):
        figures.body(
            crowd,
            x + rng.normal(0, 0.02),
            rng.uniform(0.82, 0.88),
            rng.uniform(0.44, 0.5),
            int(rng.integers(3)),
            rng.random() < 0.5,
            rng.random() < 0.45,
            float(rng.choice([0.0, 0.02, 0.035])),
        )
    people = crowd.mask()
    canvas.light(blur(people, 0.03) * (1 - people), night[2], 0.9)
    canvas.paint(people, ramp(canvas.y, (night[0], night[0], "#050208")))
    canvas.light(unit(people - shifted(people, 0.004, 0.006)), night[3], 0.9)
    vignette(canvas, 0.4)
    _title(canvas, title, artist, (0.06, 0.04, 0.94, 0.15), rng, night[2])


def _outline(kind: int) -> list[tuple[float, float]]:
    """Closed outline of a star, a heart or lips, within -1 to 1."""
    if kind == 0:
        turn = np.arange(10) * np.pi / 5 - np.pi / 2
        far = np.where(np.arange(10) % 2 == 0, 1.0, 0.45)
        return [
            (float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(far, turn, strict=True)
        ]
    if kind == 1:
        half = (
            (0, -0.42),
            (0.28, -0.82),
            (0.72, -0.82),
            (0.98, -0.42),
            (0.8, 0.1),
            (0.4, 0.55),
            (0.0, 0.95),
        )
    else:
        half = (
            (0, -0.3),
            (0.22, -0.46),
            (0.55, -0.32),
            (1.0, 0.0),
            (0.6, 0.38),
            (0.25, 0.52),
            (0, 0.53),
        )
    return [(float(a), float(b)) for a, b in smooth(mirrored(half, 0))]


def _glitter(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """A star, a heart or lips in glitter, with bright echoes of its outline."""
    night = _NIGHTS[rng.integers(len(_NIGHTS))]
    dark = rng.random() < 0.6
    warm = _STRIPES[rng.integers(len(_STRIPES))]
    canvas.rgb[:] = (
        ramp(canvas.radius(0.5, 0.42) * 1.2, (night[1], night[0])) if dark else rgb(warm[-1])
    )
    rays = unit(np.sin(canvas.angle(0.5, 0.42) * rng.integers(8, 16)) * 8)
    canvas.paint(rays, night[2] if dark else warm[4], 0.16 if dark else 0.5)
    shape = np.array(_outline(int(rng.integers(3))))
    bands = (night[2], night[3], "#ffffff", night[2]) if dark else warm[1:5]
    for i, colour in enumerate(bands):
        points = shape * (0.36 - 0.032 * i) + (0.5, 0.43)
        canvas.paint(canvas.stencil().polygon(points).mask(), colour)
    mask = canvas.stencil().polygon(shape * 0.225 + (0.5, 0.43)).mask()
    flakes = rng.random((canvas.size // 2 + 1, canvas.size // 2 + 1)).astype(np.float32)
    flakes = np.kron(flakes, np.ones((2, 2), np.float32))[: canvas.size, : canvas.size]
    tone = flakes**1.6 * 0.75 + 0.3 * (1 - canvas.y)
    canvas.paint(mask, ramp(tone, (night[0], night[1], night[2], night[3], "#ffffff")))
    for _ in range(9):
        sparkle(
            canvas,
            rng.uniform(0.15, 0.85),
            rng.uniform(0.1, 0.7),
            rng.uniform(0.04, 0.13),
            night[3],
        )
    paper(canvas, rng, 0.05)
    _title(
        canvas,
        title,
        artist,
        (0.06, 0.77, 0.94, 0.9),
        rng,
        *((night[2],) if dark else (warm[1], warm[0])),
    )


def _neon_sign(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """The title in neon on a brick wall."""
    night = _NIGHTS[rng.integers(len(_NIGHTS))]
    row = np.floor(canvas.y * 20)
    column = canvas.x * 9 + (row % 2) * 0.5
    brick = (row * 37 + np.floor(column) * 13).astype(np.int64) % 211
    mortar = np.maximum(np.abs(canvas.y * 20 % 1 - 0.5), np.abs(column % 1 - 0.5) * 1.02) > 0.44
    tone = (
        0.3
        + 0.35 * rng.random(211).astype(np.float32)[brick]
        + 0.35 * cloud(canvas.size, rng, 30, 3)
    )
    canvas.rgb[:] = ramp(tone * (1 - 0.55 * mortar), ("#050209", night[0], night[1]))
    canvas.shade(0.75)
    shape = np.array(_outline(int(rng.integers(3)))) * rng.uniform(0.26, 0.31) + (0.5, 0.36)
    ring = np.concatenate([shape, shape[:1]])
    _neon(canvas, canvas.stencil().stroke(ring, 0.013).mask(), night[3])
    _neon(
        canvas,
        canvas.stencil().stroke((ring - (0.5, 0.36)) * 0.78 + (0.5, 0.36), 0.008).mask(),
        night[2],
    )
    rows = wrap(title, 1 if len(title) < 19 else 2)
    words = lettering(
        canvas.size, rows, (0.1, 0.66, 0.9, 0.86), PLAIN if rng.random() < 0.4 else ROUND
    )
    _neon(canvas, words if rng.random() < 0.5 else _hollow(words), night[2])
    canvas.paint(lettering(canvas.size, artist, (0.1, 0.9, 0.9, 0.94), SPACED), "#fff0f8")
    vignette(canvas, 0.6)


LAYOUTS = (_mirror_ball, _stripes, _dance_floor, _glitter, _neon_sign)
