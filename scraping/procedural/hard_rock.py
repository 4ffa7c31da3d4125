"""Look of the hard rock covers: fire, storms, skulls, stage light and a logo of steel thorns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from scraping.procedural import figures
from scraping.procedural.canvas import Array, Canvas, mirrored, ramp, rgb, unit
from scraping.procedural.lettering import BLADE, SLAB, SPACED, SPIKY, Face, lettering, wrap
from scraping.procedural.skull import paint_skull
from scraping.procedural.texture import blur, cloud, relief, shifted, vignette, warped

_FIRE = ("#000000", "#2a0402", "#8f1206", "#e2490c", "#ffb32a", "#fff3b0")
_STEEL = ("#08090b", "#3a4048", "#aeb6bf", "#ffffff", "#59616b", "#d5dbe1")
_BLOOD = ("#140000", "#5e0608", "#c01417", "#ff7a5a", "#8a0a0d", "#e8352a")
_BRASS = ("#1a0d02", "#6b3c0c", "#d08a2a", "#fff0b8", "#8f5a18", "#f0b850")


def _logo(
    canvas: Canvas,
    rng: Generator,
    text: str,
    box: tuple[float, float, float, float],
    metal: tuple[str, ...] | None = None,
    face: Face | None = None,
) -> None:
    """The band's name cut from metal, arched a little, with a dark edge and a glow behind."""
    cut = face or (SPIKY, BLADE, BLADE, SLAB)[rng.integers(4)]
    tone = metal or (_STEEL, _BLOOD, _BRASS, _STEEL)[rng.integers(4)]
    rows = wrap(text, 1 if len(text) < 11 else 2)
    lengths = [len(row) for row in rows]
    # A short word stretched as wide as a long one would be all but illegible.
    fill = min(lengths) > 5 or (len(rows) > 1 and min(lengths) > 0.6 * max(lengths))
    mask = lettering(canvas.size, rows, box, cut, fill=fill, gap=0.3)
    swell = rng.choice([0.0, 0.0, 0.03, 0.045])
    middle = (box[1] + box[3]) / 2
    bow = (canvas.x - 0.5) ** 2 * 4 * swell * (canvas.y - middle) / max(1e-6, box[3] - middle)
    mask = warped(mask, np.zeros_like(bow), -bow)
    outline = unit(blur(mask, 0.014) * 4)
    canvas.paint(outline, "#000000", 0.85)
    bevel = relief(mask, 0.007, -1.9)
    sheen = 0.5 - 0.5 * np.cos((canvas.y - box[1]) / (box[3] - box[1]) * 2 * np.pi)
    streak = cloud(canvas.size, rng, 4, 4, (3, 0.7)) * 0.25
    canvas.paint(mask, ramp(sheen * 0.55 + bevel * 0.5 + streak + 0.1, tone))


def _footer(canvas: Canvas, title: str, y: float, ink: str = "#e9e2d6") -> None:
    name = lettering(canvas.size, title, (0.08, y, 0.92, y + 0.05), SPACED)
    canvas.paint(unit(blur(name, 0.01) * 3), "#000000", 0.75)
    canvas.paint(name, ink)


def _fire(canvas: Canvas, rng: Generator, base: float, height: float) -> Array:
    """Heat field of flames licking up from `base`, 0 (none) to 1 (white hot)."""
    sway = (cloud(canvas.size, rng, 4, 4, (1.0, 0.7)) - 0.5) * 0.3
    tongues = warped(cloud(canvas.size, rng, 6, 5, (1.4, 0.4)), sway, sway * 0.6)
    rise = np.clip((base - canvas.y) / height, -0.3, 2)
    return unit((1.25 - rise) * (0.3 + 0.95 * tongues) - 0.22 - rise * 0.35)


def _sparks(canvas: Canvas, rng: Generator, count: int) -> None:
    dots = canvas.stencil()
    for _ in range(count):
        x, y = rng.random(), rng.random()
        dots.limb((x, y), (x + rng.normal(0, 0.006), y - rng.uniform(0, 0.015)), 0.0022, 0.001)
    embers = dots.mask()
    canvas.light(blur(embers, 0.008) * 2, "#ff6a10", 1.0)
    canvas.light(embers, "#ffe0a0", 1.0)


