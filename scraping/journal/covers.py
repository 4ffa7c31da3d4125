"""Which covers a crawl wants, and what fetching them came to."""

from __future__ import annotations

import datetime
import hashlib
import sqlite3
from dataclasses import dataclass

from scraping.journal.store import Store
from scraping.records import Album

# Failures that the next crawl may not meet again.
RETRIED = ("unreachable", "http_error", "robots_disallowed", "address_refused")


@dataclass(frozen=True)
class Wanted:
    """A cover to fetch; ``etag`` is set when its bytes are held and may have changed."""

    url: str
    etag: str | None


@dataclass(frozen=True)
class Outcome:
    """What fetching a cover came to: bytes, unchanged bytes (neither set), or a reason why not."""

    content: bytes | None = None
    etag: str | None = None
    reason: str | None = None
    detail: str | None = None


class Covers:
    """The covers of the journal's albums."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claimed: set[str] = set()

    def want(self, connection: sqlite3.Connection, album: Album, now: datetime.datetime) -> None:
        """Have an album's cover fetched, unless there is none or its bytes are in the tables."""
        if album.cover_url is None:
            outcome = Outcome(reason="no_cover", detail="the source shows none")
            _settle(connection, album.album_id, outcome, now)
            return
        same = connection.execute(
            "SELECT cover_id, etag FROM albums WHERE cover_url = ? AND album_id <> ?"
            " AND state = 'held' AND news = 0 AND committed > 0",
            (album.cover_url, album.album_id),
        ).fetchone()
        if same is None:
            connection.execute(
                "UPDATE albums SET state = 'wanted', etag = NULL WHERE album_id = ?",
                (album.album_id,),
            )
            return
        connection.execute(
            "UPDATE albums SET state = 'held', news = 1, revision = revision + 1, cover_id = ?,"
            " etag = ?, reason = NULL, detail = NULL, settled_at = ? WHERE album_id = ?",
            (same["cover_id"], same["etag"], now.isoformat(), album.album_id),
        )

    def claim(self) -> Wanted | None:
        """A cover nobody in this process is fetching, or None; :meth:`settle` ends the claim."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT cover_url, etag, cover_id FROM albums WHERE state = 'wanted' ORDER BY rowid"
            )
            for row in rows:
                if row["cover_url"] not in self._claimed:
                    self._claimed.add(row["cover_url"])
                    return Wanted(row["cover_url"], row["etag"] if row["cover_id"] else None)
        return None

    def release(self, url: str) -> None:
        """Give a claim back without an outcome."""
        self._claimed.discard(url)

    def settle(self, url: str, outcome: Outcome, now: datetime.datetime) -> None:
        """Record what fetching a cover came to, for every album that wants it."""
        with self._store.transaction() as connection:
            rows = connection.execute(
                "SELECT album_id FROM albums WHERE cover_url = ? AND state = 'wanted'", (url,)
            )
            for row in rows.fetchall():
                _settle(connection, row["album_id"], outcome, now)
        self.release(url)


def _settle(
    connection: sqlite3.Connection, album_id: str, outcome: Outcome, now: datetime.datetime
) -> None:
    at = now.isoformat()
    if outcome.content is not None:
        cover_id = hashlib.sha256(outcome.content).hexdigest()
        connection.execute(
            "UPDATE albums SET state = 'held', news = 1, revision = revision + 1, content = ?,"
            " cover_id = ?, etag = ?, reason = NULL, detail = NULL, settled_at = ?"
            " WHERE album_id = ?",
            (outcome.content, cover_id, outcome.etag, at, album_id),
        )
    elif outcome.reason is None or (
        outcome.reason in RETRIED and _holds_bytes(connection, album_id)
    ):
        # Unchanged, or not to be had just now: the bytes that are held stay.
        connection.execute(
            "UPDATE albums SET state = 'held', settled_at = ? WHERE album_id = ?", (at, album_id)
        )
    else:
        connection.execute(
            "UPDATE albums SET state = 'failed', news = 1, revision = revision + 1, content = NULL,"
            " cover_id = NULL, etag = NULL, reason = ?, detail = ?, attempts = attempts + 1,"
            " settled_at = ? WHERE album_id = ?",
            (outcome.reason, outcome.detail, at, album_id),
        )


def _holds_bytes(connection: sqlite3.Connection, album_id: str) -> bool:
    row = connection.execute("SELECT cover_id FROM albums WHERE album_id = ?", (album_id,))
    return row.fetchone()["cover_id"] is not None
