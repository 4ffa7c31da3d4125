"""Look of the folk covers: hills, trees, water, guitars and leaves on paper, thin hand-set type."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from scraping.procedural.canvas import Canvas, Stencil, ramp, rgb, smooth, unit
from scraping.procedural.landscape import lake, valley
from scraping.procedural.lettering import SERIF, SERIF_LOWER, SLAB, Face, lettering, wrap
from scraping.procedural.texture import blur, cloud, paper, shifted, vignette

_PAPERS = ("#e9dfc6", "#e4d6b8", "#dcd3be", "#efe6d2", "#d9c8a4", "#cfd0b8")
_INKS = ("#33291f", "#3d3326", "#2e3a2c", "#5a3424", "#28343a")


def _caption(
    canvas: Canvas,
    rng: Generator,
    artist: str,
    title: str,
    ink: str,
    top: float,
    face: Face | None = None,
    glow: str | None = None,
    lines: int = 2,
) -> None:
    """Thin type, title over artist, starting at `top`; `glow` lifts it off a busy ground."""
    cut = face or (SERIF, SERIF_LOWER, SLAB)[rng.integers(3)]
    rows = wrap(title, 1 if len(title) < 16 else lines)
    depth = 0.075 * len(rows) + 0.01
    top = min(top, 0.88 - depth)
    words = lettering(canvas.size, rows, (0.08, top, 0.92, top + depth), cut)
    y = top + depth + 0.03
    name = lettering(canvas.size, artist, (0.12, y, 0.88, y + 0.042), SERIF)
    both = np.maximum(words, name)
    if glow is not None:
        canvas.paint(unit(blur(both, 0.02) * 1.4), glow, 0.45)
    worn = 1 - 0.35 * unit(cloud(canvas.size, rng, 40, 2) * 3 - 1.6)
    canvas.paint(both * worn, ink, 0.94)


def _branch(
    stencil: Stencil,
    leaves: list[tuple[float, float]],
    rng: Generator,
    x: float,
    y: float,
    angle: float,
    length: float,
    width: float,
) -> None:
    """Grow one bough and all that comes out of it."""
    bend = angle + rng.normal(0, 0.12)
    middle = (x + np.cos(angle) * length * 0.5, y + np.sin(angle) * length * 0.5)
    end = (middle[0] + np.cos(bend) * length * 0.5, middle[1] + np.sin(bend) * length * 0.5)
    stencil.limb((x, y), middle, width, width * 0.82).limb(middle, end, width * 0.82, width * 0.66)
    if length < 0.035:
        leaves.append(end)
        return
    for turn in (-1, 1):
        spread = bend + turn * rng.uniform(0.2, 0.62)
        _branch(stencil, leaves, rng, *end, spread, length * rng.uniform(0.66, 0.86), width * 0.66)


def _tree(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """One tree printed in ink on paper, bare or in leaf."""
    ground, ink = str(rng.choice(_PAPERS)), str(rng.choice(_INKS))
    canvas.rgb[:] = rgb(ground)
    wash = str(rng.choice(["#b7763c", "#8a9a6a", "#c79a4a", "#7f9aa0", "#a8583a"]))
    stain = unit(canvas.halo(0.5, 0.36, 0.34) * (0.4 + cloud(canvas.size, rng, 3, 5)))
    canvas.paint(stain, wash, 0.55)
    trunk, leaves = canvas.stencil(), list[tuple[float, float]]()
    x = rng.uniform(0.42, 0.58)
    _branch(trunk, leaves, rng, x, 0.74, -np.pi / 2 + rng.normal(0, 0.06), 0.16, 0.02)
    for side in (-1, 1):
        trunk.limb((x, 0.72), (x + side * 0.06, 0.755), 0.014, 0.003)
    canvas.paint(trunk.mask(), ink, 0.93)
    if rng.random() < 0.65:
        crown = canvas.stencil()
        for lx, ly in leaves:
            for _ in range(3):
                crown.disc(
                    lx + rng.normal(0, 0.014), ly + rng.normal(0, 0.014), rng.uniform(0.004, 0.01)
                )
        tint = cloud(canvas.size, rng, 8, 3)
        canvas.paint(crown.mask(), ramp(tint, (ink, wash, "#d9a95a")), 0.85)
    grass = canvas.stencil()
    for _ in range(90):
        gx = rng.normal(x, 0.2)
        grass.stroke(
            [(gx, 0.758), (gx + rng.normal(0, 0.01), 0.758 - rng.uniform(0.005, 0.03))], 0.003
        )
    canvas.paint(grass.mask(), ink, 0.8)
    if rng.random() < 0.5:
        frame = (
            canvas.stencil()
            .box(0.035, 0.035, 0.965, 0.965)
            .box(0.042, 0.042, 0.958, 0.958, value=0)
        )
        canvas.paint(frame.mask(), ink, 0.8)
    paper(canvas, rng, 0.16)
    _caption(canvas, rng, artist, title, ink, 0.778, lines=1)


def _guitar(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """A guitar lying on boards, seen from above."""
    boards = cloud(canvas.size, rng, 3, 6, (5.0, 0.35))
    tones = (
        ("#2b1d13", "#5a3d26", "#8a6540"),
        ("#3a3a34", "#6d6a5c", "#a39d88"),
        ("#2f3a38", "#56655c", "#8b9784"),
    )[rng.integers(3)]
    canvas.rgb[:] = ramp(boards, tones)
    canvas.shade(1 - 0.55 * (np.abs((canvas.x * 5) % 1 - 0.5) > 0.488).astype(np.float32))
    canvas.light(canvas.halo(0.25, 0.1, 0.7), "#ffdca0", 0.3)
    cx, cy = 0.5, 0.56
    half = ((0, 0.4), (0.14, 0.385), (0.22, 0.3), (0.215, 0.19), (0.15, 0.1), (0.135, 0.04),
            (0.165, -0.04), (0.16, -0.11), (0.1, -0.155), (0, -0.16))  # fmt: skip
    outline = [(cx + x, cy + y) for x, y in half] + [(cx - x, cy + y) for x, y in half[-2:0:-1]]
    belly = canvas.stencil().blob(outline).mask()
    neck = canvas.stencil().box(cx - 0.03, 0.06, cx + 0.03, cy + 0.06)
    neck.polygon([(cx - 0.05, -0.03), (cx + 0.05, -0.03), (cx + 0.036, 0.075), (cx - 0.036, 0.075)])
    handle = neck.mask()
    whole = np.maximum(belly, handle)
    canvas.paint(shifted(blur(whole, 0.03), 0.02, 0.025), "#000000", 0.7)
    canvas.paint(handle, ramp(boards, ("#22140c", "#3d2616")))
    grain = cloud(canvas.size, rng, 6, 5, (7.0, 0.25))
    edge = blur(belly, 0.06)
    canvas.paint(
        belly,
        ramp(unit(grain * 0.35 + edge * 0.75 - 0.15), ("#3a1608", "#9a4e1c", "#d98f3c", "#f2c377")),
    )
    binding = unit(belly - shifted(belly, 0.007, 0.007))
    canvas.paint(binding, "#f2e2bd", 0.7)
    canvas.paint(canvas.stencil().disc(cx, cy + 0.06, 0.07).mask(), "#d9b57c")
    canvas.paint(canvas.stencil().disc(cx, cy + 0.06, 0.062).mask(), "#160b06")
    canvas.paint(
        canvas.stencil().box(cx - 0.08, cy + 0.24, cx + 0.08, cy + 0.265, 0.008).mask(), "#24130b"
    )
    canvas.paint(handle * (canvas.y < cy), ramp(boards, ("#22140c", "#4a2d1a")))
    metal = canvas.stencil()
    for fret in range(12):
        y = 0.09 + (cy - 0.09) * (1 - 0.9 ** (fret * 1.5))
        metal.box(cx - 0.03, y, cx + 0.03, y + 0.003)
    for string in np.linspace(-0.021, 0.021, 6):
        metal.stroke([(cx + string, 0.02), (cx + string * 1.25, cy + 0.25)], 0.002)
    canvas.paint(metal.mask(), "#e6d9b8", 0.75)
    _turned(canvas, rng.uniform(-30, 30))
    paper(canvas, rng, 0.08)
    vignette(canvas, 0.55)
    _caption(canvas, rng, artist, title, "#f8edd6", 0.06, SLAB, "#000000")


def _turned(canvas: Canvas, degrees: float) -> None:
    """Turn a picture of upright boards about its middle; in the corners the boards run on."""
    margin = canvas.size // 3
    sides = np.pad(np.asarray(canvas.image()), ((0, 0), (margin, margin), (0, 0)), "reflect")
    padded = np.pad(sides, ((margin, margin), (0, 0), (0, 0)), "edge")
    turned = np.asarray(Image.fromarray(padded).rotate(degrees, Image.Resampling.BICUBIC))
    inner = slice(margin, margin + canvas.size)
    canvas.rgb = turned[inner, inner].astype(np.float32) / 255


def _leaf(stencil: Stencil, x: float, y: float, angle: float, length: float) -> None:
    ahead, aside = (
        np.array([np.cos(angle), np.sin(angle)]),
        np.array([-np.sin(angle), np.cos(angle)]),
    )
    base = np.array([x, y])
    points = [
        base,
        base + ahead * length * 0.4 + aside * length * 0.24,
        base + ahead * length,
        base + ahead * length * 0.4 - aside * length * 0.24,
    ]
    stencil.polygon(smooth([(float(a), float(b)) for a, b in points]))
    tip = base + ahead * length * 0.8
    stencil.stroke([(x, y), (float(tip[0]), float(tip[1]))], 0.0035, 0.0)


def _wreath(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Linocut leaves round the title."""
    ground, ink = str(rng.choice(_PAPERS)), str(rng.choice(_INKS))
    if rng.random() < 0.3:
        ground, ink = ink, ground
    accent = str(rng.choice(["#a8492c", "#c08a35", "#7d8a4f", "#8f4a4a"]))
    canvas.rgb[:] = rgb(ground)
    leaves, berries = canvas.stencil(), canvas.stencil()
    for ring, count in ((0.4, 30), (0.35, 22)):
        for turn in np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 1):
            x, y = 0.5 + ring * np.cos(turn), 0.5 + ring * np.sin(turn)
            lean = turn + np.pi / 2 + rng.choice([-0.75, 0.0, 0.75]) + rng.normal(0, 0.15)
            _leaf(leaves, x, y, lean, rng.uniform(0.09, 0.15))
            if rng.random() < 0.35:
                away = ring + rng.uniform(-0.08, 0.06)
                berries.disc(
                    0.5 + away * np.cos(turn), 0.5 + away * np.sin(turn), rng.uniform(0.007, 0.014)
                )
    cut = unit(cloud(canvas.size, rng, 45, 2) * 6 - 0.9)
    canvas.paint(leaves.mask() * cut, ink, 0.95)
    canvas.paint(berries.mask() * cut, accent)
    paper(canvas, rng, 0.14)
    rows = wrap(title, 3)
    words = lettering(
        canvas.size, rows, (0.25, 0.36, 0.75, 0.56), SLAB if rng.random() < 0.5 else SERIF
    )
    canvas.paint(words, ink)
    canvas.paint(canvas.stencil().box(0.42, 0.592, 0.58, 0.596).mask(), accent)
    canvas.paint(lettering(canvas.size, artist, (0.28, 0.62, 0.72, 0.66), SERIF_LOWER), ink)


def _valley(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    ink = valley(canvas, rng)
    _caption(canvas, rng, artist, title, ink, 0.07)


def _lake(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    depths = lake(canvas, rng)
    _caption(canvas, rng, artist, title, "#f8f0dd", 0.8, glow=depths)


LAYOUTS = (_valley, _tree, _guitar, _lake, _wreath)
