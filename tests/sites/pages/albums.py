"""The albums that the AllMusic stand-in knows: genres, and a plan of albums with their covers."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from scraping.procedural import draw_cover
from scraping.procedural.names import album_title, artist_name

FIRST_YEAR, LAST_YEAR = 2000, 2022

STUDY = {
    "rap": "MA0000002816",
    "folk": "MA0000002592",
    "hard rock": "MA0000002636",
    "disco": "MA0000002552",
    "electronic": "MA0000002572",
}
"""The models' genres, and AllMusic's ids of them."""

_POP_ROCK, _RNB = "MA0000002613", "MA0000002809"
_PARENTS = {"hard rock": _POP_ROCK, "disco": _RNB}
_STYLES = {
    "rap": ("MA0000012203",),
    "folk": ("MA0000012099", "MA0000012267"),
    "hard rock": ("MA0000002721",),
    "disco": ("MA0000012124",),
    "electronic": ("MA0000002651", "MA0000002893"),
}

_TITLES = (
    "{0} & {0}",
    '"{0}"',
    "<b>{0}</b>",
    "It's {0}'s",
    "{0} \N{HEADPHONE}",
    "静かな夜",
    "Тёмная вода",
    "ليلة طويلة",
    "Ελπίδα [Live & Loud]",
    "100% {0} #1; drop?",
    "&amp; {0}",
    "???",
)
_ARTISTS = (
    "Various Artists",
    "Various Artists",
    "{0} / {1}",
    "{0} & {1}",
    'DJ "{0}"',
    "<i>{0}</i>",
    "坂本さくら",
    "Кино Пять",
    "D'{0}",
    "{0} \N{FIRE}",
)


@dataclass(frozen=True)
class SiteAlbum:
    """An album of the site.

    Attributes:
        id: ``mw`` and ten digits.
        artist: as shown; several are joined by `` / `` and each is a link.
        title: as shown.
        year: as shown; None for an empty cell.
        genres: ids of all genres and styles it is filed under.
        cover: bytes of its file; None for the placeholder.
        filed_year: year that searches go by; None for that shown.
        recording_type: ``mainalbum``, ``single``, ``live`` or ``remix``.
    """

    id: str
    artist: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    cover: bytes | None
    filed_year: int | None = None
    recording_type: str = "mainalbum"

    @property
    def searched_year(self) -> int | None:
        """The year that searches go by."""
        return self.year if self.filed_year is None else self.filed_year

    @property
    def cover_sha256(self) -> str | None:
        """Of the cover's bytes, hexadecimal."""
        return None if self.cover is None else hashlib.sha256(self.cover).hexdigest()


def make_albums(
    per_genre: int,
    seed: int,
    overlap: float = 0.03,
    missing_year: float = 0.02,
    no_cover: float = 0.05,
    shared_cover: float = 0.01,
    pictures: int = 300,
    cover_size: int = 96,
) -> list[SiteAlbum]:
    """Plan the main albums of the five study genres, the same for the same arguments.

    Every genre has its albums spread evenly over 2000 to 2022.

    Args:
        per_genre: albums found under each of the five, those of two genres counted in both.
        seed: of everything random.
        overlap: share of all albums filed under two of the five, 0 to 0.5.
        missing_year: share whose year is not shown.
        no_cover: share without a cover.
        shared_cover: share whose cover is, byte for byte, that of another album.
        pictures: drawings made. Covers of one drawing differ in a comment, not in their pixels.
        cover_size: side of a cover, in pixels.
    """
    rng = np.random.default_rng(seed)
    places = _places(per_genre, overlap, rng)
    drawings = _drawings(min(pictures, len(places)), cover_size, rng)
    albums: list[SiteAlbum] = []
    for number, (genres, year) in enumerate(places):
        album_id = f"mw{100_003 + 7 * number + 100_000_000 * (seed % 90):010d}"
        artist, title = _names(number, genres[0], rng)
        if number % 97 == 96:
            title = albums[number - 50].title
        pool = drawings[genres[0]]
        cover = _commented(pool[number % len(pool)], album_id)
        album = SiteAlbum(album_id, artist, title, year, _ids(genres, number), cover, year)
        albums.append(album)
    for number in _chosen(len(albums), shared_cover, rng):
        albums[number] = replace(albums[number], cover=albums[number - 1].cover)
    for number in _chosen(len(albums), no_cover, rng):
        albums[number] = replace(albums[number], cover=None)
    for number in _chosen(len(albums), missing_year, rng):
        albums[number] = replace(albums[number], year=None)
    return albums


def _chosen(count: int, share: float, rng: Generator) -> list[int]:
    return [int(n) for n in rng.permutation(count)[: round(count * share)]]


def _places(per_genre: int, overlap: float, rng: Generator) -> list[tuple[tuple[str, ...], int]]:
    """Genres and year of every album, so that each genre has exactly its number a year."""
    years = LAST_YEAR - FIRST_YEAR + 1
    free = {
        (genre, FIRST_YEAR + y): per_genre // years + (y < per_genre % years)
        for genre in STUDY
        for y in range(years)
    }
    wanted = round(len(STUDY) * per_genre * overlap / (1 + overlap))
    pairs = [
        ((a, b), year)
        for (a, year), count in free.items()
        for b in STUDY
        if a != b
        for _ in range(min(count, free[b, year]))
    ]
    places: list[tuple[tuple[str, ...], int]] = []
    for n in rng.permutation(len(pairs)):
        (a, b), year = pairs[n]
        if len(places) < wanted and free[a, year] and free[b, year]:
            free[a, year] -= 1
            free[b, year] -= 1
            places.append(((a, b), year))
    for (genre, year), count in free.items():
        places += [((genre,), year)] * count
    return [places[n] for n in rng.permutation(len(places))]


def _ids(genres: tuple[str, ...], number: int) -> tuple[str, ...]:
    """All that an album is filed under: the study's genres, what they belong to, and a style."""
    ids = [STUDY[genre] for genre in genres]
    ids += [_PARENTS[genre] for genre in genres if genre in _PARENTS]
    styles = _STYLES[genres[0]]
    return (*ids, styles[number % len(styles)]) if number % 3 == 0 else tuple(ids)


def _names(number: int, genre: str, rng: Generator) -> tuple[str, str]:
    """Artist and title; about one in five is unusual."""
    artist, title = artist_name(genre, rng), album_title(genre, rng)
    if number % 10 == 3:
        pattern = _ARTISTS[number // 10 % len(_ARTISTS)]
        artist = pattern.format(artist, artist_name(genre, rng))
    if number % 10 == 7:
        title = _TITLES[number // 10 % len(_TITLES)].format(title)
    return artist, title


def _drawings(count: int, size: int, rng: Generator) -> dict[str, list[bytes]]:
    """JPEGs of each genre."""
    drawings: dict[str, list[bytes]] = {}
    for genre in STUDY:
        drawings[genre] = []
        for _ in range(max(1, count // len(STUDY))):
            year = int(rng.integers(FIRST_YEAR, LAST_YEAR + 1))
            names = artist_name(genre, rng), album_title(genre, rng)
            buffer = io.BytesIO()
            draw_cover(genre, year, *names, rng, size).save(buffer, "JPEG", quality=80)
            drawings[genre].append(buffer.getvalue())
    return drawings


def _commented(jpeg: bytes, comment: str) -> bytes:
    """A JPEG with a comment segment (ITU-T T.81, B.2.4.5) after its first marker."""
    text = comment.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]
