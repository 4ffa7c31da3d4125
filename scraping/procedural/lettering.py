"""Type of the drawn covers: one plain typeface turned into many by weight, width and cutting."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scraping.procedural.canvas import Array

Box = tuple[float, float, float, float]
Bytes = NDArray[np.uint8]

_EM = 96
_CAP = 0.69  # height of a capital in the built-in typeface, as a share of the em
_MARGIN = 40
# The built-in typeface holds ASCII letters only, so what decomposition leaves is spelled out.
_SPELLED = str.maketrans(
    {
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "æ": "ae",
        "Æ": "AE",
        "ß": "ss",
        "đ": "d",
        "Đ": "D",
        "\u0131": "i",
        "\u2019": "'",
        "\u2013": "-",
    }
)
# Strokes of the accents, in ems from the middle of the letter's top.
_ACCENTS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "\u0300": (((-0.11, -0.15), (0.05, -0.05)),),
    "\u0301": (((0.11, -0.15), (-0.05, -0.05)),),
    "\u0302": (((-0.13, -0.05), (0.0, -0.15), (0.13, -0.05)),),
    "\u0303": (((-0.15, -0.06), (-0.06, -0.12), (0.06, -0.07), (0.15, -0.13)),),
    "\u0308": (((-0.13, -0.12), (-0.13, -0.05)), ((0.13, -0.12), (0.13, -0.05))),
    "\u030a": (((0, -0.17), (0.06, -0.11), (0, -0.05), (-0.06, -0.11), (0, -0.17)),),
    "\u030c": (((-0.13, -0.15), (0.0, -0.05), (0.13, -0.15)),),
}


@dataclass(frozen=True)
class Face:
    """How letters are cut: `weight` and `tracking` in ems, `width` times the plain width."""

    weight: float = 0.0
    width: float = 1.0
    tracking: float = 0.0
    upper: bool = True
    rounded: bool = False
    slab: float = 0.0
    spikes: float = 0.0


BLOCK = Face(weight=0.085, width=0.6, tracking=0.03)
HEAVY = Face(weight=0.07, width=0.95, tracking=0.02)
ROUND = Face(weight=0.06, width=1.0, tracking=0.03, upper=False, rounded=True)
WIDE = Face(weight=0.035, width=1.45, tracking=0.12)
PLAIN = Face(weight=0.012, tracking=0.02, upper=False)
SWISS = Face(weight=0.028, tracking=0.0, upper=False)
SPACED = Face(weight=0.02, tracking=0.42)
SERIF = Face(weight=-0.004, width=0.92, tracking=0.14, slab=0.1)
SERIF_LOWER = Face(weight=-0.004, width=0.95, tracking=0.1, slab=0.085, upper=False)
SLAB = Face(weight=0.035, width=0.8, tracking=0.17, slab=0.1)
SPIKY = Face(weight=0.045, width=0.8, tracking=0.1, spikes=0.3)
BLADE = Face(weight=0.06, width=0.62, tracking=0.07, spikes=0.16)


@lru_cache(maxsize=8)
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(pixels)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("drawing covers needs a Pillow built with FreeType")
    return font


def spread(mask: Bytes, across: int, down: int) -> Bytes:
    """Grow (or, with negative amounts, thin) a mask by whole pixels, keeping square corners."""
    for axis, amount in ((1, across), (0, down)):
        pick = np.maximum if amount >= 0 else np.minimum
        grown = mask
        for step in range(1, abs(amount) + 1):
            grown = pick(grown, pick(np.roll(mask, step, axis), np.roll(mask, -step, axis)))
        mask = grown
    return mask


def _serifs(mask: Bytes, top: int, base: int, reach: int, upper: bool) -> None:
    """Widen the ends of upright stems; bowls and bars, which run wide there, stay as they are."""
    depth = max(3, _EM // 26)
    # Small letters reach above the height of a capital, where a serif would cross their stems.
    starts = (top + 1, base - depth) if upper else (base - depth,)
    for first in starts:
        band = mask[first : first + depth]
        inked = (np.median(band, axis=0) > 128).astype(np.int8)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inked, [0]])))
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            if right - left <= 0.2 * _EM:
                band[:, max(0, left - reach) : right + reach] = 255


def _spikes(mask: Bytes, top: int, base: int, reach: int) -> Bytes:
    """Draw out the ends of upright stems into thorns above and below the line."""
    image = Image.fromarray(mask)
    draw = ImageDraw.Draw(image)
    for row, sign in ((top + 2, -1), (base - 3, 1)):
        inked = (mask[row] > 128).astype(np.int8)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inked, [0]])))
        for i, (left, right) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
            if right - left > 0.32 * _EM:
                right = left + (right - left) // 3
            length = reach * (1.0 if (i * 7 + int(left)) % 3 else 0.55) * sign
            lean = (left + right) / 2 + reach * 0.25 * (1 if i % 2 else -1)
            draw.polygon(
                [(left, row - 4 * sign), (right, row - 4 * sign), (lean, row + length)], fill=255
            )
    return np.array(image)


@lru_cache(maxsize=64)
def _line(text: str, face: Face) -> Bytes:
    """One line of type as a mask cropped to its letters' sides and to a fixed height."""
    font = _font(_EM)
    spelled = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    spelled = spelled.upper() if face.upper else spelled
    step = (face.tracking + 2 * max(0.0, face.weight)) * _EM
    width = round(sum(font.getlength(c) + step for c in spelled)) + 2 * _MARGIN
    image = Image.new("L", (width, 2 * _EM), 0)
    draw = ImageDraw.Draw(image)
    pen, base = float(_MARGIN), 1.3 * _EM
    stroke = round(face.weight * _EM) if face.rounded else 0
    # A heavy face thickens its accents again below, which would close them up.
    accent = round((0.075 if face.rounded else max(0.02, 0.075 - face.weight)) * _EM) + stroke
    centre, height = pen, _CAP
    for letter in spelled:
        if letter in _ACCENTS:
            top = base - height * _EM - max(0.0, face.weight) * _EM
            for points in _ACCENTS[letter]:
                placed = [(centre + x * _EM, top + y * _EM) for x, y in points]
                draw.line(placed, 255, accent, joint="curve")
        elif not unicodedata.combining(letter):
            draw.text((pen, base), letter, 255, font, anchor="ls", stroke_width=stroke)
            advance = font.getlength(letter)
            centre, height = pen + advance / 2, 0.55 if letter.islower() else _CAP
            pen += advance + step
    mask = np.array(image)
    grow = 0 if face.rounded else round(face.weight * _EM)
    mask = spread(mask, grow, grow)
    top = round(base - _CAP * _EM) - max(0, grow)
    bottom = round(base) + max(0, grow)
    if face.slab:
        _serifs(mask, top, bottom, round(face.slab * _EM), face.upper)
    if face.spikes:
        mask = _spikes(mask, top, bottom, round(face.spikes * _EM))
    columns = np.flatnonzero(mask.max(axis=0))
    rows = np.flatnonzero(mask.max(axis=1))
    if not len(columns):
        return mask[:1, :1]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def wrap(text: str, lines: int) -> list[str]:
    """Break `text` between words into at most `lines` lines of about equal length."""
    words = text.split()
    target = len(text) / max(1, lines)
    rows: list[str] = []
    for word in words:
        if rows and (len(rows[-1]) + len(word) / 2 < target or len(rows) >= lines):
            rows[-1] += " " + word
        else:
            rows.append(word)
    return rows


