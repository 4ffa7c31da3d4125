"""The Parental Advisory plate, drawn, and where sleeves carry it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from scraping.procedural.canvas import Array, Stencil, unit
from scraping.procedural.lettering import Face, lettering

VARIANTS = ("explicit_content", "explicit_lyrics", "inverted")

_SIDE = 480  # the plate is drawn this wide whatever its final width, then reduced
_TYPE = Face(weight=0.045, tracking=0.015)
# A little inside 5 and 26 %, so that rounding to whole pixels stays within them.
_SMALLEST, _LARGEST = 0.052, 0.258
# Beta parameters that put the median width at about 14 % of the cover.
_WIDTH_SHAPE = (2.4, 3.1)
_IN_BOTTOM_THIRD = 0.9
_IN_CORNER = 0.8


def _plate(height: float, footer: str) -> Array:
    """White parts of a plate `height` widths high, shape (rows, _SIDE), 0 to 1."""
    edge = 0.018
    top, bottom = height * 0.285, height * 0.745
    white = Stencil(_SIDE).box(edge, top, 1 - edge, bottom).mask()
    head = lettering(_SIDE, "PARENTAL", (0.075, 0.048, 0.925, top - 0.032), _TYPE, fill=True)
    middle = lettering(_SIDE, "ADVISORY", (0.05, top + 0.03, 0.95, bottom - 0.03), _TYPE, fill=True)
    foot = lettering(_SIDE, footer, (0.06, bottom + 0.034, 0.94, height - 0.05), _TYPE, fill=True)
    rim = edge * 0.6
    frame = Stencil(_SIDE).box(0, 0, 1, height).box(rim, rim, 1 - rim, height - rim, value=0).mask()
    return unit(white - middle + head + foot + frame)[: round(height * _SIDE)]


def draw_advisory_label(
    width: int, rng: Generator, variant: str = "explicit_content"
) -> Image.Image:
    """Draw the plate: an opaque RGBA image `width` pixels wide, about 1.6 times as wide as high.

    `variant` is one of VARIANTS: the two wordings, white on black with a white middle, and
    "inverted", black on white with a black middle. `rng` varies proportions and ink a little.
    Raises ValueError for an unknown variant or a width under 8.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}, expected one of {', '.join(VARIANTS)}")
    if width < 8:
        raise ValueError(f"width must be at least 8 pixels, got {width}")
    height = 1 / rng.uniform(1.56, 1.64)
    footer = "EXPLICIT LYRICS" if variant == "explicit_lyrics" else "EXPLICIT CONTENT"
    white = _plate(height, footer)
    if variant == "inverted":
        white = 1 - white
    ink, stock = rng.uniform(0, 22), rng.uniform(236, 255)
    grey = Image.fromarray((ink + (stock - ink) * white).astype(np.uint8))
    reduced = grey.resize((width, round(width * height)), Image.Resampling.LANCZOS)
    return reduced.convert("RGBA")


def _place(width: float, height: float, tall: float, rng: Generator) -> tuple[float, float]:
    """Top left corner, in cover widths, of a plate on a cover `tall` widths high."""
    margin = rng.uniform(0.0, 0.05)
    right, bottom = 1 - width - margin, tall - height - margin
    if rng.random() < _IN_CORNER:
        x = right if rng.random() < 0.6 else margin
    else:
        x = rng.uniform(margin, right)
    if rng.random() < _IN_BOTTOM_THIRD:
        return x, bottom
    return x, margin if rng.random() < 0.7 else rng.uniform(margin, tall * 2 / 3 - height)


def paste_advisory_label(
    cover: Image.Image, rng: Generator, variant: str = "explicit_content"
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Put the plate on a copy of `cover`, 5 to 26 % of its width wide (median about 14 %).

    Nine in ten land in the bottom third, most of them in a corner. Returns the RGB image and the
    plate's xmin, ymin, xmax, ymax as shares (0 to 1) of the cover's width and height, which cover
    whole pixels. Raises ValueError for an unknown variant or a cover under 160 pixels wide.
    """
    if cover.width < 160:
        raise ValueError(f"a cover must be at least 160 pixels wide, got {cover.width}")
    share = _SMALLEST + (_LARGEST - _SMALLEST) * rng.beta(*_WIDTH_SHAPE)
    label = draw_advisory_label(round(share * cover.width), rng, variant)
    tall = cover.height / cover.width
    x, y = _place(label.width / cover.width, label.height / cover.width, tall, rng)
    left = min(max(0, round(x * cover.width)), cover.width - label.width)
    top = min(max(0, round(y * cover.width)), cover.height - label.height)
    pasted = cover.convert("RGB")
    pasted.paste(label, (left, top), label)
    box = (
        left / cover.width,
        top / cover.height,
        (left + label.width) / cover.width,
        (top + label.height) / cover.height,
    )
    return pasted, box
