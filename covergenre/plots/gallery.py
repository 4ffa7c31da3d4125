"""Contact sheets of covers with their labels, made to be looked at: whole, and cut around one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from covergenre import images
from covergenre.detector.boxes import Boxes
from covergenre.plots.label import draw_box
from covergenre.plots.style import BLUE, INK, ORANGE

MOST = 48
"""Covers a sheet at most."""

_COLUMNS, _SIDE, _GAP = 6, 150, 8
_TEXT, _LINE, _TITLE = 12, 15, 17
# What is cut out around a label is so many times as wide and high, and at least a fifth of a side.
_AROUND, _LEAST = 1.6, 0.2


@dataclass(frozen=True)
class Panel:
    """A cover of a sheet.

    Attributes:
        pixels: uint8 (height, width, 3), RGB; larger than the sheet shows, for the detail.
        truth, found: float32 (n, 4), xmin, ymin, xmax, ymax in 0-1: labels known, and found.
        look_at: float32 (4,), the box that the detail is cut around.
        lines: at most two, below it.
    """

    pixels: npt.NDArray[np.uint8]
    truth: Boxes
    found: Boxes
    look_at: npt.NDArray[np.float32]
    lines: Sequence[str]


def sheet(title: str, panels: Sequence[Panel]) -> Image.Image:
    """Covers side by side, each with its labels drawn and, beside it, the one to look at.

    Args:
        title: above them.
        panels: one to :data:`MOST`.
    """
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    wide, high = 2 * _SIDE + 2 * _GAP, _SIDE + 2 * _LINE + _GAP
    top = 2 * _TITLE + _LINE
    width = max(columns * wide + _GAP, 640)
    picture = Image.new("RGB", (width, rows * high + top + _GAP), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_GAP, _GAP), title, fill=INK, font=ImageFont.load_default(_TITLE))
    small = ImageFont.load_default(_TEXT)
    for colour, words, x in ((BLUE, "marked by a person", 0), (ORANGE, "found", 150)):
        left, upper = _GAP + x, 2 * _TITLE
        draw.rectangle((left, upper + 3, left + 8, upper + 11), outline=colour, width=2)
        draw.text((left + 13, upper), words, fill=INK, font=small)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        x, y = _GAP + column * wide, top + row * high
        picture.paste(_whole(panel), (x, y))
        picture.paste(_detail(panel), (x + _SIDE + 2, y))
        for k, line in enumerate(panel.lines):
            draw.text((x, y + _SIDE + 1 + k * _LINE), _fitting(line, small), fill=INK, font=small)
    return picture


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As much of a line as there is room for."""
    if font.getlength(text) <= 2 * _SIDE:
        return text
    while font.getlength(f"{text}...") > 2 * _SIDE:
        text = text[:-1]
    return f"{text}..."


def _whole(panel: Panel) -> Image.Image:
    return _drawn(images.resize(panel.pixels, _SIDE), panel.truth, panel.found)


def _detail(panel: Panel) -> Image.Image:
    """A square around the label, in the cover's own pixels as long as there are enough."""
    height, width = panel.pixels.shape[:2]
    xmin, ymin, xmax, ymax = panel.look_at.tolist()
    side = min(1.0, max(_AROUND * (xmax - xmin), _AROUND * (ymax - ymin), _LEAST))
    columns = _cut((xmin + xmax) / 2, side, width)
    rows = _cut((ymin + ymax) / 2, side, height)
    cut = Image.fromarray(panel.pixels[slice(*rows), slice(*columns)])
    pixels = np.asarray(cut.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    left, right, top, bottom = (
        np.array([*columns, *rows]) / [width, width, height, height]
    ).tolist()
    place = np.array([left, top, left, top], np.float32)
    sides = np.array([right - left, bottom - top] * 2, np.float32)
    return _drawn(pixels, (panel.truth - place) / sides, (panel.found - place) / sides)


def _cut(centre: float, side: float, length: int) -> tuple[int, int]:
    """First pixel and the one behind the last of so large a part around a centre."""
    start = min(max(centre - side / 2, 0.0), 1 - side)
    first = min(int(start * length), length - 1)
    return first, max(round((start + side) * length), first + 1)


def _drawn(pixels: npt.NDArray[np.uint8], truth: Boxes, found: Boxes) -> Image.Image:
    image = Image.fromarray(pixels)
    for boxes, colour in ((truth, BLUE), (found, ORANGE)):
        for xmin, ymin, xmax, ymax in boxes.tolist():
            draw_box(image, (xmin, ymin, xmax, ymax), 1, colour)
    return image
