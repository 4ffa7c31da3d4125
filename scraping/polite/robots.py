"""What robots.txt of each host allows (RFC 9309)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from protego import Protego

from covergenre.errors import SourceError, SourceRefusedError, SourceUnavailableError
from scraping.polite.addresses import AddressRefused, host_of, shown
from scraping.polite.pace import HostPausedError, Pace

PRODUCT_TOKEN = "covergenre"
"""The name that groups of a robots.txt call us by (RFC 9309, 2.2.1)."""

MAX_BYTES = 500 * 1024
"""So much of a robots.txt is read (RFC 9309, 2.5)."""

MAX_REDIRECTS = 5
"""So many redirects to a robots.txt are followed (RFC 9309, 2.3.1.2)."""

_USER_AGENT = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*(?P<name>\*|[a-z_-]*)", re.IGNORECASE)
_KEPT_SECONDS = 24 * 3600.0  # RFC 9309, 2.4
_OUTAGE_SECONDS = 15 * 60.0


class RobotsUnavailableError(SourceRefusedError):
    """A robots.txt could not be had, so nothing on its host may be asked (RFC 9309, 2.3.1.4)."""


@dataclass(frozen=True)
class _Rules:
    """What a robots.txt says; ``rules`` is None where there is none, or none could be had.

    Attributes:
        outage: what is raised because it could not be had; None if it could.
        until: when it is asked for again, of the monotonic clock.
    """

    text: str
    until: float
    rules: Protego | None = None
    outage: SourceError | None = None


class Robots:
    """The robots.txt of every host, each asked for when first needed.

    Args:
        fetch: gives status and content of an address; raises SourceUnavailableError if there is
            no answer, or only such as 500 or 429, and AddressRefused if it leads elsewhere.
        pace: told of Crawl-delay and Request-rate.
        max_wait_seconds: the longest Crawl-delay that is observed; a longer one is a no.
    """

    def __init__(
        self, fetch: Callable[[str], tuple[int, bytes]], pace: Pace, max_wait_seconds: float
    ) -> None:
        self._fetch = fetch
        self._pace = pace
        self._max_wait_seconds = max_wait_seconds
        self._kept: dict[str, _Rules] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def allowed(self, url: str) -> str:
        """Why an address may be asked, e.g. ``allowed by robots.txt``; for ``albums.robots``.

        Args:
            url: as :meth:`scraping.polite.addresses.Hosts.check` gives it.

        Raises:
            SourceRefusedError: robots.txt forbids it, or asks for a delay beyond
                ``scrape.http.max_wait_seconds``.
            RobotsUnavailableError: there was no answer, or a server's error.
            AddressRefused: robots.txt itself, or what it leads to, may not be asked.
            HostPausedError: the host asks to be left alone for long.
            Stopped: the crawl has ended.
        """
        parts = urlsplit(url)
        place = urlunsplit((parts.scheme, parts.netloc, "/robots.txt", "", ""))
        rules = self._rules(place)
        host = host_of(url)
        if rules.outage is not None:
            raise type(rules.outage)(str(rules.outage))  # a new one: several threads raise it
        if rules.rules is not None:
            path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            if not rules.rules.can_fetch(url, PRODUCT_TOKEN):
                raise SourceRefusedError(
                    f"{host}: robots.txt forbids {shown(path)} to {PRODUCT_TOKEN}, so it is not "
                    f"asked ({place})"
                )
            self._observe_delay(host, place, rules.rules)
        return rules.text

    def _rules(self, place: str) -> _Rules:
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            kept = self._kept.get(place)
            if kept is None or time.monotonic() >= kept.until:
                kept = self._ask(place, kept)
                self._kept[place] = kept
            return kept

    def _ask(self, place: str, before: _Rules | None) -> _Rules:
        now = time.monotonic()
        outage: SourceError
        try:
            status, content = self._fetch(place)
        except HostPausedError:
            raise
        except AddressRefused as error:
            outage = AddressRefused(f"{place}: {error}")
        except SourceUnavailableError as error:
            outage = _unavailable(place, str(error))
        else:
            if 200 <= status < 300:
                rules = Protego.parse(_text(content))
                return _Rules("allowed by robots.txt", now + _KEPT_SECONDS, rules)
            if 400 <= status < 500:
                return _Rules(f"no robots.txt ({status})", now + _KEPT_SECONDS)
            outage = _unavailable(place, f"status {status}")
        if before is not None and before.outage is None:  # RFC 9309, 2.4
            return _Rules(before.text, now + _OUTAGE_SECONDS, before.rules)
        return _Rules("robots.txt could not be read", now + _OUTAGE_SECONDS, outage=outage)

    def _observe_delay(self, host: str, place: str, rules: Protego) -> None:
        rate = rules.request_rate(PRODUCT_TOKEN)
        delay = max(
            rules.crawl_delay(PRODUCT_TOKEN) or 0.0, rate.seconds / rate.requests if rate else 0.0
        )
        if delay > self._max_wait_seconds:
            raise SourceRefusedError(
                f"{host}: {place} asks for {delay:g} s between two requests, longer than "
                "scrape.http.max_wait_seconds"
            )
        if delay:
            self._pace.ask_slower(host, delay)


def _unavailable(place: str, why: str) -> RobotsUnavailableError:
    return RobotsUnavailableError(
        f"{place} could not be read ({why}), so nothing there may be asked (RFC 9309): "
        "run again later"
    )


def _text(content: bytes) -> str:
    """What is parsed: no rule that the limit cuts in two, and no names of other crawlers.

    Those are all called ``other``: Protego takes a beginning of our name for it, which RFC 9309
    does not, and copies every rule for every name, which some hundred kilobytes can make gigabytes.
    """
    if len(content) >= MAX_BYTES:
        content = content[:MAX_BYTES].rpartition(b"\n")[0]
    lines = content.decode("utf-8-sig", "replace").splitlines()
    return "\n".join(_known_name(line) for line in lines)


def _known_name(line: str) -> str:
    found = _USER_AGENT.match(line)
    if found is None:
        return line
    name = found["name"].lower()
    return f"User-agent: {name if name in ('*', PRODUCT_TOKEN) else 'other'}"
