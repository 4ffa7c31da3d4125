"""Draws album covers: picks a genre's layout, paints it and prints it as its year would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator
from PIL import Image

from scraping.procedural import disco, electronic, folk, hard_rock, rap
from scraping.procedural.canvas import Canvas
from scraping.procedural.texture import finish

GENRES = ("rap", "folk", "hard rock", "disco", "electronic")
SMALLEST = 32


@dataclass(frozen=True)
class _Look:
    layouts: tuple[Callable[[Canvas, str, str, Generator], None], ...]
    warmth: float


_LOOKS = {
    "rap": _Look(rap.LAYOUTS, 0.0),
    "folk": _Look(folk.LAYOUTS, 0.6),
    "hard rock": _Look(hard_rock.LAYOUTS, 0.2),
    "disco": _Look(disco.LAYOUTS, 0.4),
    "electronic": _Look(electronic.LAYOUTS, -0.6),
}


def draw_cover(
    genre: str, year: int, artist: str, title: str, rng: Generator, size: int = 300
) -> Image.Image:
    """Draw one cover: a square RGB image of `size` pixels a side.

    `genre` is one of GENRES; layout, palette and details come from `rng`, and `year` ages the
    print (2000 warm, pale and worn to 2022 clean). Accented Latin letters are drawn; letters that
    cannot be reduced to ASCII show as boxes. Raises ValueError for an unknown genre, a size under
    32 or an artist or title without a visible letter.
    """
    if genre not in _LOOKS:
        raise ValueError(f"unknown genre {genre!r}, expected one of {', '.join(GENRES)}")
    if size < SMALLEST:
        raise ValueError(f"size must be at least {SMALLEST} pixels, got {size}")
    if not artist.strip() or not title.strip():
        raise ValueError("artist and title must not be blank")
    look = _LOOKS[genre]
    canvas = Canvas(size, "#000000")
    look.layouts[rng.integers(len(look.layouts))](canvas, artist, title, rng)
    finish(canvas, rng, year, look.warmth)
    return canvas.image()
