"""MusicBrainz: albums by tag and year from its web service, covers from the Cover Art Archive."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from covergenre.config import Settings
from covergenre.errors import LayoutError
from scraping.polite.client import Client
from scraping.records import Album, Page, Search

SEARCH_DEPTH = 500
"""Results that MusicBrainz shows of one search, however many there are; it refuses to be asked for
more (musicbrainz-server, MBS-14455, ``MAX_SEARCH_RESULTS``)."""

_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Question:
    """What one search asks: albums of a genre, told by its tags, first released in a year."""

    genre: str
    year: str
    tags: tuple[str, ...]

    @property
    def query(self) -> str:
        """In the syntax of Lucene's classic query parser, on the fields of the release-group index
        (MusicBrainz API, "Search")."""
        tags = " OR ".join(f"tag:{_quoted(tag)}" for tag in self.tags)
        return (
            f"primarytype:album AND firstreleasedate:{self.year} AND NOT secondarytype:* "
            f"AND ({tags})"
        )


class MusicBrainz:
    """MusicBrainz as a source: one search a genre and year (MusicBrainz API, version 2).

    An album is a release group of primary type Album without a secondary type (live, compilation,
    remix, ...), first released in the year, that carries one of the genre's tags; the index also
    finds tags that merely contain the words, and those albums are left out.

    Args:
        settings: ``scrape.musicbrainz`` says what is searched for and where.
        client: sends every request, at the pace of the settings.
    """

    name = "musicbrainz"
    states_all_genres = True

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings.scrape.musicbrainz
        self._client = client
        self.data_licence = self._settings.data_licence
        self.image_licence = self._settings.image_licence
        parts = urlsplit(self._settings.url)
        self._host = parts.netloc
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._url = self._settings.url.rstrip("/") + "/release-group"
        self._tags: dict[str, set[tuple[str, ...]]] = {}
        for genre in self._settings.genres:
            self._tags.setdefault(genre.genre, set()).update(map(_words, genre.tags))
        self._questions = {
            self._key(question): question
            for genre in self._settings.genres
            for year in range(self._settings.start_year, self._settings.end_year + 1)
            for question in [_Question(genre.genre, str(year), tuple(genre.tags))]
        }

    def searches(self) -> list[Search]:
        """One search a genre and year, in the order of the settings."""
        return [Search(key, f"{q.genre} {q.year}") for key, q in self._questions.items()]

    def pages(self, search: Search, start: int = 1) -> Iterator[Page]:
        """The pages of a search, from page ``start`` to the last; at least one, if empty.

        At most ``albums_per_search`` albums are given, and none that lies deeper than
        :data:`SEARCH_DEPTH`.

        Raises:
            SourceError: the service says no, does not answer, or has changed (LayoutError).
        """
        question = self._questions[search.key]
        most, rows = self._settings.albums_per_search, self._settings.rows_per_page
        # Where a cut falls depends on all pages before it.
        number, kept = (start if most is None else 1), 0
        while True:
            offset = (number - 1) * rows
            albums, last = self._ask(question, offset) if offset < SEARCH_DEPTH else ([], True)
            if most is not None:
                albums = albums[: most - kept]
            kept += len(albums)
            last = last or kept == most
            if number >= start:
                yield Page(number, tuple(albums), last)
            elif last:
                yield Page(start, (), last)
            if last:
                return
            number += 1

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _key(self, question: _Question) -> str:
        # Another cut or page size makes it another question: the page where a run ended, or that
        # it was read to its end, says nothing about it.
        asked = (
            sorted(question.tags),
            self._settings.albums_per_search,
            self._settings.rows_per_page,
        )
        digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:8]
        return f"{self.name}/{question.genre}/{question.year}/{digest}"

    def _ask(self, question: _Question, offset: int) -> tuple[list[Album], bool]:
        """The albums from a result on, and whether the search ends with them."""
        rows = min(self._settings.rows_per_page, SEARCH_DEPTH - offset)
        params = {
            "query": question.query,
            "fmt": "json",
            "limit": str(rows),
            "offset": str(offset),
        }
        answer = self._client.get_json(self._url, params)
        if not isinstance(answer, dict):
            raise self._changed("the answer", "is not a JSON object")
        count = self._field(answer, "count", int, "the answer")
        self._field(answer, "offset", int, "the answer")
        groups = self._field(answer, "release-groups", list, "the answer")
        self._check(groups)
        asked = self._client.hosts.check(f"{self._url}?{urlencode(params)}")
        robots = self._client.robots.allowed(asked)
        albums = (self._album(group, question, robots) for group in groups)
        # The index changes while it is read: a page may be short, and the count of the first page
        # is not that of the last.
        last = not groups or offset + rows >= min(count, SEARCH_DEPTH)
        return [album for album in albums if album is not None], last

    def _check(self, groups: list[Any]) -> None:
        for group in groups:
            if not isinstance(group, dict):
                raise self._changed("a release group", "is not a JSON object")
        # Left out of an album without them, yet whatever is found has what it was found by.
        for key in ("primary-type", "first-release-date", "tags"):
            if groups and not any(key in group for group in groups):
                raise self._changed("no release group of the answer", f"has {key!r}")

    def _album(self, group: dict[str, Any], question: _Question, robots: str) -> Album | None:
        """The release group as an album, None if it is not what was asked for."""
        mbid = self._field(group, "id", str, "a release group").lower()
        where = f"release group {mbid[:36]!a}"
        title = self._field(group, "title", str, where)
        artist = self._artist(group, where)
        kind = self._optional(group, "primary-type", str, where) or ""
        secondary = self._optional(group, "secondary-types", list, where)
        date = self._optional(group, "first-release-date", str, where) or ""
        tags = self._tag_counts(group, where)
        genres = self._genres(tags)
        if (
            not _MBID.fullmatch(mbid)  # it becomes a part of addresses
            or kind.lower() != "album"
            or secondary
            or date[:4] != question.year
            or question.genre not in genres
        ):
            return None
        return Album(
            album_id=f"{self.name}:{mbid}",
            source_url=f"{self._origin}/release-group/{mbid}",
            artist=artist or None,
            title=title or None,
            genres=genres,
            styles=tuple(sorted(tags, key=lambda name: -tags[name])),
            year=date[:4],
            cover_url=self._settings.cover_url.replace("{mbid}", mbid),
            robots=robots,
        )

    def _artist(self, group: dict[str, Any], where: str) -> str:
        """The artist credit as printed: every name, and what joins it to the next."""
        credit = self._field(group, "artist-credit", list, where)
        return "".join(
            self._field(part, "name", str, f"the artist credit of {where}")
            + (self._optional(part, "joinphrase", str, f"the artist credit of {where}") or "")
            for part in credit
        )

    def _tag_counts(self, group: dict[str, Any], where: str) -> dict[str, int]:
        """Tags that more people gave than took away, with by how many."""
        tags = {
            self._field(tag, "name", str, f"a tag of {where}"): self._field(
                tag, "count", int, f"a tag of {where}"
            )
            for tag in self._optional(group, "tags", list, where) or []
        }
        return {name: count for name, count in tags.items() if count > 0}

    def _genres(self, tags: dict[str, int]) -> tuple[str, ...]:
        """The models' genres that the tags mean, the one with the highest count first."""
        counts = {
            genre: max((tags[name] for name in tags if _words(name) in meant), default=0)
            for genre, meant in self._tags.items()
        }
        return tuple(sorted((g for g in counts if counts[g]), key=lambda g: -counts[g]))

    def _field(self, about: Any, key: str, kind: type[_T], where: str) -> _T:
        value = self._optional(about, key, kind, where)
        if value is None:
            raise self._changed(where, f"has no {key!r}")
        return value

    def _optional(self, about: Any, key: str, kind: type[_T], where: str) -> _T | None:
        if not isinstance(about, dict):
            raise self._changed(where, "is not a JSON object")
        value = about.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._changed(where, f"has {key!r} that is no {kind.__name__}")
        return value

    def _changed(self, where: str, what: str) -> LayoutError:
        return LayoutError(
            f"{self._host}: {where} {what}: set scrape.musicbrainz.url to a MusicBrainz web "
            "service of version 2, which is what is read here"
        )


def _quoted(tag: str) -> str:
    """A phrase of Lucene's: between quotes only the quote and the backslash are special."""
    return '"' + re.sub(r'(["\\])', r"\\\1", tag) + '"'


def _words(tag: str) -> tuple[str, ...]:
    """A tag as the index compares it: its words, without case, accents and punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", tag) if not unicodedata.combining(c))
    return tuple(re.findall(r"\w+", plain.casefold())) or (tag,)
