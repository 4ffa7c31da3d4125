"""robots.txt (RFC 9309): what is asked for, how often, and what it allows."""

from __future__ import annotations

import time

import pytest

from covergenre.errors import SourceRefusedError
from scraping.polite import robots
from scraping.polite.addresses import AddressRefused
from scraping.polite.pace import HostPausedError
from scraping.polite.robots import RobotsUnavailableError
from tests.unit.test_polite_wire import (
    JPEG,
    ROBOTS,
    Exchange,
    Route,
    Server,
    cover_error,
    crawl,
    in_threads,
    redirect,
    reply,
)


def _robots(text: str) -> Route:
    return reply(200, text.encode(), Content_Type="text/plain")


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /secret", "/open", True),
        ("User-agent: *\nDisallow: /secret", "/secret/1", False),
        ("User-agent: *\nDisallow: /secret", "/open/../secret/1", False),
        ("User-agent: *\nDisallow: /secret", "/open/%2e%2e/secret/1", False),
        ("User-agent: *\nDisallow: /secret", "/%73ecret/1", False),
        ("User-agent: *\nDisallow: /*?page=", "/list", True),
        ("User-agent: *\nDisallow: /*?page=", "/list?page=2", False),
        ("User-agent: *\nDisallow: /\nAllow: /covers/", "/covers/1", True),
        ("User-agent: *\nDisallow: /*.gif$", "/a.gif", False),
        ("User-agent: *\nDisallow: /*.gif$", "/a.gif.jpg", True),
        ("User-agent: CoverGenre\nAllow: /\n\nUser-agent: *\nDisallow: /", "/a", True),
        ("User-agent: covergenre\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        ("User-agent: otherbot\nDisallow: /", "/a", True),
        ("User-agent: cover\nDisallow: /", "/a", True),
        ("User-agent: covergenre-images\nDisallow: /", "/a", True),
        ("User-agent: other\nuser agent : COVERGENRE/1.0 # us\nDisallow: /", "/a", False),
        ("User-agent:*\r\nDisallow:/\r\n", "/a", False),
        ("User-agent: a\rUser-agent: *\rDisallow: /b\rDisallow: /a\r", "/a", False),
        ("User-agent\n*\nDisallow: /", "/a", True),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("<html><body>Not found</body></html>", "/a", True),
        ("", "/a", True),
    ],
)
def test_rules(text: str, path: str, allowed: bool) -> None:
    with crawl({ROBOTS: _robots(text), path: reply(200, JPEG)}) as (server, client):
        if allowed:
            assert client.robots.allowed(server.url + path) == "allowed by robots.txt"
        else:
            assert cover_error(client, server.url + path).reason == "robots_disallowed"
            assert server.paths() == []


