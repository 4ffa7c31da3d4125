"""The settings of scraping: the manners of every remote source, and what each source is like."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from covergenre.config.sections import Section


class Http(Section):
    """Manners of every request."""

    delay_seconds: float = Field(ge=0)
    host_delay_seconds: dict[str, float]
    max_delay_seconds: float = Field(gt=0)
    max_wait_seconds: float = Field(ge=0)
    attempts: int = Field(ge=1, le=20)
    timeout_seconds: float = Field(gt=0)
    downloads: int = Field(ge=1, le=32)
    max_redirects: int = Field(ge=0, le=20)
    max_document_bytes: int = Field(ge=1024)
    max_failures_in_a_row: int = Field(ge=1)
    private_hosts: list[str]


class Years(Section):
    """The releases searched for, both years included."""

    start_year: int = Field(ge=1000, le=9999)
    end_year: int = Field(ge=1000, le=9999)

    @model_validator(mode="after")
    def _in_order(self) -> Years:
        if self.start_year > self.end_year:
            raise ValueError("start_year must not be after end_year")
        return self


class AllMusicGenre(Section):
    """One box of the search form, and the name the models know the genre by."""

    genre: str
    name: str
    id: str = Field(pattern=r"^MA[0-9]{10}$")
    kind: Literal["genre", "style"]


class Selectors(Section):
    """CSS selectors of the search page; each names one thing."""

    genre_filter: str
    genre_filter_clear: str
    start_year: str
    end_year: str
    recording_type: str
    results: str
    rows: str
    cover: str
    year: str
    artist: str
    title: str
    next: str
    no_results: str
    cookie_accept: list[str]
    challenge: list[str]


class Browser(Section):
    """The browser, and how long it waits."""

    binary: str | None
    driver: str | None
    sandbox: bool | None
    arguments: list[str]
    timeout_seconds: float = Field(gt=0)
    settle_seconds: float = Field(ge=0.05)


class CoverUrl(Section):
    """A regular expression on cover addresses, and what replaces it."""

    pattern: str
    replacement: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address")
    return url


class AllMusic(Years):
    """AllMusic's Advanced Search."""

    terms_accepted: bool
    url: str
    results_path: str
    hosts: list[str] = Field(min_length=1)
    genres: list[AllMusicGenre] = Field(min_length=1)
    years_per_search: int = Field(ge=1)
    albums_per_search: int | None = Field(ge=1)
    recording_type: str
    rows_per_page: int = Field(ge=1)
    selectors: Selectors
    placeholders: list[str]
    cover_url_replace: list[CoverUrl]
    browser: Browser
    data_licence: str
    image_licence: str

    _url = field_validator("url")(_http_url)


class MusicBrainzGenre(Section):
    """A genre that the models know, and the tags that mean it."""

    genre: str
    tags: list[str] = Field(min_length=1)


class MusicBrainz(Years):
    """MusicBrainz' web service and the Cover Art Archive."""

    url: str
    cover_url: str
    hosts: list[str] = Field(min_length=1)
    genres: list[MusicBrainzGenre] = Field(min_length=1)
    albums_per_search: int | None = Field(ge=1)
    rows_per_page: int = Field(ge=1, le=100)
    data_licence: str
    image_licence: str

    _url = field_validator("url")(_http_url)

    @field_validator("cover_url")
    @classmethod
    def _names_the_album(cls, url: str) -> str:
        if "{mbid}" not in url:
            raise ValueError("must hold {mbid}")
        return _http_url(url)


class Scrape(Section):
    """Scraping."""

    contact: str | None
    commit_albums: int = Field(ge=1)
    commit_seconds: float = Field(gt=0)
    recrawl_after_days: float = Field(ge=0)
    cover_attempts: int = Field(ge=1)
    http: Http
    allmusic: AllMusic
    musicbrainz: MusicBrainz

    @field_validator("contact")
    @classmethod
    def _reachable(cls, contact: str | None) -> str | None:
        if contact is not None and not re.match(r"^(\S+@\S+\.\S+|https?://\S+)$", contact):
            raise ValueError("must be a mail address or a web address")
        return contact
