"""Covers: what is let in, what is not, and servers that do not mean well."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
import zlib

import pytest

from covergenre.errors import ImageError, SourceRefusedError
from covergenre.images import Limits
from scraping.polite.client import Cover
from tests.unit.test_polite_wire import (
    JPEG,
    Exchange,
    Route,
    Server,
    cover_error,
    crawl,
    in_threads,
    redirect,
    reply,
)

SMALL = Limits(max_bytes=10_000)
DATE = "Mon, 20 Oct 2025 07:28:00 GMT"


def _reason(route: Route | list[Route], *assignments: str, limits: Limits = SMALL) -> str:
    with crawl({"/a": route}, *assignments, limits=limits) as (server, client):
        return cover_error(client, f"{server.url}/a").reason


# What comes back.


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "image/webp", "application/octet-stream", "binary/octet-stream", ""]
)
def test_content_types_that_may_be_images(kind: str) -> None:
    with crawl({"/a": reply(200, JPEG, Content_Type=kind)}) as (server, client):
        assert client.get_cover(f"{server.url}/a") == Cover(JPEG, None, False)


def test_no_content_type_may_be_an_image() -> None:
    with crawl({"/a": reply(200, JPEG)}) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == JPEG


@pytest.mark.parametrize(
    "kind",
    ["text/html", "TEXT/HTML; charset=utf-8", "text/plain", "application/json", "image/svg+xml",
     "application/xhtml+xml", "application/problem+json; a=b", "video/mp4", "application/pdf"],
)  # fmt: skip
def test_content_types_that_are_no_images(kind: str) -> None:
    with crawl({"/a": reply(200, b"<html>", Content_Type=kind)}) as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert error.reason == "not_an_image"
    assert error.detail == f"127.0.0.1 answered with {kind}"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "no_cover"), (410, "no_cover"), (400, "http_error"), (402, "http_error"),
     (451, "http_error"), (206, "http_error"), (304, "http_error")],
)  # fmt: skip
def test_statuses(status: int, reason: str) -> None:
    with crawl({"/a": reply(status)}) as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert error.reason == reason
    assert str(status) in error.detail
    assert server.paths() == ["/a"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_errors_that_pass(status: int) -> None:
    with crawl({"/a": [reply(status), reply(200, JPEG)]}) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == JPEG


@pytest.mark.parametrize("status", [429, 500, 503])
def test_errors_that_stay(status: int) -> None:
    with crawl({"/a": reply(status)}) as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert error.reason == "http_error"
    assert error.detail == f"127.0.0.1: status {status} (attempts: 3)"
    assert server.paths() == ["/a"] * 3


def test_retry_starts_at_the_first_address() -> None:
    routes = {"/a": redirect("/b"), "/b": [reply(503), reply(200, JPEG)]}
    with crawl(routes) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == JPEG
    assert server.paths() == ["/a", "/b", "/a", "/b"]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with crawl({}) as (_, client):
        error = cover_error(client, f"http://127.0.0.1:{port}/a")
    assert error.reason == "unreachable"
    assert "refused" in error.detail


def test_empty_file_is_for_the_decoder_to_judge() -> None:
    with crawl({"/a": reply(200)}) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == b""


# Whether it has changed.


def test_etag() -> None:
    routes = {"/a": [reply(200, JPEG, ETag='"v1"'), reply(304, ETag='"v1"')]}
    with crawl(routes) as (server, client):
        first = client.get_cover(f"{server.url}/a", None)
        second = client.get_cover(f"{server.url}/a", first.etag)
    assert (first.content, first.etag, first.not_modified) == (JPEG, '"v1"', False)
    assert (second.content, second.etag, second.not_modified) == (None, '"v1"', True)
    conditions = [request.headers["If-None-Match"] for request in server.requests]
    assert conditions == [None, None, '"v1"']
    assert {request.headers["Accept-Encoding"] for request in server.requests[1:]} == {"identity"}


def test_last_modified() -> None:
    with crawl({"/a": [reply(200, JPEG, Last_Modified=DATE), reply(304)]}) as (server, client):
        first = client.get_cover(f"{server.url}/a", None)
        second = client.get_cover(f"{server.url}/a", first.etag)
    assert first.etag == f"lm:{DATE}"
    assert (second.etag, second.not_modified) == (f"lm:{DATE}", True)
    assert server.requests[-1].headers["If-Modified-Since"] == DATE
    assert server.requests[-1].headers["If-None-Match"] is None


def test_changed_cover_is_read() -> None:
    routes = {"/a": reply(200, JPEG, ETag='W/"v2"', Last_Modified=DATE)}
    with crawl(routes) as (server, client):
        assert client.get_cover(f"{server.url}/a", '"v1"') == Cover(JPEG, 'W/"v2"', False)


@pytest.mark.parametrize("etag", ['"a"\r\nX-Evil: 1', "", '"\u20ac"', '"' + "x" * 5000 + '"'])
def test_etag_that_cannot_be_sent_is_not(etag: str) -> None:
    with crawl({"/a": reply(200, JPEG, ETag='"' + "x" * 5000 + '"')}) as (server, client):
        assert client.get_cover(f"{server.url}/a", etag) == Cover(JPEG, None, False)
    assert server.requests[-1].headers["If-None-Match"] is None
    assert server.requests[-1].headers["X-Evil"] is None


# Too large.


def _pour(total: int, **headers: str) -> Route:
    """A body of zeros that the server counts as it goes out."""

    def route(exchange: Exchange) -> None:
        exchange.answer(200, b"", {k.replace("_", "-"): v for k, v in headers.items()})
        exchange.close_connection = True
        for _ in range(total // 10**5):
            exchange.wfile.write(bytes(10**5))
            exchange.server.sent += 10**5

    return route


def _sent(route: Route) -> int:
    with crawl({"/a": route}, limits=SMALL) as (server, client):
        assert cover_error(client, f"{server.url}/a").reason == "too_many_bytes"
        return server.sent


def test_announced_size_is_refused_without_reading() -> None:
    assert _sent(_pour(200 * 10**6, Content_Length=str(200 * 10**6))) < 20 * 10**6


def test_announced_size_beyond_all_numbers() -> None:
    assert _sent(_pour(10**7, Content_Length="9" * 5000)) < 10**7 + 1


def test_unannounced_size_is_not_read_to_its_end() -> None:
    assert _sent(_pour(200 * 10**6)) < 20 * 10**6


def test_announced_size_that_is_nonsense() -> None:
    assert _sent(_pour(200 * 10**6, Content_Length="many")) < 20 * 10**6


def test_chunk_without_end() -> None:
    def route(exchange: Exchange) -> None:
        exchange.answer(200, b"ffffffffff\r\n", {"Transfer-Encoding": "chunked"})
        while not exchange.server.ending.is_set():
            exchange.wfile.write(bytes(10**5))

    assert _reason(route) == "too_many_bytes"


def test_limit_is_the_last_size_let_in() -> None:
    with crawl(
        {"/a": reply(200, bytes(10_000)), "/b": reply(200, bytes(10_001))}, limits=SMALL
    ) as (
        server,
        client,
    ):
        assert len(client.get_cover(f"{server.url}/a").content or b"") == 10_000
        error = cover_error(client, f"{server.url}/b")
    assert (error.reason, error.detail) == ("too_many_bytes", "10001 bytes")


def _bomb(coding: str) -> bytes:
    """100 MB of zeros, compressed without ever lying in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 15 if coding == "deflate" else 31)
    body = b"".join(packer.compress(bytes(10**6)) for _ in range(100)) + packer.flush()
    return gzip.compress(body) if coding == "gzip, gzip" else body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_compressed_bomb(coding: str) -> None:
    routes = {"/a": reply(200, _bomb(coding), Content_Encoding=coding)}
    with crawl(routes, limits=Limits(max_bytes=2 * 10**6)) as (server, client):
        client.robots.allowed(f"{server.url}/a")
        tracemalloc.start()
        try:
            assert cover_error(client, f"{server.url}/a").reason == "too_many_bytes"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 6 * 10**6


