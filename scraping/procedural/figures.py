"""People of the drawn covers: a lit bust for portraits and posed bodies for silhouettes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from scraping.procedural.canvas import Array, Canvas, Points, Stencil, mirrored, smooth, unit
from scraping.procedural.texture import blur, relief

HEADWEAR = ("cap", "beanie", "hood", "afro", "flat top", "locs", "shaved")
_HEAD = ((0, -1.42), (0.3, -1.35), (0.47, -1.1), (0.5, -0.78), (0.47, -0.45), (0.36, -0.16),
         (0.17, 0.03), (0, 0.06))  # fmt: skip
_SHOULDERS = ((0, -0.3), (0.29, -0.25), (0.31, 0.16), (0.62, 0.38), (1.12, 0.52), (1.46, 0.78),
              (1.62, 1.3), (1.7, 2.6), (0, 2.6))  # fmt: skip
_HOOD = ((0, -1.72), (0.42, -1.6), (0.72, -1.2), (0.8, -0.7), (0.74, -0.1), (0.95, 0.36),
         (0.4, 0.62), (0, 0.7))  # fmt: skip
_FACE_IN_HOOD = ((0, -1.36), (0.32, -1.24), (0.46, -0.9), (0.45, -0.45), (0.3, -0.08), (0, 0.1))


@dataclass(frozen=True)
class Bust:
    """Masks of a front-facing portrait, and `shine`, its light from one side (0 dark to 1)."""

    body: Array
    face: Array
    wear: Array
    shades: Array
    shine: Array


class _Frame:
    """Places points given in head-widths from the chin."""

    def __init__(self, x: float, y: float, width: float) -> None:
        self.x, self.y, self.width = x, y, width

    def at(self, points: Points) -> list[tuple[float, float]]:
        return [(self.x + px * self.width, self.y + py * self.width) for px, py in points]

    def whole(self, right: Points) -> list[tuple[float, float]]:
        return self.at(mirrored(right, 0))


def _headwear(stencil: Stencil, frame: _Frame, kind: str, rng: Generator) -> None:
    w = frame.width
    if kind == "cap":
        dome = ((0, -1.56), (0.36, -1.48), (0.55, -1.2), (0.56, -0.98), (0, -0.9))
        stencil.blob(frame.whole(dome))
        side = rng.choice([-0.5, 0.0, 0.5])
        brim = ((-0.6 + side, -0.96), (side, -1.12), (0.6 + side, -0.96), (side, -0.84))
        stencil.blob(frame.at(brim))
    elif kind == "beanie":
        stencil.blob(
            frame.whole(((0, -1.68), (0.4, -1.56), (0.56, -1.2), (0.55, -0.95), (0, -0.92)))
        )
    elif kind == "afro":
        for turn in np.linspace(-3.35, 0.21, 26):
            x, y = 0.62 * np.cos(turn), -1.1 + 0.5 * np.sin(turn)
            (place,) = frame.at([(x + rng.normal(0, 0.02), y + rng.normal(0, 0.02))])
            stencil.disc(*place, 0.3 * w)
    elif kind == "flat top":
        top = ((0.0, -1.82), (0.3, -1.83), (0.52, -1.76), (0.53, -1.4), (0.5, -0.96), (0, -1.12))
        stencil.polygon(frame.whole(top))
    elif kind == "locs":
        stencil.blob(
            frame.whole(((0, -1.55), (0.4, -1.46), (0.56, -1.15), (0.5, -0.95), (0, -1.12)))
        )
        for x in np.concatenate([np.linspace(-0.62, -0.46, 4), np.linspace(0.46, 0.62, 4)]):
            end = x * rng.uniform(1.05, 1.5), rng.uniform(0.1, 0.45)
            lock = smooth(frame.at([(x * 0.7, -1.3), (x, -0.8), end]), closed=False)
            stencil.stroke(lock, 0.1 * w)


def _face_height(size: int, frame: _Frame, head: Array) -> Array:
    """Rough height map of a face: what stands out catches the light, sockets fall dark."""
    w = frame.width
    dome = blur(head, 0.2 * w) * 2.2
    marks = Stencil(size)
    (nose_top, nose_tip) = frame.at([(0, -0.82), (0, -0.47)])
    marks.limb(nose_top, nose_tip, 0.04 * w, 0.11 * w)
    for side in (-1, 1):
        cheek, brow, corner = frame.at(
            [(side * 0.3, -0.46), (side * 0.24, -0.93), (side * 0.06, -0.9)]
        )
        marks.disc(*cheek, 0.13 * w, value=0.55)
        marks.limb(brow, corner, 0.05 * w, 0.04 * w)
    mouth, chin = frame.at([(0, -0.2), (0, -0.02)])
    marks.disc(*mouth, 0.19 * w, 0.075 * w, value=0.8)
    marks.disc(*chin, 0.13 * w, 0.09 * w, value=0.7)
    return dome + 0.3 * blur(marks.mask(), 0.045 * w)


def _face_lines(size: int, frame: _Frame) -> Array:
    """Eyes, brows, nostrils and the line of the mouth."""
    w = frame.width
    lines = Stencil(size)
    for side in (-1, 1):
        eye, nostril = frame.at([(side * 0.215, -0.72), (side * 0.075, -0.42)])
        lines.disc(*eye, 0.085 * w, 0.038 * w)
        lines.disc(*nostril, 0.035 * w, 0.02 * w)
        brow = frame.at([(side * 0.09, -0.84), (side * 0.23, -0.9), (side * 0.36, -0.82)])
        lines.stroke(smooth(brow, closed=False), 0.055 * w)
    lips = frame.at([(-0.17, -0.2), (-0.06, -0.225), (0, -0.21), (0.06, -0.225), (0.17, -0.2)])
    lines.stroke(smooth(lips, closed=False), 0.04 * w)
    return lines.mask()


def bust(
    canvas: Canvas,
    rng: Generator,
    x: float = 0.5,
    chin: float = 0.56,
    width: float = 0.3,
    headwear: str = "shaved",
    shades: bool = False,
) -> Bust:
    """Head and shoulders facing us, the head `width` wide, chin at (x, chin)."""
    size, frame = canvas.size, _Frame(x, chin, width)
    head = canvas.stencil().blob(frame.whole(_HEAD))
    for side in (-1, 1):
        (ear,) = frame.at([(side * 0.5, -0.66)])
        head.disc(*ear, 0.07 * width, 0.16 * width)
    torso = canvas.stencil().blob(frame.whole(_SHOULDERS)).mask()
    wear = canvas.stencil()
    if headwear == "hood":
        wear.blob(frame.whole(_HOOD)).blob(frame.whole(_FACE_IN_HOOD), 0.0)
    else:
        _headwear(wear, frame, headwear, rng)
    glasses = canvas.stencil()
    if shades:
        for side in (-1, 1):
            (a, b) = frame.at([(side * 0.05, -0.84), (side * 0.42, -0.58)])
            glasses.box(a[0], a[1], b[0], b[1], radius=0.07 * width)
        glasses.stroke(frame.at([(-0.5, -0.8), (0.5, -0.8)]), 0.045 * width)
    face, cover, lenses = head.mask(), wear.mask(), glasses.mask()
    light = rng.choice([-1, 1])
    height = _face_height(size, frame, np.maximum(face, cover * 0.9))
    lit = relief(height, 0.012 * width / 0.3, np.pi / 2 - light * rng.uniform(1.0, 1.4))
    shine = unit(0.32 - lit * 1.5)
    shine = shine * (1 - 0.9 * _face_lines(size, frame)) * (1 - lenses)
    body = np.maximum(np.maximum(face, torso), cover)
    folds = relief(blur(torso, 0.06) + 0.25 * cover, 0.01, np.pi / 2 - light * 1.2)
    shine = np.where(face * (1 - cover) > 0.5, shine, unit(0.12 - folds * 0.6) * body)
    return Bust(body, face * (1 - cover), cover, lenses, shine.astype(np.float32))


def chain(canvas: Canvas, x: float, top: float, width: float, drop: float) -> Array:
    """Necklace of round links with a pendant hanging from it."""
    links = canvas.stencil()
    for t in np.linspace(-1, 1, 27):
        links.disc(x + t * width, top + drop * (1 - abs(t) ** 2.2), width * 0.075)
    y = top + drop
    links.polygon(
        [
            (x, y),
            (x + width * 0.3, y + width * 0.3),
            (x, y + width * 0.75),
            (x - width * 0.3, y + width * 0.3),
        ]
    )
    return links.mask()


# Joints of the poses in body heights from the hips: head, neck, hands, elbows, knees, feet.
_POSES: tuple[dict[str, tuple[float, float]], ...] = (
    {"neck": (0, -0.3), "elbow l": (-0.17, -0.34), "hand l": (-0.1, -0.52), "elbow r": (0.15, -0.2),
     "hand r": (0.05, -0.06), "knee l": (-0.1, 0.22), "foot l": (-0.16, 0.46),
     "knee r": (0.12, 0.2), "foot r": (0.12, 0.46)},
    {"neck": (0.04, -0.3), "elbow l": (-0.12, -0.22), "hand l": (-0.26, -0.14),
     "elbow r": (0.18, -0.4), "hand r": (0.27, -0.58), "knee l": (-0.08, 0.23),
     "foot l": (-0.2, 0.45), "knee r": (0.08, 0.24), "foot r": (0.16, 0.46)},
    {"neck": (-0.03, -0.3), "elbow l": (-0.18, -0.22), "hand l": (-0.3, -0.34),
     "elbow r": (0.13, -0.2), "hand r": (0.26, -0.3), "knee l": (-0.15, 0.15),
     "foot l": (-0.08, 0.38), "knee r": (0.06, 0.23), "foot r": (0.02, 0.46)},
    {"neck": (0, -0.3), "elbow l": (-0.15, -0.15), "hand l": (-0.13, 0.03),
     "elbow r": (0.15, -0.15), "hand r": (0.13, 0.03), "knee l": (-0.08, 0.23),
     "foot l": (-0.1, 0.46), "knee r": (0.08, 0.23), "foot r": (0.1, 0.46)},
)  # fmt: skip
STANDING = len(_POSES) - 1


def body(
    stencil: Stencil,
    x: float,
    feet: float,
    height: float,
    pose: int,
    flip: bool = False,
    dress: bool = False,
    hair: float = 0.0,
) -> None:
    """Add a full figure standing at (x, feet); `hair` widens the head, `dress` adds a skirt.

    `pose` is an index: 0 to 2 dance, STANDING stands still. Raises IndexError beyond that.
    """
    joints = _POSES[pose]
    sign = -1 if flip else 1

    def place(px: float, py: float) -> tuple[float, float]:
        return x + sign * px * height, feet + (py - 0.46) * height

    spots = {name: place(*spot) for name, spot in joints.items()}
    nx, ny = joints["neck"]
    w = height
    for side, across in (("l", -1), ("r", 1)):
        shoulder, hip = place(nx + across * 0.085, ny + 0.03), place(across * 0.05, 0.0)
        stencil.limb(shoulder, spots[f"elbow {side}"], 0.032 * w, 0.024 * w)
        stencil.limb(spots[f"elbow {side}"], spots[f"hand {side}"], 0.024 * w, 0.017 * w)
        stencil.limb(hip, spots[f"knee {side}"], 0.058 * w, 0.038 * w)
        stencil.limb(spots[f"knee {side}"], spots[f"foot {side}"], 0.036 * w, 0.024 * w)
        fx, fy = joints[f"foot {side}"]
        stencil.limb(place(fx, fy), place(fx + across * 0.04, fy + 0.012), 0.022 * w, 0.015 * w)
    outline = ((nx - 0.1, ny + 0.01), (nx, ny - 0.03), (nx + 0.1, ny + 0.01), (0.065, -0.12),
               (0.095, 0.03), (0, 0.07), (-0.095, 0.03), (-0.065, -0.12))  # fmt: skip
    stencil.blob([place(*spot) for spot in outline])
    if dress:
        skirt = (
            (-0.07, -0.1),
            (0.07, -0.1),
            (0.19, 0.17),
            (0.05, 0.2),
            (-0.06, 0.18),
            (-0.18, 0.19),
        )
        stencil.blob([place(*spot) for spot in skirt])
    stencil.limb(place(nx, ny), place(nx * 1.3, ny - 0.07), 0.028 * w, 0.026 * w)
    head = place(nx * 1.4, ny - 0.115)
    stencil.disc(*head, 0.05 * w, 0.062 * w)
    if hair:
        stencil.disc(head[0], head[1] - 0.012 * w, (0.05 + hair) * w)
