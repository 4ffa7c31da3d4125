"""The Parental Advisory label as it is found on covers: drawn, or taken from pictures of it.

The demo catalogue draws a label too (``scraping.procedural``), with a code of its own on purpose:
a detector shown to work on labels by the code that drew its training data would prove little.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from covergenre.composer.mark import WIDTH, Mark, printed, swapped
from covergenre.composer.plates import bars, disc, framed, mounted, notice
from covergenre.errors import ImageError, TrainingDataError
from covergenre.images import decode

CONTENT = ("PARENTAL", "ADVISORY", "EXPLICIT CONTENT")
LYRICS = ("PARENTAL", "ADVISORY", "EXPLICIT LYRICS")
FOREIGN = (
    ("AVERTISSEMENT", "PARENTAL", "CONTENU EXPLICITE"),
    ("AVISO", "PARENTAL", "CONTENIDO EXPLICITO"),
    ("ADVERTENCIA", "PARENTAL", "LENGUAJE EXPLICITO"),
    ("AVISO", "PARENTAL", "CONTEUDO EXPLICITO"),
    ("AVVISO", "GENITORI", "CONTENUTI ESPLICITI"),
    ("HINWEIS", "ELTERN", "EXPLIZITE TEXTE"),
)
NOTICES = (
    ("EXPLICIT LYRICS", "PARENTAL ADVISORY"),
    ("PARENTAL ADVISORY", "EXPLICIT LYRICS"),
    ("PARENTAL", "ADVISORY", "EXPLICIT", "LYRICS"),
    ("PARENTAL ADVISORY", "EXPLICIT CONTENT"),
    ("AVERTISSEMENT", "PARENTAL"),
)
COMPANIONS = (
    ("STRONG LANGUAGE",),
    ("STRONG LANGUAGE", "VIOLENT CONTENT"),
    ("STRONG LANGUAGE", "SEXUAL + VIOLENT", "CONTENT"),
)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def draw_label(rng: Generator, art: Sequence[Mark] = ()) -> Mark:
    """One label in one of its variants, about as often as each is seen on covers.

    Nine in ten have the three bars; of these one in eight says "Explicit Lyrics" and one in thirty
    is in another language. The rest are the older cuts, boxed notices and round stickers.

    Args:
        rng: chooses the variant and its proportions.
        art: from :func:`read_art`; when there is any, half of the plain three-bar labels are it.
    """
    chance = rng.random()
    if chance < 0.05:
        words = NOTICES[int(rng.integers(len(NOTICES)))]
        if rng.random() < 0.3:
            return disc(words, rng)
        return notice(words, rng, colourful=rng.random() < 0.4)
    if chance < 0.13:
        return framed(LYRICS if rng.random() < 0.8 else CONTENT, rng)
    if art and rng.random() < 0.5:
        plate = art[int(rng.integers(len(art)))]
    else:
        wording = LYRICS if rng.random() < 0.12 else CONTENT
        if rng.random() < 0.035:
            wording = FOREIGN[int(rng.integers(len(FOREIGN)))]
        plate = bars(wording, rng)
    if rng.random() < 0.03:
        plate = swapped(plate)
    return mounted(plate, rng, COMPANIONS)


def read_art(folder: Path) -> list[Mark]:
    """Read pictures of the label: PNG, JPEG or WebP, one a file; other files are passed over.

    Transparency counts as white paper, and white margins are cut off. Light parts become light
    ink and dark parts dark ink.

    Args:
        folder: of the pictures.

    Returns:
        one mark a picture, in the order of their names.

    Raises:
        TrainingDataError: the folder is missing, holds no such picture, or one that cannot be read
            or shows nothing but paper.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise TrainingDataError(
            f"{folder} holds no picture of the label: put PNG or JPEG files there or name no folder"
        )
    return [_art(path) for path in files]


def _art(path: Path) -> Mark:
    try:
        pixels = decode(path.read_bytes(), side=2 * WIDTH)
    except (OSError, ImageError) as error:
        raise TrainingDataError(f"{path} cannot be read as a picture: {error}") from error
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    inked = grey < 128
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if len(rows) < 2 or len(columns) < 2:
        raise TrainingDataError(f"{path} shows no label: everything in it is white or transparent")
    plate = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height = max(1, round(WIDTH * plate.shape[0] / plate.shape[1]))
    reduced = cv2.resize(plate, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return printed(np.asarray(reduced, np.uint8))
