"""The browser itself: what it can reach, what it says it is, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from covergenre import config
from covergenre.errors import BrowserError
from scraping.allmusic.browser import Browser
from tests.browser import processes
from tests.sites.server import Reply, Request, Server

PRODUCT = "covergenre/0.0 ( crawler@example.org )"
WAYS = ("image", "script", "frame", "fetch", "beacon", "worker")
"""How the page asks for another address; each is the path asked for."""


def _page(others: list[str]) -> bytes:
    """A page that asks every other host in every way, and itself at last."""
    tags = "".join(
        f'<img src="{other}/image"><script src="{other}/script"></script>'
        f'<iframe src="{other}/frame"></iframe>'
        f"<script>new WebSocket('{other}/socket'.replace('http', 'ws'))</script>"
        f"<script>fetch('{other}/fetch', {{mode: 'no-cors'}}).catch(() => 0)</script>"
        f"<script>navigator.sendBeacon('{other}/beacon')</script>"
        for other in others
    )
    work = ";".join(
        f"fetch('{other}/worker', {{mode: 'no-cors'}}).catch(() => 0)" for other in others
    )
    return (
        f"<!DOCTYPE html><title>a page</title>{tags}"
        f"<img id=lazy src=/own.png data-original=/cover.png>"
        f'<script>new Worker(URL.createObjectURL(new Blob(["{work}"])))</script>'
        "<script>setTimeout(() => fetch('/done'), 400)</script>"
    ).encode()


class Web:
    """A host that may be asked, with a page, and one that may not, at another loopback address."""

    def __init__(self) -> None:
        self.foreign = Server(lambda _: Reply(b""), "0.0.0.0")
        self.own = Server(self._answer)

    @property
    def other_names(self) -> list[str]:
        """The other host by address and by name, and the own by another name."""
        port = self.foreign.port
        return [
            f"http://127.0.0.2:{port}",
            f"http://localhost.localdomain:{port}",
            f"http://a.localhost:{port}",
        ]

    def _answer(self, request: Request) -> Reply:
        return Reply(_page(self.other_names) if request.path == "/" else b"")

    def visit(self, browser: Browser) -> None:
        """Open the page and wait until it has asked for all."""
        seen = len(self.own.requests)
        browser.driver.get(f"{self.own.url}/")
        WebDriverWait(browser.driver, 10, 0.05).until(
            lambda _: "/done" in {request.path for request in self.own.requests[seen:]}
        )


@pytest.fixture
def web() -> Iterator[Web]:
    """Two hosts."""
    web = Web()
    with web.foreign, web.own:
        yield web


@pytest.fixture(scope="module")
def defaults() -> config.Settings:
    return config.load()


def test_only_the_hosts_are_reached(
    web: Web, defaults: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy could reach what the rules on hosts forbid.
    monkeypatch.setenv("http_proxy", web.foreign.url)
    settings = defaults.scrape.allmusic.browser
    browser = Browser(settings, ["127.0.0.1"], PRODUCT)
    try:
        web.visit(browser)
        assert web.foreign.requests == []
        asked = {request.path for request in web.own.requests}
        assert {"/", "/done"} <= asked
        assert "/own.png" not in asked
        image = browser.driver.find_element("id", "lazy")
        assert image.get_dom_attribute("data-original") == "/cover.png"
        agents = {request.headers["user-agent"] for request in web.own.requests}
        (agent,) = agents
        assert agent.startswith("Mozilla/5.0 ") and agent.endswith(f" {PRODUCT}")
        assert "Chrome/" in agent
    finally:
        browser.close()


def test_listed_hosts_are_reached(web: Web, defaults: config.Settings) -> None:
    """The same page asks the other host where that is allowed: what is seen above is the rule."""
    settings = defaults.scrape.allmusic.browser
    browser = Browser(settings, ["127.0.0.1", "127.0.0.2", "*.localhost"], PRODUCT)
    try:
        web.visit(browser)
        asked = {(r.headers["host"].partition(":")[0], r.path) for r in web.foreign.requests}
        assert {("127.0.0.2", f"/{way}") for way in WAYS if way != "image"} <= asked
        assert ("a.localhost", "/fetch") in asked
        assert {host for host, _ in asked} == {"127.0.0.2", "a.localhost"}
        assert "/image" not in {path for _, path in asked}
    finally:
        browser.close()


# What is left behind.


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files, of a short name."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


_CRAWL = textwrap.dedent(
    """
    import signal, sys, threading
    from covergenre import config
    from scraping.allmusic.browser import Browser
    # A shell that runs the tests in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    browser = Browser(config.load().scrape.allmusic.browser, ["127.0.0.1"], "covergenre/0.0")
    try:
        print("ready", flush=True)
        threading.Event().wait()
    finally:
        browser.close()
    """
)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_outlives_the_crawl(temporary: Path, name: str) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", _CRAWL],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as crawl:
        assert crawl.stdout is not None
        assert crawl.stdout.readline() == b"ready\n"
        running = processes.below(crawl.pid)
        assert len(running) > 3  # keeper, driver, browser and the browser's own
        assert len(list(temporary.iterdir())) == 1
        # As Ctrl-C does, to all on the terminal.
        os.killpg(crawl.pid, getattr(signal, name))
    _leaves_nothing(temporary)


def _leaves_nothing(temporary: Path) -> None:
    """What has been killed takes a moment to end on a busy machine."""
    deadline = time.monotonic() + 10
    while processes.using(temporary) or list(temporary.iterdir()):
        assert time.monotonic() < deadline, [processes.using(temporary), list(temporary.iterdir())]
        os.sched_yield()


def test_close_leaves_nothing(defaults: config.Settings, temporary: Path) -> None:
    browser = Browser(defaults.scrape.allmusic.browser, ["127.0.0.1"], PRODUCT)
    (folder,) = temporary.iterdir()
    assert processes.using(folder)
    browser.close()
    browser.close()
    assert list(temporary.iterdir()) == []
    _leaves_nothing(temporary)


def test_long_name_of_the_temporary_folder(
    defaults: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium's sockets lie there, and have short addresses only."""
    (tmp_path / ("long" * 30)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("long" * 30)))
    browser = Browser(defaults.scrape.allmusic.browser, ["127.0.0.1"], PRODUCT)
    try:
        assert browser.driver.execute_script("return 6 * 7") == 42
    finally:
        browser.close()


