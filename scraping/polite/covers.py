"""What the address of a cover gives, and how it is asked whether that has changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from covergenre.errors import ImageError
from scraping.polite.addresses import host_of, shown
from scraping.polite.transport import Answer

_LAST_MODIFIED = "lm:"
_MAX_VALIDATOR = 1024
_NOT_IMAGES = re.compile(
    r"(text|audio|video|font|multipart|message)/"
    r"|application/(json|xml|pdf|javascript|problem\+)"
    r"|[^;]*\+(json|xml)\s*(;|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cover:
    """What a cover's address gave.

    Attributes:
        content: the bytes; None if not modified.
        etag: names this version when asked again: the ETag, or ``lm:`` and the Last-Modified;
            None if the host gives neither.
        not_modified: whether it is still the version that was named.
    """

    content: bytes | None
    etag: str | None
    not_modified: bool


def refuse_documents(answer: Answer) -> None:
    """Refuse what says of itself that it is no image; what says nothing is let through.

    Raises:
        ImageError: ``not_an_image``; names the content type.
    """
    kind = answer.headers.get("Content-Type", "").strip()
    if _NOT_IMAGES.match(kind):
        raise ImageError("not_an_image", f"{host_of(answer.url)} answered with {shown(kind, 80)}")


def conditions(etag: str | None) -> dict[str, str]:
    """The conditional headers (RFC 9110, 13.1) that ask about a version of :class:`Cover`."""
    if etag is None or not _sendable(etag):
        return {}
    if etag.startswith(_LAST_MODIFIED):
        return {"If-Modified-Since": etag.removeprefix(_LAST_MODIFIED)}
    return {"If-None-Match": etag}


def as_cover(answer: Answer, etag: str | None) -> Cover:
    """The cover that an answer holds.

    Raises:
        ImageError: it holds none: ``no_cover`` (404, 410) or ``http_error``.
    """
    host = host_of(answer.url)
    if answer.status == 304 and etag is not None:
        return Cover(None, _validator(answer.headers) or etag, True)
    if answer.status in (404, 410):
        raise ImageError("no_cover", f"{host} answered {answer.status}")
    if answer.status not in (200, 203):
        raise ImageError("http_error", f"{host} answered {answer.status}")
    return Cover(answer.content, _validator(answer.headers), False)


def _validator(headers: Mapping[str, str]) -> str | None:
    if "ETag" in headers:
        etag = headers["ETag"].strip()
    elif "Last-Modified" in headers:
        etag = _LAST_MODIFIED + headers["Last-Modified"].strip()
    else:
        return None
    return etag if _sendable(etag) else None


def _sendable(etag: str) -> bool:
    return len(etag) <= _MAX_VALIDATOR and re.fullmatch(r"[\x21-\x7e\x80-\xff ]+", etag) is not None