def lettering(
    size: int,
    text: str | Sequence[str],
    box: Box,
    face: Face,
    align: float = 0.5,
    fill: bool = False,
    gap: float = 0.22,
) -> Array:
    """Type set into `box` (x0, y0, x1, y1, unit coordinates) as a mask of shape (size, size).

    Lines keep one height and sit at `align` (0 left to 1 right); with `fill` every line is
    stretched to the full width instead. The block is centred in the box's height.
    """
    rows = [text] if isinstance(text, str) else list(text)
    cuts = [_line(row, face) for row in rows]
    x0, y0, x1, y1 = (value * size for value in box)
    widths = [cut.shape[1] * face.width for cut in cuts]
    heights = [cut.shape[0] for cut in cuts]
    room = (y1 - y0) / (sum(heights) + gap * _EM * (len(cuts) - 1))
    scale = room if fill else min(room, (x1 - x0) / max(widths))
    block = scale * (sum(heights) + gap * _EM * (len(cuts) - 1))
    page = Image.new("L", (size, size), 0)
    y = y0 + (y1 - y0 - block) / 2
    for cut, width, height in zip(cuts, widths, heights, strict=True):
        across = x1 - x0 if fill else width * scale
        pixels = (max(1, round(across)), max(1, round(height * scale)))
        line = Image.fromarray(cut).resize(pixels, Image.Resampling.LANCZOS)
        page.paste(line, (round(x0 + (x1 - x0 - across) * align), round(y)))
        y += (height + gap * _EM) * scale
    return np.asarray(page, np.float32) / 255