def _inferno(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """A skull in flames under the logo."""
    heat = np.maximum(_fire(canvas, rng, 1.0, rng.uniform(0.6, 0.85)), 0)
    canvas.rgb[:] = ramp(heat, _FIRE)
    eyes = str(rng.choice(["#ff5a10", "#ff1408", "#48a8ff"])) if rng.random() < 0.7 else None
    paint_skull(canvas, rng, 0.5, 0.57, rng.uniform(0.36, 0.46), eyes)
    front = _fire(canvas, rng, 1.02, 0.42)
    canvas.light(unit(front * 1.3), ramp(front, _FIRE), 1.0)
    _sparks(canvas, rng, 60)
    vignette(canvas, 0.5)
    _logo(canvas, rng, artist, (0.06, 0.07, 0.94, 0.26))
    _footer(canvas, title, 0.9)


def _bolt(
    rng: Generator, start: tuple[float, float], end: tuple[float, float]
) -> list[tuple[float, float]]:
    points = [start, end]
    jag = 0.09
    for _ in range(5):
        nested: list[tuple[float, float]] = [points[0]]
        for (ax, ay), (bx, by) in pairwise(points):
            nested += [
                ((ax + bx) / 2 + rng.normal(0, jag), (ay + by) / 2 + rng.normal(0, jag * 0.4)),
                (bx, by),
            ]
        points, jag = nested, jag * 0.5
    return points


def _storm(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Lightning over black mountains or an empty road."""
    skies = (
        ("#050407", "#2a0b12", "#8a1a1a", "#ff7a3a"),
        ("#04050a", "#141c30", "#3f5680", "#c9dcff"),
        ("#060408", "#26122e", "#6a2f5e", "#ffb0a0"),
    )
    sky = skies[rng.integers(len(skies))]
    clouds = warped(
        cloud(canvas.size, rng, 4, 6, (0.8, 1.5)),
        *(0.2 * (cloud(canvas.size, rng, 3, 3) - 0.5),) * 2,
    )
    puffs = relief(clouds, 0.008, np.pi / 2)
    canvas.rgb[:] = ramp(clouds * 0.62 + puffs * 0.22 + 0.25 * (canvas.y - 0.35), sky)
    strikes, branches = canvas.stencil(), canvas.stencil()
    for _ in range(int(rng.integers(1, 4))):
        path = _bolt(rng, (rng.uniform(0.2, 0.8), 0.12), (rng.uniform(0.15, 0.85), 0.76))
        strikes.stroke(path, 0.007)
        for start in rng.integers(6, 26, 3):
            x, y = path[start]
            branches.stroke(_bolt(rng, (x, y), (x + rng.normal(0, 0.16), y + 0.16)), 0.003)
    strike = np.maximum(strikes.mask(), branches.mask() * 0.8)
    for reach, strength in ((0.08, 0.9), (0.025, 1.0)):
        canvas.light(unit(blur(strike, reach) * 3.2), sky[3], strength)
    canvas.light(strike, "#ffffff", 1.0)
    peaks = np.full(canvas.size, 0.74, np.float32)
    for octave in range(7):
        waves = canvas.x[0] * 2.1 * 2**octave + rng.random()
        peaks += (np.abs(waves % 2 - 1) - 0.5).astype(np.float32) * 0.16 * 0.5**octave
    land = unit((canvas.y - peaks) * canvas.size)
    rock = relief(cloud(canvas.size, rng, 8, 5), 0.006, -1.2)
    canvas.paint(land, ramp(0.25 + rock * 0.3 - (canvas.y - 0.7), ("#020202", "#15110f", sky[2])))
    if rng.random() < 0.5:
        road = (
            canvas.stencil()
            .polygon([(0.49, 0.77), (0.51, 0.77), (0.85, 1.02), (0.15, 1.02)])
            .mask()
        )
        canvas.paint(road, "#0a090a", 0.95)
        dashes = canvas.stencil()
        for near in (0.1, 0.22, 0.42, 0.75):
            dashes.polygon(
                [
                    (0.5 - 0.012 * near, 0.77 + 0.23 * near),
                    (0.5 + 0.012 * near, 0.77 + 0.23 * near),
                    (0.5 + 0.02 * near, 0.77 + 0.31 * near),
                    (0.5 - 0.02 * near, 0.77 + 0.31 * near),
                ]
            )
        canvas.paint(dashes.mask(), "#d9b04a")
    vignette(canvas, 0.5)
    _logo(canvas, rng, artist, (0.07, 0.06, 0.93, 0.26))
    _footer(canvas, title, 0.89)


def _iron(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Only the logo, huge, on cracked stone or riveted plate, with a blade or a star under it."""
    stone = cloud(canvas.size, rng, 5, 6)
    cracks = unit(1 - np.abs(cloud(canvas.size, rng, 4, 5) - 0.5) * 45)
    hue = (
        ("#050505", "#1f1c1b", "#4a4542"),
        ("#0a0202", "#3a0a0a", "#7d1a14"),
        ("#030405", "#161b20", "#3d464d"),
    )[rng.integers(3)]
    canvas.rgb[:] = ramp(stone * 0.6 + relief(stone, 0.005, -2.2) * 0.45 + 0.12, hue)
    canvas.shade(1 - 0.75 * cracks)
    if rng.random() < 0.5:
        canvas.light(cracks * canvas.halo(0.5, 0.55, 0.45), "#ff3a08", 0.9)
    sign = canvas.stencil()
    if rng.random() < 0.5:
        turn = np.arange(10) * np.pi / 5 - np.pi / 2
        far = np.where(np.arange(10) % 2 == 0, 0.3, 0.118)
        sign.ring(0.5, 0.58, 0.31, 0.022)
        sign.polygon(
            [(0.5 + r * np.cos(a), 0.58 + r * np.sin(a)) for r, a in zip(far, turn, strict=True)]
        )
    else:
        for side in (-1, 1):
            tip, hilt = (0.5 + side * 0.27, 0.34), (0.5 - side * 0.2, 0.78)
            sign.limb(hilt, tip, 0.026, 0.004)
            across = (hilt[0] + side * 0.06, hilt[1] - 0.056)
            sign.limb(
                (across[0] - 0.05, across[1] - side * 0.04),
                (across[0] + 0.05, across[1] + side * 0.04),
                0.014,
                0.014,
            )
            sign.limb(hilt, (hilt[0] - side * 0.05, hilt[1] + 0.05), 0.014, 0.02)
    mask = sign.mask()
    canvas.paint(shifted(blur(mask, 0.02), 0.01, 0.018), "#000000", 0.8)
    tone = 0.45 + relief(mask, 0.01, -2.2) * 0.5 + cloud(canvas.size, rng, 20, 4) * 0.3 - 0.12
    canvas.paint(mask, ramp(tone, (_STEEL, _BRASS, _BLOOD)[rng.integers(3)]))
    vignette(canvas, 0.6)
    _logo(canvas, rng, artist, (0.05, 0.07, 0.95, 0.29))
    _footer(canvas, title, 0.9)


def _guitar(canvas: Canvas, x: float, y: float, s: float, tilt: float) -> Array:
    """Mask of a V-shaped electric guitar standing on its horns, head up."""
    body = ((0, 0.02), (0.05, -0.03), (0.09, 0.12), (0.3, 0.5), (0.2, 0.52), (0, 0.2))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])

    def at(points: object) -> list[tuple[float, float]]:
        return [(x + px * s, y + py * s) for px, py in np.asarray(points, dtype=float) @ turn.T]

    shape = canvas.stencil().polygon(at(mirrored(body, 0)))
    shape.polygon(at([(-0.028, 0.05), (0.028, 0.05), (0.02, -0.72), (-0.02, -0.72)]))
    shape.polygon(at([(-0.03, -0.7), (0.025, -0.7), (0.075, -0.92), (0.0, -0.86), (-0.045, -0.9)]))
    return shape.mask()


