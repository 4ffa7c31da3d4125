"""The client of a crawl: documents and covers, politely."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from requests import PreparedRequest

from covergenre.config.scrape import Scrape
from covergenre.errors import (
    ImageError,
    SettingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from covergenre.images import Limits
from scraping.polite.addresses import AddressRefused, Hosts, host_of, shown
from scraping.polite.covers import Cover, as_cover, conditions, refuse_documents
from scraping.polite.pace import Pace
from scraping.polite.robots import MAX_BYTES, MAX_REDIRECTS, Robots, RobotsUnavailableError
from scraping.polite.transport import (
    Answer,
    Question,
    TooLargeError,
    TooManyRedirectsError,
    Transport,
    UnansweredError,
)

__all__ = ["Client", "Cover"]


class Client:
    """Asks the hosts of one source, and nobody else; any thread may use it.

    Args:
        settings: ``scrape``.
        hosts: of the source, as ``scrape.<source>.hosts``.
        source: its name.
        cache: folder where documents are kept; None to keep none.
        images: ``max_bytes`` limits covers.

    Attributes:
        user_agent: sent with every request, and by the browser.
        hosts, robots, pace: which addresses may be asked, what robots.txt says, how often.

    Raises:
        SettingError: there is no ``scrape.contact``, or it cannot be sent.
    """

    def __init__(
        self,
        settings: Scrape,
        hosts: Sequence[str],
        source: str,
        cache: Path | None,
        images: Limits,
    ) -> None:
        http = settings.http
        self.user_agent = _user_agent(settings.contact)
        self.hosts = Hosts(hosts, http.private_hosts, source)
        self.pace = Pace(http)
        self.robots = Robots(self._fetch_robots, self.pace, http.max_wait_seconds)
        self._http = http
        self._source = source
        self._images = images
        self._transport = Transport(http, self.hosts, self.pace, self.user_agent, cache)
        self._refusals = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the crawl: who waits or reads in another thread gets ``Stopped``."""
        self.pace.stop()
        self._transport.close()

    def get_json(self, url: str, params: Mapping[str, str | int] | None = None) -> Any:
        """A JSON document (RFC 8259), from the cache while that is fresh.

        Args:
            url: of a listed host.
            params: added to its query.

        Raises:
            AddressRefused: it leads where the settings do not allow.
            SourceRefusedError: robots.txt, 401, 403, 451, or a page for people instead of JSON.
            SourceUnavailableError: no answer, 429 or 5xx, ``scrape.http.attempts`` times.
            SourceError: any other answer that is of no use.
            Stopped: the crawl has ended.
        """
        request = PreparedRequest()
        request.prepare_url(self.hosts.check(url), dict(params or {}))
        host = host_of(url)
        question = Question(
            headers={"Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
            max_bytes=self._http.max_document_bytes,
            max_redirects=self._http.max_redirects,
            cached=True,
            allowed=self.robots.allowed,
            accept=_no_page,
        )
        try:
            answer = self._transport.get(str(request.url), question)
        except UnansweredError as error:
            raise SourceUnavailableError(
                f"{error.host} gave no answer ({error.what}; attempts: {error.attempts}): "
                "run again later"
            ) from error
        except TooLargeError as error:
            raise SourceError(
                f"{host} answered with {error}, above scrape.http.max_document_bytes"
            ) from error
        except TooManyRedirectsError as error:
            raise SourceError(
                f"{host} answered with {error}, above scrape.http.max_redirects"
            ) from error
        return _parse(answer)

    def get_cover(self, url: str, etag: str | None = None) -> Cover:
        """The bytes of a cover, not looked at.

        Args:
            url: of a listed host.
            etag: as :class:`Cover` gave it, to be told if it is still the same; None to read it.

        Raises:
            ImageError: no cover can be had from there; reasons ``no_cover`` (404, 410),
                ``not_an_image``, ``too_many_bytes``, ``address_refused``, ``robots_disallowed``,
                ``http_error``, ``unreachable`` (which may pass).
            SourceRefusedError: 401 or 403, ``max_failures_in_a_row`` covers one after the other.
            HostPausedError: the host asks to be left alone for long.
            Stopped: the crawl has ended.
        """
        question = Question(
            headers={
                "Accept": "image/*,*/*;q=0.5",
                "Accept-Encoding": "identity",
                **conditions(etag),
            },
            max_bytes=self._images.max_bytes,
            max_redirects=self._http.max_redirects,
            allowed=self.robots.allowed,
            accept=refuse_documents,
        )
        try:
            answer = self._transport.get(url, question)
        except AddressRefused as error:
            raise ImageError("address_refused", str(error)) from error
        except RobotsUnavailableError as error:
            raise ImageError("unreachable", str(error)) from error
        except SourceRefusedError as error:
            raise ImageError("robots_disallowed", str(error)) from error
        except TooLargeError as error:
            raise ImageError("too_many_bytes", str(error)) from error
        except TooManyRedirectsError as error:
            raise ImageError("http_error", str(error)) from error
        except UnansweredError as error:
            reason = "unreachable" if error.status is None else "http_error"
            raise ImageError(reason, f"{error} (attempts: {error.attempts})") from error
        self._count_refusals(answer)
        return as_cover(answer, etag)

    def _count_refusals(self, answer: Answer) -> None:
        with self._lock:
            if answer.status in (401, 403):
                self._refusals += 1
            elif answer.status in (200, 203, 304):
                self._refusals = 0
            refused = self._refusals >= self._http.max_failures_in_a_row
        if refused and answer.status in (401, 403):
            raise SourceRefusedError(
                f"{host_of(answer.url)} answered {answer.status}, and {self._refusals} covers in a "
                "row were refused (scrape.http.max_failures_in_a_row): the source refuses us, and "
                "nothing is worked around"
            )

    def _fetch_robots(self, place: str) -> tuple[int, bytes]:
        question = Question(
            # Always asked whether it changed: a cache may hold it for longer than RFC 9309's day.
            headers={"Accept": "text/plain,*/*;q=0.5", "Cache-Control": "max-age=0"},
            max_bytes=MAX_BYTES,
            max_redirects=MAX_REDIRECTS,
            cut=True,
            cached=True,
        )
        try:
            answer = self._transport.get(place, question)
        except (UnansweredError, TooManyRedirectsError) as error:
            raise SourceUnavailableError(str(error)) from error
        return answer.status, answer.content


def _user_agent(contact: str | None) -> str:
    if contact is None:
        raise SettingError(
            "setting scrape.contact is not set: every site is told whom to write to about the "
            "crawl, e.g. --set scrape.contact=you@example.org"
        )
    contact = contact.strip()
    if not (contact.isascii() and contact.isprintable()):
        raise SettingError(
            f"setting scrape.contact: {contact!r} cannot be sent in a header: write it in ASCII"
        )
    return f"covergenre/{version('covergenre')} ( {contact} )"


def _parse(answer: Answer) -> Any:
    host, where = host_of(answer.url), shown(answer.url)
    if answer.status in (401, 403, 451):
        raise SourceRefusedError(
            f"{host} answered {answer.status} to {where}: the source refuses us, and nothing is "
            "worked around"
        )
    if answer.status != 200:
        raise SourceError(f"{host} answered {answer.status} to {where}, where JSON was expected")
    if answer.content.lstrip()[:1] == b"<":
        raise _challenge(answer)
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{host} answered {where} with no JSON: {shown(str(error))}") from error


def _no_page(answer: Answer) -> None:
    kind = answer.headers.get("Content-Type", "").lower()
    if kind.startswith(("text/html", "application/xhtml")):
        raise _challenge(answer)


def _challenge(answer: Answer) -> SourceRefusedError:
    return SourceRefusedError(
        f"{host_of(answer.url)} answered {shown(answer.url)} with a page for people instead of "
        "JSON, most likely a challenge: nothing is worked around"
    )
