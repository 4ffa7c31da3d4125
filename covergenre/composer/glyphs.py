"""Letters of marks: a few plain typefaces cut into many by stretching and by weight.

The type of the Parental Advisory label is a condensed gothic that no dependency brings. A bold
face squeezed to a third of its width, its stems thickened beforehand so that they survive, comes
close; at the 10 to 40 pixels that a label is wide on a cover nothing else of a letter is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Mask = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

FONTS = {
    "gothic": "DejaVuSans-Bold.ttf",
    "book": "DejaVuSans.ttf",
    "mono": "DejaVuSansMono-Bold.ttf",
    "serif": "STIXGeneralBol.ttf",
    "slab": "DejaVuSerif-Bold.ttf",
    "roman": "STIXGeneral.ttf",
}
"""Files of the typefaces that Matplotlib carries; ``aileron`` is the one inside Pillow."""

_EM = 72
_MARGIN = 16
_SPACE = 0.45  # width of a space, in letters, beside the gap that it has anyway


@dataclass(frozen=True)
class Face:
    """How letters are cut.

    Attributes:
        font: a key of :data:`FONTS`, or ``aileron``.
        across: how much thicker upright stems become, in ems; negative thins them.
        down: the same for horizontal strokes.
    """

    font: str = "gothic"
    across: float = 0.0
    down: float = 0.0


def set_line(page: Mask, text: str, face: Face, box: Box, ink: float = 0.75) -> None:
    """Set a line of capitals into a box of ``page``, letters stretched to fill it.

    Args:
        page: uint8 (height, width), 0-255, drawn into: how much of each pixel is inked.
        text: characters of ASCII; what lies below the baseline is cut off.
        face: how the letters are cut.
        box: left, top, right, bottom in pixels of ``page``.
        ink: share of the box's width that letters and spaces take; the rest are equal gaps.
    """
    left, top, right, bottom = box
    glyphs = [None if letter == " " else _glyph(letter, face) for letter in text]
    letters = [glyph.shape[1] for glyph in glyphs if glyph is not None]
    space = _SPACE * sum(letters) / len(letters)
    natural = sum(letters) + space * (len(glyphs) - len(letters))
    stretch = (right - left) * (ink if len(glyphs) > 1 else 1.0) / natural
    gap = (right - left) * (1 - ink) / max(len(glyphs) - 1, 1)
    rows = slice(max(0, round(top)), min(page.shape[0], round(bottom)))
    pen = left
    for glyph in glyphs:
        width = (space if glyph is None else glyph.shape[1]) * stretch
        if glyph is not None:
            _stamp(page, glyph, rows, round(pen), max(round(pen + width), round(pen) + 1))
        pen += width + gap


def set_centred(
    page: Mask, text: str, face: Face, box: Box, condensed: float = 1.0, ink: float = 0.85
) -> None:
    """As :func:`set_line`, but letters keep their proportions if the line then fits.

    Args:
        page, text, face, box, ink: as there.
        condensed: width of the letters in terms of their natural one.
    """
    left, top, right, bottom = box
    letters = [_glyph(letter, face) for letter in text if letter != " "]
    natural = sum(glyph.shape[1] for glyph in letters) / max(1, letters[0].shape[0])
    width = min(right - left, natural * (bottom - top) * condensed / ink)
    middle = (left + right) / 2
    set_line(page, text, face, (middle - width / 2, top, middle + width / 2, bottom), ink)


def _stamp(page: Mask, glyph: Mask, rows: slice, left: int, right: int) -> None:
    height = rows.stop - rows.start
    if height <= 0 or left < 0 or right > page.shape[1]:
        return
    letter = cv2.resize(glyph, (right - left, height), interpolation=cv2.INTER_AREA)
    target = page[rows, left:right]
    np.maximum(target, letter, out=target)


@lru_cache(maxsize=8)
def _font(name: str) -> ImageFont.FreeTypeFont:
    if name == "aileron":
        font = ImageFont.load_default(_EM)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("drawing labels needs a Pillow built with FreeType")
        return font
    # Only its files are wanted: importing it is slow and sets up a folder in the user's home.
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise RuntimeError("drawing labels needs Matplotlib's typefaces: install matplotlib")
    folder = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / FONTS[name]), _EM)


@lru_cache(maxsize=4096)
def _glyph(letter: str, face: Face) -> Mask:
    """One letter, from the top of a capital to the baseline, cropped to its ink's sides."""
    font = _font(face.font)
    cap = -font.getbbox("H", anchor="ls")[1]
    width = int(font.getlength(letter)) + 2 * _MARGIN
    image = Image.new("L", (width, int(cap) + 2 * _MARGIN), 0)
    ImageDraw.Draw(image).text((_MARGIN, cap + _MARGIN), letter, 255, font, anchor="ls")
    mask = _grown(np.asarray(image), round(face.across * _EM), round(face.down * _EM))
    columns = np.flatnonzero(mask.max(axis=0) > 127)
    if not len(columns):
        raise ValueError(f"the typeface {face.font} has no letter {letter!r}")
    rows = slice(_MARGIN, int(cap) + _MARGIN)
    return np.ascontiguousarray(mask[rows, columns[0] : columns[-1] + 1])


def _grown(mask: Mask, across: int, down: int) -> Mask:
    for amount, kernel in ((across, (1, abs(across) + 1)), (down, (abs(down) + 1, 1))):
        if amount:
            change = cv2.dilate if amount > 0 else cv2.erode
            mask = np.asarray(change(mask, np.ones(kernel, np.uint8)), np.uint8)
    return mask