def _burst(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """Crossed guitars before rays."""
    dark, bright = (("#1a0202", "#b5170f"), ("#120602", "#e0701a"), ("#050505", "#6e6e6e"))[
        rng.integers(3)
    ]
    rays = np.sin(canvas.angle(0.5, 0.55) * rng.integers(12, 22)) * 6
    canvas.rgb[:] = rgb(dark)
    canvas.paint(unit(rays) * canvas.halo(0.5, 0.55, 0.75), bright, 0.9)
    canvas.shade(0.7 + 0.5 * cloud(canvas.size, rng, 5, 6))
    canvas.light(canvas.halo(0.5, 0.55, 0.25), "#ffd28a", 0.7)
    lacquer = str(rng.choice(["#d01512", "#e8e4da", "#d9902a", "#3a3f46"]))
    for tilt in (-0.6, 0.6):
        mask = _guitar(canvas, 0.5 - tilt * 0.3, 0.62, 0.7, tilt)
        canvas.paint(shifted(blur(mask, 0.02), 0.008, 0.015), "#000000", 0.75)
        tone = 0.4 + relief(mask, 0.012, -2.0) * 0.6 + 0.3 * cloud(canvas.size, rng, 3, 4)
        canvas.paint(mask, ramp(tone, ("#020202", "#1a1210", lacquer, "#fff4e4")))
    if rng.random() < 0.6:
        paint_skull(canvas, rng, 0.5, 0.55, 0.26, None)
    vignette(canvas, 0.6)
    _logo(canvas, rng, artist, (0.06, 0.07, 0.94, 0.25))
    _footer(canvas, title, 0.91)


def _stage(canvas: Canvas, artist: str, title: str, rng: Generator) -> None:
    """The band against the stage lights, smoke around them."""
    hot = str(rng.choice(["#ff2a14", "#ff7a1a", "#d9e4ff"]))
    canvas.rgb[:] = rgb("#050304")
    smoke = cloud(canvas.size, rng, 4, 6)
    for x in np.linspace(0.12, 0.88, 5) + rng.normal(0, 0.03, 5):
        lean = np.abs(canvas.angle(x, 0.24) - np.pi / 2 - (0.5 - x) * rng.uniform(0.3, 1.0))
        beam = np.exp(-((lean / 0.13) ** 2)) * (canvas.y > 0.24) * (0.45 + smoke)
        canvas.light(beam.astype(np.float32), hot, 0.7)
        canvas.light(canvas.halo(x, 0.25, 0.03), "#ffffff", 1.0)
    canvas.light(smoke * unit((canvas.y - 0.4) * 1.6), hot, 0.6)
    band = canvas.stencil().box(-1, 0.8, 2, 1.1)
    for x, tall in ((0.24, 0.5), (0.5, 0.58), (0.77, 0.51)):
        figures.body(band, x, 0.81, tall, figures.STANDING, hair=0.022)
        band.limb((x - 0.06, 0.6), (x + 0.03, 0.56), 0.035, 0.03)
        band.limb((x, 0.58), (x + 0.17, 0.49), 0.008, 0.012)
    crowd = canvas.stencil().box(-1, 0.93, 2, 1.1)
    lifts = rng.random(14)
    for i, lift in enumerate(lifts):
        x = (i + 0.5) / len(lifts)
        crowd.disc(x, 0.9 - 0.02 * lift, 0.026, 0.033).disc(x, 0.975, 0.048, 0.06)
        if lift > 0.5:
            crowd.limb((x + 0.03, 0.95), (x + 0.035, 0.84 - 0.06 * lift), 0.014, 0.01)
    for mask in (band.mask(), crowd.mask()):
        canvas.light(unit(blur(mask, 0.02) - mask), hot, 1.2)
        canvas.paint(mask, "#030203")
        canvas.light(unit(mask - shifted(mask, 0, 0.006)), hot, 0.9)
    _logo(canvas, rng, artist, (0.08, 0.06, 0.92, 0.22))
    _footer(canvas, title, 0.94)


LAYOUTS = (_inferno, _storm, _iron, _burst, _stage)
