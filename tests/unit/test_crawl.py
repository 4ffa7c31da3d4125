"""A crawl's threads: pages, covers and commits side by side, and every way they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from covergenre import config
from covergenre.errors import ImageError, OutputError, SourceRefusedError, SourceUnavailableError
from scraping.crawl import Crawl
from scraping.journal import Journal, Pending
from scraping.journal.store import Store
from scraping.polite.client import Cover
from scraping.polite.pace import Pace
from scraping.records import Album, Page, Search

PAGES, ROWS = 4, 10


def album(number: int) -> Album:
    url = f"https://img.example/{number}.jpg"
    return Album(f"site:{number}", None, "Artist", str(number), ("rap",), (), "2004", url, "")


class Site:
    """A source of two searches whose pages can be made to fail."""

    name, data_licence, image_licence, states_all_genres = "site", "", "", False

    def __init__(self) -> None:
        self.read: list[tuple[str, int]] = []
        self.before_page: Callable[[str, int], None] = lambda key, number: None

    def searches(self) -> list[Search]:
        return [Search("a", "a"), Search("b", "b")]

    def pages(self, search: Search, start: int = 1) -> Iterator[Page]:
        for number in range(start, PAGES + 1):
            self.before_page(search.key, number)
            self.read.append((search.key, number))
            first = (PAGES * (search.key == "b") + number) * ROWS
            albums = tuple(album(n) for n in range(first, first + ROWS))
            yield Page(number, albums, number == PAGES)

    def close(self) -> None:
        pass


class Covers:
    """A client whose covers can be made to fail."""

    def __init__(self, settings: config.Settings) -> None:
        self.pace = Pace(settings.scrape.http)
        self.fetched: list[str] = []
        self.fetch: Callable[[str], bytes] = lambda url: url.encode()
        self._lock = threading.Lock()

    def get_cover(self, url: str, etag: str | None = None) -> Cover:
        with self._lock:
            self.fetched.append(url)
        return Cover(self.fetch(url), '"etag"', False)


class Tables:
    """What was committed."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes | None] = {}
        self.failures: list[BaseException] = []

    def commit(self, pending: list[Pending]) -> dict[str, tuple[str, str]]:
        if self.failures:
            raise self.failures.pop()
        self.rows.update({item.album.album_id: item.content for item in pending})
        return {}


class Run:
    """A crawl's parts, and runs of it over one journal."""

    def __init__(self, path: Path) -> None:
        self.settings = config.load(None, ["scrape.commit_albums=15", "scrape.http.downloads=3"])
        self.journal = Journal(Store(path))
        self.site, self.tables = Site(), Tables()
        self.covers = Covers(self.settings)

    def crawl(self) -> Crawl:
        self.covers.pace = Pace(self.settings.scrape.http)
        crawl = Crawl(
            self.site, self.covers, self.journal, self.settings.scrape, self.tables.commit  # type: ignore[arg-type]
        )  # fmt: skip
        crawl.run()
        return crawl

    def assert_whole(self) -> None:
        urls = {f"site:{n}": f"https://img.example/{n}.jpg".encode() for n in range(10, 90)}
        assert self.tables.rows == urls
        assert self.journal.commits.waiting() == 0


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "site.sqlite")


def test_everything_is_committed_once(run: Run) -> None:
    crawl = run.crawl()
    run.assert_whole()
    assert sorted(run.covers.fetched) == sorted(set(run.covers.fetched))
    tally = crawl.tally
    assert (tally.searches, tally.searches_read, tally.pages, tally.rows) == (2, 2, 8, 80)
    assert (tally.covers_fetched, tally.covers_failed) == (80, 0)
    assert tally.bytes_fetched == sum(map(len, run.covers.fetched))
    assert tally.commits >= 80 / 15
    assert "80 albums, 80 covers, 0 to fetch" in crawl.describe()
    run.covers.fetched.clear()
    run.site.read.clear()
    run.crawl()
    assert (run.site.read, run.covers.fetched) == ([], [])


def test_a_source_that_fails_keeps_what_came_and_goes_on_there(run: Run) -> None:
    def fail(key: str, number: int) -> None:
        if (key, number) == ("b", 2):
            raise SourceUnavailableError("site is down")

    run.site.before_page = fail
    with pytest.raises(SourceUnavailableError, match="site is down"):
        run.crawl()
    # Every page read is in the journal, every cover that came is committed.
    assert run.journal.store.counts()["albums"] == 50
    assert set(run.tables.rows) <= {f"site:{n}" for n in range(10, 60)}
    run.site.before_page = lambda key, number: None
    run.site.read.clear()
    run.crawl()
    assert run.site.read == [("b", 2), ("b", 3), ("b", 4)]
    run.assert_whole()


def test_a_cover_that_fails_is_one_row(run: Run) -> None:
    def fetch(url: str) -> bytes:
        if url.endswith("/42.jpg"):
            raise ImageError("unreachable", "timed out")
        return url.encode()

    run.covers.fetch = fetch
    crawl = run.crawl()
    assert (crawl.tally.covers_fetched, crawl.tally.covers_failed) == (79, 1)
    assert run.tables.rows.pop("site:42") is None
    assert len(run.tables.rows) == 79


def test_a_source_that_refuses_covers_ends_the_crawl(run: Run) -> None:
    def fetch(url: str) -> bytes:
        raise SourceRefusedError("we are not wanted")

    run.covers.fetch = fetch
    with pytest.raises(SourceRefusedError, match="not wanted"):
        run.crawl()
    assert run.covers.pace.stopped
    assert run.tables.rows == {}
    # Nothing was counted against the covers: the next run asks for them again.
    run.covers.fetch = lambda url: url.encode()
    run.crawl()
    run.assert_whole()


def test_tables_in_use_are_tried_again(run: Run) -> None:
    run.tables.failures = [OutputError("in use")]
    tried = threading.Event()

    def wait_for_the_first_commit(key: str, number: int) -> None:
        if key == "b":  # by now there is enough to commit
            tried.wait(0 if not run.tables.failures else 10)

    def commit(pending: list[Pending]) -> dict[str, tuple[str, str]]:
        try:
            return Tables.commit(run.tables, pending)
        finally:
            tried.set()

    run.site.before_page = wait_for_the_first_commit
    run.tables.commit = commit  # type: ignore[method-assign]
    run.crawl()
    run.assert_whole()


def test_tables_in_use_to_the_end_are_an_error_that_loses_nothing(run: Run) -> None:
    run.tables.failures = [OutputError("in use") for _ in range(99)]
    with pytest.raises(OutputError, match="in use"):
        run.crawl()
    run.tables.failures.clear()
    run.crawl()
    run.assert_whole()
    assert len(run.covers.fetched) == 80


def test_a_commit_that_fails_ends_the_crawl_and_loses_nothing(run: Run) -> None:
    run.tables.failures = [ValueError("disk full"), ValueError("disk full")]
    with pytest.raises(ValueError, match="disk full"):
        run.crawl()
    run.tables.failures.clear()
    run.crawl()
    run.assert_whole()


def test_an_interrupt_ends_every_thread(run: Run) -> None:
    def interrupt(key: str, number: int) -> None:
        if (key, number) == ("a", 3):
            raise KeyboardInterrupt

    run.site.before_page = interrupt
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run.crawl()
    assert threading.active_count() == before
    assert run.journal.store.counts()["albums"] == 20
    run.site.before_page = lambda key, number: None
    run.crawl()
    run.assert_whole()
