"""A site that behaves like AllMusic's Advanced Search, with the traps that a crawler meets.

A search is ``POST /advanced-search/results/`` for its first page and ``.../results/{page}`` for the
others, form-encoded, with any number of fields ``filters[]``, all of which must hold:

==============================================  ===================================================
``genreid:MA...``, ``subgenreid:MA...``         filed under the genre, the style (boxes of 2018)
``MA...``                                       filed under either (boxes of 2022)
``releaseyear>:2000``, ``releaseyear<:2022``    that year or later, that year or earlier
``recordingtype:mainalbum``                     of that type
``recordingtype!:live``                         of any other type
==============================================  ===================================================

The answer is a piece of HTML: 40 rows and a pager; without a genre it is empty.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import NamedTuple

from tests.sites import pages
from tests.sites.pages import pictures
from tests.sites.pages.albums import STUDY, SiteAlbum, make_albums
from tests.sites.server import Reply, Request, Server

__all__ = ["STUDY", "AlbumTruth", "Site", "SiteAlbum", "Traps", "make_albums"]

_RESULTS = re.compile(r"/advanced-search/results/([0-9]*)")
_COVER = re.compile(r"/covers/JPG_250/(mw[0-9]{10})\.jpg")


class AlbumTruth(NamedTuple):
    """What a crawl should know of an album in the end."""

    artist: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    cover_sha256: str | None


@dataclass
class Traps:
    """What makes the site hard to read; each may be changed while the site runs.

    Attributes:
        delay: shortest and longest time that a page of results takes, in seconds.
        stale_seconds: how long the old table stays once the new one is there; halfway it is put
            in place again, the same rows in new elements.
        half_rendered: the latter half of the rows and the pager come so many seconds after the
            first half.
        cookie_box: seconds until a box covers the lower part of the window and with it the pager,
            until ``#onetrust-accept-btn-handler`` is clicked. Read when the page is opened.
        lost_click_every: each n-th click on Next in a tab does nothing.
        lazy: covers are in ``data-original`` until they come into view (as in 2021), else in
            ``src`` (2022). The one that is on by default, as the saved pages have it.
        unlinked_various: "Various Artists" is no link.
        status_plan: number of the results request since the site began, from 1, to the status of
            its answer. An answer of 429 or 503 has the Retry-After.
        retry_after: seconds or an HTTP date; None for no such header.
        challenge_after: after so many search pages and results, both are a challenge page.
        challenge_status: of the challenge page; results then have 403 always.
        layout: one of ``pages.LAYOUTS``: "changed" and "cells changed" are other class names in
            the results, "form changed" in the form.
        robots: text of robots.txt, or its status if there is none.
        image_plan: album id to what happens to its cover: one of ``pictures.PLANS`` or a status
            ("404"); with " once" behind it, at the first request only.
        slow_seconds: how long a slow cover takes.
        ads: the page has a picture and a script of another host.
    """

    delay: tuple[float, float] | None = None
    stale_seconds: float = 0.0
    half_rendered: float = 0.0
    cookie_box: float | None = None
    lost_click_every: int = 0
    lazy: bool = True
    unlinked_various: bool = False
    status_plan: dict[int, int] = field(default_factory=dict)
    retry_after: str | None = "1"
    challenge_after: int | None = None
    challenge_status: int = 403
    layout: str = ""
    robots: str | int = "User-agent: *\nDisallow: /user/\n"
    image_plan: dict[str, str] = field(default_factory=dict)
    slow_seconds: float = 3.0
    ads: bool = False


class Site:
    """The site, served while the ``with`` block runs.

    Args:
        albums: its main albums. To each the site adds one or two recordings of another type (same
            artist, title and genres), which are found unless main albums alone are asked for.
        traps: see there.
        ids: what the boxes of the form are called, those of ``2018`` or of ``2022``.
        port: 0 for a free one.

    Attributes:
        url, search_url: addresses.
        truth: of every main album, by id.
        traps: may be changed at any time.
        foreign: the other host, at 127.0.0.2, that advertisements and redirects lead to; its
            ``requests`` should stay empty.
    """

    def __init__(
        self,
        albums: Sequence[SiteAlbum],
        traps: Traps | None = None,
        ids: str = "2018",
        port: int = 0,
    ) -> None:
        if ids not in ("2018", "2022"):
            raise ValueError(f"ids must be 2018 or 2022, got {ids}")
        self.traps = Traps() if traps is None else traps
        self._ids = ids
        self._main = {album.id: album for album in albums}
        if len(self._main) != len(albums):
            raise ValueError("two albums have the same id")
        self._all = [one for album in albums for one in (album, *_others(album))]
        self._searches: dict[frozenset[str], list[SiteAlbum]] = {}
        self._random = random.Random(0)
        self._lock = threading.Lock()
        self._pages = self._results = 0
        self._covers: Counter[str] = Counter()
        self.truth = {
            a.id: AlbumTruth(a.artist, a.title, a.year, a.genres, a.cover_sha256) for a in albums
        }
        self.server = Server(self._answer, port=port)
        advertisement = Reply(pictures.PLACEHOLDER, kind="image/png")
        self.foreign = Server(lambda request: advertisement, "127.0.0.2")
        self.url = self.server.url
        self.search_url = f"{self.url}/advanced-search"

    def __enter__(self) -> Site:
        self.foreign.start()
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.foreign.stop()
        self.server.__exit__(kind, error, trace)

    # What tests ask.

    @property
    def settings(self) -> list[str]:
        """The settings, as ``--set`` takes them, that lead a crawl here at no pace at all."""
        return [
            "scrape.contact=crawler@example.org",
            "scrape.allmusic.terms_accepted=true",
            f"scrape.allmusic.url={self.search_url}",
            f'scrape.allmusic.hosts=["{self.server.host}"]',
            f'scrape.http.private_hosts=["{self.server.host}"]',
            "scrape.http.delay_seconds=0",
        ]

    @property
    def requests(self) -> list[Request]:
        """All requests so far, but those to the other host."""
        return self.server.requests

    @property
    def page_views(self) -> int:
        """How often the search page was opened."""
        return sum(r.path == "/advanced-search" and r.method == "GET" for r in self.requests)

    @property
    def result_requests(self) -> Counter[int]:
        """Requests for results, by page."""
        found = (_RESULTS.fullmatch(r.path) for r in self.requests if r.method == "POST")
        return Counter(int(match[1] or 1) for match in found if match)

    @property
    def image_requests(self) -> Counter[str]:
        """Requests for covers and the placeholder, by path."""
        return Counter(r.path for r in self.requests if r.path.startswith(("/covers/", "/images/")))

    def listed(self, *filters: str) -> list[SiteAlbum]:
        """What a search finds, in the order shown.

        Raises:
            ValueError: a filter that the form does not have.
        """
        key = frozenset(filters)
        if key not in self._searches:
            conditions = [_condition(text, self._ids) for text in filters]
            self._searches[key] = [a for a in self._all if all(holds(a) for holds in conditions)]
        return self._searches[key]

    def cover_path(self, album_id: str) -> str:
        """Path of an album's cover."""
        return pages.cover_path(self._main[album_id]).partition("?")[0]

    # Answers.

    def _answer(self, request: Request) -> Reply:
        path = request.path
        if path == "/robots.txt":
            return self._robots()
        if path == "/advanced-search":
            return self._search_page()
        if match := _RESULTS.fullmatch(path):
            if request.method != "POST":
                return Reply(b"", 405, headers={"Allow": "POST"})
            return self._results_page(request, int(match[1] or 1))
        if match := _COVER.fullmatch(path):
            return self._cover(match[1], request)
        if path == pages.PLACEHOLDER:
            return pictures.file(pictures.PLACEHOLDER, "image/png", request)
        if path in pages.STATIC:
            kind, content = pages.STATIC[path]
            return Reply(content, kind=kind)
        if path.startswith("/album/mw") or re.fullmatch(r"/album/.*-mw[0-9]{10}", path):
            return Reply(b"<!DOCTYPE html><title>Album</title><h1>Album</h1>")
        return Reply(b"<h1>Not found</h1>", 404)

    def _robots(self) -> Reply:
        robots = self.traps.robots
        if isinstance(robots, int):
            return Reply(b"no robots.txt", robots, "text/plain")
        return Reply(robots.encode(), kind="text/plain; charset=utf-8")

    def _challenged(self) -> bool:
        after = self.traps.challenge_after
        return after is not None and self._pages + self._results > after

    def _search_page(self) -> Reply:
        traps = self.traps
        with self._lock:
            self._pages += 1
            if self._challenged():
                return Reply(pages.CHALLENGE, traps.challenge_status)
        ad_host = self.foreign.url if traps.ads else ""
        page = pages.search_page(self._ids, traps.cookie_box, traps.lost_click_every, ad_host)
        return Reply(pages.renamed(page, traps.layout).encode())

    def _results_page(self, request: Request, page: int) -> Reply:
        traps = self.traps
        with self._lock:
            self._results += 1
            status = traps.status_plan.get(self._results, 200)
            if self._challenged():
                return Reply(pages.CHALLENGE, 403)
            seconds = self._random.uniform(*traps.delay) if traps.delay else 0
        self.server.pause(seconds)
        if status != 200:
            return _refusal(status, traps.retry_after)
        try:
            albums = self.listed(*request.form.get("filters[]", []))
        except ValueError as error:
            return Reply(str(error).encode(), 400, "text/plain")
        headers = {
            "X-Lost-Click-Every": str(traps.lost_click_every),
            "X-Stale-Seconds": str(traps.stale_seconds),
            "X-Half-Seconds": str(float(traps.half_rendered)),
        }
        if not any(_GENRE[self._ids].match(text) for text in request.form.get("filters[]", [])):
            return Reply(b"", headers=headers)
        html = pages.results(albums, page, traps.lazy, not traps.unlinked_various)
        return Reply(pages.renamed(html, traps.layout).encode(), headers=headers)

    def _cover(self, album_id: str, request: Request) -> Reply:
        album = self._main.get(album_id)
        if album is None or album.cover is None:
            return Reply(b"no such cover", 404, "text/plain")
        with self._lock:
            self._covers[album_id] += 1
            first = self._covers[album_id] == 1
        plan, once, _ = self.traps.image_plan.get(album_id, "").partition(" once")
        if not plan or (once and not first):
            return pictures.file(album.cover, "image/jpeg", request)
        if plan.isdecimal():
            return _refusal(int(plan), self.traps.retry_after)
        if plan == "slow":
            wait = self.traps.slow_seconds / pictures.SLOW_PARTS
            return pictures.slow(album.cover, lambda: self.server.pause(wait))
        return pictures.planned(plan, album.cover, self.url, self.foreign.url)


