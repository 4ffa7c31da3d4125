"""Which addresses are asked: by name, by the network they lead to, and across redirects."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from covergenre.errors import ImageError
from scraping.polite.addresses import AddressRefused, Hosts, host_name, is_public
from tests.unit.test_polite_wire import JPEG, Server, cover_error, crawl, redirect, reply

LISTED = ("coverartarchive.org", "archive.org", "*.archive.org", "bücher.example")


@pytest.fixture
def hosts() -> Hosts:
    return Hosts(LISTED, ["lan.example"], "musicbrainz")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://archive.org/a", "https://archive.org/a"),
        ("HTTPS://Archive.ORG:443/a", "https://archive.org/a"),
        ("http://archive.org.:80", "http://archive.org/"),
        ("https://ia800.us.archive.org:8443/a?b=c#d", "https://ia800.us.archive.org:8443/a?b=c"),
        ("https://BÜCHER.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://archive.org/a/../b/./c", "https://archive.org/b/c"),
        ("https://archive.org/a/%2e%2E/b", "https://archive.org/b"),
    ],
)
def test_listed_hosts_are_asked(hosts: Hosts, url: str, asked: str) -> None:
    assert hosts.check(url) == asked
    assert hosts.check(asked) == asked


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://archive.org.evil.example/",
        "https://notarchive.org/",
        "https://www.coverartarchive.org/",
        "https://.archive.org/",
        "https://a..archive.org/",
        "https://archive.org../",
        "https://evil.example\\.archive.org/",
        "https://evil.example#.archive.org/",
        "https://evil.example?.archive.org/",
        "https://%65vil.archive.org/",
        "https://a b.archive.org/",
        "https://[::1]/",
        "https://2130706433/",
        "https://archive.org:0/",
        "https://archive.org:99999/",
        "https://archive.org:x/",
        "https://[archive.org/",
        "https:///archive.org",
        "//archive.org/",
        "archive.org",
        "",
        "ftp://archive.org/",
        "file:///etc/passwd",
        "javascript:alert(1)//archive.org",
        "data:image/png;base64,AAAA",
        "httpx://archive.org/",
    ],
)
def test_other_addresses_are_refused(hosts: Hosts, url: str) -> None:
    with pytest.raises(AddressRefused):
        hosts.check(url)


def test_user_names_are_refused(hosts: Hosts) -> None:
    for url in (
        "https://me@archive.org/",
        "https://archive.org@evil.example/",
        "http://@archive.org",
    ):
        with pytest.raises(AddressRefused, match="user name"):
            hosts.check(url)


def test_refusal_names_host_and_setting(hosts: Hosts) -> None:
    with pytest.raises(AddressRefused, match=r"evil\.example .*scrape\.musicbrainz\.hosts"):
        hosts.check("https://evil.example/")
    with pytest.raises(AddressRefused, match=r"lan2\.example .*scrape\.http\.private_hosts"):
        hosts.check_peer("lan2.example", "10.0.0.1")


def test_refusal_is_one_line_of_ascii(hosts: Hosts) -> None:
    with pytest.raises(AddressRefused) as caught:
        hosts.check("https://evil.example/\x1b[31m\nä" + "x" * 5000)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_names_are_compared_alike() -> None:
    assert host_name("*.Archive.ORG.") == "*.archive.org"
    assert host_name("[0:0::1]") == "::1"


# Networks: IANA IPv4 and IPv6 special-purpose address registries.


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "207.241.224.2", "2001:4860:4860::8888", "::ffff:8.8.8.8", "2002:808:808::1",
     "64:ff9b::808:808"],
)  # fmt: skip
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255",
     "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1",
     "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
     "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
     "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1",
     "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%1", "fec0::1",
     "ff02::1"],
)  # fmt: skip
def test_other_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_private_host_may_be_private(hosts: Hosts) -> None:
    hosts.check_peer("LAN.example.", "10.0.0.1")
    with pytest.raises(AddressRefused):
        hosts.check_peer("archive.org", "10.0.0.1")


# Connections, as they are made.


def _resolve(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let names lead to 127.0.0.1, as a hostile name server would."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host in names else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_public_name_that_leads_to_loopback(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, "covers.example")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        crawl({}, hosts=("covers.example",)) as (_, client),
    ):
        url = f"{scheme}://covers.example:{listener.getsockname()[1]}/a"
        with pytest.raises(ImageError, match=r"covers\.example leads to 127\.0\.0\.1") as caught:
            client.get_cover(url, None)
        with pytest.raises(AddressRefused, match=r"scrape\.http\.private_hosts"):
            client.get_json(url)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""  # closed before anything was sent
    assert caught.value.reason == "address_refused"


def test_name_that_may_be_private_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, "covers.example")
    private = "scrape.http.private_hosts=[Covers.Example]"
    with crawl({"/a": reply(200, JPEG)}, private, hosts=("covers.example",)) as (server, client):
        assert client.get_cover(f"http://covers.example:{server.server_port}/a").content == JPEG
    assert server.requests[-1].headers["Host"] == f"covers.example:{server.server_port}"


def test_literal_loopback_is_not_even_connected_to() -> None:
    with crawl({}, hosts=("127.0.0.2",)) as (server, client):
        error = cover_error(client, f"http://127.0.0.2:{server.server_port}/a")
    assert error.reason == "address_refused"
    assert "scrape.http.private_hosts" in error.detail
    assert server.connections == 0


# Redirects.


def test_two_hops_307() -> None:
    routes = {
        "/release-group/1/front-500": redirect("/download/1", 307),
        "/download/1": redirect("items/1.jpg", 307),
        "/download/items/1.jpg": reply(200, JPEG),
    }
    with crawl(routes) as (server, client):
        cover = client.get_cover(f"{server.url}/release-group/1/front-500", None)
    assert cover.content == JPEG
    assert server.paths() == ["/release-group/1/front-500", "/download/1", "/download/items/1.jpg"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    with crawl({"/a": redirect("/b", status), "/b": reply(200, JPEG)}) as (server, client):
        assert client.get_cover(f"{server.url}/a", None).content == JPEG


def test_redirect_to_an_address_that_is_not_ascii() -> None:
    location = "/bücher.jpg".encode().decode("latin-1")  # as it is on the wire
    with crawl({"/a": redirect(location), "/b%C3%BCcher.jpg": reply(200, JPEG)}) as (
        server,
        client,
    ):
        assert client.get_cover(f"{server.url}/a", None).content == JPEG


def test_redirect_to_unlisted_host() -> None:
    with Server({"/b": reply(200, JPEG)}) as other:
        location = f"http://localhost:{other.server_port}/b"
        with crawl({"/a": redirect(location)}) as (server, client):
            error = cover_error(client, f"{server.url}/a")
    assert error.reason == "address_refused"
    assert error.detail.startswith("localhost is not a host of the source")
    assert "scrape.musicbrainz.hosts" in error.detail
    assert server.paths() == ["/a"]
    assert other.connections == 0


def test_redirect_to_loopback_that_is_not_named() -> None:
    with Server({"/b": reply(200, JPEG)}) as other:
        location = f"http://localhost:{other.server_port}/b"
        hosts = ("127.0.0.1", "localhost")
        with crawl({"/a": redirect(location)}, hosts=hosts) as (server, client):
            error = cover_error(client, f"{server.url}/a")
    assert error.reason == "address_refused"
    assert "scrape.http.private_hosts" in error.detail
    assert other.requests == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[/"])
def test_redirect_to_something_else(location: str) -> None:
    with crawl({"/a": redirect(location)}) as (server, client):
        assert cover_error(client, f"{server.url}/a").reason == "address_refused"


def test_no_way_back_from_https() -> None:
    hosts = Hosts(["archive.org", "lan.example"], ["lan.example"])
    with pytest.raises(AddressRefused, match="from https to http"):
        hosts.check_redirect("https://archive.org/a", "http://archive.org:8080/b")
    for location in ("http://archive.org/b?c=d", "http://archive.org:80/b?c=d"):
        assert hosts.check_redirect("https://archive.org/a", location) == (
            "https://archive.org/b?c=d"
        )
    assert hosts.check_redirect("https://archive.org/a", "/b") == "https://archive.org/b"
    assert hosts.check_redirect("http://archive.org/a", "http://archive.org/b")
    assert hosts.check_redirect("https://archive.org/a", "http://lan.example/b")


def test_redirects_end() -> None:
    with crawl({"/a": redirect("/a")}, "scrape.http.max_redirects=3") as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert (error.reason, error.detail) == ("http_error", "more than 3 redirects")
    assert server.paths() == ["/a"] * 4


def test_redirect_to_nowhere_is_an_error() -> None:
    with crawl({"/a": reply(302)}) as (server, client):
        error = cover_error(client, f"{server.url}/a")
    assert error.reason == "http_error"
    assert "302" in error.detail
