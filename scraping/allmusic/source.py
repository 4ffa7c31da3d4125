"""AllMusic as a source of albums: its searches and their pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from covergenre.config import Settings
from covergenre.errors import SettingError
from scraping.allmusic.browser import Browser
from scraping.allmusic.result_table import ResultTable, Row
from scraping.allmusic.walk import BrowserKeeper, Query, Walk
from scraping.polite.addresses import AddressRefused
from scraping.polite.client import Client
from scraping.records import Album, Page, Search


class AllMusic:
    """The source (:class:`scraping.records.Source`).

    Args:
        settings: all; used are ``scrape.allmusic`` and ``scrape.http.attempts``.
        client: of this source; asked about robots.txt and the pace, and for its name.
        failures: folder for screenshot and HTML of pages that have changed.

    Raises:
        SettingError: the terms are not accepted, or the address is not on a host of the source.
    """

    name = "allmusic"
    states_all_genres = False

    def __init__(self, settings: Settings, client: Client, failures: Path) -> None:
        self._settings = settings.scrape.allmusic
        self._attempts = settings.scrape.http.attempts
        self._client = client
        self._failures = failures
        self.data_licence = self._settings.data_licence
        self.image_licence = self._settings.image_licence
        if not self._settings.terms_accepted:
            raise SettingError(
                "setting scrape.allmusic.terms_accepted is false: read the terms of service of "
                f"{self._settings.url}, and if they allow your use, set it to true"
            )
        results = urljoin(self._settings.url, self._settings.results_path)
        try:
            self._url = client.hosts.check(self._settings.url)
            self._results = client.hosts.check(results)
        except AddressRefused as error:
            raise SettingError(f"setting scrape.allmusic.url: {error}") from None
        self._queries = {query.key: query for query in self._all_queries()}
        self._browsers = BrowserKeeper(
            lambda: Browser(self._settings.browser, self._settings.hosts, client.user_agent)
        )

    def _all_queries(self) -> Iterator[Query]:
        s = self._settings
        for genre in s.genres:
            for first in range(s.start_year, s.end_year + 1, s.years_per_search):
                last = min(first + s.years_per_search - 1, s.end_year)
                # A search that was cut elsewhere is another one: it may not be read to its end.
                cut = s.albums_per_search or "all"
                key = f"allmusic/{genre.id}/{first}-{last}/{s.recording_type}/{cut}"
                yield Query(key, genre, first, last)

    def searches(self) -> list[Search]:
        """One a genre and block of ``years_per_search`` years, in the order of the settings."""
        return [Search(query.key, _title(query)) for query in self._queries.values()]

    def pages(self, search: Search, start: int = 1) -> Iterator[Page]:
        """The pages of a search, from page ``start`` to the last.

        The last is cut so that the search has ``albums_per_search`` albums. An album that the site
        shows on several pages is on the first of them only. A search that ends before ``start`` has
        one page, empty.

        Raises:
            SourceRefusedError: robots.txt, 401, 403, a challenge, or a wait beyond the limit.
            SourceUnavailableError: no answer, ``scrape.http.attempts`` times in a row.
            LayoutError: the page is not what the settings say; says where it was saved.
            BrowserError: there is no browser, or it breaks again and again.
            SettingError: a setting does not fit the page.
            Stopped: the crawl has ended.
        """
        query = self._queries[search.key]
        robots = self._client.robots.allowed(self._url)
        self._client.robots.allowed(self._results)
        walk = Walk(
            query, self._settings, self._attempts, self._client, self._browsers, self._failures
        )
        most = self._settings.albums_per_search
        seen: set[str] = set()
        number, last = 1, False
        while not last:
            table = walk.to(number)
            rows = _unseen(table, seen)
            if most is not None:
                del rows[max(0, most - (len(seen) - len(rows))) :]
            last = table is None or not table.next or (most is not None and len(seen) >= most)
            if number >= start or last:
                wanted = rows if number >= start else []
                albums = tuple(self._album(row, query, robots) for row in wanted)
                yield Page(max(number, start), albums, last)
            number += 1

    def _album(self, row: Row, query: Query, robots: str) -> Album:
        return Album(
            album_id=row.album_id,
            source_url=row.url,
            artist=row.artist,
            title=row.title,
            genres=(query.genre.genre,),
            styles=(query.genre.name,) if query.genre.kind == "style" else (),
            year=row.year,
            cover_url=row.cover,
            robots=robots,
        )

    def close(self) -> None:
        """End the browser."""
        self._browsers.close()


def _title(query: Query) -> str:
    years = sorted({query.first_year, query.last_year})
    return f"{query.genre.genre} {'-'.join(map(str, years))}"


def _unseen(table: ResultTable | None, seen: set[str]) -> list[Row]:
    """The rows whose albums were not on a page before; they are added to those seen."""
    fresh = []
    for row in table.rows if table is not None else ():
        if row.key not in seen:
            seen.add(row.key)
            fresh.append(row)
    return fresh
