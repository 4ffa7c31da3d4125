"""The programs that drive a browser: where they are, how they are started and spoken to."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.chromium.webdriver import ChromiumDriver
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.common.selenium_manager import SeleniumManager
from selenium.webdriver.common.webdriver import LocalWebDriver
from selenium.webdriver.remote.client_config import ClientConfig
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from covergenre.config import scrape as config
from covergenre.errors import BrowserError
from scraping.allmusic import keeper

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DRIVER = "chromedriver"
HINT = (
    "on Debian: apt install chromium chromium-driver; elsewhere: install Chrome, or set "
    "scrape.allmusic.browser.binary and .driver"
)


def find(settings: config.Browser) -> tuple[str, str]:
    """Paths of browser and driver: those set, else those on PATH, else Selenium Manager's.

    Raises:
        BrowserError: there is none; says what was looked for and how to get it.
    """
    for name, path in (("binary", settings.binary), ("driver", settings.driver)):
        if path is not None and not os.access(path, os.X_OK):
            raise BrowserError(
                f"scrape.allmusic.browser.{name} names {path}, which is no program: {HINT}"
            )
    binary = settings.binary or next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = settings.driver or shutil.which(DRIVER)
    if binary and driver:
        return binary, driver
    arguments = ["--browser", "chrome", *(["--browser-path", binary] if binary else [])]
    os.environ.setdefault("SE_AVOID_STATS", "true")  # it would tell its makers of every use
    found: Mapping[str, str] = {}
    with contextlib.suppress(WebDriverException):
        found = SeleniumManager().binary_paths(arguments)
    binary = binary or found.get("browser_path")
    driver = driver or found.get("driver_path")
    if not (binary and driver):
        what, names = ("driver", DRIVER) if binary else ("browser", ", ".join(BROWSERS))
        raise BrowserError(
            f"no {what} found (looked on PATH for {names}, then asked Selenium Manager): {HINT}"
        )
    return binary, driver


class KeptService(Service):
    """The driver under :mod:`scraping.allmusic.keeper`, writing only below a folder."""

    def __init__(self, driver: str, folder: Path) -> None:
        places = ("TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        super().__init__(
            executable_path=sys.executable,
            env={**os.environ, **dict.fromkeys(places, str(folder))},
            popen_kw={"start_new_session": True},
        )
        self._arguments = ["-I", str(keeper.__file__), str(folder), driver]

    def env_path(self) -> str:
        return sys.executable  # not that of a driver which the environment names

    def command_line_args(self) -> list[str]:
        return [*self._arguments, *super().command_line_args()]


class Driver(ChromiumDriver):
    """Selenium's driver, which speaks to the program without a proxy and not for ever.

    Args:
        options: of the browser.
        service: started.
        seconds: the browser may take to start.

    Raises:
        WebDriverException, urllib3.exceptions.HTTPError: it does not.
    """

    def __init__(self, options: Options, service: Service, seconds: float) -> None:
        url = service.service_url
        direct = Proxy({"proxyType": ProxyType.DIRECT})
        self._client = ClientConfig(url, proxy=direct, timeout=math.ceil(seconds))
        connection = ChromiumRemoteConnection(url, "goog", "chrome", client_config=self._client)
        # Chrome's own would look for programs again, and go by the proxy of the environment.
        LocalWebDriver.__init__(self, command_executor=connection, options=options)  # type: ignore[no-untyped-call]

    def wait_for_answers(self, seconds: float) -> None:
        """Give up on a command that takes so long: a browser that hangs does not answer at all."""
        self._client.timeout = math.ceil(seconds)


def temporary_folder() -> Path:
    """A new folder, of a name so short that Chromium's sockets in it have addresses.

    Addresses have 107 bytes (``sun_path`` of unix(7)); with a longer one Chromium hangs.
    """
    place = tempfile.gettempdir()
    longest = 107 - len("/covergenre-12345678/org.chromium.Chromium.123456/SingletonSocket")
    if len(os.fsencode(place)) > longest and os.path.isdir("/tmp"):
        place = "/tmp"
    return Path(tempfile.mkdtemp(prefix="covergenre-", dir=place))


def reason(error: BaseException) -> str:
    """What went wrong with the driver, in one line."""
    if isinstance(error, Urllib3TimeoutError):
        return "no answer in time"
    text = (getattr(error, "msg", None) or str(error)).strip()
    return text.partition("\n")[0][:200] or type(error).__name__
