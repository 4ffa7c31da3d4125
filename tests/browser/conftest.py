"""A site and a source that reads it, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

from covergenre import config
from scraping.allmusic import AllMusic
from scraping.allmusic.browser import Browser
from scraping.polite.client import Client
from tests.sites import pages
from tests.sites.allmusic import STUDY, Site, SiteAlbum, Traps, make_albums

ALBUMS = 115
"""A genre: five a year, three pages of all years."""

Crawl = Callable[..., AllMusic]


@contextmanager
def crawling(site: Site, failures: Path, *assignments: str) -> Iterator[AllMusic]:
    """A source that reads the site, without delays."""
    settings = config.load(
        None,
        [
            "scrape.contact=crawler@example.org",
            "scrape.http.delay_seconds=0",
            "scrape.http.max_delay_seconds=0.1",
            "scrape.http.attempts=3",
            "scrape.http.private_hosts=[127.0.0.1]",
            f"scrape.allmusic.url={site.search_url}",
            "scrape.allmusic.hosts=[127.0.0.1]",
            "scrape.allmusic.terms_accepted=true",
            "scrape.allmusic.years_per_search=23",
            "scrape.allmusic.albums_per_search=null",
            "scrape.allmusic.browser.timeout_seconds=2",
            "scrape.allmusic.browser.settle_seconds=0.06",
            *assignments,
        ],
    )
    hosts = settings.scrape.allmusic.hosts
    with Client(settings.scrape, hosts, "allmusic", None, settings.images.limits) as client:
        source = AllMusic(settings, client, failures)
        try:
            yield source
        finally:
            source.close()


ODD: tuple[dict[str, Any], ...] = (
    {"artist": "Ann Lee / Bo & Co", "title": '<b>&amp;</b> "1/2"', "year": None},
    {"artist": "Various Artists", "title": "静かな夜", "cover": None},
)
"""What the first albums of rap are like."""


@pytest.fixture(scope="session")
def albums() -> list[SiteAlbum]:
    """What the sites list."""
    found = make_albums(ALBUMS, seed=3, pictures=5)
    rap = [number for number, album in enumerate(found) if STUDY["rap"] in album.genres]
    for number, odd in zip(rap, ODD, strict=False):
        found[number] = replace(found[number], **odd)
    return found


class Lent:
    """The one browser of all sources: closed by the last, or by whoever finds it broken."""

    _browser: Browser | None = None

    def __init__(self, *arguments: Any) -> None:
        if Lent._browser is None:
            Lent._browser = Browser(*arguments)
        self.driver = Lent._browser.driver
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def close(self) -> None:
        try:
            self.driver.get("about:blank")
        except (WebDriverException, HTTPError):
            Lent.end()

    @classmethod
    def end(cls) -> None:
        if cls._browser is not None:
            cls._browser.close()
            cls._browser = None


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """Most of the time would go by in starting browsers, and between a choice and its request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraping.allmusic.source.Browser", Lent)
        patch.setattr(pages, "DEBOUNCE_SECONDS", 0.05)
        yield
    Lent.end()


@pytest.fixture(scope="module")
def running(albums: list[SiteAlbum]) -> Iterator[Site]:
    """The site of a test file."""
    with Site(albums) as site:
        yield site


@pytest.fixture(scope="module")
def reader(running: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AllMusic]:
    """The source of a test file."""
    with crawling(running, tmp_path_factory.mktemp("failures")) as source:
        yield source


@pytest.fixture
def site(running: Site) -> Site:
    """The file's site, without traps."""
    running.traps = Traps()
    return running


@pytest.fixture
def crawl(site: Site, tmp_path: Path) -> Iterator[Crawl]:
    """Makes a source of its own, with settings of its own, that reads the site."""
    with ExitStack() as stack:

        def make(*assignments: str) -> AllMusic:
            return stack.enter_context(crawling(site, tmp_path / "failures", *assignments))

        yield make
