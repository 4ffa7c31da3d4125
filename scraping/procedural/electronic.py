"""Look of the electronic covers: bare geometry, grids, waves, glitches, cyan and violet."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural.canvas import Array, Canvas, Stencil, mix, ramp, rgb, unit
from scraping.procedural.lettering import PLAIN, SPACED, SWISS, WIDE, lettering, wrap
from scraping.procedural.texture import blur, cloud, vignette, warped

# Ground, then three lights from dim to bright.
_SCHEMES = (
    ("#05060f", "#2b1b8f", "#7a3cff", "#35e0ff"),
    ("#060a12", "#0b4a6f", "#16b3c9", "#d8fff8"),
    ("#0b0714", "#5a1a8c", "#d23cff", "#7cf0ff"),
    ("#04100f", "#0a5a52", "#1fd6a4", "#e8ffe0"),
    ("#0a0a0c", "#2a2d36", "#8d95a8", "#f4f7ff"),
    ("#080818", "#1a2fb0", "#4a7bff", "#ff5fd2"),
)
_PALE = (
    ("#e9ecef", "#b9c3d6", "#5a4fff", "#0b0d18"),
    ("#dfe8ea", "#8fd3d8", "#0d7f92", "#0a1a20"),
    ("#ece8f2", "#c9b6ee", "#7a35e0", "#140a24"),
)


def _scheme(rng: Generator, pale: float = 0.0) -> tuple[str, ...]:
    rows = _PALE if rng.random() < pale else _SCHEMES
    return rows[rng.integers(len(rows))]


def _caption(
    canvas: Canvas, rng: Generator, artist: str, title: str, ink: str, top: bool = False
) -> None:
    """Small type kept to an edge or a corner."""
    kind = rng.integers(3)
    y = 0.06 if top else 0.86
    if kind == 0:
        rows = [artist.lower(), title.lower()]
        words = lettering(canvas.size, rows, (0.06, y, 0.75, y + 0.085), SWISS, 0.0, gap=0.28)
    elif kind == 1:
        words = lettering(canvas.size, title, (0.06, y, 0.94, y + 0.05), WIDE, 0.5)
        words = np.maximum(
            words, lettering(canvas.size, artist, (0.2, y + 0.065, 0.8, y + 0.095), SPACED)
        )
    else:
        words = lettering(canvas.size, artist, (0.06, y + 0.04, 0.48, y + 0.08), SPACED, 0.0)
        other = lettering(canvas.size, title, (0.52, y + 0.035, 0.94, y + 0.085), PLAIN, 1.0)
        words = np.maximum(words, other)
    canvas.paint(words, ink)


def _split(canvas: Canvas, amount: float) -> None:
    """Pull the red and blue plates apart sideways."""
    step = max(1, round(amount * canvas.size))
    canvas.rgb[..., 0] = np.roll(canvas.rgb[..., 0], step, axis=1)
    canvas.rgb[..., 2] = np.roll(canvas.rgb[..., 2], -step, axis=1)


def _scanlines(canvas: Canvas, strength: float) -> None:
    canvas.shade(1 - strength * (np.sin(canvas.y * np.pi * 150) > 0).astype(np.float32))


def _geometry(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """One or two plain shapes, each a gradient, on an even ground."""
    ground, dim, middle, bright = _scheme(rng, pale=0.5)
    canvas.rgb[:] = ramp(canvas.y * 0.5 + canvas.x * 0.15, (ground, _between(ground, dim, 0.35)))
    kind = rng.integers(4)
    fade = unit(canvas.y * 1.1 + 0.15 * np.sin(canvas.x * 3))
    colours = ramp(fade, (bright, middle, dim))
    if kind == 0:
        for i in range(6):
            disc = canvas.stencil().disc(0.5, 0.44, 0.34 - 0.052 * i).mask()
            canvas.paint(
                disc, colours if i % 2 == 0 else ramp(1 - fade, (bright, middle, dim)), 0.85
            )
    elif kind == 1:
        shape = canvas.stencil()
        for i in range(9):
            shape.box(
                0.16 + 0.078 * i,
                0.16 + 0.025 * i,
                0.16 + 0.078 * i + 0.012 + 0.005 * i,
                0.78 - 0.02 * i,
            )
        canvas.paint(shape.mask(), colours)
        canvas.paint(
            canvas.stencil().disc(0.62, 0.4, 0.17).mask(), ramp(fade, (middle, bright)), 0.92
        )
    elif kind == 2:
        for i, tint in enumerate((dim, middle, bright)):
            apex = [(0.5, 0.16 + 0.12 * i), (0.83 - 0.08 * i, 0.74), (0.17 + 0.08 * i, 0.74)]
            glass = canvas.stencil().polygon(apex).mask()
            canvas.paint(glass * (0.25 + 0.75 * fade), tint, 0.85)
    else:
        half = canvas.stencil().disc(0.5, 0.43, 0.3).mask()
        canvas.paint(half * (canvas.x < 0.5), colours)
        lines = half * (canvas.x >= 0.5) * (np.sin(canvas.y * np.pi * 64) > 0.1)
        canvas.paint(lines.astype(np.float32), bright)
    hair = canvas.stencil().box(0.06, 0.835, 0.94, 0.838)
    hair.box(0.06, 0.06, 0.09, 0.063).box(0.06, 0.06, 0.063, 0.09)
    canvas.paint(hair.mask(), bright, 0.7)
    _caption(canvas, rng, artist, title, bright)


def _between(first: str, second: str, share: float) -> str:
    """Hex code of a colour between two others."""
    red, green, blue = (round(255 * float(v)) for v in mix(first, second, share))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _horizon(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Wire-frame plain running to a low sun or a dark planet."""
    ground, dim, middle, bright = _scheme(rng)
    level = rng.uniform(0.55, 0.62)
    canvas.rgb[:] = ramp(canvas.y / level, (ground, ground, dim))
    stars = canvas.stencil()
    for _ in range(70):
        stars.disc(
            rng.random(),
            rng.random() * level,
            rng.uniform(0.0012, 0.003),
            value=rng.uniform(0.3, 1),
        )
    canvas.light(stars.mask(), "#ffffff", 0.9)
    disc = canvas.stencil().disc(0.5, level - 0.1, 0.2).mask() * (canvas.y < level)
    canvas.light(canvas.halo(0.5, level - 0.1, 0.34), middle, 0.7)
    if rng.random() < 0.6:
        gaps = np.sin((canvas.y - level) * np.pi * 44) > (level - canvas.y) * 6 - 0.9
        canvas.paint(
            (disc * ~(gaps & (canvas.y > level - 0.16))).astype(np.float32),
            ramp((canvas.y - level + 0.3) * 3.3, (bright, middle, dim)),
        )
    else:
        canvas.paint(disc, ground)
        canvas.light(unit(blur(disc, 0.02) - disc) * (canvas.y < level), bright, 2.2)
    depth = 0.12 / np.maximum(canvas.y - level, 0.002)
    swell = (cloud(canvas.size, rng, 4, 2) - 0.5) * 0.5 * np.abs(canvas.x - 0.5)
    across, ahead = (canvas.x - 0.5) * depth * 7, depth * 3.2 + swell
    wide = np.clip(0.02 * depth, 0.012, 0.25)
    lines = np.minimum(np.abs(across % 1 - 0.5), np.abs(ahead % 1 - 0.5))
    wire = unit(1.4 - lines / wide) * unit(2.2 - depth * 0.09)
    below = (canvas.y > level).astype(np.float32)
    canvas.paint(below, ramp((canvas.y - level) * 2.2, (dim, ground, ground)))
    canvas.light(blur(wire * below, 0.015) * 1.2, middle, 0.9)
    canvas.light(wire * below, bright, 0.9)
    canvas.light(np.exp(-(((canvas.y - level) / 0.012) ** 2)), bright, 0.9)
    _scanlines(canvas, 0.1)
    _caption(canvas, rng, artist, title, "#f4f7ff", top=True)


