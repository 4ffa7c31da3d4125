"""What lies beside a warehouse's tables: reports, trainings, the journals of crawls."""

from __future__ import annotations

import contextlib
import mmap
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from covergenre.errors import LockedError
from jobs.runtime.crawling import FOLDER
from jobs.runtime.maintenance.takedowns import DETAIL, REASON
from schemas import TABLES
from scraping.journal.store import Store

# Made by jobs, of covers, in pictures and states that cannot be searched: made again by the same.
_MADE = ("analysis", "candidates", "checkpoints", "evaluation", "report", f"{FOLDER}/failures")


@contextlib.contextmanager
def journals(folder: Path) -> Iterator[list[Store]]:
    """The journals of a warehouse's crawls, no crawl running meanwhile.

    Args:
        folder: as :func:`jobs.runtime.crawling.journal_folder` gives it; it need not be there.

    Raises:
        LockedError: a crawl is running.
    """
    files = sorted(folder.glob("*.sqlite"))
    if not files:
        yield []
        return
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{folder.parent} is being scraped into by another job: wait for it"
        ) from None
    with contextlib.ExitStack() as stack:
        stack.callback(lock.release)
        stores = [Store(file) for file in files]
        for store in stores:
            stack.callback(store.close)
        yield stores


def forget(stores: Iterable[Store], cover_ids: Collection[str]) -> None:
    """Let journals know nothing of covers but that their albums have none."""
    for store in stores:
        with store.transaction() as connection:
            connection.executemany(
                "UPDATE albums SET state = 'failed', content = NULL, cover_id = NULL, etag = NULL,"
                " reason = ?, detail = ?, attempts = max(attempts, 1) WHERE cover_id = ?",
                [(REASON, DETAIL, one) for one in cover_ids],
            )
        store.compact()


def want(stores: Iterable[Store], album_ids: Collection[str]) -> None:
    """Let the next crawl fetch the covers of albums, however often that has failed."""
    for store in stores:
        with store.transaction() as connection:
            connection.executemany(
                "UPDATE albums SET state = 'wanted' WHERE state = 'failed' AND album_id = ?"
                " AND cover_url IS NOT NULL",
                [(one,) for one in album_ids],
            )


def erase(location: str, cover_ids: Collection[str], contents: Collection[bytes]) -> int:
    """Delete reports, half-finished trainings, and every other file that names or holds a cover.

    Args:
        location: a local warehouse.
        cover_ids: sha256 of the covers.
        contents: the bytes of those that were held.

    Returns:
        how many files and folders were deleted.
    """
    root = Path(location)
    made = [root / name for name in _MADE if (root / name).exists()]
    for folder in made:
        shutil.rmtree(folder)
    names = [one.encode() for one in cover_ids]
    found = [file for file in _others(root) if _has(file, (*names, *contents))]
    for file in found:
        file.unlink()
    return len(made) + len(found)


def _others(root: Path) -> Iterator[Path]:
    """The files that belong to no table, copy or journal."""
    apart = {*TABLES, "_snapshots"}
    for path in root.iterdir():
        if path.is_symlink() or path.name in apart:
            continue
        below = path.rglob("*") if path.is_dir() else [path]
        yield from (file for file in below if file.is_file() and ".sqlite" not in file.name)


def _has(file: Path, wanted: Collection[bytes]) -> bool:
    name = file.name.encode()
    if any(one in name for one in wanted):
        return True
    if not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(one) >= 0 for one in wanted)