# Browsers that are not there.


def _settings(*assignments: str) -> config.scrape.Browser:
    keys = [f"scrape.allmusic.browser.{assignment}" for assignment in assignments]
    return config.load(None, keys).scrape.allmusic.browser


def test_program_that_is_not_there(tmp_path: Path) -> None:
    for name in ("binary", "driver"):
        with pytest.raises(BrowserError) as caught:
            Browser(_settings(f"{name}={tmp_path / 'nowhere'}"), [], PRODUCT)
        text = str(caught.value)
        assert text.startswith(
            f"scrape.allmusic.browser.{name} names {tmp_path / 'nowhere'}, which"
        )
        assert "apt install chromium chromium-driver" in text
        assert "\n" not in text


def test_no_driver_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SE_OFFLINE", "true")
    monkeypatch.setenv("SE_CACHE_PATH", str(tmp_path))
    with pytest.raises(BrowserError, match=r"^no driver found \(.*PATH for chromedriver.*: .*apt "):
        Browser(_settings("binary=/bin/true"), [], PRODUCT)


def test_program_that_is_no_browser(temporary: Path) -> None:
    with pytest.raises(BrowserError) as caught:
        Browser(_settings("binary=/bin/true", "timeout_seconds=2"), [], PRODUCT)
    assert str(caught.value).startswith("/bin/true with ")
    assert "does not start" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(temporary.iterdir()) == []
