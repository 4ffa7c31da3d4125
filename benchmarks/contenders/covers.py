"""Covers for a benchmark: as many as are asked for, each other bytes, none other pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from covergenre import images
from covergenre.errors import CatalogueError, ImageError

_START = b"\xff\xd8"  # SOI, start of image
_COMMENT = b"\xff\xfe"  # COM
# Files of tens of megabytes, row groups of a few: both can be read side by side.
_COVERS_A_FILE, _COVERS_A_GROUP = 512, 64
_SCHEMA = pa.schema([("cover_id", pa.string()), ("content", pa.binary())])


def distinct(jpeg: bytes, number: int) -> bytes:
    """The same picture as another file: its number as a JPEG comment (ITU-T T.81, B.2.4.5).

    Raises:
        ValueError: it is no JPEG.
    """
    if not jpeg.startswith(_START):
        raise ValueError("no JPEG: it does not start with SOI")
    text = f"copy {number}".encode("ascii")
    segment = _COMMENT + (len(text) + 2).to_bytes(2, "big") + text
    return _START + segment + jpeg[len(_START) :]


def copies(originals: Sequence[bytes], count: int) -> Iterator[tuple[bytes, ...]]:
    """So many distinct covers, the copies of an original one after the other.

    Yields:
        the copies of one original; each has been decoded and has the original's pixels.

    Raises:
        AssertionError: a copy has other pixels.
    """
    for first, original in enumerate(originals[:count]):
        pixels = images.decode(original)
        numbers = range(first, count, len(originals))
        found = tuple(distinct(original, number) for number in numbers)
        for copy in found:
            assert np.array_equal(images.decode(copy), pixels), "a comment changed the pixels"
        yield found


def usable(contents: Sequence[bytes]) -> list[bytes]:
    """Those that are JPEGs and can be decoded.

    Raises:
        CatalogueError: none can.
    """
    found = [content for content in contents if content.startswith(_START) and _decodes(content)]
    if not found:
        raise CatalogueError("no cover is a JPEG that can be decoded: name another folder")
    return found


def _decodes(content: bytes) -> bool:
    try:
        images.decode(content)
    except ImageError:
        return False
    return True


def write_parquet(originals: Sequence[bytes], count: int, folder: Path) -> None:
    """Write so many distinct covers as Parquet files with ``cover_id`` and ``content``."""
    folder.mkdir(parents=True)
    rows: list[bytes] = []
    for found in copies(originals, count):
        rows += found
        while len(rows) >= _COVERS_A_FILE:
            _write(rows[:_COVERS_A_FILE], folder)
            del rows[:_COVERS_A_FILE]
    if rows:
        _write(rows, folder)


def _write(contents: Sequence[bytes], folder: Path) -> None:
    ids = [hashlib.sha256(content).hexdigest() for content in contents]
    table = pa.table({"cover_id": ids, "content": contents}, schema=_SCHEMA)
    file = folder / f"part-{len(list(folder.iterdir())):05d}.parquet"
    pq.write_table(table, file, row_group_size=_COVERS_A_GROUP)


def first(parquet: str, count: int) -> list[bytes]:
    """The content of the first covers of :func:`write_parquet`."""
    found: list[bytes] = []
    for file in sorted(Path(parquet).glob("*.parquet")):
        found += pq.read_table(file, columns=["content"])["content"].to_pylist()
        if len(found) >= count:
            break
    return found[:count]