def _ridges(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Stacked wave traces, each hiding what lies behind it."""
    ground, dim, middle, bright = _scheme(rng)
    canvas.rgb[:] = rgb(ground)
    canvas.light(canvas.halo(0.5, 0.45, 0.5), dim, 0.35)
    x = np.linspace(0.12, 0.88, 150)
    envelope = np.exp(-(((x - rng.uniform(0.42, 0.58)) / rng.uniform(0.1, 0.17)) ** 2))
    count = int(rng.integers(26, 40))
    fill, line = canvas.stencil(), canvas.stencil()
    for i in range(count):
        y = 0.18 + 0.58 * i / count
        bumps = np.zeros_like(x)
        for octave in range(4):
            bumps += np.sin(x * (14 + 19 * octave) + rng.uniform(0, 6.3)) * 0.5**octave
        trace = (
            y - np.abs(bumps) * envelope * rng.uniform(0.05, 0.1) + rng.normal(0, 0.0012, len(x))
        )
        path = list(zip(x.tolist(), trace.tolist(), strict=True))
        foot = [(0.88, y + 0.02), (0.12, y + 0.02)]
        line.polygon(path + foot, 0.0)
        line.stroke(path, 0.0045)
        fill.polygon(path + foot, 0.15 + 0.6 * i / count)
    canvas.paint((fill.mask() > 0.05).astype(np.float32), ramp(canvas.y, (ground, dim)), 0.35)
    traces = line.mask()
    canvas.light(blur(traces, 0.012) * 0.9, middle, 0.6)
    canvas.paint(traces, ramp(canvas.y * 0.9 + canvas.x * 0.3 - 0.1, (bright, middle, bright)))
    _caption(canvas, rng, artist, title, bright)


def _glitch(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """A lit sphere or the title itself, torn into shifted strips."""
    ground, dim, middle, bright = _scheme(rng)
    canvas.rgb[:] = ramp(cloud(canvas.size, rng, 2.5, 4) * 0.7, (ground, ground, dim))
    if rng.random() < 0.5:
        nx, ny = (canvas.x - 0.5) / 0.31, (canvas.y - 0.44) / 0.31
        nz = np.sqrt(unit(1 - nx**2 - ny**2))
        bands = 0.5 + 0.5 * np.sin((ny + 0.4 * nx * nz) * 16 + nz * 5)
        tone = unit(0.62 - 0.45 * nx - 0.4 * ny) * (0.45 + 0.55 * bands)
        canvas.light(canvas.halo(0.5, 0.44, 0.4), middle, 0.4)
        canvas.paint((nz > 0).astype(np.float32), ramp(tone, (ground, dim, middle, bright)))
    else:
        rows = wrap(title, 3)
        words = lettering(canvas.size, rows, (0.08, 0.16, 0.92, 0.74), SWISS, fill=True)
        canvas.paint(words, ramp(canvas.y + 0.2 * canvas.x, (bright, middle, dim)))
    offsets = np.zeros(canvas.size, int)
    for _ in range(int(rng.integers(9, 18))):
        start, tall = rng.integers(canvas.size), rng.integers(2, max(3, canvas.size // 14))
        offsets[start : start + tall] = round(rng.normal(0, 0.07) * canvas.size)
    columns = (np.arange(canvas.size)[None, :] - offsets[:, None]) % canvas.size
    canvas.rgb = np.take_along_axis(canvas.rgb, columns[..., None], axis=1)
    _split(canvas, rng.uniform(0.006, 0.016))
    blocks = canvas.stencil()
    for _ in range(int(rng.integers(6, 14))):
        x, y = rng.uniform(0, 0.95), rng.uniform(0.05, 0.78)
        blocks.box(x, y, x + rng.uniform(0.02, 0.2), y + rng.uniform(0.004, 0.016))
    canvas.paint(blocks.mask(), str(rng.choice([bright, middle, "#ffffff"])), 0.9)
    _scanlines(canvas, 0.16)
    _caption(canvas, rng, artist, title, "#f4f7ff")


def _aura(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Blurred fields of colour running into each other."""
    ground, dim, middle, bright = _scheme(rng, pale=0.3)
    extra = str(rng.choice(["#ff4fa3", "#ffb05a", "#35e0ff", "#7a3cff"]))
    bend = (cloud(canvas.size, rng, 2, 3) - 0.5) * 0.5
    field = warped(cloud(canvas.size, rng, 1.6, 2), bend, np.roll(bend, canvas.size // 3, axis=0))
    canvas.rgb[:] = ramp(blur(field, 0.05), (ground, dim, middle, extra, bright))
    if rng.random() < 0.6:
        x, y, r = 0.5, 0.46, rng.uniform(0.2, 0.3)
        disc = unit((r - canvas.radius(x, y)) * 14 + 0.5)
        sweep = unit((canvas.y - y) / r * 0.5 + 0.5)
        canvas.paint(disc.astype(np.float32), ramp(sweep, (bright, extra, middle, ground)), 0.9)
    noise = rng.standard_normal((canvas.size, canvas.size)).astype(np.float32)
    canvas.shade(1 + 0.07 * noise)
    ink = "#ffffff" if float(canvas.rgb[-canvas.size // 6 :].mean()) < 0.55 else "#0a0a14"
    _caption(canvas, rng, artist, title, ink)


def _dots(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """A lattice of dots or dashes swollen by an unseen wave."""
    ground, dim, middle, bright = _scheme(rng, pale=0.35)
    canvas.rgb[:] = rgb(ground)
    lattice: list[Stencil] = [canvas.stencil() for _ in range(2)]
    count = int(rng.integers(22, 34))
    cx, cy, waves = rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.6), rng.uniform(7, 15)
    dashes = rng.random() < 0.4
    for i in range(count):
        for j in range(round(count * 0.86)):
            x, y = 0.07 + 0.86 * i / (count - 1), 0.07 + 0.86 * j / (count - 1)
            far = float(np.hypot(x - cx, y - cy))
            lift = 0.5 + 0.5 * float(np.cos(far * waves * 2)) * float(np.exp(-far * 1.4))
            if dashes:
                turn = lift * np.pi + float(np.arctan2(y - cy, x - cx))
                dx, dy = 0.013 * np.cos(turn), 0.013 * np.sin(turn)
                lattice[lift > 0.55].stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.005)
            else:
                lattice[lift > 0.62].disc(x, y, (0.1 + 0.42 * lift) * 0.86 / count)
    canvas.paint(lattice[0].mask(), ramp(canvas.y, (dim, middle)))
    canvas.paint(lattice[1].mask(), ramp(canvas.x, (bright, middle)))
    _caption(canvas, rng, artist, title, bright)


def _moire(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Two sets of rings that beat against each other, cut by a plain disc."""
    ground, dim, middle, bright = _scheme(rng, pale=0.3)
    rings: list[Array] = []
    for side in (-1, 1):
        away = canvas.radius(0.5 + side * rng.uniform(0.06, 0.16), 0.45 + rng.normal(0, 0.04))
        rings.append(unit(np.sin(away * np.pi * 2 * rng.uniform(26, 34)) * 3 + 0.5))
    canvas.rgb[:] = rgb(ground)
    canvas.paint(rings[0], ramp(canvas.y, (middle, dim)), 0.9)
    canvas.paint(rings[1] * (1 - 0.6 * rings[0]), ramp(canvas.x, (bright, middle)), 0.85)
    away = canvas.radius(0.5, 0.45)
    cut = unit((away - 0.37) * canvas.size)
    canvas.paint(cut, ground)
    if rng.random() < 0.5:
        canvas.paint(unit((0.12 - away) * canvas.size), ramp(canvas.y * 2 - 0.4, (bright, middle)))
    vignette(canvas, 0.2)
    _caption(canvas, rng, artist, title, bright)


LAYOUTS = (_geometry, _horizon, _ridges, _glitch, _aura, _dots, _moire)
