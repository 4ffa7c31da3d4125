"""What the client puts on the wire, against a server that does what it is told; used by others."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from covergenre import config
from covergenre.config.scrape import Scrape
from covergenre.errors import ImageError, SettingError
from covergenre.images import Limits
from scraping.polite.client import Client
from scraping.polite.pace import Stopped

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
ROBOTS = "/robots.txt"


class Exchange(BaseHTTPRequestHandler):
    """One request at the server; a route writes its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Record the request and let its route answer."""
        self.server.record(self)
        route = self.server.routes.get(urlsplit(self.path).path, reply(404))
        if isinstance(route, list):
            route = route.pop(0) if len(route) > 1 else route[0]
        route(self)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Status line, headers and as much of a body as is given."""
        (self.send_response_only if "Date" in headers else self.send_response)(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


Route = Callable[[Exchange], None]


@dataclass(frozen=True)
class Request:
    """What came; ``at`` by the monotonic clock."""

    at: float
    path: str
    headers: Message


class Server(ThreadingHTTPServer):
    """A server on 127.0.0.1; a list of routes is gone through, its last stays."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, routes: Mapping[str, Route | list[Route]] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.routes = dict(routes or {})
        self.requests: list[Request] = []
        self.connections = 0
        self.sent = 0
        self.ending = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()

    def record(self, exchange: Exchange) -> None:
        """Note a request."""
        self.requests.append(Request(time.monotonic(), exchange.path, exchange.headers))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection."""
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are expected here."""

    def paths(self) -> list[str]:
        """What was asked for, robots.txt apart."""
        return [request.path for request in self.requests if request.path != ROBOTS]


def reply(status: int, body: bytes = b"", **headers: str) -> Route:
    """A route with a whole answer; ``Content_Type`` is written Content-Type."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Content-Length", str(len(body)))
    return lambda exchange: exchange.answer(status, body, named)


def redirect(location: str, status: int = 302) -> Route:
    """A route that leads on."""
    return reply(status, b"elsewhere", Location=location)


@functools.cache
def scrape(*assignments: str) -> Scrape:
    """Settings that make haste; 127.0.0.1 may be asked."""
    return config.load(
        None,
        [
            "scrape.contact=crawl@label.example",
            "scrape.http.private_hosts=[127.0.0.1]",
            "scrape.http.delay_seconds=0",
            "scrape.http.max_delay_seconds=0.02",
            "scrape.http.attempts=3",
            "scrape.http.timeout_seconds=5",
            *assignments,
        ],
    ).scrape


@contextlib.contextmanager
def crawl(
    routes: Mapping[str, Route | list[Route]],
    *assignments: str,
    hosts: tuple[str, ...] = ("127.0.0.1",),
    cache: Path | None = None,
    limits: Limits | None = None,
) -> Iterator[tuple[Server, Client]]:
    """A server, and a client that may ask it."""
    settings = scrape(*assignments)
    with (
        Server(routes) as server,
        Client(settings, hosts, "musicbrainz", cache, limits or Limits()) as client,
    ):
        yield server, client


def cover_error(client: Client, url: str) -> ImageError:
    """Why there is no cover at an address."""
    with pytest.raises(ImageError) as caught:
        client.get_cover(url)
    return caught.value


def in_threads(work: Callable[[], object], count: int = 4) -> list[BaseException]:
    """Do something in several threads at once; what they raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return raised


def test_every_request_says_who_asks() -> None:
    routes = {"/a": redirect("/b"), "/b": reply(200, JPEG), "/c": reply(200, b"{}")}
    with crawl(routes) as (server, client):
        client.get_cover(f"{server.url}/a", None)
        client.get_json(f"{server.url}/c", {})
    agent = f"covergenre/{version('covergenre')} ( crawl@label.example )"
    assert client.user_agent == agent
    assert [request.path for request in server.requests] == [ROBOTS, "/a", "/b", "/c"]
    assert {request.headers["User-Agent"] for request in server.requests} == {agent}


def test_no_contact_no_client() -> None:
    with pytest.raises(SettingError, match=r"scrape\.contact.*--set scrape\.contact=you@"):
        Client(scrape("scrape.contact=null"), ["127.0.0.1"], "musicbrainz", None, Limits())


@pytest.mark.parametrize("contact", ["me@mü.example", "me@a.example\x07"])
def test_contact_that_no_header_holds(contact: str) -> None:
    settings = scrape().model_copy(update={"contact": contact})
    with pytest.raises(SettingError, match=r"scrape\.contact"):
        Client(settings, ["127.0.0.1"], "musicbrainz", None, Limits())


def test_contact_with_a_line_end_is_one_line() -> None:
    settings = scrape().model_copy(update={"contact": "me@a.example\n"})
    client = Client(settings, ["127.0.0.1"], "musicbrainz", None, Limits())
    assert client.user_agent.endswith("( me@a.example )")


def test_cookies_are_not_kept() -> None:
    with crawl({"/a": reply(200, JPEG, Set_Cookie="visitor=1; Path=/")}) as (server, client):
        client.get_cover(f"{server.url}/a", None)
        client.get_cover(f"{server.url}/a", None)
    assert all("Cookie" not in request.headers for request in server.requests)


def test_proxies_and_passwords_of_the_environment_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Server() as proxy, crawl({"/a": reply(200, JPEG)}) as (server, client):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client.get_cover(f"{server.url}/a", None)
    assert proxy.connections == 0
    assert server.paths() == ["/a"]
    assert all("Authorization" not in request.headers for request in server.requests)


def test_connections_are_used_again() -> None:
    routes = {"/a": redirect("/b"), "/b": reply(200, JPEG), "/no": reply(404, b"none")}
    with crawl(routes) as (server, client):
        for _ in range(3):
            client.get_cover(f"{server.url}/a", None)
            with pytest.raises(ValueError, match="no_cover"):
                client.get_cover(f"{server.url}/no", None)
    assert len(server.requests) == 10
    assert server.connections == 1


def test_close_ends_what_other_threads_read() -> None:
    reading = threading.Event()

    def silent(exchange: Exchange) -> None:
        exchange.answer(200, b"\xff\xd8\xff", {"Content-Length": "1000"})
        reading.set()
        exchange.server.ending.wait()

    with crawl({"/a": silent}, "scrape.http.timeout_seconds=60") as (server, client):

        def close() -> None:
            assert reading.wait(10)
            client.close()

        closer = threading.Thread(target=close)
        closer.start()
        begun = time.monotonic()
        with pytest.raises(Stopped):
            client.get_cover(f"{server.url}/a", None)
        assert time.monotonic() - begun < 20  # far below the time-out
        closer.join()
        with pytest.raises(Stopped):
            client.get_cover(f"{server.url}/a", None)
