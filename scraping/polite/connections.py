"""Connections that look where they lead, take their turn, and do not last for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from cachecontrol import CacheControlAdapter, CacheController
from cachecontrol.caches import FileCache
from cachecontrol.heuristics import BaseHeuristic
from cachecontrol.serialize import Serializer
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from scraping.polite.addresses import Hosts, host_of
from scraping.polite.pace import Pace

_POOLS = 32


class Deadline:
    """A limit on one exchange, from its turn to its last byte; used with ``with``.

    Time-outs of sockets hold for each read alone: a server that sends a byte now and then passes
    them for ever. At the end of the time the socket is shut down, which ends any read of it.

    Args:
        seconds: that the exchange may take; waiting for its turn does not count.
    """

    _current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._seconds = seconds
        self._begun: float | None = None
        self._timer = threading.Timer(max(0.0, seconds), self.cut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @classmethod
    def current(cls) -> Deadline | None:
        """That of the exchange which this thread is in."""
        return cls._current.get()

    def __enter__(self) -> Deadline:
        self._token = self._current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._current.reset(self._token)
        self._timer.cancel()
        with self._lock:
            self._socket = None

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._seconds - (0.0 if self._begun is None else time.monotonic() - self._begun)

    def begin(self) -> None:
        """Start the clock."""
        self._begun = time.monotonic()
        self._timer.start()

    def hold(self, sock: socket.socket) -> None:
        """Name the socket that is shut down when time is over."""
        with self._lock:
            self._socket = sock
        if self.expired:
            self.cut()

    def cut(self) -> None:
        """End the exchange now."""
        self.expired = True
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                # Not the TLS socket's own method, which pulls its state from under the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """Closed before anything is sent if it leads where it must not (DNS rebinding)."""

    def __init__(self, *args: Any, hosts: Hosts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hosts = hosts

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        try:
            self._hosts.check_peer(self.host, sock.getpeername()[0])
        except BaseException:
            sock.close()
            raise
        return sock

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        deadline = Deadline.current()
        if deadline is not None and self.sock is not None:
            deadline.hold(self.sock)
        return super().getresponse()


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Adapter(HTTPAdapter):
    """Sends requests at a host's pace over checked connections.

    Used without a ``requests.Session``, which would take proxies and passwords from the
    environment, keep cookies, and read bodies of redirects whatever their size.

    Args:
        hosts: whose addresses are checked.
        pace: asked for a turn before every request, told of every answer.
        connections: kept open to each host.
    """

    def __init__(self, hosts: Hosts, pace: Pace, connections: int) -> None:
        self._hosts = hosts
        self._pace = pace
        super().__init__(pool_connections=_POOLS, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools: dict[str, Any] = {
            "http": partial(_Pool, hosts=self._hosts),
            "https": partial(_TLSPool, hosts=self._hosts),
        }
        self.poolmanager.pool_classes_by_scheme = pools

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        host = host_of(str(request.url))
        self._pace.wait(host)
        deadline = Deadline.current()
        if deadline is not None:
            deadline.begin()
        response = super().send(request, *args, **kwargs)
        try:
            if response.status_code in (429, 503):
                self._pace.pushed_back(host, response.headers.get("Retry-After"))
            else:
                self._pace.succeeded(host)
        except BaseException:
            response.close()
            raise
        return response


class CachedAdapter(CacheControlAdapter, Adapter):
    """The same, with a cache on disk (RFC 9111): what is fresh is not asked again, nor waited for.

    Entries are msgpack under the SHA-224 of their address: nothing is unpickled, and no remote
    name becomes a path.
    """

    def __init__(self, folder: Path, hosts: Hosts, pace: Pace, connections: int) -> None:
        super().__init__(
            cache=_Cache(folder, forever=True),
            # Not redirects, which CacheControl would keep for ever.
            controller_class=partial(CacheController, status_codes=(200, 203)),  # type: ignore[arg-type]
            heuristic=_Validators(),
            serializer=_Serializer(),
            hosts=hosts,
            pace=pace,
            connections=connections,
        )


class _Cache(FileCache):
    """A cache that cannot be read or written costs requests, never the crawl.

    It is used with ``forever``: CacheControl deletes what is stale and has no ETag, although its
    Last-Modified would do to ask whether it changed.
    """

    def get(self, key: str) -> bytes | None:
        with contextlib.suppress(OSError):
            return super().get(key)
        return None

    def set(self, key: str, value: bytes, expires: Any = None) -> None:
        with contextlib.suppress(OSError):
            super().set(key, value, expires)


class _Serializer(Serializer):
    """An entry that is damaged is none."""

    def loads(
        self, request: PreparedRequest, data: bytes, body_file: IO[bytes] | None = None
    ) -> HTTPResponse | None:
        try:
            return super().loads(request, data, body_file)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return None


class _Validators(BaseHeuristic):
    """Makes CacheControl keep answers that have nothing but a Last-Modified, as stale ones."""

    def apply(self, response: HTTPResponse) -> HTTPResponse:
        for name in ("Date", "Expires"):  # CacheControl stumbles over dates that are none
            values = response.headers.getlist(name)
            if values and not (len(set(values)) == 1 and _is_date(values[0])):
                del response.headers[name]
        response.headers.update(self.update_headers(response))
        return response

    def update_headers(self, response: HTTPResponse) -> dict[str, str]:
        headers: Mapping[str, str] = response.headers
        if "Last-Modified" not in headers or "Date" not in headers or "Expires" in headers:
            return {}
        return {"Expires": headers["Date"]}


def _is_date(value: str) -> bool:
    try:
        parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return False
    return True
