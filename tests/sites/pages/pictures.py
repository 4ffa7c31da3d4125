"""Files of pictures as the AllMusic stand-in sends them, the good ones and the bad."""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.sites.server import Reply, Request

PLANS = (
    "slow",
    "truncated",
    "cut off",
    "html",
    "huge",
    "endless",
    "bomb",
    "wrong type",
    "redirect off-site",
    "redirect to loopback",
    "redirect loop",
)
"""What can happen to a cover beside a status:

- slow: it comes in small parts.
- truncated: half of it, as if it were all.
- cut off: half of it, then the connection breaks.
- html: a page that says sorry, status 200.
- huge: HUGE bytes by Content-Length that begin like the cover.
- endless: the same without a Content-Length.
- bomb: a small PNG of 30,000 x 30,000 pixels.
- wrong type: the cover as text/plain.
- redirect off-site: to the other host. redirect to loopback: to ``http://localhost``, this site by
  another name. redirect loop: to itself.
"""
HUGE = 200_000_000
SLOW_PARTS = 20


def png(width: int, height: int, grey: bool) -> bytes:
    """A PNG of one colour with one bit a pixel (PNG specification, third edition, chapter 11)."""
    packer = zlib.compressobj(9)
    row = b"\x00" + (b"\xaa" if grey else b"\x00") * (-(-width // 8))
    rows = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


PLACEHOLDER = png(300, 300, grey=True)
"""The picture shown for albums without a cover."""


@functools.cache
def bomb() -> bytes:
    """A PNG of 900 million pixels in about 110 kB."""
    return png(30_000, 30_000, grey=False)


def file(content: bytes, kind: str, request: Request) -> Reply:
    """A file with its ETag; 304 to who has it (RFC 9110, section 13.1.2)."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or f"W/{etag}" in known or "*" in known:
        return Reply(status=304, headers={"ETag": etag})
    return Reply(content, kind=kind, headers={"ETag": etag})


def slow(content: bytes, wait: Callable[[], None]) -> Reply:
    """A file in SLOW_PARTS parts with a wait before each."""

    def parts() -> Iterator[bytes]:
        step = -(-len(content) // SLOW_PARTS)
        for start in range(0, len(content), step):
            wait()
            yield content[start : start + step]

    return Reply(parts(), kind="image/jpeg", length=len(content))


def planned(plan: str, cover: bytes, site: str, foreign: str) -> Reply:
    """The answer that one of PLANS, but "slow", asks for.

    Raises:
        ValueError: there is no such plan.
    """
    half = cover[: len(cover) // 2]
    targets = {
        "redirect off-site": f"{foreign}/cover.jpg",
        "redirect to loopback": site.replace("127.0.0.1", "localhost") + "/internal/cover.jpg",
        "redirect loop": "?again",
    }
    if plan in targets:
        return Reply(b"", 302, headers={"Location": targets[plan]})
    replies: dict[str, Callable[[], Reply]] = {
        "truncated": lambda: Reply(half, kind="image/jpeg"),
        "cut off": lambda: Reply(half, kind="image/jpeg", length=len(cover)),
        "html": lambda: Reply(b"<!DOCTYPE html><title>Sorry</title><p>Not available here."),
        "huge": lambda: Reply(_padded(cover), kind="image/jpeg", length=HUGE),
        "endless": lambda: Reply(_padded(cover), kind="image/jpeg"),
        "bomb": lambda: Reply(bomb(), kind="image/png"),
        "wrong type": lambda: Reply(cover, kind="text/plain"),
    }
    if plan not in replies:
        raise ValueError(f"no plan {plan!r}: have {', '.join(PLANS)} or a status")
    return replies[plan]()


def _padded(start: bytes) -> Iterator[bytes]:
    """HUGE bytes, made as they are sent."""
    yield start
    block, left = bytes(65536), HUGE - len(start)
    while left:
        yield block[:left]
        left -= min(left, len(block))
