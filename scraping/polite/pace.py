"""How often a host is asked: never sooner than its delay, slower when it pushes back."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from covergenre.config.scrape import Http
from covergenre.errors import SourceUnavailableError
from scraping.polite.addresses import host_name, matches

_LEAST_BACKOFF_SECONDS = 1.0
_RECOVERY = 0.9
_LONGEST_SECONDS = 1e9  # dates further away cannot be written


class Stopped(Exception):  # noqa: N818 - nothing went wrong: the crawl ends
    """The crawl has ended; whoever waited for a turn gets none."""

    def __init__(self) -> None:
        super().__init__("the crawl has been stopped")


class HostPausedError(SourceUnavailableError):
    """A host asks to be left alone for longer than the settings wait."""


@dataclass
class _Host:
    delay: float
    interval: float
    last: float = -_LONGEST_SECONDS
    paused_until: float = -_LONGEST_SECONDS
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def due(self) -> float:
        return max(self.last + self.interval, self.paused_until)


class Pace:
    """The pace of every host. All methods may be called from any thread.

    A host's interval starts at its delay (``scrape.http.delay_seconds``,
    ``host_delay_seconds``, or a longer Crawl-delay), is doubled each time the host pushes back, up
    to ``max_delay_seconds``, and comes down by a tenth with every answer.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` has been called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End the crawl: every thread that waits, now or later, gets :class:`Stopped`."""
        self._stop.set()

    def wait(self, host: str) -> None:
        """Wait for a turn to ask a host; on return the request counts as started.

        Raises:
            Stopped: the crawl has ended.
            HostPausedError: the host asked to be left alone beyond ``max_wait_seconds``.
        """
        state = self._host(host)
        with state.turn:
            while True:
                with self._lock:
                    now = time.monotonic()
                    paused = state.paused_until - now
                    left = state.due - now
                    if left <= 0 and not self.stopped:
                        state.last = now
                        return
                self._refuse_long(host, paused)
                self.sleep(left)

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while.

        Raises:
            Stopped: the crawl has ended.
        """
        if self._stop.wait(max(0.0, min(seconds, threading.TIMEOUT_MAX))):
            raise Stopped

    def succeeded(self, host: str) -> None:
        """Note an answer other than 429 and 503: the interval comes down towards the delay."""
        state = self._host(host)
        with self._lock:
            state.interval = max(state.delay, state.interval * _RECOVERY)

    def pushed_back(self, host: str, retry_after: str | None = None) -> None:
        """Note an answer 429 or 503: the interval doubles, and the host is left alone meanwhile.

        Args:
            host: that answered.
            retry_after: its Retry-After, seconds or an HTTP date (RFC 9110, 10.2.3), if any.

        Raises:
            HostPausedError: it asks for more than ``max_wait_seconds``; says when to come back.
        """
        state = self._host(host)
        seconds = retry_after_seconds(retry_after) or 0.0
        with self._lock:
            most = max(self._http.max_delay_seconds, state.delay)
            state.interval = min(max(2 * state.interval, _LEAST_BACKOFF_SECONDS), most)
            state.paused_until = max(state.paused_until, time.monotonic() + seconds)
        self._refuse_long(host, seconds)

    def ask_slower(self, host: str, seconds: float) -> None:
        """Never ask a host more often than every ``seconds`` (a Crawl-delay)."""
        state = self._host(host)
        with self._lock:
            state.delay = max(state.delay, seconds)
            state.interval = max(state.interval, state.delay)

    def interval(self, host: str) -> float:
        """Seconds between the starts of two requests to a host, as of now."""
        state = self._host(host)
        with self._lock:
            return state.interval

    def _host(self, host: str) -> _Host:
        host = host_name(host)
        with self._lock:
            if host not in self._hosts:
                delay = self._configured_delay(host)
                self._hosts[host] = _Host(delay, delay)
            return self._hosts[host]

    def _configured_delay(self, host: str) -> float:
        """Of several patterns that match, the longest is the most specific."""
        delays = {host_name(name): s for name, s in self._http.host_delay_seconds.items()}
        if host in delays:
            return delays[host]
        found = [pattern for pattern in delays if matches(host, pattern)]
        return delays[max(found, key=len)] if found else self._http.delay_seconds

    def _refuse_long(self, host: str, seconds: float) -> None:
        if seconds <= self._http.max_wait_seconds:
            return
        back = datetime.now(UTC) + timedelta(seconds=seconds)
        raise HostPausedError(
            f"{host} asks to be left alone for {seconds:.0f} s, longer than "
            f"scrape.http.max_wait_seconds: come back after {back:%Y-%m-%d %H:%M:%S} UTC"
        )


def retry_after_seconds(value: str | None) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110, 10.2.3); None if it says nothing readable."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value):
        return _LONGEST_SECONDS if len(value) > 9 else float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # asctime's form and -0000 are UTC too
        date = date.replace(tzinfo=UTC)
    return min(max(0.0, (date - datetime.now(UTC)).total_seconds()), _LONGEST_SECONDS)
