"""JSON documents: the cache, refusals, outages, and answers that are no JSON."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import msgpack
import pytest

from covergenre.errors import SourceError, SourceRefusedError, SourceUnavailableError
from scraping.polite.addresses import AddressRefused
from tests.unit.test_polite_wire import Exchange, Route, crawl, redirect, reply

DOCUMENT = {"count": 2, "release-groups": [{"title": "Ä"}]}
BODY = json.dumps(DOCUMENT).encode()
OLD = "Mon, 20 Oct 2025 07:28:00 GMT"


def _json(body: bytes = BODY, **headers: str) -> Route:
    headers.setdefault("Content_Type", "application/json; charset=utf-8")
    return reply(200, body, **headers)


def _error(route: Route | list[Route], *assignments: str) -> SourceError:
    with (
        crawl({"/a": route}, *assignments) as (server, client),
        pytest.raises(SourceError) as caught,
    ):
        client.get_json(f"{server.url}/a", {"q": "x"})
    return caught.value


def test_document_with_parameters() -> None:
    with crawl({"/ws/2": _json()}) as (server, client):
        params: dict[str, str | int] = {"query": 'tag:"hip hop" AND date:2004', "limit": 100}
        assert client.get_json(f"{server.url}/ws/2", params) == DOCUMENT
        assert client.get_json(f"{server.url}/ws/2?fmt=json") == DOCUMENT
    assert server.paths() == [
        "/ws/2?query=tag%3A%22hip+hop%22+AND+date%3A2004&limit=100",
        "/ws/2?fmt=json",
    ]


def test_compressed_document() -> None:
    with crawl({"/a": _json(gzip.compress(BODY), Content_Encoding="gzip")}) as (server, client):
        assert client.get_json(f"{server.url}/a") == DOCUMENT
    assert server.requests[-1].headers["Accept-Encoding"] == "gzip, deflate"


# Cache (RFC 9111).


def _twice(tmp_path: Path, *routes: Route) -> tuple[list[Any], list[Any]]:
    """What two crawls read, and the conditions that the second sent."""
    read = []
    with crawl({"/a": list(routes)}, cache=tmp_path / "cache") as (server, client):
        read.append(client.get_json(f"{server.url}/a"))
        read.append(client.get_json(f"{server.url}/a"))
    asked = [request.headers for request in server.requests if request.path == "/a"]
    return read, [(h["If-None-Match"], h["If-Modified-Since"]) for h in asked[1:]]


def test_fresh_document_is_not_asked_again(tmp_path: Path) -> None:
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    assert _twice(tmp_path, fresh) == ([DOCUMENT] * 2, [])


def test_cache_is_kept_for_the_next_run(tmp_path: Path) -> None:
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    with crawl({"/a": fresh}, cache=tmp_path) as (server, client):
        assert client.get_json(f"{server.url}/a") == DOCUMENT
        url = f"{server.url}/a"
        with crawl({}, cache=tmp_path) as (_, other):
            assert other.get_json(url) == DOCUMENT
    assert server.paths() == ["/a"]


def test_fresh_document_takes_no_turn(tmp_path: Path) -> None:
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    with crawl({"/a": fresh}, "scrape.http.delay_seconds=0.2", cache=tmp_path) as (server, client):
        client.get_json(f"{server.url}/a")
        begun = time.monotonic()
        for _ in range(20):
            client.get_json(f"{server.url}/a")
        assert time.monotonic() - begun < 2
    assert server.paths() == ["/a"]


def test_stale_document_is_revalidated_by_etag(tmp_path: Path) -> None:
    routes = _json(ETag='"1"', Date=OLD), reply(304, ETag='"1"')
    assert _twice(tmp_path, *routes) == ([DOCUMENT] * 2, [('"1"', None)])


def test_stale_document_is_revalidated_by_date(tmp_path: Path) -> None:
    routes = _json(Last_Modified=OLD), reply(304)
    assert _twice(tmp_path, *routes) == ([DOCUMENT] * 2, [(None, OLD)])


def test_changed_document_replaces_the_old(tmp_path: Path) -> None:
    routes = _json(ETag='"1"'), _json(b"[2]", ETag='"2"')
    assert _twice(tmp_path, *routes) == ([DOCUMENT, [2]], [('"1"', None)])


@pytest.mark.parametrize("headers", [{}, {"ETag": '"1"', "Cache_Control": "no-store"}])
def test_some_documents_are_not_kept(tmp_path: Path, headers: dict[str, str]) -> None:
    assert _twice(tmp_path, _json(**headers)) == ([DOCUMENT] * 2, [(None, None)])


@pytest.mark.parametrize("date", ["soon", "Mon, 99 Foo 2015 00:00:00 GMT", "1 Jan 99999 0:0:0"])
def test_dates_that_are_none(tmp_path: Path, date: str) -> None:
    route = _json(Date=date, Expires=date, Cache_Control="max-age=60", ETag='"1"')
    assert _twice(tmp_path, route)[0] == [DOCUMENT] * 2


def test_cache_holds_no_pickles_and_no_remote_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, never)
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True), ETag='"1"')
    cache = tmp_path / "cache"
    with crawl({"/a": fresh, "/..%2F../evil": fresh}, cache=cache) as (server, client):
        for path in ("/a", "/a", "/%2e%2e%2f%2e%2e/evil"):
            assert client.get_json(server.url + path) == DOCUMENT
    assert os.listdir(tmp_path) == ["cache"]
    entries = [p for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert len(entries) == 2
    for entry in entries:
        assert set(entry.name) <= set("0123456789abcdef")
        head, _, packed = entry.read_bytes().partition(b",")
        assert head == b"cc=4"
        assert msgpack.loads(packed)["response"]["body"] == BODY


def test_damaged_entry_is_asked_for_again(tmp_path: Path) -> None:
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    with crawl({"/a": fresh}, cache=tmp_path) as (server, client):
        client.get_json(f"{server.url}/a")
        for damage in (b"", b"cc=4,\x80", b"cc=4,", b"cc=4,\x01", b"\x80\x04\x95", bytes(100)):
            for entry in [p for p in tmp_path.rglob("*") if p.is_file()]:
                entry.write_bytes(damage)
            assert client.get_json(f"{server.url}/a") == DOCUMENT


def test_cache_that_cannot_be_written_costs_requests_only(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    fresh = _json(Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    assert _twice(tmp_path, fresh) == ([DOCUMENT] * 2, [(None, None)])


def test_moved_for_good_is_asked_again(tmp_path: Path) -> None:
    routes = {"/a": [redirect("/b", 301), _json(b"[1]")], "/b": _json(b"[2]")}
    with crawl(routes, cache=tmp_path) as (server, client):
        assert client.get_json(f"{server.url}/a") == [2]
        assert client.get_json(f"{server.url}/a") == [1]


def test_covers_are_not_kept(tmp_path: Path) -> None:
    fresh = reply(200, b"cover", Cache_Control="max-age=3600", Date=formatdate(usegmt=True))
    with crawl({"/a": fresh}, cache=tmp_path / "cache") as (server, client):
        client.get_cover(f"{server.url}/a")
        client.get_cover(f"{server.url}/a")
    assert server.paths() == ["/a"] * 2
    assert list(tmp_path.rglob("*")) == []


def test_robots_is_revalidated_in_every_run(tmp_path: Path) -> None:
    kept = reply(200, b"", ETag='"r"', Cache_Control="max-age=999999", Date=formatdate(usegmt=True))
    with crawl({"/robots.txt": [kept, reply(304, ETag='"r"')]}, cache=tmp_path) as (server, one):
        assert one.robots.allowed(f"{server.url}/a") == "allowed by robots.txt"
        url = f"{server.url}/a"
        with crawl({}, cache=tmp_path) as (_, two):
            assert two.robots.allowed(url) == "allowed by robots.txt"
    assert [r.headers["If-None-Match"] for r in server.requests] == [None, '"r"']


# Errors.


@pytest.mark.parametrize("status", [401, 403, 451])
def test_refused(status: int) -> None:
    error = _error(reply(status))
    assert isinstance(error, SourceRefusedError)
    assert f"127.0.0.1 answered {status}" in str(error)


@pytest.mark.parametrize(
    "route",
    [
        reply(200, b"<!DOCTYPE html><title>Just a moment...</title>", Content_Type="text/html"),
        reply(200, b"\n <html>", Content_Type="application/json"),
        reply(200, b"{}", Content_Type="Text/HTML; charset=utf-8"),
    ],
)
def test_page_instead_of_json_is_a_challenge(route: Route) -> None:
    error = _error(route)
    assert isinstance(error, SourceRefusedError)
    assert "127.0.0.1" in str(error)
    assert "challenge" in str(error)


@pytest.mark.parametrize("status", [400, 404, 204, 206, 302])
def test_other_statuses(status: int) -> None:
    error = _error(reply(status))
    assert type(error) is SourceError
    assert f"answered {status}" in str(error)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xff", b"[" * 100_000, b"nothing"])
def test_no_json(body: bytes) -> None:
    error = _error(_json(body))
    assert type(error) is SourceError
    assert str(error).startswith("127.0.0.1 answered")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_outage_that_passes(status: int) -> None:
    with crawl({"/a": [reply(status), reply(status), _json()]}) as (server, client):
        assert client.get_json(f"{server.url}/a") == DOCUMENT


def test_outage_that_stays() -> None:
    error = _error(reply(503, b"<html>busy", Content_Type="text/html"))
    assert isinstance(error, SourceUnavailableError)
    assert "127.0.0.1 gave no answer (status 503; attempts: 3)" in str(error)


def test_silence() -> None:
    def silent(exchange: Exchange) -> None:
        exchange.server.ending.wait()

    error = _error(silent, "scrape.http.timeout_seconds=0.2", "scrape.http.attempts=1")
    assert isinstance(error, SourceUnavailableError)
    assert "attempts: 1" in str(error)


@pytest.mark.parametrize("size", [1025, 10**7])
def test_too_large(size: int) -> None:
    error = _error(_json(b"[" + b" " * size), "scrape.http.max_document_bytes=1024")
    assert type(error) is SourceError
    assert "scrape.http.max_document_bytes" in str(error)


def test_too_large_when_decompressed(tmp_path: Path) -> None:
    route = _json(gzip.compress(b"[" + b" " * 10**8), Content_Encoding="gzip", ETag='"1"')
    with (
        crawl({"/a": route}, cache=tmp_path / "cache") as (server, client),
        pytest.raises(SourceError, match="max_document_bytes"),
    ):
        client.get_json(f"{server.url}/a")


def test_redirects_of_documents() -> None:
    with crawl({"/a": redirect("/b"), "/b": _json()}) as (server, client):
        assert client.get_json(f"{server.url}/a") == DOCUMENT
    assert "scrape.http.max_redirects" in str(_error(redirect("/a")))
    assert isinstance(_error(redirect("http://evil.example/")), AddressRefused)


def test_errors_are_one_line() -> None:
    for route in (reply(404), reply(403), reply(500), _json(b"{\n\n")):
        assert "\n" not in str(_error(route))
