"""Which addresses may be asked: hosts by name, and where those names lead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import idna
from requests import PreparedRequest, RequestException

from covergenre.errors import SourceError

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")
# Of the IANA special-purpose registries (RFC 6890), what some versions of Python call global.
_SPECIAL = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("2001::/23"),
    ipaddress.ip_network("3fff::/20"),
)


class AddressRefused(SourceError):  # noqa: N818 - a name, like the reason address_refused
    """An address leads to a scheme, host or network that the settings do not allow."""


class Hosts:
    """The hosts of a source.

    Args:
        listed: names, or ``*.name`` for every subdomain of a name (not the name itself).
        private: listed hosts that may have an address that is not public; names only.
        source: name of the source, for the texts of errors.
    """

    def __init__(
        self, listed: Sequence[str], private: Sequence[str], source: str = "<source>"
    ) -> None:
        self._listed = [host_name(name) for name in listed]
        self._private = {host_name(name) for name in private}
        self._source = source

    def check(self, url: str) -> str:
        """The address as it is asked: host in lower case and IDNA, path without dot segments.

        Raises:
            AddressRefused: the address is not http or https, holds a user, or its host is not
                listed or not public.
        """
        parts = _split(url)
        host = host_name(parts.hostname or "")
        if not any(matches(host, pattern) for pattern in self._listed):
            raise AddressRefused(
                f"{shown(host)} is not a host of the source ({shown(url)}): add it to "
                f"scrape.{self._source}.hosts if it may be asked"
            )
        literal = _literal(host)
        if literal is not None:
            self.check_peer(host, host)
        elif not _NAME.fullmatch(host):
            raise AddressRefused(f"{shown(url)} names no host")
        port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
        netloc = (f"[{host}]" if ":" in host else host) + port
        # Path and query as requests writes them, so that robots.txt is held against what is asked;
        # twice, because %2E becomes a dot only after dot segments have been removed.
        address = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
        request = PreparedRequest()
        try:
            request.prepare_url(address, {})
            request.prepare_url(str(request.url), {})
        except RequestException as error:
            raise AddressRefused(f"{shown(url)} is no address: {shown(str(error))}") from None
        return str(request.url)

    def check_redirect(self, url: str, location: str) -> str:
        """The address that an answer of ``url`` leads to, as :meth:`check` gives it.

        From https it leads to https: archives answer with addresses that older clients can read,
        and the same page is asked for without stepping down, as browsers do (HSTS, RFC 6797, 8.3).
        A host that may be private is taken at its word.

        Raises:
            AddressRefused: as :meth:`check`; also from https to a port of http's own.
        """
        target = self.check(_join(url, location))
        downgraded = url.startswith("https:") and target.startswith("http:")
        if not downgraded or host_of(target) in self._private:
            return target
        if urlsplit(target).port is not None:
            raise AddressRefused(
                f"{shown(url)} leads from https to http ({shown(target)}), which is followed to "
                "hosts in scrape.http.private_hosts only"
            )
        return "https:" + target.removeprefix("http:")

    def check_peer(self, host: str, peer: str) -> None:
        """Hold the address that a connection has against what the host may have.

        Args:
            host: as named in the URL.
            peer: IP address of the connection's other end.

        Raises:
            AddressRefused: the address is not public, and the host is not one that may be private.
        """
        if not is_public(peer) and host_name(host) not in self._private:
            raise AddressRefused(
                f"{shown(host)} leads to {shown(peer)}, no public address: add the host to "
                "scrape.http.private_hosts if it is yours"
            )


def host_name(name: str) -> str:
    """A host's name (or ``*.name``) as it is compared: lower case, IDNA, without a last dot."""
    name = name.strip().removeprefix("[").removesuffix("]").lower().removesuffix(".")
    literal = _literal(name)
    if literal is not None:
        return literal.compressed
    wildcard = "*." if name.startswith("*.") else ""
    name = name.removeprefix(wildcard)
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise AddressRefused(f"{shown(name)} is no host name: {shown(str(error))}") from None
    return wildcard + name


def host_of(url: str) -> str:
    """The host of an address, as it is compared; empty if there is none."""
    return host_name(urlsplit(url).hostname or "")


def matches(host: str, pattern: str) -> bool:
    """Whether a host is the one that a pattern names; ``*.name`` are all subdomains of name."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[1:]
    return host == pattern


def is_public(address: str) -> bool:
    """Whether an IP address is globally routable unicast (IANA registries, RFC 6890).

    IPv6 addresses that hold an IPv4 address (mapped, RFC 4291; 6to4, RFC 3056; NAT64, RFC 6052)
    are as public as that is.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _IPV6_UNICAST:
            return False
    special = any(ip.version == network.version and ip in network for network in _SPECIAL)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or special)


def shown(text: str, length: int = 120) -> str:
    """Text of a remote server as it can be shown: one line of ASCII, cut to a length."""
    text = ascii(text)[1:-1]
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"{shown(url)} is no address: {shown(str(error))}") from None
    if parts.scheme not in _PORTS:
        raise AddressRefused(f"{shown(url)} is not http or https")
    if "@" in parts.netloc:
        raise AddressRefused(f"{shown(url)} holds a user name, which is never sent")
    if not parts.hostname or port == 0:
        raise AddressRefused(f"{shown(url)} names no host")
    return parts


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise AddressRefused(f"{shown(location)} is no address: {shown(str(error))}") from None


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
