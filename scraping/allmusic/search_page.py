"""AllMusic's Advanced Search as a page object: the form, the results, the pager.

Nothing is read before the answer to the last action is there, the table shows it, and it stands
still; what the site does instead has an exception each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select

from covergenre.config import scrape as config
from scraping.allmusic.driver import Driver, reason
from scraping.allmusic.network import NetworkLog
from scraping.allmusic.page import SitePage
from scraping.allmusic.result_table import ResultTable
from scraping.allmusic.settling import Settling
from scraping.polite.addresses import shown
from scraping.polite.client import Client

_OPTIONS = "return [...arguments[0].options].filter(o => !o.disabled).map(o => o.text.trim())"


class NothingHappened(Exception):  # noqa: N818
    """An action led to no request and no other rows; the text is the setting it stands on."""


class OutOfStep(Exception):  # noqa: N818
    """The results are of another page than the one asked for."""


class SearchPage(SitePage):
    """The search page in a browser.

    Every method raises:
        SourceRefusedError: 401, 403 or a challenge.
        LayoutError: a selector finds nothing within ``timeout_seconds``.
        Unanswered: 429, 5xx, no connection, or no answer within ``timeout_seconds``.
        WebDriverException: or one of urllib3: the browser does not work any more.
    """

    def __init__(
        self,
        driver: Driver,
        settings: config.AllMusic,
        client: Client,
        failures: Path,
        key: str,
    ) -> None:
        super().__init__(driver, settings, client, failures, key)
        self._log = NetworkLog(driver, urljoin(settings.url, settings.results_path))
        self._number: int | None = None

    # Steps.

    def open(self) -> None:
        """Load the page, with nothing chosen."""
        self.driver.get("about:blank")  # else a browser may fill the form as it was before
        self.client.pace.wait(self.host)
        self._log.forget()
        try:
            self.driver.get(self.settings.url)
        except TimeoutException:
            seconds = self.settings.browser.timeout_seconds
            raise self.unanswered(f"no page in {seconds:g} s") from None
        except WebDriverException as error:
            if "net::ERR_" in (error.msg or ""):
                only = "only scrape.allmusic.hosts are reached"
                raise self.unanswered(f"{reason(error)}; {only}") from error
            raise
        self._log.read()
        if self._log.document is not None:
            self.check(self._log.document)
        self.check_selectors()
        self.find("genre_filter")
        self.client.pace.succeeded(self.host)

    def tick(self, genre: config.AllMusicGenre) -> ResultTable:
        """Tick the box of a genre or style, found by its name and known by its id.

        Raises:
            NothingHappened: no results came.
        """
        prefix = {"genre": "genreid", "style": "subgenreid"}[genre.kind]
        box = f'input[id="{prefix}:{genre.id}"], input[id="{genre.id}"]'
        setting = f"scrape.allmusic.genres: the box {genre.name!r} with the id {genre.id}"
        self._clear_filter()
        self.find("genre_filter").send_keys(genre.name)

        def tick() -> None:
            self.click(box, setting)
            if not self.driver.find_element(By.CSS_SELECTOR, box).is_selected():
                raise self.changed(setting, "does not stay ticked")

        table = self._act(setting, tick)
        self._clear_filter()
        return table

    def choose_type(self, recording_type: str) -> ResultTable | None:
        """Choose a recording type by the id of its button; None if it is chosen already.

        Raises:
            NothingHappened: no results came.
        """
        button = f'{self.selectors.recording_type}[id="{recording_type}"]'
        setting = f"scrape.allmusic.selectors.recording_type = {button}"
        if self.located(button, setting).is_selected():
            return None
        return self._act(setting, lambda: self.click(button, setting))

    def choose_year(self, which: str, year: int) -> ResultTable:
        """Choose the first (``start_year``) or last (``end_year``) year of release.

        Raises:
            NothingHappened: no results came.
        """
        element = self.find(which)
        years = sorted(filter(None, self.driver.execute_script(_OPTIONS, element)))
        if str(year) not in years:
            span = f"only {years[0]} to {years[-1]}" if years else "nor is any other"
            raise self.changed(
                f"scrape.allmusic.{which} = {year}", f"is not offered, {shown(span)}"
            )
        select = Select(element)
        return self._act(self.setting(which), lambda: select.select_by_visible_text(str(year)))

    def next(self, table: ResultTable) -> ResultTable:
        """Go to the next page.

        Args:
            table: of the page in hand, which has a link to the next.

        Raises:
            OutOfStep: the page shows another table, or the rows that come are not of the next.
        """
        try:
            self.wait().until(lambda _: self.read().keys == table.keys)
        except TimeoutException:
            raise OutOfStep("the rows are no longer those of the page in hand") from None
        setting = self.setting("next")
        before = self._number
        for _ in range(2):  # a click can get lost
            try:
                fresh = self._act(setting, lambda: self.click(self.selectors.next, setting))
            except NothingHappened:
                continue
            if before is not None and self._number not in (None, before + 1):
                raise OutOfStep(f"asked for page {before + 1}, got {self._number}")
            return fresh
        raise self.changed(setting, "brings no other rows, clicked twice")

    # How.

    def _act(self, setting: str, action: Callable[[], None]) -> ResultTable:
        """Do what makes the site work, and wait for the results."""
        self.client.pace.wait(self.host)
        before = self.read()
        self._log.forget()
        action()
        settling = Settling(self._log, self.settings, before)

        def look(_: WebDriver) -> ResultTable | None:
            self._log.read()
            if settling.answer is not None:
                self.check(settling.answer)
            return settling.look(self.read())

        try:
            table = self.wait().until(look)
        except TimeoutException:
            table = settling.last_resort()
        if table is None:
            raise self._verdict(setting, settling)
        for name in table.missing:
            raise self.changed(self.setting(name), "finds nothing")
        self.client.pace.succeeded(self.host)
        self._number = settling.answer.page if settling.answer else None
        return table

    def _verdict(self, setting: str, settling: Settling) -> Exception:
        """Why the results did not come."""
        answer, seconds = settling.answer, self.settings.browser.timeout_seconds
        if answer is not None and not answer.finished:
            return self.unanswered(f"no results in {seconds:g} s")
        if answer is None and settling.unchanged:
            return NothingHappened(setting)
        selectors = f"{self.setting('rows')} and {self.setting('no_results')}"
        return self.changed(selectors, "do not show the results that came")

    def _clear_filter(self) -> None:
        for link in self.driver.find_elements(By.CSS_SELECTOR, self.selectors.genre_filter_clear):
            if link.is_displayed():
                self.click(self.selectors.genre_filter_clear, self.setting("genre_filter_clear"))
