"""What the journal holds and the tables do not, and the reverse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scraping.journal.store import Store, dump, load
from scraping.records import Album


@dataclass(frozen=True)
class Pending:
    """An album that the tables do not hold as it is now.

    Attributes:
        looked_at: whether its cover has a new outcome; else the one that the tables know stands.
        cover_id: sha256 of the bytes, hexadecimal; with ``content`` None, of bytes held already.
        attempts: how often its cover failed.
    """

    album: Album
    revision: int
    looked_at: bool
    cover_id: str | None
    etag: str | None
    reason: str | None
    detail: str | None
    attempts: int
    content: bytes | None


@dataclass(frozen=True)
class Held:
    """An album as the tables hold it."""

    album: Album
    cover_id: str | None
    etag: str | None
    reason: str | None
    detail: str | None
    attempts: int


class Commits:
    """The way from the journal to the tables."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pending(self, albums: int, max_bytes: int) -> list[Pending]:
        """Albums to commit: at most ``albums``, and bytes up to about ``max_bytes``."""
        found: list[Pending] = []
        size = 0
        with self._store.reading() as connection:
            # Ids first: sorting whole rows would carry their bytes along.
            rows = connection.execute(
                "SELECT * FROM albums WHERE rowid IN (SELECT rowid FROM albums"
                " WHERE revision > committed AND state <> 'wanted' ORDER BY rowid LIMIT ?)",
                (albums,),
            )
            for row in rows:
                names = ("cover_id", "etag", "reason", "detail", "attempts", "content")
                found.append(
                    Pending(
                        album=load(row["record"]),
                        revision=row["revision"],
                        looked_at=bool(row["news"]),
                        **{name: row[name] for name in names},
                    )
                )
                size += len(row["content"] or b"")
                if size >= max_bytes:
                    break
        return found

    def waiting(self) -> int:
        """How many albums could be committed now."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT count(*) AS albums FROM albums"
                " WHERE revision > committed AND state <> 'wanted'"
            ).fetchone()
        return int(row["albums"])

    def done(self, pending: Iterable[Pending], rejected: Mapping[str, tuple[str, str]]) -> None:
        """Record that the tables hold these albums; their bytes leave the journal.

        What changed while they were being committed stays to be committed again.

        Args:
            pending: what was committed.
            rejected: albums whose bytes turned out to be no cover that can be used, with reason
                and detail.
        """
        with self._store.transaction() as connection:
            for item in pending:
                album_id = item.album.album_id
                unchanged = (album_id, item.revision)
                if album_id in rejected:
                    connection.execute(
                        "UPDATE albums SET state = 'failed', cover_id = NULL, etag = NULL,"
                        " reason = ?, detail = ?, attempts = attempts + 1"
                        " WHERE album_id = ? AND revision = ?",
                        (*rejected[album_id], *unchanged),
                    )
                connection.execute(
                    "UPDATE albums SET news = 0, content = NULL"
                    " WHERE album_id = ? AND revision = ?",
                    unchanged,
                )
                connection.execute(
                    "UPDATE albums SET committed = ? WHERE album_id = ?", (item.revision, album_id)
                )

    def reconcile(self, held: Iterable[Held]) -> None:
        """Take over what the tables hold and the journal does not, and the reverse.

        So a lost journal costs nothing that the tables hold, and tables that were restored to an
        earlier version get back what they lack.
        """
        with self._store.transaction() as connection:
            connection.execute("CREATE TEMP TABLE held (album_id TEXT PRIMARY KEY, cover_id TEXT)")
            for item in held:
                album = item.album
                connection.execute(
                    "INSERT OR IGNORE INTO albums (album_id, record, committed, cover_url, state,"
                    " attempts, cover_id, etag, reason, detail) VALUES (?,?,1,?,?,?,?,?,?,?)",
                    (
                        album.album_id, dump(album), album.cover_url,
                        "held" if item.cover_id else "failed", item.attempts, item.cover_id,
                        item.etag, item.reason, item.detail,
                    ),
                )  # fmt: skip
                connection.execute(
                    "INSERT INTO held VALUES (?, ?)", (album.album_id, item.cover_id)
                )
            connection.execute(
                "UPDATE albums SET state = 'wanted', etag = NULL, cover_id = NULL"
                " WHERE state = 'held' AND news = 0 AND NOT EXISTS (SELECT 1 FROM held"
                " WHERE held.album_id = albums.album_id AND held.cover_id = albums.cover_id)"
            )
            connection.execute(
                "UPDATE albums SET revision = revision + 1, news = 1 WHERE committed > 0"
                " AND album_id NOT IN (SELECT album_id FROM held)"
            )
            connection.execute("DROP TABLE held")
