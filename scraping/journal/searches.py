"""Which searches were read how far, and the albums they found."""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import replace

from scraping.journal.covers import RETRIED, Covers
from scraping.journal.store import Store, dump, load
from scraping.records import Album, Page, Search

# A search that was interrupted longer ago is read from its start: its pages may have moved.
_RESUMABLE = datetime.timedelta(days=1)


class Searches:
    """The searches of the journal and the albums on their pages."""

    def __init__(self, store: Store, covers: Covers) -> None:
        self._store = store
        self._covers = covers

    def begin(self, now: datetime.datetime, attempts: int, refresh: bool) -> None:
        """Begin a run: go on with the crawl that was interrupted, or start the next one.

        Args:
            now: the time.
            attempts: covers that failed less often are tried again by the next crawl.
            refresh: read every search again, and ask for every cover whether it has changed.
        """
        complete = self._store.fact("complete")
        with self._store.transaction() as connection:
            if refresh:
                connection.execute("UPDATE searches SET next_page = 1, finished_at = NULL")
                connection.execute("UPDATE albums SET state = 'wanted' WHERE cover_url IS NOT NULL")
            elif complete:
                marks = ", ".join("?" * len(RETRIED))
                connection.execute(
                    "UPDATE albums SET state = 'wanted' WHERE state = 'failed' AND attempts < ?"
                    f" AND cover_url IS NOT NULL AND reason IN ({marks})",
                    (attempts, *RETRIED),
                )
            connection.execute(
                "UPDATE searches SET next_page = 1 WHERE finished_at IS NULL AND read_at < ?",
                ((now - _RESUMABLE).isoformat(),),
            )
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('complete', 0)")

    def end(self) -> None:
        """Say that the crawl came to its end."""
        self._store.keep("complete", 1)
        self._store.compact()

    def position(self, search: Search, due: datetime.datetime) -> int | None:
        """The page to read next; None when the search was read to its end since ``due``."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT next_page, finished_at FROM searches WHERE key = ?", (search.key,)
            ).fetchone()
        if row is None:
            return 1
        if row["finished_at"] is None:
            return int(row["next_page"])
        return None if row["finished_at"] >= due.isoformat() else 1

    def add(
        self,
        search: Search,
        page: Page,
        states_all_genres: bool,
        now: datetime.datetime,
        due: datetime.datetime,
    ) -> None:
        """Record a page: its albums, and that the search goes on behind it.

        Args:
            search, page: what was read.
            states_all_genres: see :class:`scraping.records.Source`.
            now: the time.
            due: covers that were not to be had before are looked for again.
        """
        finished = now.isoformat() if page.last else None
        with self._store.transaction() as connection:
            for album in page.albums:
                self._sight(connection, album, states_all_genres, now, due)
            connection.execute(
                "INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?)",
                (search.key, page.number + 1, now.isoformat(), finished),
            )

    def _sight(
        self,
        connection: sqlite3.Connection,
        album: Album,
        states_all_genres: bool,
        now: datetime.datetime,
        due: datetime.datetime,
    ) -> None:
        row = connection.execute(
            "SELECT record, cover_url, state, settled_at FROM albums WHERE album_id = ?",
            (album.album_id,),
        ).fetchone()
        if row is None:
            connection.execute(
                "INSERT INTO albums (album_id, record, cover_url, state)"
                " VALUES (?, ?, ?, 'wanted')",
                (album.album_id, dump(album), album.cover_url),
            )
            self._covers.want(connection, album, now)
            return
        if not states_all_genres:
            known = load(row["record"])
            album = replace(
                album,
                genres=_union(known.genres, album.genres),
                styles=_union(known.styles, album.styles),
            )
        if dump(album) != row["record"]:
            connection.execute(
                "UPDATE albums SET record = ?, cover_url = ?, revision = revision + 1"
                " WHERE album_id = ?",
                (dump(album), album.cover_url, album.album_id),
            )
        overdue = row["settled_at"] is not None and row["settled_at"] < due.isoformat()
        if album.cover_url != row["cover_url"] or (row["state"] == "failed" and overdue):
            self._covers.want(connection, album, now)


def _union(known: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *found)))
