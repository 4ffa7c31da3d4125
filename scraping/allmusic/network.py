"""What the page asked and was answered, from Chromium's performance log.

Events are those of the DevTools protocol's Network domain.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException

from scraping.allmusic.driver import Driver

ALBUM = re.compile(r"mw[0-9]{10}", re.IGNORECASE)
"""AllMusic's id of an album, as its links hold it."""


@dataclass
class Answer:
    """One request of the page and, by and by, its answer.

    Attributes:
        request_id: Chromium's.
        url: asked; after redirects, the last.
        status: of HTTP; None until it is there.
        retry_after: header of the same name; None without.
        peer: IP address that answered; None if not known.
        finished: whether the answer is there whole.
        failure: Chromium's name of what went wrong instead, e.g. ``net::ERR_CONNECTION_RESET``.
        albums: ids in its text, in order; None if it holds none or the text cannot be had.
    """

    request_id: str
    url: str
    status: int | None = None
    retry_after: str | None = None
    peer: str | None = None
    finished: bool = False
    failure: str | None = None
    albums: tuple[str, ...] | None = None

    @property
    def page(self) -> int | None:
        """The number that the address ends in, if it does."""
        match = re.search(r"/([0-9]{1,9})/?$", urlsplit(self.url).path)
        return int(match[1]) if match else None


class NetworkLog:
    """The newest document and the newest results that the page asked for.

    Args:
        driver: whose capability ``goog:loggingPrefs`` has ``performance``.
        results: address that those of the results begin with.

    Attributes:
        document: of the window; None before there is one.
        results: answers asked for since :meth:`forget`, in order.
    """

    def __init__(self, driver: Driver, results: str) -> None:
        self._driver = driver
        self._prefix = results
        self._window = driver.current_window_handle  # also the id of the main frame
        self.document: Answer | None = None
        self.results: list[Answer] = []

    def forget(self) -> None:
        """Answers to anything asked until now are of no interest."""
        self._events()
        self.document = None
        self.results = []

    def read(self) -> None:
        """Take in what has happened since."""
        for message in self._events():
            if message["method"].startswith("Network."):
                self._take(message["method"].partition(".")[2], message["params"])

    def _events(self) -> list[dict[str, Any]]:
        """What happened since the last call."""
        entries = self._driver.get_log("performance")  # type: ignore[no-untyped-call]
        return [json.loads(entry["message"])["message"] for entry in entries]

    def _take(self, event: str, params: Mapping[str, Any]) -> None:
        request_id = str(params.get("requestId"))
        if event == "requestWillBeSent":
            self._asked(request_id, params)
            return
        for answer in (self.document, *self.results):
            if answer is not None and answer.request_id == request_id:
                self._answered(answer, event, params)

    def _asked(self, request_id: str, params: Mapping[str, Any]) -> None:
        url = str(params["request"]["url"])
        if params.get("type") == "Document" and params.get("frameId") == self._window:
            self.document = Answer(request_id, url)
        elif url.startswith(self._prefix) and params.get("type") in ("XHR", "Fetch"):
            self.results.append(Answer(request_id, url))

    def _answered(self, answer: Answer, event: str, params: Mapping[str, Any]) -> None:
        if event == "responseReceived":
            response = params["response"]
            headers = {str(k).lower(): str(v) for k, v in response.get("headers", {}).items()}
            answer.url, answer.status = str(response["url"]), int(response["status"])
            answer.retry_after = headers.get("retry-after")
            answer.peer = response.get("remoteIPAddress") or None
        elif event == "loadingFailed":
            answer.failure = str(params.get("errorText") or "no answer")
        elif event == "loadingFinished":
            answer.finished = True
            if answer is not self.document:
                answer.albums = self._albums(answer.request_id)

    def _albums(self, request_id: str) -> tuple[str, ...] | None:
        with contextlib.suppress(WebDriverException, KeyError):  # Chromium need not keep the text
            body = self._driver.execute_cdp_cmd(
                "Network.getResponseBody", {"requestId": request_id}
            )
            text = str(body["body"])
            if body.get("base64Encoded"):
                text = base64.b64decode(text).decode("utf-8", "replace")
            return tuple(dict.fromkeys(found.lower() for found in ALBUM.findall(text))) or None
        return None
