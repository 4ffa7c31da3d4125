"""Pace: delays, back-off and recovery, Retry-After, and threads that share a host."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from covergenre.config.scrape import Http
from covergenre.errors import ImageError, SourceUnavailableError
from scraping.polite.pace import HostPausedError, Pace, Stopped, retry_after_seconds
from tests.unit.test_polite_wire import JPEG, crawl, in_threads, reply, scrape


def _http(delay: float = 1, most: float = 60, wait: float = 600) -> Http:
    return scrape(
        f"scrape.http.delay_seconds={delay}",
        f"scrape.http.max_delay_seconds={most}",
        f"scrape.http.max_wait_seconds={wait}",
    ).http


def test_delay_of_each_host() -> None:
    delays = {"archive.org": 0.25, "*.archive.org": 0.5, "*.us.archive.org": 2.0}
    pace = Pace(_http().model_copy(update={"host_delay_seconds": delays}))
    assert pace.interval("musicbrainz.org") == 1.0
    assert pace.interval("Archive.ORG.") == 0.25
    assert pace.interval("web.archive.org") == 0.5
    assert pace.interval("ia800.us.archive.org") == 2.0


def test_backoff_grows_and_recovers() -> None:
    pace = Pace(_http(delay=0.25, most=10))
    seen = []
    for _ in range(6):
        pace.pushed_back("a.example")
        seen.append(pace.interval("a.example"))
    assert seen == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    pace.succeeded("a.example")
    assert pace.interval("a.example") == pytest.approx(9.0)
    for _ in range(40):
        pace.succeeded("a.example")
    assert pace.interval("a.example") == 0.25
    assert pace.interval("b.example") == 0.25


def test_crawl_delay_is_the_least_there_is() -> None:
    pace = Pace(_http(delay=1, most=10))
    pace.ask_slower("a.example", 30)
    pace.ask_slower("a.example", 20)
    pace.pushed_back("a.example")  # not below the delay, though max_delay_seconds is
    pace.succeeded("a.example")
    assert pace.interval("a.example") == 30
    pace.ask_slower("b.example", 0.5)
    assert pace.interval("b.example") == 1


def test_first_request_does_not_wait() -> None:
    pace = Pace(_http(delay=3600))
    pace.wait("a.example")
    pace.wait("b.example")
    assert pace.interval("a.example") == 3600


# Retry-After (RFC 9110, 10.2.3; the three forms of a date in 5.6.7).


@pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), (" 0 ", 0.0), ("9" * 5000, 1e9)])
def test_retry_after_in_seconds(value: str, seconds: float) -> None:
    assert retry_after_seconds(value) == seconds


@pytest.mark.parametrize(
    "form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
)
def test_retry_after_as_a_date(form: str) -> None:
    date = datetime.now(UTC) + timedelta(seconds=300)
    assert retry_after_seconds(date.strftime(form)) == pytest.approx(300, abs=5)


def test_retry_after_that_is_past() -> None:
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "1e3", "Wed, 99 Foo 2015"])
def test_retry_after_that_says_nothing(value: str | None) -> None:
    assert retry_after_seconds(value) is None


def test_retry_after_pauses_all_threads() -> None:
    pace = Pace(_http(delay=0, most=0.001))
    pace.wait("a.example")
    pace.pushed_back("a.example", "1")
    begun = time.monotonic()
    assert in_threads(lambda: pace.wait("a.example")) == []
    assert time.monotonic() - begun >= 0.9
    pace.wait("b.example")


@pytest.mark.parametrize("as_date", [False, True])
def test_long_retry_after_ends_the_crawl(as_date: bool) -> None:
    back = datetime.now(UTC) + timedelta(seconds=7200)
    value = format_datetime(back, usegmt=True) if as_date else "7200"
    pace = Pace(_http(wait=600))
    with pytest.raises(SourceUnavailableError, match=r"a\.example.*max_wait_seconds") as caught:
        pace.pushed_back("a.example", value)
    assert f"come back after {back:%Y-%m-%d %H:}" in str(caught.value)
    raised = in_threads(lambda: pace.wait("a.example"))
    assert [type(error) for error in raised] == [HostPausedError] * 4


def test_retry_after_within_the_limit_is_waited_for() -> None:
    with crawl({"/a": [reply(503, Retry_After="1"), reply(200, JPEG)]}) as (server, client):
        assert client.get_cover(f"{server.url}/a", None).content == JPEG
    first, second = (request.at for request in server.requests if request.path == "/a")
    assert second - first >= 0.9


@pytest.mark.parametrize("status", [429, 503])
def test_long_retry_after_of_a_cover_ends_the_crawl(status: int) -> None:
    with (
        crawl({"/a": reply(status, Retry_After="86400")}) as (server, client),
        pytest.raises(HostPausedError, match=r"127\.0\.0\.1 asks .* come back after 20"),
    ):
        client.get_cover(f"{server.url}/a", None)
    assert server.paths() == ["/a"]


def test_answers_set_the_pace() -> None:
    routes = {"/a": [reply(429), reply(503), reply(200, JPEG)]}
    slow = "scrape.http.max_delay_seconds=0.2", "scrape.http.delay_seconds=0.03"
    with crawl(routes, *slow) as (server, client):
        client.get_cover(f"{server.url}/a", None)
        assert client.pace.interval("127.0.0.1") == pytest.approx(0.2 * 0.9)
        for _ in range(20):
            client.pace.succeeded("127.0.0.1")
        assert client.pace.interval("127.0.0.1") == 0.03
    times = [request.at for request in server.requests if request.path == "/a"]
    assert times[2] - times[1] >= 0.15


# Threads.


def test_threads_never_come_closer_than_the_delay() -> None:
    with crawl({"/a": reply(200, JPEG)}, "scrape.http.delay_seconds=0.05") as (server, client):

        def four() -> None:
            for _ in range(4):
                client.get_cover(f"{server.url}/a", None)

        assert in_threads(four) == []
    times = sorted(request.at for request in server.requests)
    assert len(times) == 17  # with robots.txt
    # The server's clock starts some milliseconds after the request: a gap may seem shorter.
    assert min(b - a for a, b in pairwise(times)) >= 0.02
    assert times[-1] - times[0] >= 16 * 0.05 - 0.03


def test_hosts_do_not_wait_for_each_other() -> None:
    pace = Pace(_http(delay=3600))
    pace.wait("a.example")
    waiting = threading.Thread(target=lambda: _swallow(pace, "a.example"), daemon=True)
    waiting.start()
    pace.wait("b.example")
    pace.stop()
    waiting.join(5)
    assert not waiting.is_alive()


def _swallow(pace: Pace, host: str) -> None:
    with pytest.raises(Stopped):
        pace.wait(host)


def test_stop_ends_all_waiting() -> None:
    pace = Pace(_http(delay=3600))
    pace.wait("a.example")
    timer = threading.Timer(0.1, pace.stop)
    timer.start()
    begun = time.monotonic()
    raised = in_threads(lambda: pace.wait("a.example"), count=8)
    assert time.monotonic() - begun < 5
    assert [type(error) for error in raised] == [Stopped] * 8
    assert pace.stopped
    for late in (lambda: pace.wait("new.example"), lambda: pace.sleep(0)):
        with pytest.raises(Stopped, match="stopped"):
            late()


def test_stop_ends_a_retry() -> None:
    with crawl(
        {"/a": reply(500)}, "scrape.http.max_delay_seconds=60", "scrape.http.attempts=20"
    ) as (server, client):
        threading.Timer(0.2, client.pace.stop).start()
        with pytest.raises(Stopped):
            client.get_cover(f"{server.url}/a", None)


def test_errors_are_not_pushing_back() -> None:
    with crawl({"/a": reply(500)}) as (server, client):
        with pytest.raises(ImageError, match="http_error"):
            client.get_cover(f"{server.url}/a", None)
        assert client.pace.interval("127.0.0.1") == 0
