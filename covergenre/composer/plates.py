"""Layouts that labels and their look-alikes share; which words stand in them is the caller's."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from covergenre.composer.glyphs import Face, set_line
from covergenre.composer.mark import WIDTH, Mark, frame, lines, on_card, outlined, printed, rounded

_SERIFS = ("serif", "slab")
# Widths at which the words can be read: without the three bars they alone say what it is.
_LEGIBLE_NOTICE, _LEGIBLE_DISC = 0.09, 0.13


def bars(wording: Sequence[str], rng: Generator) -> Mark:
    """Dark, light and dark bar with a line of condensed capitals in each: the mark since 1996.

    Proportions are those of the recording industry's own artwork: 1.575 to 1.6 times as wide as
    high, bars meeting at 27 and 69 % of the height, the middle line twice as high as the others,
    letters of the first as far apart as they are wide; varied about as much as real prints vary.

    Args:
        wording: three lines of capitals.
        rng: chooses proportions and type.
    """
    height = round(WIDTH / float(np.clip(rng.normal(1.59, 0.03), 1.42, 1.75)))
    page = np.zeros((height, WIDTH), np.uint8)
    top, bottom = height * rng.normal(0.273, 0.008), height * rng.normal(0.689, 0.008)
    page[round(top) : round(bottom)] = 255
    plain = rng.random() < 0.1  # set anew in whatever type was at hand, instead of the artwork's
    face, inks = (
        (_any_face(rng), (0.75, 0.8, 0.75)) if plain else (_condensed(rng), (0.44, 0.63, 0.58))
    )
    ink_top, ink_middle, ink_bottom = (share * rng.uniform(0.93, 1.08) for share in inks)
    margin = WIDTH * rng.uniform(0.045, 0.068)
    slim = margin * rng.uniform(0.5, 0.75)
    left, right = margin, WIDTH - margin
    set_line(page, wording[0], face, (left, 0.24 * top, right, 0.82 * top), ink_top)
    middle = np.zeros_like(page)
    inside = (slim, top + 0.08 * (bottom - top), WIDTH - slim, bottom - 0.09 * (bottom - top))
    set_line(middle, wording[1], face, inside, ink_middle)
    space = height - bottom
    foot = (left, bottom + 0.2 * space, right, bottom + 0.73 * space)
    set_line(page, wording[2], face, foot, ink_bottom)
    return printed(np.maximum(page, middle) - middle)


def framed(wording: Sequence[str], rng: Generator) -> Mark:
    """As :func:`bars`, in the older cut: a light line inside the plate's edge, often serifs.

    Args:
        wording: three lines of capitals.
        rng: chooses proportions and type.
    """
    height = round(WIDTH / rng.uniform(1.45, 1.8))
    page = np.zeros((height, WIDTH), np.uint8)
    inset, thick = WIDTH * rng.uniform(0.0, 0.02), WIDTH * rng.uniform(0.008, 0.02)
    edge = inset + thick
    top, bottom = height * rng.uniform(0.22, 0.31), height * rng.uniform(0.68, 0.78)
    light_foot = rng.random() < 0.15
    page[round(top) : height if light_foot else round(bottom)] = 255
    face = (
        _any_face(rng) if rng.random() < 0.3 else Face(str(rng.choice(_SERIFS)), _steps(rng, 0.08))
    )
    if rng.random() < 0.3:
        face = _condensed(rng)
    margin = edge + WIDTH * rng.uniform(0.015, 0.04)
    gap = height * rng.uniform(0.02, 0.035)
    spread = rng.uniform(0.7, 0.92)
    set_line(page, wording[0], face, (margin, edge + gap, WIDTH - margin, top - gap), spread)
    dark = np.zeros_like(page)
    set_line(dark, wording[1], face, (margin, top + gap, WIDTH - margin, bottom - gap), 0.85)
    foot = (margin, bottom + gap, WIDTH - margin, height - edge - gap)
    set_line(dark if light_foot else page, wording[2], face, foot, spread)
    page = np.maximum(page, dark) - dark
    frame(page, 0, inset, 0)
    frame(page, inset, thick)
    return printed(page)


def notice(wording: Sequence[str], rng: Generator, colourful: bool = False) -> Mark:
    """A plain box of a few centred lines, dark on light with a dark edge: stickers before 1990.

    Args:
        wording: one to five lines of capitals.
        rng: chooses proportions, corners and type.
        colourful: whether in any two colours.
    """
    letters = max(len(text) for text in wording)
    height = round(WIDTH * min(1.1, rng.uniform(1.6, 2.6) * (len(wording) + 0.4) / letters))
    corner = round(height * rng.choice([0.0, 0.0, 0.08, 0.25]))
    shape = rounded((height, WIDTH), corner)
    dark = np.zeros_like(shape)
    rim = rng.uniform(0.0, 0.03) * WIDTH
    if rim > 3:
        frame(dark, rng.uniform(0, 0.02) * WIDTH, min(rim, 8.0))
    margin = min(WIDTH * 0.07, height * rng.uniform(0.12, 0.2)) + corner / 4
    box = (margin, margin, WIDTH - margin, height - margin)
    justified = rng.random() < 0.4
    lines(dark, wording, box, _any_face(rng), rng, rng.uniform(0.2, 0.5), justified)
    light = shape - np.minimum(dark, shape)
    return printed(light, shape, colourful=colourful, legible=_LEGIBLE_NOTICE)


def disc(wording: Sequence[str], rng: Generator) -> Mark:
    """A round or star-shaped sticker in two colours with lines of type in its middle.

    Args:
        wording: one to five lines of capitals.
        rng: chooses shape, ring and type.
    """
    side = WIDTH * 3 // 4
    centre, radius = side / 2, side / 2 - 1
    shape = np.zeros((side, side), np.uint8)
    cv2.fillPoly(shape, [_rim(centre, radius, rng)], 255, cv2.LINE_AA)
    dark = np.zeros_like(shape)
    if rng.random() < 0.6:
        thick, reach = int(rng.integers(2, 7)), round(radius * rng.uniform(0.8, 0.88))
        cv2.circle(dark, (side // 2, side // 2), reach, 255, thick, cv2.LINE_AA)
    wide, high = radius * 0.68, radius * min(0.55, 0.2 * len(wording))
    box = (centre - wide, centre - high, centre + wide, centre + high)
    lines(dark, wording, box, _any_face(rng), rng, rng.uniform(0.2, 0.5))
    dark = np.minimum(dark, shape)
    return printed(shape - dark, shape, colourful=True, legible=_LEGIBLE_DISC)


def mounted(mark: Mark, rng: Generator, companions: Sequence[Sequence[str]]) -> Mark:
    """Leave a mark bare, or give it the outline or the card of real prints.

    About half of real labels stand in a light outline of 1 to 4 % of their width; some share it
    with a further box of small print below, such as "STRONG LANGUAGE".

    Args:
        mark: the plate alone.
        rng: chooses.
        companions: wordings of such boxes to choose from.
    """
    chance = rng.random()
    if chance < 0.5:
        return mark
    rim = round(WIDTH * rng.uniform(0.008, 0.04))
    if chance > 0.95:
        return _with_companion(mark, companions[int(rng.integers(len(companions)))], rim, rng)
    edge = round(WIDTH * rng.uniform(0.006, 0.02)) if rng.random() < 0.25 else 0
    corner = rim if rng.random() < 0.15 else 0
    return outlined(mark, rim, edge, corner)


def _with_companion(mark: Mark, wording: Sequence[str], rim: int, rng: Generator) -> Mark:
    room = round(WIDTH * (0.11 * len(wording) + rng.uniform(0.06, 0.1)))
    card = on_card(mark, (rim, rim, rim, room + rim))
    box = rounded((room - 2 * rim, WIDTH), round(room * rng.uniform(0, 0.4)))
    line = max(4, rim)
    hollow = np.zeros_like(box)
    hollow[line:-line, line:-line] = rounded(
        (box.shape[0] - 2 * line, WIDTH - 2 * line), round(room * 0.3)
    )
    margin = WIDTH * 0.1
    dark = box - np.minimum(hollow, box)
    inside = (margin, 2.5 * line, WIDTH - margin, box.shape[0] - 2.5 * line)
    lines(dark, wording, inside, Face("gothic", 0.0), rng)
    top = card.plate[3] + 2 * rim
    place = (slice(top, top + box.shape[0]), slice(rim, rim + WIDTH))
    card.dark[place] = dark
    card.light[place] = 255 - dark
    return card


def _rim(centre: float, radius: float, rng: Generator) -> npt.NDArray[np.int32]:
    """Outline of a disc, or of a star with many blunt points."""
    points = int(rng.choice([0, 0, 12, 18, 24]))
    turn = np.linspace(0, 2 * np.pi, 2 * points or 60, endpoint=False)
    reach = np.full_like(turn, radius)
    if points:
        reach[::2] *= rng.uniform(0.8, 0.92)
    outline = np.stack([centre + reach * np.cos(turn), centre + reach * np.sin(turn)], 1)
    return np.asarray(np.round(outline), np.int32)


def _steps(rng: Generator, most: float) -> float:
    """A weight in steps, so that the cut letters can be kept and used again."""
    return float(np.round(rng.integers(0, 5) * most / 4, 3))


def _condensed(rng: Generator) -> Face:
    return Face("gothic", 0.08 + _steps(rng, 0.1), -0.028 if rng.random() < 0.5 else 0.0)


def _any_face(rng: Generator) -> Face:
    font = str(
        rng.choice(["gothic", "gothic", "book", "aileron", "aileron", "mono", "slab", "serif"])
    )
    light = font in ("aileron", "book")
    return Face(font, _steps(rng, 0.12 if light else 0.06), 0.04 if light else 0.0)
