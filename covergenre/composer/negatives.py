"""Hard negatives: printed matter on covers that looks like the label and is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from covergenre.composer.glyphs import Face, Mask, set_centred, set_line
from covergenre.composer.mark import WIDTH, Mark, frame, lines, printed, rounded, swapped
from covergenre.composer.plates import bars, disc, framed, mounted, notice

THREE_LINES = (
    ("SPECIAL", "EDITION", "REMASTERED"),
    ("LIMITED", "EDITION", "BONUS TRACKS"),
    ("ORIGINAL", "RECORDING", "HIGH FIDELITY"),
    ("DIGITAL", "STEREO", "INCLUDES DOWNLOAD"),
    ("THE BEST", "GREATEST", "HITS COLLECTION"),
    ("DELUXE", "EXPANDED", "ANNIVERSARY"),
    ("FACTORY", "RECORDS", "MANCHESTER"),
    ("PRODUCED", "MIXED BY", "FEATURING"),
    ("AMERICAN", "ANTHOLOGY", "THE SINGLES"),
    ("OFFICIAL", "SOUNDTRACK", "MOTION PICTURE"),
    ("UNIVERSAL", "STUDIOS", "LOS ANGELES"),
    ("LIVE FROM", "HAMMERSMITH", "TWO CD SET"),
)
FEW_LINES = (
    ("STEREO",), ("MONO",), ("PROMO ONLY",), ("NOT FOR SALE",), ("INCLUDES DOWNLOAD",),
    ("COMPACT", "DISC"), ("DIGITAL", "AUDIO"), ("BONUS", "DVD"), ("NEW", "ALBUM"),
    ("SPECIAL EDITION", "REMASTERED"), ("INCLUDES THE HIT", "SINGLE"), ("180 GRAM", "VINYL"),
    ("FEATURING", "THE SINGLES"), ("LIMITED", "EDITION"), ("2 CD", "SET"), ("10 NEW", "SONGS"),
    ("DELUXE EDITION", "WITH 5 EXTRA", "TRACKS"), ("ALL TIME", "GREATEST", "HITS"),
    ("PLAY", "LOUD"), ("FULL DYNAMIC RANGE", "RECORDING"), ("DIGITALLY", "REMASTERED"),
)  # fmt: skip
COMPANIONS = (("STEREO",), ("BONUS TRACKS",), ("INCLUDES", "BOOKLET"))
PRICES = ("$9.99", "$7.98", "2 FOR 10", "NICE PRICE", "SALE", "-50%", "$4.99", "MID PRICE", "12.99")
RATINGS = (
    ("R", ("RESTRICTED",)),
    ("PG-13", ("PARENTS STRONGLY", "CAUTIONED")),
    ("PG", ("GUIDANCE SUGGESTED",)),
    ("G", ("GENERAL AUDIENCES",)),
    ("NC-17", ("NO ONE UNDER",)),
    ("M", ("MATURE 17+",)),
    ("E", ("EVERYONE",)),
    ("T", ("TEEN",)),
    ("FSK 16", ("FREIGEGEBEN", "AB 16 JAHREN")),
    ("FSK 12", ("FREIGEGEBEN", "AB 12 JAHREN")),
    ("18", ("SUITABLE ONLY", "FOR ADULTS")),
    ("15", ("SUITABLE FOR", "15 AND OVER")),
)
_WORDS = (
    "ALL", "SONGS", "WRITTEN", "AND", "PRODUCED", "BY", "THE", "BAND", "AT", "NIGHT", "IN",
    "LONDON", "LIVE", "VOLUME", "ONE", "LOVE", "FIRE", "RECORDS", "MUSIC", "WITH", "GUITARS",
    "VOCALS", "DRUMS", "BASS", "1998", "2004", "SIDE", "A", "B", "NEW YORK", "PRESENTS",
    "ORCHESTRA", "HOUSE", "DEEP", "BLUE", "STORIES", "FROM", "ROAD", "COLLECTION", "MIXED",
)  # fmt: skip
_GOTHIC = Face("gothic")
# A plate of the label's own layout is told from one by its words alone: it must be wide enough
# for them to be read, or the detector is taught that small labels are none.
_LEGIBLE_BARS = 0.15
_LEGIBLE_BOX = 0.09


def draw_negative(rng: Generator) -> Mark:
    """One mark that is no label: other words in its layouts, codes, ratings, prices, patterns.

    Args:
        rng: chooses what, and its proportions.
    """
    kinds: Sequence[tuple[float, Callable[[Generator], Mark]]] = (
        (0.22, _other_bars),
        (0.16, _other_box),
        (0.07, _other_sticker),
        (0.13, _barcode),
        (0.11, _rating),
        (0.06, _price),
        (0.17, _text),
        (0.08, _stripes),
    )
    shares = np.array([share for share, _ in kinds])
    return kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))][1](rng)


def _other_bars(rng: Generator) -> Mark:
    wording = THREE_LINES[int(rng.integers(len(THREE_LINES)))]
    if rng.random() < 0.5:
        wording = tuple(rng.permutation(wording))
    mark = framed(wording, rng) if rng.random() < 0.2 else bars(wording, rng)
    if rng.random() < 0.05:
        mark = swapped(mark)
    return replace(mounted(mark, rng, COMPANIONS), legible=_LEGIBLE_BARS)


def _other_box(rng: Generator) -> Mark:
    mark = notice(_few(rng), rng, rng.random() < 0.4)
    return swapped(mark) if rng.random() < 0.5 else mark


def _other_sticker(rng: Generator) -> Mark:
    return disc(_few(rng), rng)


def _few(rng: Generator) -> Sequence[str]:
    return FEW_LINES[int(rng.integers(len(FEW_LINES)))]


def _barcode(rng: Generator) -> Mark:
    """Bars of one to four modules, as in EAN-13, with or without digits below."""
    height = round(WIDTH * rng.uniform(0.35, 0.85))
    light = np.full((height, WIDTH), 255, np.uint8)
    # As many bars as there would be if each were one module wide: never too few.
    modules = np.repeat(np.arange(95) % 2, rng.choice([1, 1, 1, 2, 2, 3, 4], 95))[:95]
    quiet = WIDTH * rng.uniform(0.02, 0.09)
    columns = np.linspace(quiet, WIDTH - quiet, 96).round().astype(int)
    digits = rng.random() < 0.7
    top, bottom = round(quiet * rng.random()), round(height * (0.8 if digits else 0.95))
    for left, right, inked in zip(columns[:-1], columns[1:], modules, strict=True):
        light[top:bottom, left:right] = 0 if inked else 255
    if digits:
        dark = np.zeros_like(light)
        number = "".join(rng.choice(list("0123456789"), 12))
        set_line(dark, number, _GOTHIC, (quiet, bottom + 3, WIDTH - quiet, height - 4), 0.7)
        light -= dark
    return printed(light, legible=_LEGIBLE_BOX)


def _rating(rng: Generator) -> Mark:
    """A film or game rating: a big sign in a frame, its meaning beside or below, or a disc."""
    sign, meaning = RATINGS[int(rng.integers(len(RATINGS)))]
    chance = rng.random()
    if chance < 0.2 and len(sign) <= 2:
        return disc((sign,), rng)
    if chance < 0.6:  # below, in a bar of its own
        height = round(WIDTH * rng.uniform(0.6, 1.4))
        dark = np.zeros((height, WIDTH), np.uint8)
        line = round(height * rng.uniform(0.7, 0.8))
        set_centred(dark, sign, _GOTHIC, (30, 0.12 * height, WIDTH - 30, 0.9 * line), 0.8)
        dark[line:] = 255
        below = np.zeros_like(dark)
        room = height - line
        box = (20.0, line + 0.2 * room, WIDTH - 20.0, line + 0.8 * room)
        lines(below, meaning, box, _GOTHIC, rng)
        dark -= below
    else:  # beside
        height = round(WIDTH * rng.uniform(0.25, 0.5))
        dark = np.zeros((height, WIDTH), np.uint8)
        middle = WIDTH * rng.uniform(0.3, 0.45)
        set_centred(dark, sign, _GOTHIC, (16, 0.18 * height, middle - 8, 0.82 * height), 0.8)
        frame(dark[:, : round(middle)], 0, 6)
        box = (middle + 10, 0.2 * height, WIDTH - 16.0, 0.8 * height)
        lines(dark, meaning, box, _GOTHIC, rng)
    frame(dark, 0, rng.uniform(3, 10))
    mark = printed(
        np.full_like(dark, 255) - dark, colourful=sign.startswith("FSK"), legible=_LEGIBLE_BOX
    )
    return swapped(mark) if rng.random() < 0.25 else mark


def _price(rng: Generator) -> Mark:
    text = str(rng.choice(PRICES))
    if rng.random() < 0.3:
        return disc((text,), rng)
    height = round(WIDTH * rng.uniform(0.3, 0.6))
    shape = rounded((height, WIDTH), round(height * rng.choice([0.0, 0.2, 0.5])))
    dark = np.zeros_like(shape)
    set_centred(dark, text, _GOTHIC, (30, 0.2 * height, WIDTH - 30, 0.8 * height), 1.0)
    return printed(shape - np.minimum(dark, shape), shape, colourful=rng.random() < 0.8)


def _text(rng: Generator) -> Mark:
    """Lines of words without a plate, in one ink: credits, titles, slogans."""
    rows = int(rng.integers(1, 8))
    count = int(rng.integers(1, 5))
    height = round(WIDTH * rng.uniform(0.06, 0.16) * rows)
    page = np.zeros((height, WIDTH), np.uint8)
    if rng.random() < 0.3:
        _written(page, rows, rng)
    else:
        wording = [" ".join(rng.choice(_WORDS, count)) for _ in range(rows)]
        face = Face(str(rng.choice(["gothic", "book", "aileron", "serif", "roman", "mono"])))
        box = (2.0, 2.0, WIDTH - 2.0, height - 2.0)
        lines(page, wording, box, face, rng, rng.uniform(0.3, 0.9), rng.random() < 0.4)
    nothing = np.zeros_like(page)
    mark = Mark(page, nothing, (0, 0, WIDTH, height), colourful=rng.random() < 0.3)
    return swapped(mark) if rng.random() < 0.4 else mark


def _written(page: Mask, rows: int, rng: Generator) -> None:
    """Rows of words in the stroke letters of A. V. Hershey (1967), small letters too."""
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    step = page.shape[0] / rows
    for row in range(rows):
        text = " ".join(rng.choice(_WORDS, 3)).capitalize()
        place = (4, round((row + 0.75) * step))
        cv2.putText(page, text, place, font, step / 42, 255, 1 + round(step / 25), cv2.LINE_AA)


def _stripes(rng: Generator) -> Mark:
    """Bars, checks and combs without a word."""
    height = round(WIDTH * rng.uniform(0.3, 1.0))
    page = np.zeros((height, WIDTH), np.uint8)
    across = np.arange(WIDTH) * rng.integers(2, 16) // WIDTH % 2
    down = np.arange(height) * rng.integers(2, 9) // height % 2
    chance = rng.random()
    if chance < 0.3:
        page[down == 1] = 255
    elif chance < 0.6:
        page[:, across == 1] = 255
    elif chance < 0.8:
        page[down[:, None] != across[None]] = 255
    else:
        frame(page, rng.uniform(0, 20), rng.uniform(5, 40))
    return printed(page, colourful=rng.random() < 0.5, legible=_LEGIBLE_BOX)
