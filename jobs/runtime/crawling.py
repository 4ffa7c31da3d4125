"""Crawl a remote source into a warehouse."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from covergenre.config import Settings
from covergenre.errors import OutputError
from jobs.runtime import session, sink
from jobs.runtime.crawled import Tables, create
from jobs.runtime.progress import told
from jobs.runtime.runs import Run, recorded
from jobs.runtime.warehouse import Warehouse
from scraping.allmusic import AllMusic
from scraping.crawl import Crawl
from scraping.journal import Journal
from scraping.journal.store import Store
from scraping.musicbrainz import MusicBrainz
from scraping.polite.client import Client
from scraping.records import Source

_HELD = ("albums", "covers", "duplicates", "quarantined")
# What a crawl keeps beside the tables: journal, HTTP cache, evidence of failures, lock.
FOLDER = ".crawl"


def _allmusic(settings: Settings, folder: Path) -> tuple[Source, Client]:
    client = _client(settings, settings.scrape.allmusic.hosts, "allmusic", folder)
    return AllMusic(settings, client, folder / "failures"), client


def _musicbrainz(settings: Settings, folder: Path) -> tuple[Source, Client]:
    client = _client(settings, settings.scrape.musicbrainz.hosts, "musicbrainz", folder)
    return MusicBrainz(settings, client), client


def _client(settings: Settings, hosts: list[str], source: str, folder: Path) -> Client:
    return Client(settings.scrape, hosts, source, folder / "http", settings.images.limits)


SOURCES: dict[str, Callable[[Settings, Path], tuple[Source, Client]]] = {
    "allmusic": _allmusic,
    "musicbrainz": _musicbrainz,
}
"""Remote sources by name."""


def crawl(run: Run, name: str, output: str | None, refresh: bool) -> Warehouse:
    """Crawl a source, or go on with a crawl that was interrupted.

    Args:
        run: what is being run; its counts are filled in.
        name: a key of :data:`SOURCES`.
        output: the warehouse; None to name it after the source.
        refresh: read every search again, and ask for every cover whether it has changed.

    Returns:
        the warehouse.

    Raises:
        SettingError, OutputError, BrowserError: something given is wrong; nothing is written.
        SourceError: the source says no, does not answer, or has changed; what was found is kept.
    """
    settings = run.settings
    location = output or str(Path(settings.warehouse.root) / name)
    folder = journal_folder(location, settings)
    identity = f"crawl:{name}"
    with contextlib.ExitStack() as stack:
        # The settings of a source are checked before Java starts and anything is written.
        source, client = SOURCES[name](settings, folder)
        stack.callback(client.close)
        stack.callback(source.close)
        stack.enter_context(_alone(folder))
        store = Store(folder / f"{name}.sqlite")
        stack.callback(store.close)
        journal = Journal(store)
        warehouse = Warehouse(session.build(run.job), location)
        with warehouse.writing(identity, settings.warehouse):
            create(warehouse)
        tables = Tables(warehouse, source, settings, journal, identity)
        # The crawl itself may last for hours: the warehouse is locked for each commit only.
        with recorded(run, warehouse, lambda: warehouse.writing(identity, settings.warehouse)):
            tables.reconcile()
            work = Crawl(source, client, journal, settings.scrape, tables.commit)
            try:
                with told(work.describe):
                    work.run(refresh)
            finally:
                run.counts.update(vars(work.tally))
                held = sink.counts(warehouse).as_dict()
                run.counts.update({name: held[name] for name in _HELD})
    return warehouse


def journal_folder(location: str, settings: Settings) -> Path:
    """Where the journals of a warehouse's crawls lie."""
    if "://" not in location:
        return Path(location).resolve() / FOLDER
    # SQLite needs a file system: the journal of a warehouse elsewhere stays on this machine.
    name = hashlib.sha256(location.encode()).hexdigest()[:16]
    return Path(settings.warehouse.root).resolve() / FOLDER / name


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{folder.parent} is being scraped into by another job: wait for it, or name another "
            "--output"
        ) from None
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written ({error.strerror}): name another --output"
        ) from error
    try:
        yield
    finally:
        lock.release()
