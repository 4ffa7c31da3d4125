"""A search from its first page to its last, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

from covergenre.config import scrape as config
from covergenre.errors import BrowserError, SourceUnavailableError
from scraping.allmusic.browser import Browser
from scraping.allmusic.driver import reason
from scraping.allmusic.page import Unanswered
from scraping.allmusic.result_table import ResultTable
from scraping.allmusic.search_page import NothingHappened, OutOfStep, SearchPage
from scraping.polite.client import Client

_MAX_CRASHES = 3
"""So many browsers in a row that break before they bring a page further."""


@dataclass(frozen=True)
class Query:
    """What is ticked and chosen for a search.

    Attributes:
        key: of the search.
        genre: box to tick.
        first_year, last_year: of release, both included.
    """

    key: str
    genre: config.AllMusicGenre
    first_year: int
    last_year: int


class BrowserKeeper:
    """The one browser of a source, started when first needed and again after a crash."""

    def __init__(self, start: Callable[[], Browser]) -> None:
        self._start = start
        self._browser: Browser | None = None

    def get(self) -> Browser:
        """The browser that runs.

        Raises:
            BrowserError: it does not start.
        """
        if self._browser is None:
            self._browser = self._start()
        return self._browser

    def close(self) -> None:
        """End the browser."""
        browser, self._browser = self._browser, None
        if browser is not None:
            browser.close()


class Walk:
    """The pages of one search, asked for in rising order.

    Each page is read after those before it in the same tab: the site has no address for a page of
    results. After a failure that may pass, the step is taken again; where that cannot be, the
    search is made anew and followed to the page in hand.

    Args:
        query: the search.
        settings: of AllMusic.
        attempts: failures in a row that end the walk, as ``scrape.http.attempts``.
        client, browsers, failures: as in :class:`SearchPage`.
    """

    def __init__(
        self,
        query: Query,
        settings: config.AllMusic,
        attempts: int,
        client: Client,
        browsers: BrowserKeeper,
        failures: Path,
    ) -> None:
        self._query = query
        self._settings = settings
        self._attempts = attempts
        self._client = client
        self._browsers = browsers
        self._failures = failures
        self._host = urlsplit(settings.url).hostname or ""
        self._page: SearchPage | None = None
        self._table: ResultTable | None = None
        self._at = 0
        self._furthest = 0
        self._repeated: dict[int, int] = {}

    def to(self, number: int) -> ResultTable | None:
        """The table of a page, not before the one in hand; None if the search has no such page.

        Raises:
            SourceRefusedError: the site says no.
            LayoutError: the page is not what the settings say.
            SourceUnavailableError: no answer, ``attempts`` times in a row, or the same rows for
                ever.
            BrowserError: the browser breaks again and again, or does not start.
        """
        failed = crashed = 0
        while self._at != number:
            furthest = self._furthest
            try:
                if not self._step():
                    return None
            except (Unanswered, OutOfStep) as error:
                failed += 1
                if failed >= self._attempts:
                    raise SourceUnavailableError(
                        f"{self._host} did not answer as it should ({error}), {self._query.key} "
                        f"page {self._at + 1}, {failed} times in a row: run again later"
                    ) from error
                if isinstance(error, OutOfStep):
                    self._at = 0
            except (WebDriverException, HTTPError) as error:
                crashed += 1
                self._browsers.close()
                self._at = 0
                if crashed > _MAX_CRASHES:
                    raise BrowserError(
                        f"the browser broke {crashed} times in a row, {self._query.key} "
                        f"({reason(error)}): update Chromium and its driver together"
                    ) from error
            if self._furthest > furthest:
                failed = crashed = 0
        return self._table

    def _step(self) -> bool:
        """Go one page further; False if there is none."""
        if self._page is None or self._table is None or self._at == 0:
            self._begin()
        elif not self._table.next:
            return False
        else:
            self._table = self._follow(self._page, self._table)
        self._at += 1
        self._furthest = max(self._furthest, self._at)
        return True

    def _begin(self) -> None:
        """Make the search: genre, recording type, both years, one after the other."""
        driver = self._browsers.get().driver
        query, settings = self._query, self._settings
        page = SearchPage(driver, settings, self._client, self._failures, query.key)
        for last in (False, True):
            page.open()
            try:
                page.tick(query.genre)
                page.choose_type(settings.recording_type)
                page.choose_year("start_year", query.first_year)
                self._table = page.choose_year("end_year", query.last_year)
                self._page = page
                return
            except NothingHappened as nothing:
                if last:
                    raise page.changed(str(nothing), "brings no results, tried twice") from None

    def _follow(self, page: SearchPage, table: ResultTable) -> ResultTable:
        """The next page. One that repeats the rows before is asked for again, once."""
        fresh, number = page.next(table), self._at + 1
        if not fresh.rows or not set(fresh.keys) <= set(table.keys):
            return fresh
        self._repeated[number] = self._repeated.get(number, 0) + 1
        if self._repeated[number] == 1:
            raise OutOfStep(f"page {number} repeats page {self._at}")
        if self._at in self._repeated:
            raise SourceUnavailableError(
                f"{self._host} shows the same albums on three pages in a row, {self._query.key} "
                f"pages {number - 2} to {number}: run again later"
            )
        return fresh
