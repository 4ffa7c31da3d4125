"""A mark: anything printed on a cover in two inks, whose wording or shape says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from covergenre.composer.glyphs import Box, Face, Mask, set_centred, set_line

WIDTH = 320
"""Pixels that a plate is drawn wide, whatever its final width."""


@dataclass(frozen=True)
class Mark:
    """Where a mark prints its two inks.

    Labels and everything that must not be taken for one are marks, and are laid on covers by the
    same code, so that no trace of printing tells them apart.

    Attributes:
        light, dark: uint8 (height, width), 0-255: how much of each pixel the light and the dark ink
            cover; their sum is at most 255, the rest shows the cover.
        plate: left, top, right, bottom in pixels: the mark without a surrounding outline.
        colourful: whether the inks may be any two colours, as on a sticker, instead of nearly
            always white and black.
        legible: least width, as a share of the cover's, at which it can be told whether it is a
            label; it is not laid on any narrower.
    """

    light: Mask
    dark: Mask
    plate: tuple[int, int, int, int]
    colourful: bool = False
    legible: float = 0.0


def printed(
    light: Mask, shape: Mask | None = None, colourful: bool = False, legible: float = 0.0
) -> Mark:
    """A mark whose plate is the whole raster: ``light`` in light ink, the rest in dark.

    Args:
        light: uint8 (height, width), 0-255.
        shape: uint8 of the same shape, where the mark is at all; everywhere by default.
        colourful, legible: as of :class:`Mark`.
    """
    if shape is None:
        shape = np.full_like(light, 255)
    light = np.minimum(light, shape)
    height, width = light.shape
    return Mark(light, shape - light, (0, 0, width, height), colourful, legible)


def outlined(mark: Mark, rim: int, edge: int = 0, corner: int = 0) -> Mark:
    """Add a light outline ``rim`` pixels wide, a dark one of ``edge`` pixels around it."""
    return on_card(mark, (rim, rim, rim, rim), edge, corner)


def on_card(mark: Mark, margins: tuple[int, int, int, int], edge: int = 0, corner: int = 0) -> Mark:
    """Put a mark on a light card that surrounds it; the plate stays what it was.

    Args:
        mark: the mark.
        margins: of the card, left, top, right, bottom, in pixels.
        edge: pixels of a dark line around the card.
        corner: radius of the card's corners in pixels.
    """
    left, top, right, bottom = (margin + edge for margin in margins)
    height, width = mark.light.shape
    size = (height + top + bottom, width + left + right)
    shape = rounded(size, corner + edge)
    card = np.zeros(size, np.uint8)
    inner = (size[0] - 2 * edge, size[1] - 2 * edge)
    card[edge : size[0] - edge, edge : size[1] - edge] = rounded(inner, corner)
    dark = shape - np.minimum(card, shape)
    inside = (slice(top, top + height), slice(left, left + width))
    card[inside], dark[inside] = mark.light, mark.dark
    x0, y0, x1, y1 = mark.plate
    plate = (x0 + left, y0 + top, x1 + left, y1 + top)
    return replace(mark, light=card, dark=dark, plate=plate)


def swapped(mark: Mark) -> Mark:
    """The same mark with its inks exchanged."""
    return replace(mark, light=mark.dark, dark=mark.light)


def rounded(size: tuple[int, int], corner: int) -> Mask:
    """A filled rectangle of (height, width) pixels with round corners."""
    height, width = size
    corner = min(corner, height // 2, width // 2)
    if corner <= 0:
        return np.full(size, 255, np.uint8)
    page = np.zeros(size, np.uint8)
    page[corner : height - corner] = 255
    page[:, corner : width - corner] = 255
    for x in (corner, width - 1 - corner):
        for y in (corner, height - 1 - corner):
            cv2.circle(page, (x, y), corner, 255, -1, cv2.LINE_AA)
    return page


def frame(page: Mask, inset: float, thick: float, value: int = 255) -> None:
    """Draw a rectangle's outline ``inset`` pixels inside the page, ``thick`` pixels strong."""
    height, width = page.shape
    i, t = round(inset), round(thick)
    for rows, columns in (
        (slice(i, i + t), slice(i, width - i)),
        (slice(height - i - t, height - i), slice(i, width - i)),
        (slice(i, height - i), slice(i, i + t)),
        (slice(i, height - i), slice(width - i - t, width - i)),
    ):
        page[rows, columns] = value


def lines(
    page: Mask,
    rows: Sequence[str],
    box: Box,
    face: Face,
    rng: Generator,
    gap: float = 0.3,
    justified: bool = False,
) -> None:
    """Set rows of capitals one below the other, ``gap`` of a row's height between them."""
    left, top, right, bottom = box
    height = (bottom - top) / (len(rows) + gap * (len(rows) - 1))
    condensed = float(rng.uniform(0.55, 1.1))
    ink = float(rng.uniform(0.75, 0.9))
    for index, text in enumerate(rows):
        y = top + index * height * (1 + gap)
        if justified:
            set_line(page, text, face, (left, y, right, y + height), ink)
        else:
            set_centred(page, text, face, (left, y, right, y + height), condensed, ink)
