"""What every step on the site's page stands on: reading, clicking, and telling what went wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import urlsplit

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from covergenre.config import scrape as config
from covergenre.errors import LayoutError, SettingError, SourceError, SourceRefusedError
from scraping.allmusic import evidence
from scraping.allmusic.network import Answer
from scraping.allmusic.result_table import ResultTable
from scraping.polite.addresses import shown
from scraping.polite.client import Client

_POLL_SECONDS = 0.05
_PASSING = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
_BAD_SELECTOR = """
for (const [name, value] of Object.entries(arguments[0])) {
  for (const one of [].concat(value)) {
    try { document.querySelector(one); } catch { return [name, one]; }
  }
}
return null;
"""


class Unanswered(Exception):  # noqa: N818 - not an error until it happens again and again
    """The site did not answer this time; the text says how."""


class SitePage:
    """A page of the site in a browser.

    Args:
        driver: of the browser.
        settings: selectors, waits and addresses.
        client: tells the pace, and which addresses may answer.
        failures: folder for what a changed page looked like.
        key: of the search, for the names of those files.
    """

    def __init__(
        self,
        driver: WebDriver,
        settings: config.AllMusic,
        client: Client,
        failures: Path,
        key: str,
    ) -> None:
        self.driver = driver
        self.settings = settings
        self.selectors = settings.selectors
        self.client = client
        self.failures = failures
        self.key = key
        self.host = urlsplit(settings.url).hostname or ""

    def check_selectors(self) -> None:
        """Refuse selectors that no browser understands.

        Raises:
            SettingError: names the first of them.
        """
        bad = self.driver.execute_script(_BAD_SELECTOR, self.selectors.model_dump())
        if bad is not None:
            raise SettingError(f"scrape.allmusic.selectors.{bad[0]}: {bad[1]!r} is no CSS selector")

    def read(self) -> ResultTable:
        """The page now; a cookie box is accepted on the way.

        Raises:
            SourceRefusedError: it is a challenge.
        """
        table = ResultTable.read(self.driver, self.settings)
        if table.challenge is not None:
            raise SourceRefusedError(
                f"{self.host} shows a challenge (scrape.allmusic.selectors.challenge: "
                f"{table.challenge}): it refuses us, and nothing is worked around"
            )
        if table.cookie is not None:
            with contextlib.suppress(*_PASSING):  # on its way in or out: the next look tries again
                self.driver.find_element(By.CSS_SELECTOR, table.cookie).click()
        return table

    def check(self, answer: Answer) -> None:
        """Hold an answer against what the site may answer.

        Raises:
            SourceRefusedError: 401, 403, 451, or a Retry-After beyond the limit.
            Unanswered: 429, 5xx, or no connection.
            SourceError: another error, or an address that the settings do not allow.
        """
        if answer.peer is not None:
            self.client.hosts.check_peer(self.host, answer.peer)
        status = answer.status
        if answer.failure is not None:
            raise self.unanswered(answer.failure)
        if status is None:
            return
        if status in (401, 403, 451):
            raise SourceRefusedError(
                f"{self.host} answered {status} to {shown(urlsplit(answer.url).path)}: it refuses "
                "us, and nothing is worked around"
            )
        if status == 429 or status >= 500:
            raise self.unanswered(f"status {status}", answer.retry_after)
        if status >= 400:
            raise SourceError(
                f"{self.host} answered {status} to {shown(answer.url)}: see whether "
                "scrape.allmusic.url is still the address of its Advanced Search"
            )

    def unanswered(self, what: str, retry_after: str | None = None) -> Unanswered:
        """The exception for a failure that may pass; the host is asked less often from now on."""
        self.client.pace.pushed_back(self.host, retry_after)
        return Unanswered(shown(what))

    def changed(self, setting: str, what: str) -> LayoutError:
        """The error that names the setting that does not fit, and where the page was saved."""
        saved = evidence.save(self.driver, self.failures, self.key)
        address = shown(self.driver.current_url)
        return LayoutError(f"{address} has changed: {setting} {what}; {saved}")

    def wait(self) -> WebDriverWait[WebDriver]:
        """For an event, ``timeout_seconds`` long; what passes by itself is looked at again."""
        seconds = self.settings.browser.timeout_seconds
        return WebDriverWait(self.driver, seconds, _POLL_SECONDS, _PASSING)

    def setting(self, name: str) -> str:
        """A selector as the settings have it, for people."""
        return f"scrape.allmusic.selectors.{name} = {getattr(self.selectors, name)}"

    def find(self, name: str) -> WebElement:
        """What a selector of the settings finds, once it is there.

        Raises:
            LayoutError: nothing, within ``timeout_seconds``.
        """
        return self.located(getattr(self.selectors, name), self.setting(name))

    def located(self, selector: str, setting: str) -> WebElement:
        """What a selector finds, once it is there.

        Args:
            selector: CSS.
            setting: that it comes from, for the error.

        Raises:
            LayoutError: nothing, within ``timeout_seconds``.
        """

        def look(driver: WebDriver) -> WebElement:
            self.read()
            return driver.find_element(By.CSS_SELECTOR, selector)

        try:
            return self.wait().until(look)
        except TimeoutException:
            raise self.changed(setting, "finds nothing") from None

    def click(self, selector: str, setting: str) -> None:
        """Click once what a selector finds; a cookie box that lies over it is accepted first.

        Raises:
            LayoutError: it is not there or stays covered, for ``timeout_seconds``.
        """
        self.located(selector, setting)

        def click(driver: WebDriver) -> bool:
            self.read()
            element = driver.find_element(By.CSS_SELECTOR, selector)
            driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        try:
            self.wait().until(click)
        except TimeoutException:
            raise self.changed(setting, "cannot be clicked") from None
