"""Look of the rap covers: portraits out of the dark, night streets, gold, heavy block type."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from scraping.procedural import figures
from scraping.procedural.canvas import Array, Canvas, ramp, rgb, unit
from scraping.procedural.lettering import BLOCK, HEAVY, PLAIN, SPACED, WIDE, lettering, wrap
from scraping.procedural.texture import (
    blur,
    cloud,
    halftone,
    relief,
    shifted,
    spatter,
    vignette,
    warped,
)

# Backdrop, light and accent of one cover.
_SCHEMES = (
    ("#120d0a", "#b8862b", "#f0c65a"),
    ("#14060a", "#a3161c", "#e8322c"),
    ("#0a0d14", "#35506e", "#d9dfe6"),
    ("#0d0b08", "#7a5a34", "#e9d9b0"),
    ("#0a120e", "#2f6b4c", "#d8c04a"),
    ("#100a16", "#5a2f7d", "#f2b33d"),
)
_SKINS = (
    ("#070405", "#2c1710", "#8a4f2c", "#e0a870"),
    ("#060404", "#24120d", "#6d3a22", "#c98a58"),
    ("#080506", "#3a2018", "#a8693f", "#f2c79a"),
    ("#050505", "#232323", "#808080", "#ececec"),
)
_GOLD = ("#2a1604", "#7d5212", "#d9a32e", "#fff0b0", "#b57c1c", "#f4cf62")


def _gold(canvas: Canvas, mask: Array, rng: Generator, depth: float = 0.008) -> None:
    """Cast a mask in polished metal: bevelled edges over a streaked reflection."""
    bevel = relief(mask, depth, -2.1)
    sheen = cloud(canvas.size, rng, 3, 3, (2.5, 0.6)) * 0.35
    tone = unit(0.42 + bevel * 0.75 + sheen - 0.2 + 0.15 * np.sin(canvas.y * 38))
    canvas.paint(shifted(blur(mask, 0.015), 0.006, 0.012), "#000000", 0.7)
    canvas.paint(mask, ramp(tone, _GOLD))


def _title(canvas: Canvas, rng: Generator, artist: str, title: str, ink: str, low: bool) -> None:
    """Block type across the foot or the head of a cover, the artist small beside it."""
    rows = wrap(title, 1 if len(title) < 13 else 2)
    depth = 0.13 if len(rows) == 1 else 0.24
    top = 0.95 - depth if low else 0.05
    face = BLOCK if rng.random() < 0.7 else HEAVY
    mask = lettering(
        canvas.size, rows, (0.05, top, 0.95, top + depth), face, fill=len(title) > 7, gap=0.16
    )
    if rng.random() < 0.4:
        _gold(canvas, mask, rng, 0.005)
    else:
        canvas.paint(shifted(blur(mask, 0.012), 0.004, 0.008), "#000000", 0.6)
        canvas.paint(mask, ink)
    y = top - 0.07 if low else top + depth + 0.025
    name = lettering(canvas.size, artist, (0.06, y, 0.94, y + 0.045), SPACED, rng.choice([0, 0.5]))
    canvas.paint(shifted(name, 0.003, 0.004), "#000000", 0.8)
    canvas.paint(name, "#f4efe6")


def _person(canvas: Canvas, rng: Generator, who: figures.Bust, rim: str, skin: int) -> None:
    """Paint a bust lit from one side, with a coloured light behind it tracing its edge."""
    canvas.paint(blur(who.body, 0.03), "#000000", 0.5)
    canvas.paint(who.body, ramp(who.shine * 1.25, _SKINS[skin]))
    cloth = ramp(unit(who.shine * 1.4), ("#050506", _cloth(rng), "#c8c0b4"))
    canvas.paint(who.body * (1 - who.face) * unit((canvas.y - 0.1) * 8), cloth, 0.8)
    canvas.paint(who.wear, cloth)
    edge = unit(who.body - blur(who.body, 0.02)) * who.body
    side = unit((canvas.x - 0.5) * rng.choice([-3, 3]) + 0.5)
    canvas.light(edge * side, rim, 2.6)
    canvas.paint(who.shades, "#050505")
    glint = who.shades * unit(np.sin((canvas.x + canvas.y * 0.6) * 42) * 3 - 1.8)
    canvas.light(glint, rim, 0.6)


def _cloth(rng: Generator) -> str:
    """Colour of the cloth of one person's clothes."""
    return str(rng.choice(["#26221f", "#3a1416", "#1b2430", "#2e2a20", "#20281f", "#3b3b3d"]))