def test_compressed_although_not_asked_for() -> None:
    body = gzip.compress(JPEG)
    with crawl({"/a": reply(200, body, Content_Encoding="gzip")}) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == JPEG


def test_compressed_badly() -> None:
    assert _reason(reply(200, b"no gzip at all", Content_Encoding="gzip")) == "unreachable"


# Not to the end.


def _broken(body: bytes, **headers: str) -> Route:
    def route(exchange: Exchange) -> None:
        exchange.close_connection = True
        exchange.answer(200, body, {k.replace("_", "-"): v for k, v in headers.items()})

    return route


@pytest.mark.parametrize(
    "half",
    [
        _broken(JPEG[:1000], Content_Length=str(len(JPEG))),
        _broken(b"400\r\n" + JPEG[:0x400] + b"\r\n", Transfer_Encoding="chunked"),
        _broken(b"400\r\n" + JPEG[:0x200], Transfer_Encoding="chunked"),
        _broken(b"nonsense\r\n", Transfer_Encoding="chunked"),
    ],
)
def test_truncated_body_is_asked_for_again(half: Route) -> None:
    with crawl({"/a": [half, reply(200, JPEG)]}) as (server, client):
        assert client.get_cover(f"{server.url}/a").content == JPEG
    assert server.paths() == ["/a", "/a"]
    assert _reason(half) == "unreachable"


