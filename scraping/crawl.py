"""Run a crawl: read pages, download covers, commit both, all at the same time."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from covergenre.config.scrape import Scrape
from covergenre.errors import ImageError, OutputError
from scraping.journal import Journal, Outcome, Pending
from scraping.polite.client import Client
from scraping.records import Source

# Bytes handed over in one commit, unless a single cover is larger.
_COMMIT_BYTES = 128 * 1024 * 1024
_IDLE_SECONDS = 0.2

Rejected = Mapping[str, tuple[str, str]]


class Commit(Protocol):
    """Writes albums to the tables.

    Returns:
        the albums whose bytes are no cover that can be used: id to reason and detail.

    Raises:
        OutputError: not now; another job is writing.
    """

    def __call__(self, pending: list[Pending]) -> Rejected: ...


@dataclass
class Tally:
    """What one run did."""

    searches: int = 0
    searches_read: int = 0
    pages: int = 0
    rows: int = 0
    covers_fetched: int = 0
    covers_unchanged: int = 0
    covers_failed: int = 0
    bytes_fetched: int = 0
    commits: int = 0


class Crawl:
    """One run of a crawl.

    Args:
        source: gives pages; read in the caller's thread, one page at a time.
        client: fetches covers, in ``http.downloads`` threads.
        journal: of earlier runs and this one.
        settings: of scraping.
        commit: writes to the tables; called from one thread at a time.
    """

    def __init__(
        self, source: Source, client: Client, journal: Journal, settings: Scrape, commit: Commit
    ) -> None:
        self.tally = Tally()
        self._source = source
        self._client = client
        self._journal = journal
        self._settings = settings
        self._commit = commit
        self._start = time.monotonic()
        self._reading = "starting"
        self._pages_read = threading.Event()
        self._covers_done = threading.Event()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._counting = threading.Lock()

    def run(self, refresh: bool = False) -> None:
        """Crawl to the end, or as far as it goes; what was found is committed either way.

        Args:
            refresh: read every search again, and ask for every cover whether it has changed.

        Raises:
            SourceError: the source says no, does not answer, or has changed.
            OutputError: the tables are in use; the journal keeps what they lack.
        """
        self._journal.searches.begin(_now(), self._settings.cover_attempts, refresh)
        downloads = [
            threading.Thread(target=self._guarded, args=(self._download,), name=f"download-{n}")
            for n in range(self._settings.http.downloads)
        ]
        committing = threading.Thread(target=self._guarded, args=(self._commit_often,))
        for thread in (*downloads, committing):
            thread.start()
        try:
            self._read_pages()
        except BaseException as error:
            self._fail(error)
        self._pages_read.set()
        for thread in downloads:
            self._wait_for(thread)
        self._reading = "committing"
        self._covers_done.set()
        self._wait_for(committing)
        self._commit_rest()
        if self._failure is not None:
            raise self._failure
        self._journal.searches.end()

    def describe(self) -> str:
        """Where the crawl is, in one line."""
        tally, counts = self.tally, self._journal.store.counts()
        seconds = max(time.monotonic() - self._start, 1e-9)
        done, width = tally.searches_read / max(tally.searches, 1), 20
        bar = "#" * round(done * width)
        return (
            f"[{bar:<{width}}] {self._reading}, search {tally.searches_read} of {tally.searches}: "
            f"{counts['albums']} albums, {counts['held']} covers, {counts['wanted']} to fetch, "
            f"{counts['failed']} without; {60 * tally.pages / seconds:.0f} pages/min, "
            f"{tally.covers_fetched / seconds:.1f} images/s"
        )

    def _read_pages(self) -> None:
        searches = self._source.searches()
        self.tally.searches = len(searches)
        for search in searches:
            start = self._journal.searches.position(search, self._due())
            if start is not None:
                self._reading = f"{self._source.name} {search.title}"
                for page in self._source.pages(search, start):
                    self._journal.searches.add(
                        search, page, self._source.states_all_genres, _now(), self._due()
                    )
                    self.tally.pages += 1
                    self.tally.rows += len(page.albums)
                    if self._stop.is_set():
                        return
            self.tally.searches_read += 1
        self._reading = "covers"

    def _due(self) -> datetime.datetime:
        return _now() - datetime.timedelta(days=self._settings.recrawl_after_days)

    def _download(self) -> None:
        while not self._stop.is_set():
            no_more = self._pages_read.is_set()
            wanted = self._journal.covers.claim()
            if wanted is None:
                if no_more:
                    return
                self._stop.wait(_IDLE_SECONDS)
                continue
            try:
                outcome = self._fetch(wanted.url, wanted.etag)
                self._journal.covers.settle(wanted.url, outcome, _now())
            finally:
                self._journal.covers.release(wanted.url)

    def _fetch(self, url: str, etag: str | None) -> Outcome:
        try:
            cover = self._client.get_cover(url, etag)
        except ImageError as error:
            self._count("covers_failed")
            return Outcome(reason=error.reason, detail=error.detail)
        if cover.content is None:
            self._count("covers_unchanged")
            return Outcome()
        self._count("covers_fetched")
        self._count("bytes_fetched", len(cover.content))
        return Outcome(content=cover.content, etag=cover.etag)

    def _count(self, name: str, amount: int = 1) -> None:
        with self._counting:
            setattr(self.tally, name, getattr(self.tally, name) + amount)

    def _commit_often(self) -> None:
        # What an interrupted run left behind comes first.
        with suppress(OutputError):
            self._commit_once()
        last = time.monotonic()
        while not self._covers_done.wait(_IDLE_SECONDS):
            waiting = self._journal.commits.waiting()
            waited = time.monotonic() - last >= self._settings.commit_seconds
            if waiting >= self._settings.commit_albums or (waiting and waited):
                # Another job is writing: the journal keeps everything until the next try.
                with suppress(OutputError):
                    self._commit_once()
                last = time.monotonic()

    def _commit_once(self) -> bool:
        pending = self._journal.commits.pending(self._settings.commit_albums, _COMMIT_BYTES)
        if pending:
            self._journal.commits.done(pending, self._commit(pending))
            self.tally.commits += 1
        return bool(pending)

    def _commit_rest(self) -> None:
        try:
            while self._commit_once():
                pass
        except BaseException as error:
            # What ended the crawl matters more than that its last commit failed, too.
            self._failure = self._failure or error

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._counting:
            self._failure = self._failure or error
        self._stop.set()
        self._client.pace.stop()

    def _wait_for(self, thread: threading.Thread) -> None:
        while thread.is_alive():
            try:
                thread.join(_IDLE_SECONDS)
            except KeyboardInterrupt as error:
                self._fail(error)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