def _portrait(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    dark, light, accent = _SCHEMES[rng.integers(len(_SCHEMES))]
    smoke = cloud(canvas.size, rng, 3, 5)
    x = rng.uniform(0.42, 0.58)
    canvas.rgb[:] = ramp(smoke * 0.9 * canvas.halo(x, 0.35, 0.62), (dark, light, accent))
    width = rng.uniform(0.26, 0.35)
    low = rng.random() < 0.6
    chin = rng.uniform(0.53, 0.58) if low else rng.uniform(0.74, 0.8)
    who = figures.bust(
        canvas,
        rng,
        x,
        chin,
        width,
        str(rng.choice(figures.HEADWEAR)),
        rng.random() < 0.4,
    )
    _person(canvas, rng, who, accent, int(rng.integers(len(_SKINS))))
    if rng.random() < 0.6:
        links = figures.chain(canvas, x, chin + 0.06, width * 0.5, rng.uniform(0.12, 0.2))
        _gold(canvas, links, rng, 0.006)
    canvas.light(unit(cloud(canvas.size, rng, 3, 4) - 0.45) * canvas.y, light, 0.7)
    vignette(canvas, 0.75)
    _title(canvas, rng, artist, title, accent, low)


def _stencil(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Two-ink poster: the face screened in dots over a flat, splattered ground."""
    grounds = (
        ("#b3121b", "#0b0809"),
        ("#d8a31a", "#100c06"),
        ("#d9d2c4", "#101010"),
        ("#c4411a", "#0c0807"),
        ("#15161a", "#d8d4cc"),
    )
    ground, ink = grounds[rng.integers(len(grounds))]
    canvas.rgb[:] = rgb(ground)
    canvas.shade(0.82 + 0.3 * cloud(canvas.size, rng, 5, 5))
    canvas.paint(spatter(canvas, rng, 70, 0.03), ink, 0.85)
    x = float(rng.choice([0.36, 0.5, 0.64]))
    who = figures.bust(
        canvas, rng, x, 0.6, 0.38, str(rng.choice(figures.HEADWEAR)), rng.random() < 0.5
    )
    shadow = 1 - unit(who.shine * 1.9)
    dots = halftone(canvas, 1 - shadow if ink > ground else shadow, rng.uniform(34, 52))
    canvas.paint(who.body, ground)
    canvas.paint(who.body * dots, ink)
    canvas.paint(who.shades, ink)
    bar = canvas.stencil().box(0, 0.74, 1, 0.96).mask()
    canvas.paint(bar, ink, 0.96)
    rough = unit(cloud(canvas.size, rng, 30, 3) * 4 - 0.7)
    rows = wrap(title, 1 if len(title) < 12 else 2)
    canvas.paint(
        lettering(canvas.size, rows, (0.05, 0.765, 0.95, 0.935), BLOCK, fill=True) * rough, ground
    )
    name = lettering(canvas.size, artist, (0.07, 0.05, 0.93, 0.1), WIDE, 0.0)
    plate = canvas.stencil().box(
        0.04, 0.03, 0.03 + float((name.max(axis=0) * canvas.x[0]).max()), 0.12
    )
    canvas.paint(plate.mask(), ink)
    canvas.paint(name, ground)


def _skyline(canvas: Canvas, rng: Generator, horizon: float, window: str) -> None:
    """Two rows of towers with lit windows standing on the horizon."""
    lit = canvas.stencil()
    for depth, tone in ((0, "#1b1820"), (1, "#09080b")):
        towers = canvas.stencil()
        left = -0.03
        while left < 1:
            width = rng.uniform(0.05, 0.13)
            top = horizon - rng.uniform(0.12, 0.4 - 0.13 * depth)
            towers.box(left, top, left + width, horizon)
            if rng.random() < 0.25:
                towers.box(left + width / 2 - 0.003, top - 0.07, left + width / 2 + 0.003, top)
            if depth:
                for row in np.arange(top + 0.02, horizon - 0.02, 0.022):
                    for column in np.arange(left + 0.012, left + width - 0.014, 0.018):
                        if rng.random() < 0.3:
                            lit.box(column, row, column + 0.009, row + 0.011)
            left += width + rng.uniform(0, 0.012)
        canvas.paint(towers.mask(), tone, 0.94)
    windows = lit.mask()
    canvas.paint(windows, window, 0.85)
    canvas.light(blur(windows, 0.015), window, 0.7)


def _night_street(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    skies = (
        ("#08070d", "#2a1420", "#b5442a", "#f0a04a"),
        ("#05070d", "#0e1c33", "#31557d", "#9db4c8"),
        ("#0a0612", "#2c1240", "#8a2f5a", "#e88a4a"),
    )
    sky = skies[rng.integers(len(skies))]
    horizon = rng.uniform(0.6, 0.68)
    haze = cloud(canvas.size, rng, 3, 5, (0.6, 1.6)) - 0.5
    canvas.rgb[:] = ramp(canvas.y / horizon * 0.85 + haze * 0.3, sky)
    moon = canvas.stencil().disc(rng.uniform(0.15, 0.85), 0.43, rng.uniform(0.04, 0.09)).mask()
    canvas.light(blur(moon, 0.05), sky[3], 0.8)
    canvas.light(moon, "#fff6e0", 0.85)
    _skyline(canvas, rng, horizon, "#f6c667")
    ripple = (cloud(canvas.size, rng, 10, 4, (0.7, 3.5)) - 0.5) * 0.05
    mirror = warped(canvas.rgb.mean(axis=2), ripple, np.minimum(0, (horizon - canvas.y) * 2))
    ground = canvas.stencil().box(-1, horizon, 2, 2).mask()
    wet = ramp(mirror * 0.9, ("#050506", sky[1], sky[2], sky[3]))
    canvas.paint(ground, wet)
    canvas.paint(ground, "#060506", 0.35)
    figure = canvas.stencil()
    x, tall = rng.uniform(0.35, 0.65), rng.uniform(0.52, 0.62)
    crew = rng.random() < 0.4
    for place in (x - 0.2, x, x + 0.2) if crew else (x,):
        share = 1.0 if place == x else 0.9
        figure.limb((place, 0.5), (place, 0.72), 0.055, 0.05)
        figures.body(
            figure, place, 0.93, tall * share, figures.STANDING, hair=rng.choice([0, 0.012])
        )
    person = figure.mask()
    canvas.light(blur(person, 0.03) * (1 - person), sky[3], 0.5)
    canvas.paint(person, "#040304")
    canvas.light(unit(person - shifted(person, 0.006, 0.004)), sky[3], 0.8)
    vignette(canvas, 0.5)
    mask = lettering(
        canvas.size, wrap(title, 2), (0.05, 0.05, 0.95, 0.27), BLOCK, fill=len(title) > 9
    )
    if rng.random() < 0.5:
        _gold(canvas, mask, rng, 0.005)
    else:
        canvas.paint(mask, "#f2ede4")
    canvas.paint(lettering(canvas.size, artist, (0.05, 0.3, 0.95, 0.34), SPACED), "#f6d9a0")


def _crown(canvas: Canvas) -> Array:
    points = [(0.27, 0.56), (0.21, 0.27), (0.36, 0.42), (0.5, 0.18), (0.64, 0.42), (0.79, 0.27),
              (0.73, 0.56)]  # fmt: skip
    shape = canvas.stencil().polygon(points).box(0.26, 0.59, 0.74, 0.65, radius=0.01)
    for x, y in ((0.21, 0.27), (0.5, 0.18), (0.79, 0.27)):
        shape.disc(x, y, 0.032)
    return shape.mask()


def _microphone(canvas: Canvas) -> Array:
    shape = canvas.stencil().disc(0.5, 0.24, 0.125, 0.14).box(0.36, 0.36, 0.64, 0.4, radius=0.015)
    shape.polygon([(0.4, 0.41), (0.6, 0.41), (0.555, 0.72), (0.445, 0.72)])
    for step in np.linspace(-0.1, 0.1, 6):
        shape.stroke([(0.5 + step, 0.12), (0.5 + step, 0.35)], 0.006, 0.55)
        shape.stroke([(0.37, 0.24 + step), (0.63, 0.24 + step)], 0.006, 0.55)
    return shape.mask()


def _emblem(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """One golden object on black cloth."""
    _, light, accent = _SCHEMES[rng.integers(len(_SCHEMES))]
    folds = cloud(canvas.size, rng, 4, 4, (1.6, 0.5))
    canvas.rgb[:] = ramp(relief(folds, 0.02, 0.6) * 0.4 + 0.3, ("#030303", "#1a1718", "#4a4240"))
    canvas.light(canvas.halo(0.5, 0.4, 0.42), light, 0.5)
    kind = rng.integers(3)
    if kind == 0:
        thing = _crown(canvas)
    elif kind == 1:
        thing = _microphone(canvas)
    else:
        thing = figures.chain(canvas, 0.5, 0.02, 0.26, 0.4)
    _gold(canvas, thing, rng, 0.014)
    for _ in range(int(rng.integers(3, 7))):
        spot = rng.choice(np.flatnonzero(thing.ravel() > 0.8))
        row, column = divmod(int(spot), canvas.size)
        x, y = column / canvas.size, row / canvas.size
        canvas.light(canvas.halo(x, y, 0.03), "#fff4cc", 0.8)
        cross = np.minimum(np.abs(canvas.x - x), np.abs(canvas.y - y)) < 0.0022
        canvas.light(cross * canvas.halo(x, y, 0.05), "#ffffff", 1.0)
    vignette(canvas, 0.6)
    gold = lettering(
        canvas.size, wrap(title, 1 + len(title) // 13), (0.06, 0.72, 0.94, 0.91), BLOCK, gap=0.15
    )
    _gold(canvas, gold, rng, 0.005)
    canvas.paint(lettering(canvas.size, artist, (0.1, 0.93, 0.9, 0.965), SPACED), accent)


def _type_wall(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Title stacked to fill a concrete wall, sprayed, with drips."""
    ink = str(rng.choice(["#e9e2d4", "#d62b22", "#e7b52c", "#f2f2f2"]))
    wall = cloud(canvas.size, rng, 4, 6)
    canvas.rgb[:] = ramp(wall + relief(wall, 0.004, 1.0) * 0.12, ("#0c0b0b", "#2b2826", "#5a5450"))
    tag = unit(cloud(canvas.size, rng, 3, 3) - 0.55) * 3
    canvas.paint(unit(tag), str(rng.choice(["#7d1115", "#6b4d12", "#27394f"])), 0.6)
    rows = wrap(title, 3)
    mask = lettering(canvas.size, rows, (0.06, 0.14, 0.94, 0.86), BLOCK, fill=True, gap=0.14)
    drips = canvas.stencil()
    for _ in range(14):
        x, y = rng.uniform(0.08, 0.92), rng.uniform(0.3, 0.84)
        if mask[int(y * canvas.size), int(x * canvas.size)] > 0.5:
            drips.limb((x, y), (x, y + rng.uniform(0.05, 0.2)), 0.004, 0.006)
    sprayed = np.maximum(mask, drips.mask())
    canvas.light(blur(mask, 0.02) * 0.5, ink, 0.5)
    holes = unit(cloud(canvas.size, rng, 26, 4) * 5 - 1.1)
    canvas.paint(sprayed * holes, ink)
    canvas.paint(spatter(canvas, rng, 50, 0.012), ink, 0.8)
    vignette(canvas, 0.6)
    canvas.paint(lettering(canvas.size, artist, (0.06, 0.05, 0.94, 0.1), WIDE, 0.0), "#f4efe6")
    canvas.paint(lettering(canvas.size, "LP", (0.86, 0.9, 0.94, 0.94), PLAIN, 1.0), "#f4efe6", 0.7)


LAYOUTS = (_portrait, _stencil, _night_street, _emblem, _type_wall, _portrait)