def test_forbidden_is_not_asked() -> None:
    text = "User-agent: *\nDisallow: /private"
    routes = {ROBOTS: _robots(text), "/private/a": reply(200, JPEG), "/go": redirect("/private/a")}
    with crawl(routes) as (server, client):
        for path in ("/private/a", "/go"):
            error = cover_error(client, server.url + path)
            assert error.reason == "robots_disallowed"
            assert "127.0.0.1: robots.txt forbids /private/a" in error.detail
        with pytest.raises(SourceRefusedError, match=r"robots\.txt forbids /private/x\?q=1"):
            client.get_json(f"{server.url}/private/x", {"q": "1"})
    assert server.paths() == ["/go"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_robots_no_rules(status: int) -> None:
    with crawl({ROBOTS: reply(status)}) as (server, client):
        assert client.robots.allowed(f"{server.url}/a") == f"no robots.txt ({status})"


def _silent(exchange: Exchange) -> None:
    exchange.server.ending.wait()


@pytest.mark.parametrize("route", [reply(500), reply(503), reply(429), _silent])
def test_without_an_answer_nothing_is_asked(route: Route) -> None:
    quick = "scrape.http.attempts=2", "scrape.http.timeout_seconds=0.2"
    with crawl({ROBOTS: route, "/a": reply(200, JPEG)}, *quick) as (server, client):
        for _ in range(2):
            with pytest.raises(RobotsUnavailableError, match=r"robots\.txt could not be read"):
                client.get_json(f"{server.url}/a")
        assert cover_error(client, f"{server.url}/a").reason == "unreachable"
    assert [request.path for request in server.requests] == [ROBOTS] * 2


def test_one_bad_answer_is_not_an_outage() -> None:
    with crawl({ROBOTS: [reply(503), _robots("")]}) as (server, client):
        assert client.robots.allowed(f"{server.url}/a") == "allowed by robots.txt"


def test_asked_to_come_back_much_later() -> None:
    with (
        crawl({ROBOTS: reply(503, Retry_After="86400")}) as (server, client),
        pytest.raises(HostPausedError, match="come back after"),
    ):
        client.get_cover(f"{server.url}/a", None)


def test_redirects_are_followed_for_the_first_host() -> None:
    rules = _robots("User-agent: *\nDisallow: /a")
    routes = {f"/{n}": redirect(f"/{n + 1}", 301) for n in range(1, 5)}
    with crawl({**routes, ROBOTS: redirect("/1", 301), "/5": rules}) as (server, client):
        with pytest.raises(SourceRefusedError, match="forbids /a"):
            client.robots.allowed(f"{server.url}/a")
        assert client.robots.allowed(f"{server.url}/b") == "allowed by robots.txt"


def test_redirects_without_end_are_no_answer() -> None:
    with crawl({ROBOTS: redirect(ROBOTS)}) as (server, client):
        with pytest.raises(RobotsUnavailableError, match="more than 5 redirects"):
            client.robots.allowed(f"{server.url}/a")
        assert len(server.requests) == 6


def test_redirect_to_an_unlisted_host_is_refused() -> None:
    with (
        Server({ROBOTS: _robots("")}) as other,
        crawl({ROBOTS: redirect(f"http://localhost:{other.server_port}/robots.txt")}) as (
            server,
            client,
        ),
    ):
        for _ in range(2):
            with pytest.raises(AddressRefused, match=r"robots\.txt: localhost is not a host"):
                client.robots.allowed(f"{server.url}/a")
    assert other.connections == 0
    assert len(server.requests) == 1


def test_asked_once_by_many_threads() -> None:
    with crawl({ROBOTS: _robots("")}) as (server, client):
        assert in_threads(lambda: client.robots.allowed(f"{server.url}/a"), count=8) == []
        assert len(server.requests) == 1


def test_kept_for_a_day_and_longer_in_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = {ROBOTS: [_robots("User-agent: *\nDisallow: /a"), reply(500)]}
    with crawl(routes, "scrape.http.attempts=1") as (server, client):
        assert client.robots.allowed(f"{server.url}/b") == "allowed by robots.txt"
        for hours, requests in ((23, 1), (25, 2)):
            now = time.monotonic() + hours * 3600
            monkeypatch.setattr(robots, "time", _Clock(now))
            with pytest.raises(SourceRefusedError, match="forbids /a"):
                client.robots.allowed(f"{server.url}/a")
            assert len(server.requests) == requests


class _Clock:
    def __init__(self, now: float) -> None:
        self._now = now

    def monotonic(self) -> float:
        return self._now


def test_only_so_much_is_read() -> None:
    half = b"User-agent: *\nDisallow: /early\n" + b"# filling\n" * 52_000 + b"Disallow: /late\n"
    assert len(half) > robots.MAX_BYTES
    routes = {ROBOTS: _pour(half)}
    with crawl(routes) as (server, client):
        assert client.robots.allowed(f"{server.url}/late") == "allowed by robots.txt"
        with pytest.raises(SourceRefusedError):
            client.robots.allowed(f"{server.url}/early")


def test_rule_that_the_limit_cuts_is_left_out() -> None:
    start, rule = b"User-agent: *\n", b"Disallow: /abc\n"
    filling = b"#" * (robots.MAX_BYTES - len(start) - len(rule) + 1) + b"\n"
    text = start + filling + rule
    assert text[: robots.MAX_BYTES].endswith(b"Disallow: /ab")
    with crawl({ROBOTS: reply(200, text)}) as (server, client):
        assert client.robots.allowed(f"{server.url}/ab") == "allowed by robots.txt"


def test_hostile_robots_takes_no_gigabytes() -> None:
    names = "".join(f"User-agent: a{n}\n" for n in range(9_000))
    text = names + "User-agent: *\n" + "Allow: /\n" * 20_000 + "Disallow: /a\n"
    begun = time.monotonic()
    with crawl({ROBOTS: _robots(text)}) as (server, client):
        assert cover_error(client, f"{server.url}/a").reason == "robots_disallowed"
    assert time.monotonic() - begun < 5


def _pour(start: bytes) -> Route:
    def route(exchange: Exchange) -> None:
        exchange.answer(200, start, {"Content-Length": str(10**12)})
        while not exchange.server.ending.is_set():
            exchange.wfile.write(b"# more\n" * 10_000)

    return route


@pytest.mark.parametrize("line", ["Crawl-delay: 7", "Request-rate: 1/7"])
def test_delay_that_is_asked_for(line: str) -> None:
    with crawl({ROBOTS: _robots(f"User-agent: *\n{line}")}) as (server, client):
        assert client.robots.allowed(f"{server.url}/a") == "allowed by robots.txt"
        assert client.pace.interval("127.0.0.1") == 7


def test_delay_beyond_the_limit_is_a_no() -> None:
    routes = {ROBOTS: _robots("User-agent: *\nCrawl-delay: 86400")}
    with (
        crawl(routes) as (server, client),
        pytest.raises(SourceRefusedError, match=r"86400 s .*scrape\.http\.max_wait_seconds"),
    ):
        client.robots.allowed(f"{server.url}/a")


def test_each_authority_has_its_own() -> None:
    with (
        Server({ROBOTS: reply(404)}) as other,
        crawl({ROBOTS: _robots("User-agent: *\nDisallow: /")}) as (server, client),
    ):
        assert client.robots.allowed(f"{other.url}/a") == "no robots.txt (404)"
        assert cover_error(client, f"{server.url}/a").reason == "robots_disallowed"