_GENRE = {
    "2018": re.compile(r"(?P<kind>genreid|subgenreid):(?P<id>MA[0-9]{10})$"),
    "2022": re.compile(r"(?P<id>MA[0-9]{10})$"),
}


def _condition(text: str, ids: str) -> Callable[[SiteAlbum], bool]:
    """What one ``filters[]`` demands of an album."""
    if match := _GENRE[ids].match(text):
        genre = match["id"]
        if genre in pages.KINDS and match.groupdict().get("kind") in (None, pages.KINDS[genre]):
            return lambda album: genre in album.genres
    if match := re.fullmatch(r"releaseyear([<>]):([0-9]{4})", text):
        year = int(match[2])
        if match[1] == ">":
            return lambda album: (album.searched_year or 0) >= year
        return lambda album: (album.searched_year or 9999) <= year
    if text in pages.TYPES and (match := re.fullmatch(r"recordingtype(!?):([a-z]+)", text)):
        kind, wanted = match[2], not match[1]
        return lambda album: (album.recording_type == kind) is wanted
    raise ValueError(f"no such filter: {text}")


def _others(album: SiteAlbum) -> Iterable[SiteAlbum]:
    """The recordings of other types that go with an album."""
    number = int(album.id[2:])
    kinds = ("single", "live") if number % 4 == 0 else (("single", "remix")[number % 2],)
    for place, kind in enumerate(kinds):
        other = f"mw{5_000_000_000 + 10 * number + place:010d}"
        yield replace(album, id=other, recording_type=kind, cover=None)


def _refusal(status: int, retry_after: str | None) -> Reply:
    again = {"Retry-After": retry_after} if retry_after and status in (429, 503) else {}
    return Reply(f"<h1>Error {status}</h1>".encode(), status, headers=again)
