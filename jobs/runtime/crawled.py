"""Between the journal of a crawl and the warehouse's tables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import partial

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.config import Settings
from jobs.runtime import sink
from jobs.runtime.inspecting import inspected
from jobs.runtime.maintenance.takedowns import refused, veiled
from jobs.runtime.sink import FACTS
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE
from scraping.crawl import Rejected
from scraping.journal import Held, Journal, Pending
from scraping.records import Album, Source
from udfs import ddl
from udfs.inspect import make_inspect

_OUTCOME = {
    "album_id": "string",
    "cover_id": "string",
    "reason": "string",
    "detail": "string",
    "attempts": "int",
    "content": "binary",
}
_VERSION = "albums_version"


class Tables:
    """The tables that a crawl fills.

    Args:
        warehouse: with albums, covers and quarantine created.
        source: what is crawled.
        settings: of years and images.
        journal: told which version of the table albums it agrees with.
        identity: what the warehouse belongs to.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        source: Source,
        settings: Settings,
        journal: Journal,
        identity: str,
    ) -> None:
        self.warehouse = warehouse
        self._source = source
        self._settings = settings
        self._journal = journal
        self._identity = identity

    def commit(self, pending: list[Pending]) -> Rejected:
        """Write albums and covers; see :class:`scraping.crawl.Commit`."""
        now = datetime.datetime.now(datetime.UTC)
        with self.warehouse.writing(self._identity, self._settings.warehouse):
            looked_at = refused(self.warehouse, self._look_at(pending))
            sink.write(self.warehouse, self._listing(pending), looked_at, now, mirror=False)
            self._journal.store.keep(_VERSION, self.warehouse.versions()[ALBUMS.name])
        offered = {item.album.album_id for item in pending if item.cover_id is not None}
        failed = looked_at.where("reason IS NOT NULL").select("album_id", "reason", "detail")
        return {row[0]: (row[1], row[2]) for row in failed.collect() if row[0] in offered}

    def reconcile(self) -> None:
        """Bring the journal in line with tables that something else has written."""
        version = self.warehouse.versions()[ALBUMS.name]
        if self._journal.store.fact(_VERSION) != version:
            self._journal.commits.reconcile(self._held())
            self._journal.store.keep(_VERSION, version)

    def _listing(self, pending: list[Pending]) -> DataFrame:
        year = self._settings.catalogue.year
        source = self._source
        rows = [
            (
                item.album.album_id, source.name, item.album.source_url, item.album.artist,
                item.album.title, next(iter(item.album.genres), None), list(item.album.genres),
                list(item.album.styles), year(item.album.year), item.album.cover_url, item.etag,
                source.data_licence, source.image_licence, item.album.robots,
            )
            for item in pending
        ]  # fmt: skip
        fields = [f for f in ALBUMS.schema.fields if f.name not in ("cover_id", "scraped_at")]
        schema = ddl({field.name: field.dataType.simpleString() for field in fields})
        return veiled(self.warehouse, self.warehouse.spark.createDataFrame(rows, schema))

    def _look_at(self, pending: list[Pending]) -> DataFrame:
        """What fetching came to, and the facts about the bytes: album_id, FACTS, attempts."""
        spark = self.warehouse.spark
        rows = [
            (i.album.album_id, i.cover_id, i.reason, i.detail, i.attempts, i.content)
            for i in pending
            if i.looked_at
        ]
        frame = pd.DataFrame(rows, columns=list(_OUTCOME)).astype({"attempts": "Int32"})
        outcomes = spark.createDataFrame(frame, ddl(_OUTCOME))
        outcomes = outcomes.repartition(spark.sparkContext.defaultParallelism, "album_id")
        look = partial(_inspect, settings=self._settings)
        came = inspected(outcomes.where("content IS NOT NULL"), look, self._settings)
        without = outcomes.where("content IS NULL")
        return came.unionByName(without, allowMissingColumns=True)

    def _held(self) -> Iterator[Held]:
        why = self.warehouse.read(QUARANTINE).where("closed_at IS NULL")
        rows = (
            self.warehouse.read(ALBUMS)
            .where(F.col("source") == self._source.name)
            .join(why.select("album_id", "reason", "detail", "attempts"), "album_id", "left")
        )
        for row in rows.toLocalIterator():
            yield Held(
                album=Album(
                    album_id=row["album_id"],
                    source_url=row["source_url"],
                    artist=row["artist"],
                    title=row["title"],
                    genres=tuple(row["genres"] or ()),
                    styles=tuple(row["styles"] or ()),
                    year=None if row["release_year"] is None else str(row["release_year"]),
                    cover_url=row["cover_url"],
                    robots=row["robots"],
                ),
                cover_id=row["cover_id"],
                etag=row["etag"],
                reason=row["reason"],
                detail=row["detail"],
                attempts=row["attempts"] or 0,
            )


def _inspect(outcomes: DataFrame, settings: Settings) -> DataFrame:
    """Look at bytes that came: the facts about a cover, or why it is none that can be used."""
    inspect = make_inspect(settings.images.limits, settings.workers.timeout_seconds)
    looked_at = outcomes.withColumn("facts", inspect("content"))
    failed = F.col("facts.reason").isNotNull()
    facts = [F.col(f"facts.{name}") for name in FACTS if name != "content"]
    return looked_at.select(
        "album_id",
        *facts,
        F.when(failed, F.col("attempts") + 1).otherwise(F.col("attempts")).alias("attempts"),
        F.when(~failed, F.col("content")).alias("content"),
    )


def create(warehouse: Warehouse) -> None:
    """Create the tables that a crawl fills."""
    warehouse.create(ALBUMS, COVERS, QUARANTINE)