def test_answer_that_is_no_http() -> None:
    def route(exchange: Exchange) -> None:
        exchange.wfile.write(b"\x00\x01\x02 nonsense\r\n\r\n")
        exchange.close_connection = True

    assert _reason(route) == "unreachable"


@pytest.mark.parametrize("start", [b"", b"Content-Type: image/jpeg\r\n", b"Content-Len"])
def test_connection_that_ends_within_the_headers(start: bytes) -> None:
    def route(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\n" + start)
        exchange.close_connection = True

    assert _reason(route) == "unreachable"


def test_headers_without_end() -> None:
    def route(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(10_000):
            exchange.wfile.write(b"X-%d: %b\r\n" % (number, b"x" * 60_000))

    assert _reason(route) == "unreachable"


def test_server_that_says_nothing() -> None:
    def route(exchange: Exchange) -> None:
        exchange.server.ending.wait()

    with crawl({"/a": route}, "scrape.http.timeout_seconds=0.2") as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert error.reason == "unreachable"
    assert server.paths() == ["/a"] * 3


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5000\r\n\r\n",
    ],
    ids=["headers", "body", "announced", "chunk", "error"],
)
def test_dripping_server_does_not_hold_a_thread(start: bytes) -> None:
    def route(exchange: Exchange) -> None:
        exchange.wfile.write(start)
        drop = b"x" if start else b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000
        for place in range(5000):
            exchange.wfile.write(drop[place % len(drop) :][:1])
            if exchange.server.ending.wait(0.05):  # far below the time-out of a read
                return

    begun = time.monotonic()
    with crawl({"/a": route}, "scrape.http.timeout_seconds=0.25") as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert time.monotonic() - begun < 5
    assert error.reason == "unreachable"
    assert error.detail == "127.0.0.1: not answered within 1 s (attempts: 1)"
    assert server.paths() == ["/a"]  # who drips once drips again


# Refused.


@pytest.mark.parametrize("status", [401, 403])
def test_refusals_in_a_row_end_the_crawl(status: int) -> None:
    with crawl({"/a": reply(status)}, "scrape.http.max_failures_in_a_row=3") as (server, client):
        url = f"{server.url}/a"
        assert [cover_error(client, url).reason for _ in range(2)] == ["http_error"] * 2
        for _ in range(2):
            with pytest.raises(SourceRefusedError, match=r"max_failures_in_a_row.*refuses us"):
                client.get_cover(url)


@pytest.mark.parametrize("good", [reply(200, JPEG), reply(304)])
def test_a_cover_between_refusals_makes_a_new_row(good: Route) -> None:
    routes = {"/no": reply(403), "/yes": good}
    with crawl(routes, "scrape.http.max_failures_in_a_row=3") as (server, client):
        for _ in range(3):
            assert cover_error(client, f"{server.url}/no").reason == "http_error"
            assert cover_error(client, f"{server.url}/no").reason == "http_error"
            client.get_cover(f"{server.url}/yes", '"v1"')


def test_missing_covers_do_not_make_a_new_row() -> None:
    routes = {"/no": reply(403), "/none": reply(404)}
    with crawl(routes, "scrape.http.max_failures_in_a_row=2") as (server, client):
        assert cover_error(client, f"{server.url}/no").reason == "http_error"
        assert cover_error(client, f"{server.url}/none").reason == "no_cover"
        with pytest.raises(SourceRefusedError):
            client.get_cover(f"{server.url}/no")


def test_refusals_are_counted_over_all_threads() -> None:
    with crawl({"/a": reply(403)}, "scrape.http.max_failures_in_a_row=4") as (server, client):
        raised = in_threads(lambda: client.get_cover(f"{server.url}/a"))
    kinds = sorted(type(error).__name__ for error in raised)
    assert kinds == [ImageError.__name__] * 3 + [SourceRefusedError.__name__]


def test_many_threads_read_their_own_cover() -> None:
    routes: dict[str, Route | list[Route]] = {
        f"/{n}": reply(200, JPEG + bytes([n])) for n in range(40)
    }
    with crawl(routes) as (server, client):
        numbers = iter(range(40))

        def ten() -> None:
            for _ in range(10):
                number = next(numbers)
                content = client.get_cover(f"{server.url}/{number}").content
                assert content == JPEG + bytes([number])

        assert in_threads(ten) == []
    assert isinstance(server, Server)
    assert sorted(server.paths()) == sorted(routes)
