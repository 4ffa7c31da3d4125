"""A real Chromium that speaks to the source's hosts only, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from urllib3.exceptions import HTTPError

from covergenre.config import scrape as config
from covergenre.errors import BrowserError
from scraping.allmusic.driver import HINT, Driver, KeptService, find, reason, temporary_folder

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
    "--disable-features=BackForwardCache,MediaRouter,OptimizationHints,Translate",
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
        self._folder = temporary_folder()
        self._service = KeptService(driver, self._folder)
        try:
            self._service.start()
            options = _options(settings, binary, self._folder, hosts)
            self.driver = Driver(options, self._service, settings.timeout_seconds)
            self._set_up(settings, user_agent)
        except (WebDriverException, HTTPError, OSError) as error:
            self.close()
            raise BrowserError(
                f"{binary} with {driver} does not start ({reason(error)}): {HINT}; in a container, "
                "scrape.allmusic.browser.sandbox=false may be needed"
            ) from error
        except BaseException:
            self.close()
            raise

    def _set_up(self, settings: config.Browser, user_agent: str) -> None:
        seconds = settings.timeout_seconds
        self.driver.set_page_load_timeout(seconds)
        self.driver.set_script_timeout(seconds)
        # A browser that hangs does not answer at all.
        self.driver.wait_for_answers(seconds + 30)
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


def _options(settings: config.Browser, binary: str, folder: Path, hosts: Sequence[str]) -> Options:
    options = Options()
    options.binary_location = binary
    options.page_load_strategy = "eager"
    options.unhandled_prompt_behavior = "dismiss"
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
