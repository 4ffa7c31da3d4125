"""Put rows into a page so that a browser reads them quickly and they cannot end a script."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

CHUNK = 5000
"""Rows that are packed together: a dialog unpacks so many."""

_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_TEXTS = {"id": "album_id", "artist": "artist", "title": "title"}
_NAMES = {"genre": "genre", "predicted": "predicted_genre"}
_THOUSANDTHS = {"confidence": "confidence", "score": "advisory_score"}
_WHOLE = {"abstained": "abstained", "advisory": "advisory", "year": "release_year"}


@dataclass(frozen=True)
class Packed:
    """Rows as texts of base64 (gzip of JSON), :data:`CHUNK` rows each.

    Attributes:
        rows: what the table shows; fewer than there were if there was no room.
        details: what dialogs show, of the first rows; fewer if there was no room.
        shown: how many rows these are.
        detailed: how many of them have details.
        names: genres, by the numbers that rows hold.
    """

    rows: Sequence[str]
    details: Sequence[str]
    shown: int
    detailed: int
    names: Sequence[str]


def script_json(value: Any) -> str:
    """JSON that may stand in a ``<script>`` element, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE)


def pack(rows: pd.DataFrame, room: int) -> Packed:
    """Pack rows, at most so many bytes: the table's first, then what dialogs show.

    Args:
        rows: as :class:`covergenre.report.contents.Contents` holds them.
        room: bytes, at least 0.
    """
    names = sorted({*rows["genre"].dropna(), *rows["predicted_genre"].dropna()})
    codes = {name: k for k, name in enumerate(names)}
    starts = range(0, len(rows), CHUNK)
    tables = _fitting((_table(rows[k : k + CHUNK], codes) for k in starts), room)
    shown = min(len(tables) * CHUNK, len(rows))
    room -= sum(map(len, tables))
    texts = rows["details"].iloc[:shown]
    details = _fitting((_details(texts[k : k + CHUNK]) for k in range(0, shown, CHUNK)), room)
    return Packed(tables, details, shown, min(len(details) * CHUNK, shown), names)


def _fitting(packed: Iterator[str], room: int) -> list[str]:
    kept = []
    for text in packed:
        room -= len(text)
        if room < 0:
            break
        kept.append(text)
    return kept


def _table(rows: pd.DataFrame, codes: dict[str, int]) -> str:
    columns: dict[str, list[Any]] = {
        **{key: ["" if v is None else v for v in _plain(rows[n])] for key, n in _TEXTS.items()},
        **{key: [codes.get(v, -1) for v in _plain(rows[n])] for key, n in _NAMES.items()},
        **{
            key: [None if v is None else round(1000 * v) for v in _plain(rows[n])]
            for key, n in _THOUSANDTHS.items()
        },
        **{
            key: [None if v is None else int(v) for v in _plain(rows[n])]
            for key, n in _WHOLE.items()
        },
    }
    return _compressed(json.dumps(columns, separators=(",", ":")))


def _plain(values: pd.Series) -> list[Any]:
    """Values as Python's own, None for what is missing."""
    return [None if gone else v for v, gone in zip(values.tolist(), values.isna(), strict=True)]


def _details(texts: Iterable[str]) -> str:
    return _compressed(f"[{','.join(texts)}]")


def _compressed(text: str) -> str:
    # A fixed time: the same rows make the same page.
    packed = gzip.compress(text.encode(errors="replace"), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def data_url(jpeg: bytes) -> str:
    """A JPEG as an address."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


__all__ = ["CHUNK", "Packed", "data_url", "pack", "script_json"]
