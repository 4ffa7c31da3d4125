"""One question to its answer: redirects, retries and limits, whatever a server does."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3.exceptions
from requests import Response
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from covergenre.config.scrape import Http
from scraping.polite.addresses import Hosts, host_of, shown
from scraping.polite.connections import Adapter, CachedAdapter, Deadline
from scraping.polite.pace import Pace, Stopped

_REDIRECTS = (301, 302, 303, 307, 308)
_PART_BYTES = 64 * 1024
_TIMEOUTS = 4
"""An exchange may take so many times ``timeout_seconds``."""


class TooLargeError(Exception):
    """A body is larger than its limit; what it says of itself, or more than was read."""


class TooManyRedirectsError(Exception):
    """An address leads to ever further ones."""


class UnansweredError(Exception):
    """There was no answer of use, as often as was asked.

    Attributes:
        host: that was asked last.
        status: of the last answer; None if there was none, or not to its end.
        what: happened, for people.
        attempts: that were made.
    """

    def __init__(self, host: str, what: str, status: int | None = None) -> None:
        super().__init__(f"{host}: {what}")
        self.host = host
        self.what = what
        self.status = status
        self.attempts = 1


class _TransientError(UnansweredError):
    """Worth another attempt."""


@dataclass(frozen=True)
class Answer:
    """The answer to a question, at the end of its redirects.

    Attributes:
        url: that gave it.
        content: decoded; empty unless the status is 2xx.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        headers: sent beside User-Agent.
        max_bytes: of the answer's content, decoded.
        max_redirects: followed.
        cut: whether content beyond the limit is left out, instead of being refused.
        cached: whether the cache is used.
        allowed: called with every address before it is asked; raises if it may not be.
        accept: called with a 2xx answer, its content still empty, before that is read; raises if
            it is not wanted.
    """

    headers: Mapping[str, str]
    max_bytes: int
    max_redirects: int
    cut: bool = False
    cached: bool = False
    allowed: Callable[[str], object] = lambda url: None
    accept: Callable[[Answer], None] = lambda answer: None


class Transport:
    """Sends questions, from any thread.

    Args:
        http: manners.
        hosts: that may be asked.
        pace: of each.
        user_agent: sent with every request.
        cache: folder of the cache; None for no cache.
    """

    def __init__(
        self, http: Http, hosts: Hosts, pace: Pace, user_agent: str, cache: Path | None
    ) -> None:
        self._http = http
        self._hosts = hosts
        self._pace = pace
        self._user_agent = user_agent
        self._plain = Adapter(hosts, pace, http.downloads)
        self._cached: Adapter | CachedAdapter = self._plain
        if cache is not None:
            self._cached = CachedAdapter(cache, hosts, pace, http.downloads)
        self._under_way: set[Deadline] = set()
        self._lock = threading.Lock()

    def get(self, url: str, question: Question) -> Answer:
        """Ask, as often as ``scrape.http.attempts`` while it fails in a way that may pass.

        Raises:
            AddressRefused: the address, or one it leads to, may not be asked.
            TooLargeError: the content is above the limit.
            TooManyRedirectsError: it leads on for ever.
            UnansweredError: no answer, or 429 or 5xx, or none to its end within four times
                ``scrape.http.timeout_seconds``.
            HostPausedError: the host asks to be left alone for long.
            Stopped: the crawl has ended.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            stop=stop_after_attempt(self._http.attempts),
            wait=wait_exponential_jitter(initial=1, max=self._http.max_delay_seconds),
            sleep=self._pace.sleep,
            reraise=True,
        )
        try:
            return retrying(self._follow, self._hosts.check(url), question)
        except UnansweredError as error:
            error.attempts = retrying.statistics["attempt_number"]
            raise

    def close(self) -> None:
        """End what is under way, and close all connections."""
        with self._lock:
            under_way = list(self._under_way)
        for deadline in under_way:
            deadline.cut()
        self._cached.close()
        self._plain.close()

    def _follow(self, url: str, question: Question) -> Answer:
        left = _TIMEOUTS * self._http.timeout_seconds
        for _ in range(question.max_redirects + 1):
            question.allowed(url)
            with self._deadline(left) as deadline:
                answer = self._exchange(url, question, deadline)
            left = deadline.left
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            # Headers are read as Latin-1; addresses that are not ASCII are UTF-8 (RFC 3987).
            location = answer.headers["Location"].encode("latin-1", "replace")
            url = self._hosts.check_redirect(url, location.decode("utf-8", "replace"))
        raise TooManyRedirectsError(f"more than {question.max_redirects} redirects")

    @contextlib.contextmanager
    def _deadline(self, seconds: float) -> Iterator[Deadline]:
        with Deadline(seconds) as deadline:
            with self._lock:
                self._under_way.add(deadline)
            try:
                yield deadline
            finally:
                with self._lock:
                    self._under_way.discard(deadline)

    def _exchange(self, url: str, question: Question, deadline: Deadline) -> Answer:
        headers = {"User-Agent": self._user_agent, **question.headers}
        adapter = self._cached if question.cached else self._plain
        timeout = self._http.timeout_seconds
        host = host_of(url)
        try:
            request = requests.Request("GET", url, headers=headers).prepare()
            response = adapter.send(request, stream=True, timeout=(timeout, timeout))
            with contextlib.closing(response):
                answer = self._answer(url, response, question)
        except (OSError, urllib3.exceptions.HTTPError) as error:
            self._refuse_cut(host, deadline)
            raise _TransientError(host, _cause(error)) from error
        self._refuse_cut(host, deadline)  # to http.client, it may look like a whole answer
        if answer.status == 429 or answer.status >= 500:
            raise _TransientError(host, f"status {answer.status}", answer.status)
        return answer

    def _refuse_cut(self, host: str, deadline: Deadline) -> None:
        if deadline.expired and self._pace.stopped:
            raise Stopped
        if deadline.expired:
            seconds = _TIMEOUTS * self._http.timeout_seconds
            raise UnansweredError(host, f"not answered within {seconds:g} s")

    def _answer(self, url: str, response: Response, question: Question) -> Answer:
        answer = Answer(url, response.status_code, response.headers, b"")
        if not 200 <= answer.status < 300:
            # Read, so that the connection can be used again; if it is long, it is closed.
            response.raw.read(_PART_BYTES, decode_content=False)
            return answer
        question.accept(answer)
        announced = _announced_bytes(answer)
        if announced > question.max_bytes and not question.cut:
            raise TooLargeError(f"{announced} bytes")
        content = _read(response, question)
        framed = "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers
        if not (content or framed or question.cut):
            # What http.client makes of a connection that ends within the headers.
            raise urllib3.exceptions.ProtocolError("the answer ends before its content")
        return Answer(url, answer.status, answer.headers, content)


def _announced_bytes(answer: Answer) -> int:
    """The Content-Length; 0 if there is none that can be read."""
    try:
        return int(answer.headers.get("Content-Length", "0"))
    except ValueError:
        return 0


def _read(response: Response, question: Question) -> bytes:
    content = io.BytesIO()
    for part in response.raw.stream(_PART_BYTES, decode_content=True):
        if content.tell() + len(part) > question.max_bytes:
            if not question.cut:
                raise TooLargeError(f"more than {question.max_bytes} bytes")
            content.write(part[: question.max_bytes - content.tell()])
            break
        content.write(part)
    return content.getvalue()


def _cause(error: BaseException) -> str:
    """What went wrong, beneath the errors that requests and urllib3 wrap around each other."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return shown(f"{type(error).__name__}: {error}")
