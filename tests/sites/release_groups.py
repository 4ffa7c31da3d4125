"""Release groups made up for the stand-in of MusicBrainz, and what a crawl must know of them."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scraping.procedural import GENRES
from scraping.procedural.names import album_title, artist_name
from tests.covers import drawn

TAGS = {
    "rap": ("hip hop", "rap", "hip-hop", "gangsta rap", "boom bap"),
    "folk": ("folk", "indie folk", "singer-songwriter", "contemporary folk"),
    "hard rock": ("hard rock", "glam metal", "heavy metal"),
    "disco": ("disco", "nu-disco", "italo disco"),
    "electronic": ("electronic", "techno", "idm", "house"),
}
"""Tags that mean a genre, in the spellings people use."""
NEAR = ("pop rap", "freak folk", "hard rock christmas", "disco polo", "progressive house")
"""Tags that the index finds by those above and that mean another genre."""
OTHER = ("seen live", "2000s", "jazz", "日本語")
FOREIGN = ("東京リズム", "Кино Ночь", "نور الليل", "Ænglisc Ðrēam")
JOINS = (" & ", " feat. ", " + ", ", ")
DATES = ("{}", "{}-05", "{}-05-21", "{}-12-31")

_WANTED = ("plain", "two genres", "plain", "tie", "plain", "voted down beside", "plain")
_UNWANTED = ("Live", "EP", "near", "undated", "another year", "Compilation", "voted down", "Single")
_KINDS = (*_WANTED[:4], *_UNWANTED[:4], *_WANTED[4:], *_UNWANTED[4:])


@dataclass(frozen=True)
class ReleaseGroup:
    """One release group of the plan.

    Attributes:
        credit: each artist's name as credited, and what joins it to the next.
        artist: the credit as printed.
        date: of the first release, ``YYYY[-MM[-DD]]`` or empty.
        tags: with how many people gave them more than took them away.
        genres: what a crawl has to say of it, the foremost first; empty if it is not to be found.
        cover: genre and seed of the drawing; None if the archive has no art.
    """

    mbid: str
    title: str
    credit: tuple[tuple[str, str], ...]
    artist: str
    date: str
    primary: str
    secondary: tuple[str, ...]
    tags: tuple[tuple[str, int], ...]
    genres: tuple[str, ...]
    cover: tuple[str, int] | None

    @property
    def art(self) -> bytes | None:
        """The file of the front cover."""
        return None if self.cover is None else _drawn(*self.cover)


@dataclass(frozen=True)
class Truth:
    """What a crawl has to find of one album; ``cover_id`` is the SHA-256 of its file."""

    genres: tuple[str, ...]
    year: str
    artist: str
    title: str
    cover_id: str | None


_drawn = functools.cache(drawn)


def make_release_groups(
    count: int, seed: int = 0, start_year: int = 2000, end_year: int = 2022
) -> list[ReleaseGroup]:
    """Plan release groups: the same for the same arguments, and of every kind among any 15.

    About half are albums that a search for their genre and year must find. The others are live,
    compilations, EPs, singles, undated, of another year, of another genre, or carry the genre's
    tag with more votes against than for it.
    """
    return [_plan(number, seed, start_year, end_year) for number in range(count)]


def _plan(number: int, seed: int, start_year: int, end_year: int) -> ReleaseGroup:
    random = np.random.default_rng([seed, number])

    def pick(values: Sequence[Any]) -> Any:
        return values[int(random.integers(len(values)))]

    cycle, place = divmod(number, len(_KINDS))
    kind = _KINDS[place]
    # The second genre is a later one, so a tie is in the order of the settings.
    first = (cycle + place) % (len(GENRES) - (kind in ("two genres", "tie")))
    genre, later = GENRES[first], GENRES[(first + 1) % len(GENRES)]
    votes = int(random.integers(3, 9))
    tags = [(pick(TAGS[genre]), votes), (pick(OTHER), 1)]
    genres: tuple[str, ...] = (genre,) if kind in _WANTED else ()
    if kind == "two genres":
        tags.insert(0, (pick(TAGS[later]), votes + 2))
        genres = (later, genre)
    elif kind == "tie":
        tags.insert(0, (pick(TAGS[later]), votes))
        genres = (genre, later)
    elif kind == "voted down beside":
        tags.append((pick(TAGS[GENRES[(first + 2) % len(GENRES)]]), int(random.integers(-2, 1))))
    elif kind == "voted down":
        tags[0] = (tags[0][0], int(random.integers(-2, 1)))
    elif kind == "near":
        tags[0] = (NEAR[first], votes)
    year = int(random.integers(start_year, end_year + 1))
    if kind == "another year":
        year = pick((start_year - 1, end_year + 1))
    names = [pick(FOREIGN) if random.random() < 0.15 else artist_name(genre, random)]
    join = ""
    if random.random() < 0.3:
        join = pick(JOINS)
        names.append(artist_name(later, random))
    return ReleaseGroup(
        mbid=str(uuid.UUID(bytes=random.bytes(16), version=4)),
        title=pick(FOREIGN) if random.random() < 0.1 else album_title(genre, random),
        credit=tuple(zip(names, [join, ""], strict=False)),
        artist=join.join(names),
        date="" if kind == "undated" else pick(DATES).format(year),
        primary=kind if kind in ("EP", "Single") else "Album",
        secondary=(kind,) if kind in ("Live", "Compilation") else (),
        tags=tuple(tags),
        genres=genres,
        cover=None if number % 8 == 3 else (genre, seed * 100_000 + number),
    )
