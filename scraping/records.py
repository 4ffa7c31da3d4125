"""What every remote source gives: searches, their pages, and the albums on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Album:
    """An album as a source shows it.

    Attributes:
        album_id: ``source:`` and the source's own id of the album.
        source_url: address of the album's page; None if the source has none.
        artist, title: as written; None if not given.
        genres: the models' names of the genres it was found under, the foremost first.
        styles: styles or tags as the source writes them.
        year: of release, as written; None if not given.
        cover_url: address of the cover; None if the source has none.
        robots: what robots.txt says about the page it was read from.
    """

    album_id: str
    source_url: str | None
    artist: str | None
    title: str | None
    genres: tuple[str, ...]
    styles: tuple[str, ...]
    year: str | None
    cover_url: str | None
    robots: str


@dataclass(frozen=True)
class Search:
    """One question to a source, small enough to be asked again from its start.

    Attributes:
        key: of the search; the same question has the same key in every run.
        title: for people, e.g. ``rap 2004``.
    """

    key: str
    title: str


@dataclass(frozen=True)
class Page:
    """One page of a search's answer.

    Attributes:
        number: from 1.
        albums: in the source's order.
        last: whether the search ends here.
    """

    number: int
    albums: tuple[Album, ...]
    last: bool


class Source(Protocol):
    """A remote source of albums.

    Attributes:
        name: written to ``albums.source``.
        data_licence, image_licence: written to every album.
        states_all_genres: whether an album's ``genres`` are complete wherever it is found; else
            they are those of the search that found it, and further searches add theirs.
    """

    name: str
    data_licence: str
    image_licence: str
    states_all_genres: bool

    def searches(self) -> list[Search]:
        """The searches that the settings ask for, in order."""

    def pages(self, search: Search, start: int = 1) -> Iterator[Page]:
        """The pages of a search, from page ``start`` to the last.

        Raises:
            SourceError: the source says no, does not answer, or has changed.
        """

    def close(self) -> None:
        """Let go of browser and connections."""
