"""The AllMusic stand-in in a browser: what its page's own script does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from covergenre.config import Settings
from tests.sites.allmusic import Site, SiteAlbum, Traps, make_albums

PER_GENRE = 92  # four a year
DISCO = "subgenreid:MA0000002552"


class Visitor:
    """A browser at the search page, with the default selectors."""

    def __init__(self, driver: webdriver.Chrome, settings: Settings) -> None:
        self.driver = driver
        self.selectors = settings.scrape.allmusic.selectors

    def all(self, selector: str) -> list[webdriver.remote.webelement.WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.driver, 10, 0.02).until(lambda _: condition())

    def search(self, site: Site) -> list[str]:
        """Open the page, tick disco, and give the first page's albums."""
        self.driver.delete_all_cookies()
        self.driver.get(site.search_url)
        (filter_box,) = self.all(self.selectors.genre_filter)
        filter_box.send_keys("disco")
        self.driver.find_element(By.ID, DISCO).click()
        self.wait(lambda: len(self.shown()) == 40)
        return self.shown()

    def shown(self) -> list[str]:
        """Ids of the albums in the table."""
        script = "return [...document.querySelectorAll(arguments[0])].map(a => a.href.slice(-12))"
        selector = f"{self.selectors.rows} {self.selectors.title}"
        return list(self.driver.execute_script(script, selector))

    def click_next(self) -> None:
        (link,) = self.all(self.selectors.next)
        link.click()


@pytest.fixture(scope="module")
def albums() -> list[SiteAlbum]:
    return make_albums(PER_GENRE, seed=3)


@pytest.fixture
def site(albums: list[SiteAlbum]) -> Iterator[Site]:
    with Site(albums) as served:
        yield served


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Visitor]:
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.fail("chromium and chromedriver are not on PATH: apt install chromium-driver")
    profile: Path = tmp_path_factory.mktemp("profile")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in ("headless", "no-sandbox", "disable-gpu", "no-first-run", "window-size=1200,900"):
        options.add_argument(f"--{flag}")
    options.add_argument("--disable-background-networking")
    options.add_argument(f"--user-data-dir={profile}")
    browser = webdriver.Chrome(options=options, service=Service(driver))
    yield Visitor(browser, settings)
    browser.quit()


def listed(site: Site, *filters: str) -> list[str]:
    """What a search must show, in order, by the site's own plan."""
    return [album.id for album in site.listed(DISCO, *filters)]


def test_form_is_filled_in_as_people_do(visitor: Visitor, site: Site) -> None:
    visitor.driver.get(site.search_url)
    box = visitor.driver.find_element(By.ID, DISCO)
    assert not box.is_displayed()  # styles are shown once their name is typed
    visitor.all(visitor.selectors.genre_filter)[0].send_keys("disco")
    shown = [e.text for e in visitor.all(".filter.genres li") if e.is_displayed()]
    assert shown == ["Disco", "Post-Disco"]
    box.click()
    visitor.all(visitor.selectors.genre_filter_clear)[0].click()
    assert box.is_selected() and not box.is_displayed()
    visitor.wait(lambda: len(visitor.shown()) == 40)
    for selector in (visitor.selectors.start_year, visitor.selectors.end_year):
        Select(visitor.all(selector)[0]).select_by_value("2004")
    visitor.driver.find_element(By.ID, "recordingtype:mainalbum").click()
    wanted = listed(site, "releaseyear>:2004", "releaseyear<:2004", "recordingtype:mainalbum")
    assert len(wanted) == 4
    visitor.wait(lambda: visitor.shown() == wanted)
    assert visitor.all(visitor.selectors.next) == []


def test_covers_load_when_they_come_into_view(visitor: Visitor, site: Site) -> None:
    visitor.search(site)
    covers = visitor.all(f"{visitor.selectors.rows} {visitor.selectors.cover}")
    last = covers[-1]
    source = last.get_attribute("src")
    assert source is not None and source.startswith("data:")
    visitor.driver.execute_script("arguments[0].scrollIntoView()", last)
    lazy = last.get_attribute("data-original")
    assert lazy
    visitor.wait(lambda: (last.get_attribute("src") or "").endswith(lazy))


def test_old_table_stays_and_new_one_comes_in_halves(visitor: Visitor, albums: list) -> None:
    with Site(albums, Traps(stale_seconds=0.6, half_rendered=0.5)) as site:
        wanted = listed(site)
        first = visitor.search(site)
        assert first == wanted[:40]
        row = visitor.all(visitor.selectors.rows)[0]
        visitor.click_next()
        seen = [first]

        def watch() -> bool:
            if visitor.shown() != seen[-1]:
                seen.append(visitor.shown())
            return seen[-1] == wanted[40:80]

        visitor.wait(watch)
        # The rows of the first page, half of the second's, then all: never anything else.
        assert [page for page in seen if page] == [first, wanted[40:60], wanted[40:80]]
        # The old rows were put in place again: the element is gone, its text was not.
        assert row not in visitor.all(visitor.selectors.rows)


def test_cookie_box_swallows_clicks_until_accepted(visitor: Visitor, albums: list) -> None:
    with Site(albums, Traps(cookie_box=0.0)) as site:
        visitor.search(site)
        visitor.wait(lambda: visitor.all("#onetrust-accept-btn-handler"))
        visitor.driver.execute_script(
            "arguments[0].scrollIntoView(false)", visitor.all(visitor.selectors.next)[0]
        )
        with pytest.raises(ElementClickInterceptedException):
            visitor.click_next()
        visitor.all("#onetrust-accept-btn-handler")[0].click()
        visitor.click_next()
        visitor.wait(lambda: visitor.shown() == listed(site)[40:80])


def test_some_clicks_are_lost(visitor: Visitor, albums: list) -> None:
    with Site(albums, Traps(lost_click_every=2)) as site:
        visitor.search(site)
        visitor.click_next()
        visitor.wait(lambda: visitor.shown() == listed(site)[40:80])
        asked = sum(site.result_requests.values())
        visitor.click_next()  # the second in this tab
        assert visitor.shown() == listed(site)[40:80]
        visitor.click_next()
        visitor.wait(lambda: visitor.shown() == listed(site)[80:120])
        assert sum(site.result_requests.values()) == asked + 1
