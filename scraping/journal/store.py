"""The journal's SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from scraping.records import Album

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS searches (
    key TEXT PRIMARY KEY, next_page INTEGER NOT NULL, read_at TEXT NOT NULL, finished_at TEXT);
CREATE TABLE IF NOT EXISTS albums (
    album_id TEXT PRIMARY KEY,
    record TEXT NOT NULL,                 -- Album, JSON
    revision INTEGER NOT NULL DEFAULT 1,  -- grows with every change
    committed INTEGER NOT NULL DEFAULT 0, -- the revision that the tables hold
    cover_url TEXT,
    state TEXT NOT NULL,                  -- of the cover: wanted, held, failed
    news INTEGER NOT NULL DEFAULT 0,      -- 1: the tables do not know the outcome yet
    settled_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    cover_id TEXT, etag TEXT, reason TEXT, detail TEXT,
    content BLOB);
CREATE INDEX IF NOT EXISTS by_url ON albums (cover_url);
CREATE INDEX IF NOT EXISTS wanted ON albums (state) WHERE state = 'wanted';
CREATE INDEX IF NOT EXISTS pending ON albums (state) WHERE revision > committed;
"""


class Store:
    """One connection for all threads, one transaction at a time.

    WAL mode with ``synchronous=NORMAL`` survives the end of the process at any instruction; after a
    loss of power the last transactions may be missing, the file is whole all the same (SQLite
    documentation, "Write-Ahead Logging"). Deleted bytes are overwritten, not only unlinked.

    Args:
        path: of the file; created if it is not there.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file; what was written stays."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of the block, or nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, with no other thread in between."""
        with self._lock:
            yield self._connection

    def fact(self, name: str) -> int | None:
        """A number kept under a name."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row["value"])

    def keep(self, name: str, value: int) -> None:
        """Keep a number under a name, e.g. the version of the table albums last written."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def compact(self) -> None:
        """Give back the room that bytes took; nothing of them stays in the file."""
        with self._lock:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def counts(self) -> dict[str, int]:
        """``albums`` in all; their covers ``wanted``, ``held`` and ``failed``."""
        with self.reading() as connection:
            row = connection.execute(
                "SELECT count(*) AS albums, count(*) FILTER (WHERE state = 'wanted') AS wanted,"
                " count(*) FILTER (WHERE state = 'held') AS held,"
                " count(*) FILTER (WHERE state = 'failed') AS failed FROM albums"
            ).fetchone()
        return dict(row)


def dump(album: Album) -> str:
    """An album as text; equal albums have equal texts."""
    return json.dumps(asdict(album), ensure_ascii=False, sort_keys=True)


def load(text: str) -> Album:
    """The album that :func:`dump` wrote."""
    fields = json.loads(text)
    return Album(**{**fields, **{name: tuple(fields[name]) for name in ("genres", "styles")}})
