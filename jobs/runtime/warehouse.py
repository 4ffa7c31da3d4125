"""A catalogue's warehouse: a folder of Delta tables that belongs to one catalogue."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from delta.tables import DeltaTable
from filelock import FileLock, Timeout
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.config.sections import WarehouseSettings
from covergenre.errors import CatalogueError, LockedError, OutputError
from jobs.runtime.disk import told_if_full
from jobs.runtime.keeping import kept
from jobs.runtime.maintenance import storage
from schemas import TABLES, Table

_IDENTITY = "catalogue.json"
_POLL_SECONDS = 0.1
# Of a commit that adds or removes rows (Delta protocol, "Add File and Remove File").
_CHANGES_ROWS = '"dataChange":true'


class Warehouse:
    """Tables by name under one folder.

    Args:
        spark: the session.
        location: a local folder, or a URL that Hadoop knows (``s3a://...``).
    """

    def __init__(self, spark: SparkSession, location: str) -> None:
        self.spark = spark
        location = local_path(location)
        self.local = "://" not in location
        self.location = str(Path(location).resolve()) if self.local else location.rstrip("/")
        self._known: set[str] = set()
        self._held: dict[tuple[str, ...], tuple[int, DataFrame]] = {}

    def path(self, name: str) -> str:
        """Where a table (or a folder beside the tables) lies."""
        return f"{self.location}/{name}"

    def lock_folder(self, settings: WarehouseSettings) -> Path:
        """Where files can be locked for this warehouse: the folder itself, or for a URL one of its
        own in ``warehouse.locks``.
        """
        if self.local:
            return Path(self.location)
        return Path(settings.lock_folder) / quote(self.location, safe="")

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if table.name not in self._known:
            if not DeltaTable.isDeltaTable(self.spark, self.path(table.name)):
                return False
            self._known.add(table.name)
        return True

    def create(self, *tables: Table) -> None:
        """Create the tables that are not there, add the columns that older ones lack."""

        def create(table: Table) -> None:
            table.create(self.spark, self.path(table.name))

        # Beside each other: it takes short queries, each of which leaves cores idle.
        with ThreadPoolExecutor() as threads:  # one starts for each that is asked for
            list(threads.map(create, tables))

    def read(self, table: Table) -> DataFrame:
        """The table's rows.

        Raises:
            CatalogueError: the table has not been written; says by which job it is.
        """
        self._check_there(table)
        return self.spark.read.format("delta").load(self.path(table.name))

    def _check_there(self, table: Table) -> None:
        if not self.exists(table):
            raise CatalogueError(
                f"{self.path(table.name)} is not there: scrape a catalogue into it first"
            )

    def held(self, table: Table, *names: str) -> DataFrame:
        """Columns of a table (none named: all) as :meth:`read` gives them, but read only once until
        something is committed to it: for what a run asks again and again, without bytes.
        """
        self._check_there(table)
        commits = self._commits(table)
        key, version = (table.name, *names), max(commits)
        if key not in self._held or self._held[key][0] != version:
            if self._only_made(commits):
                rows = table.rows(self.spark)
                self._held[key] = version, rows.select(*(names or table.names))
            else:
                self._held[key] = version, kept(self.read(table).select(*(names or table.names)))
        return self._held[key][1]

    def is_new(self, table: Table) -> bool:
        """Whether nothing has been written to a table since it was made; asks no query."""
        return self._only_made(self._commits(table))

    def _only_made(self, commits: dict[int, str]) -> bool:
        made = set(commits) == {0}
        return made and _CHANGES_ROWS not in (storage.text(self.spark, commits[0]) or "")

    def of_covers(self, table: Table, cover_ids: Iterable[str]) -> DataFrame:
        """The table's rows of some covers, as many as fit into the driver's memory."""
        ids = self.spark.createDataFrame([(cover_id,) for cover_id in cover_ids], "cover_id string")
        return self.read(table).join(F.broadcast(ids), "cover_id", "left_semi")

    def delta(self, table: Table) -> DeltaTable:
        """The table, for MERGE."""
        return DeltaTable.forPath(self.spark, self.path(table.name))

    def append(
        self, table: Table, df: DataFrame, transaction: tuple[str, int] | None = None
    ) -> None:
        """Append rows, after holding them against the table's schema.

        Args:
            table: is there.
            df: its columns.
            transaction: an application's name and a number of its own; with the same or a lower
                number Delta appends nothing ("idempotent writes").
        """
        writer = table.conform(df).write.format("delta").mode("append")
        if transaction is not None:
            writer = writer.option("txnAppId", transaction[0]).option("txnVersion", transaction[1])
        writer.save(self.path(table.name))

    def replace(self, table: Table, df: DataFrame, where: str | None = None) -> None:
        """Replace all rows, or those that match ``where``, in one commit."""
        writer = table.conform(df).write.format("delta").mode("overwrite")
        if where is not None:
            writer = writer.option("replaceWhere", where)
        writer.save(self.path(table.name))

    def versions(self) -> dict[str, int]:
        """Delta version of every table that is there."""
        return {t.name: self.version(t) for t in TABLES.values() if self.exists(t)}

    def version(self, table: Table) -> int:
        """The table's Delta version."""
        return max(self._commits(table))

    def rows_version(self, table: Table) -> int:
        """The last of the table's Delta versions that changed rows: not by compaction or a change
        of properties. The first that its log tells of, where that tells of none such.
        """
        commits = self._commits(table)
        for version in sorted(commits, reverse=True):
            if _CHANGES_ROWS in (storage.text(self.spark, commits[version]) or ""):
                return version
        return min(commits)

    def _commits(self, table: Table) -> dict[int, str]:
        """Paths of the table's commits by version.

        They are files named by their version (Delta protocol, "Delta Log Entries"); asking Delta
        for its history starts a Spark job a table.
        """
        log = self.path(f"{table.name}/_delta_log")
        if self.local:  # not through Java, a call of which a file takes
            names = os.listdir(log)
        else:
            names = [entry.name for entry in storage.entries(self.spark, log)]
        return {
            int(name.removesuffix(".json")): f"{log}/{name}"
            for name in names
            if re.fullmatch(r"[0-9]+\.json", name)
        }

    @contextlib.contextmanager
    def writing(self, catalogue: str, settings: WarehouseSettings) -> Iterator[None]:
        """Hold the warehouse for writing, for one catalogue.

        Delta on a local disk writes its log by exists-then-rename, on S3 by exists-then-put, which
        two drivers can both do: one lock a warehouse keeps them apart.

        Args:
            catalogue: what the catalogue is: a folder's path or a URL (``crawl:allmusic``);
                remembered on first use.
            settings: how long to wait for another writer, and where the locks of URLs are.

        Raises:
            LockedError: another writer holds it.
            OutputError: it cannot be written, or belongs to another catalogue.
        """
        root = self.lock_folder(settings)
        timeout = settings.lock_timeout_seconds
        with contextlib.ExitStack() as held, told_if_full(self.location):
            try:
                root.mkdir(parents=True, exist_ok=True)
                start = time.monotonic()
                held.enter_context(FileLock(root / ".lock", timeout=timeout))
                left = timeout - (time.monotonic() - start)
                held.enter_context(_held_by_java(self.spark, root / ".lock.java", left))
            except Timeout:
                raise LockedError(
                    f"{self.location} is being written by another job: wait for it, or name "
                    "another --output"
                ) from None
            except OSError as error:
                named = "--output" if self.local else "warehouse.locks:"
                raise OutputError(
                    f"{named} {root} cannot be written ({error.strerror}): name a folder"
                ) from error
            if catalogue != self.location:  # a warehouse scored as it is keeps its owner
                self._claim(root / _IDENTITY, catalogue)
            yield

    def _claim(self, identity: Path, catalogue: str) -> None:
        if identity.exists():
            owner = str(json.loads(identity.read_text("utf-8"))["catalogue"])
            # A folder that moved away takes its warehouse with it; a URL does not move.
            crawled = any(name.startswith("crawl:") for name in (owner, catalogue))
            if owner != catalogue and (crawled or os.path.lexists(owner)):
                raise OutputError(
                    f"{self.location} holds the catalogue of {owner}: name another --output for "
                    f"{catalogue}"
                )
            if owner == catalogue:
                return
        part = identity.with_suffix(".part")
        part.write_text(json.dumps({"catalogue": catalogue}) + "\n", "utf-8")
        part.replace(identity)


def local_path(location: str) -> str:
    """A location, ``file:///path`` as the path that it is."""
    if not location.startswith("file:"):
        return location
    return url2pathname(urlsplit(location).path)


@contextlib.contextmanager
def _held_by_java(spark: SparkSession, file: Path, timeout: float) -> Iterator[None]:
    """A lock of the driver's Java, which may still be committing when its Python is killed.

    Args:
        spark: the session.
        file: none that Python locks: on NFS both locks are of one kind and shut each other out.
        timeout: seconds to wait.

    Raises:
        Timeout: the Java of another driver lives.
    """
    jvm = spark._jvm
    assert jvm is not None
    deadline = time.monotonic() + timeout
    channel = jvm.java.io.RandomAccessFile(str(file), "rw").getChannel()
    try:
        while channel.tryLock() is None:
            if time.monotonic() > deadline:
                raise Timeout(str(file))
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        with contextlib.suppress(Py4JError, OSError):  # a Java that is gone holds nothing
            channel.close()
