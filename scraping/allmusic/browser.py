"""A real Chromium that speaks to the source's hosts only, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.selenium_manager import SeleniumManager
from selenium.webdriver.remote.remote_connection import RemoteConnection
from urllib3.exceptions import HTTPError

from covergenre.config import scrape as config
from covergenre.errors import BrowserError
from scraping.allmusic import keeper

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DRIVER = "chromedriver"
_HINT = (
    "on Debian: apt install chromium chromium-driver; elsewhere: install Chrome, or set "
    "scrape.allmusic.browser.binary and .driver"
)
_ARGUMENTS = (
    "--headless=new",
    "--window-size=1400,1000",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-notifications",
    "--disable-sync",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--autoplay-policy=user-gesture-required",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    # A proxy would look names up itself, out of reach of the rules on hosts.
    "--no-proxy-server",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # The browser ends when the driver at the other end of the pipe does.
    "--remote-debugging-pipe",
)
_BLOCK = 2  # Chromium's CONTENT_SETTING_BLOCK
_PREFERENCES = {
    # The pictures of a page are not loaded; the covers wanted are downloaded one by one.
    "profile.default_content_setting_values": {
        "images": _BLOCK,
        "notifications": _BLOCK,
        "geolocation": _BLOCK,
        "automatic_downloads": _BLOCK,
    },
    "download_restrictions": 3,  # all
    "search.suggest_enabled": False,
}


def find(settings: config.Browser) -> tuple[str, str]:
    """Paths of browser and driver: those set, else those on PATH, else Selenium Manager's.

    Raises:
        BrowserError: there is none; says what was looked for and how to get it.
    """
    for name, path in (("binary", settings.binary), ("driver", settings.driver)):
        if path is not None and not os.access(path, os.X_OK):
            raise BrowserError(
                f"scrape.allmusic.browser.{name} names {path}, which is no program: {_HINT}"
            )
    binary = settings.binary or next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = settings.driver or shutil.which(DRIVER)
    if binary and driver:
        return binary, driver
    missing = "no driver" if binary else "no browser"
    looked = DRIVER if binary else ", ".join(BROWSERS)
    arguments = ["--browser", "chrome", *(["--browser-path", binary] if binary else [])]
    os.environ.setdefault("SE_AVOID_STATS", "true")
    try:
        found = SeleniumManager().binary_paths(arguments)
        return binary or found["browser_path"], driver or found["driver_path"]
    except (WebDriverException, KeyError):
        raise BrowserError(
            f"{missing} found (looked on PATH for {looked}, and Selenium Manager could not fetch "
            f"one): {_HINT}"
        ) from None


class Browser:
    """A browser that runs until it is closed.

    The page's images are not loaded; names and addresses other than the hosts are not resolved
    (Chromium's ``--host-resolver-rules``). The profile is a temporary folder.

    Args:
        settings: where it is and how long it may take.
        hosts: that can be reached; ``*.example.org`` for all below a name.
        user_agent: added to the browser's own.

    Attributes:
        driver: Selenium's; commands that it cannot carry out raise its exceptions, or those of
            urllib3 where the driver itself is gone.

    Raises:
        BrowserError: there is no browser, or it does not start.
    """

    def __init__(self, settings: config.Browser, hosts: Sequence[str], user_agent: str) -> None:
        binary, driver = find(settings)
        self._folder = _temporary_folder()
        self._service = _KeptService(driver, self._folder)
        try:
            options = _options(settings, binary, self._folder, hosts)
            self.driver = webdriver.Chrome(options=options, service=self._service)
            self._set_up(settings, user_agent)
        except (WebDriverException, HTTPError, OSError) as error:
            self.close()
            raise BrowserError(
                f"{binary} with {driver} does not start ({reason(error)}): {_HINT}"
            ) from error
        except BaseException:
            self.close()
            raise

    def _set_up(self, settings: config.Browser, user_agent: str) -> None:
        seconds = settings.timeout_seconds
        self.driver.set_page_load_timeout(seconds)
        self.driver.set_script_timeout(seconds)
        # A browser that hangs does not answer at all.
        executor = self.driver.command_executor
        assert isinstance(executor, RemoteConnection)
        executor.client_config.timeout = seconds + 30
        own = self.driver.execute_cdp_cmd("Browser.getVersion", {})["userAgent"]
        self.driver.execute_cdp_cmd(
            "Network.setUserAgentOverride", {"userAgent": f"{own} {user_agent}"}
        )

    def close(self) -> None:
        """End browser and driver and remove the profile; may be called again."""
        process: subprocess.Popen[bytes] | None = getattr(self._service, "process", None)
        if process is not None:
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def reason(error: BaseException) -> str:
    """The first line of what Selenium says."""
    text = (getattr(error, "msg", None) or str(error)).strip()
    return text.partition("\n")[0][:200] or type(error).__name__


def _temporary_folder() -> Path:
    """A new folder, of a name so short that Chromium's sockets in it have addresses.

    Addresses have 107 bytes (``sun_path`` of unix(7)); with a longer one Chromium hangs.
    """
    place = tempfile.gettempdir()
    longest = 107 - len("/covergenre-12345678/org.chromium.Chromium.123456/SingletonSocket")
    if len(os.fsencode(place)) > longest and os.path.isdir("/tmp"):
        place = "/tmp"
    return Path(tempfile.mkdtemp(prefix="covergenre-", dir=place))


class _KeptService(Service):
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


def _options(
    settings: config.Browser, binary: str, folder: Path, hosts: Sequence[str]
) -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.page_load_strategy = "eager"
    options.unhandled_prompt_behavior = "dismiss"
    options.ignore_local_proxy_environment_variables()  # type: ignore[no-untyped-call]
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    excluded = ", ".join(f"EXCLUDE {host}" for host in hosts)
    options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND, {excluded}")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not (settings.sandbox if settings.sandbox is not None else not root):
        options.add_argument("--no-sandbox")
    for argument in settings.arguments:
        options.add_argument(argument)
    options.add_experimental_option("prefs", _PREFERENCES)
    options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    return options
