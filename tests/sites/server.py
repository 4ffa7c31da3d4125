"""A small threaded web server that remembers what it was asked."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        time: of its arrival, seconds of ``time.monotonic``.
        method, target: as in the request line, the target with its query.
        headers: by lower-case name.
        body: as sent.
        status: of the answer; 0 before there is one.
    """

    time: float
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """Fields of the query, decoded."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, list[str]]:
        """Fields of a form-encoded body, decoded."""
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass
class Reply:
    """One answer.

    Attributes:
        body: whole, or in parts that are made as they are sent.
        status: of HTTP.
        kind: Content-Type.
        headers: all others.
        length: Content-Length; None for that of a whole body, and for parts sent in chunks (RFC
            9112, section 7.1). If the body is shorter the connection breaks off after it.
    """

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


class Server:
    """Answers HTTP/1.1 requests in threads until it is stopped.

    Args:
        answer: makes the reply to a request; called from many threads at once.
        host: address to listen on.
        port: 0 for a free one.

    Attributes:
        errors: tracebacks of what ``answer`` raised; the client got a 500. Leaving the ``with``
            block raises an AssertionError if there are any: the site is at fault, not its client.
    """

    def __init__(
        self, answer: Callable[[Request], Reply], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.errors: list[str] = []
        self._answer = answer
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Listener(self, (host, port))
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="site", daemon=True
        )
        self.host, self.port = host, int(self._http.server_address[1])
        self.url = f"http://{self.host}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """All requests answered so far, in the order of their answers.

        A request is in the list before its client sees the answer.
        """
        with self._lock:
            return list(self._requests)

    @property
    def stopping(self) -> bool:
        """Whether the end has begun."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; replies under way break off."""
        self._stopping.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.break_connections()

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the server runs."""
        self._stopping.wait(seconds)

    def reply(self, request: Request) -> Reply:
        """The answer to a request, which is remembered."""
        try:
            reply = self._answer(request)
        except Exception:
            self.errors.append(traceback.format_exc())
            reply = Reply(b"the site is at fault", 500)
        with self._lock:
            self._requests.append(replace(request, status=reply.status))
        return reply

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None and self.errors:
            raise AssertionError("the site raised:\n" + "\n".join(self.errors))


class _Listener(ThreadingHTTPServer):
    """Keeps the open connections, to break them when the server stops."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, server: Server, address: tuple[str, int]) -> None:
        self.server = server
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the name service for the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that break off are none of the site's business; its own errors are kept."""
        if not isinstance(sys.exception(), ConnectionError) and not self.server.stopping:
            self.server.errors.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in several writes; Nagle's algorithm would hold the second for 40 ms.
    disable_nagle_algorithm = True
    server: _Listener

    def _serve(self) -> None:
        size = self.headers.get("Content-Length") or "0"
        if not size.isdecimal():
            self.send_error(400, "Content-Length is no number")
            return
        request = Request(
            time.monotonic(),
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(size)),
        )
        self._send(self.server.server.reply(request))

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _send(self, reply: Reply) -> None:
        parts: Iterator[bytes]
        length = reply.length
        if isinstance(reply.body, bytes):
            parts = iter([reply.body])
            length = len(reply.body) if length is None else length
        else:
            parts = iter(reply.body)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status in _BODILESS:
            self.end_headers()
            return
        self.send_header("Content-Type", reply.kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(parts, length)

    def _send_body(self, parts: Iterator[bytes], length: int | None) -> None:
        sent = 0
        for part in parts:
            if self.server.server.stopping:
                self.close_connection = True
                return
            if length is not None:
                self.wfile.write(part)
            elif part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            sent += len(part)
        if length is None:
            self.wfile.write(b"0\r\n\r\n")
        elif sent < length:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal: requests are remembered."""
