"""Concepts on covers, in the table concepts.

A local tagger runs in the workers, over all covers at once. One that costs, or is slow, is asked by
the driver, and what it said of a batch is stored before the next is sent: a kill loses one batch.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre import tensorflow_runtime
from covergenre.concepts import local
from covergenre.concepts.clarifai import ClarifaiTagger
from covergenre.concepts.clarifai_csv import (
    Picture,
    PublishedConcepts,
    PublishedGenre,
    picture_of,
    read_folder,
)
from covergenre.concepts.local import LocalModel
from covergenre.concepts.tagger import Tagged, Tagger, TaggerFailure
from covergenre.config import Settings
from covergenre.engines import choose
from covergenre.errors import ConceptsError, CostLimitError
from jobs.runtime import logs, session
from jobs.runtime.describing.covers import covers_without, of_albums, with_content
from jobs.runtime.keeping import kept
from jobs.runtime.progress import shown, told
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, CONCEPTS
from udfs import ddl
from udfs.concepts import TAGGED, ShippedTagger, make_tag, row

Source = LocalModel | ClarifaiTagger | list[PublishedGenre]
"""Who says what is on covers."""


@dataclass(frozen=True)
class Described:
    """What a run came to.

    Attributes:
        tagger: its name in the table.
        described: covers whose concepts were got now.
        failed: covers of which the tagger could not say any.
        left: covers to be described that were not, and have no row.
    """

    tagger: str
    described: int
    failed: int
    left: int


def chosen(settings: Settings, published: Path | None) -> Source | None:
    """Who is to be asked, made ready as far as that is cheap.

    Args:
        settings: of concepts and images.
        published: folder of Clarifai's concepts as CSVs; wins over ``concepts.tagger``.

    Returns:
        None where nobody is.

    Raises:
        TaggerError, ConceptsError: a token, a file or the CSVs are missing or wrong.
    """
    if published is not None:
        return read_folder(published)
    if settings.concepts.tagger == "none":
        return None
    if settings.concepts.tagger == "clarifai":
        return ClarifaiTagger(settings.concepts.clarifai, settings.images.limits)
    return local.resolve(settings.concepts)


def describe_concepts(
    warehouse: Warehouse, settings: Settings, source: Source, now: datetime.datetime
) -> Described:
    """Have the covers described that the tagger has not described yet, and write their rows.

    Args:
        warehouse: with albums and covers.
        settings: of images and engine.
        source: as :func:`chosen` gives it.
        now: the time written.

    Raises:
        TaggerError, ConceptsError: it cannot go on; what was got so far is stored.
    """
    warehouse.create(CONCEPTS)
    if isinstance(source, LocalModel):
        return _in_workers(warehouse, settings, source, now)
    if isinstance(source, ClarifaiTagger):
        held = _held(warehouse, source.name)
        return _by_driver(warehouse, source, covers_without(warehouse, held), now)
    return _published(warehouse, source, now)


def frequent(warehouse: Warehouse, tagger: str, most: int) -> dict[str, float]:
    """The concepts on most covers, with their share of the covers that the tagger described."""
    rows = warehouse.read(CONCEPTS).where((F.col("tagger") == tagger) & F.col("failure").isNull())
    covers = rows.count()
    named = rows.select(F.explode("concepts").alias("c")).where("c.score IS NOT NULL")
    counts = named.groupBy("c.name").count().orderBy(F.desc("count"), "name").limit(most)
    return {found["name"]: found["count"] / covers for found in counts.collect()}


def _held(warehouse: Warehouse, tagger: str) -> DataFrame:
    """``cover_id`` and ``failure`` of the tagger's rows."""
    rows = warehouse.read(CONCEPTS).where(F.col("tagger") == tagger)
    return rows.select("cover_id", "failure")


def _in_workers(
    warehouse: Warehouse, settings: Settings, model: LocalModel, now: datetime.datetime
) -> Described:
    spark = warehouse.spark
    # Failures are those of images: they may be gone when ``images`` allows more, and cost nothing.
    held = _held(warehouse, model.name).where("failure IS NULL").select("cover_id")
    covers = covers_without(warehouse, held)
    count = covers.select("cover_id").count()
    if count == 0:
        return Described(model.name, 0, 0, 0)
    if model.path is not None:
        # What is wrong with a user's file is told here, in one line, not by a worker.
        tensorflow_runtime.start()
        model.load()
    # No bundle's gate speaks for a tagger alone, nor does one say how it is computed in integers.
    precision = settings.engine.precision
    engine = choose(settings.engine.name, "auto" if precision == "int8" else precision, {})
    shipped = ShippedTagger.of(model, engine, settings, spark)
    udf = make_tag(shipped, session.task_cpus(spark), settings.images.limits)
    with shown(spark, "naming concepts", count):
        # Rows and counts both come from this one pass.
        tagged = covers.select("cover_id", udf("content").alias("t")).select("cover_id", "t.*")
        tagged = kept(tagged, on_disk=True)
    _store(warehouse, model.name, tagged, now)
    failures = tagged.where("failure IS NOT NULL").groupBy("failure").count().collect()
    failed = _warn({found["failure"]: found["count"] for found in failures})
    return Described(model.name, count - failed, failed, 0)


def _by_driver(
    warehouse: Warehouse, tagger: Tagger, covers: DataFrame, now: datetime.datetime
) -> Described:
    count = covers.select("cover_id").count()
    described = 0
    failures: dict[str, int] = {}
    with told(lambda: f"naming concepts: {described} of {count} covers"):
        try:
            for batch in tagger.describe(_stream(covers) if count else []):
                lasting = [(i, one) for i, one in batch if not _passing(one)]
                _store(warehouse, tagger.name, _rows(warehouse, lasting), now)
                described += sum(not isinstance(one, TaggerFailure) for _, one in lasting)
                for _, one in lasting:
                    if isinstance(one, TaggerFailure):
                        failures[one.reason] = failures.get(one.reason, 0) + 1
        except CostLimitError as error:
            logs.tell(str(error))
    failed = _warn(failures)
    return Described(tagger.name, described, failed, count - described - failed)


def _published(
    warehouse: Warehouse, published: list[PublishedGenre], now: datetime.datetime
) -> Described:
    numbers = {one.genre: set(one.scores.index) for one in published}
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select("album_id", "cover_id")
    pictures: dict[Picture, str] = {}
    for album in albums.toLocalIterator():
        picture = picture_of(album["album_id"])
        if picture is not None and picture[1] in numbers.get(picture[0], ()):
            pictures[picture] = album["cover_id"]
    if not pictures:
        raise ConceptsError(
            f"no cover of {warehouse.location} is in the published CSVs: a row image12.jpg of "
            "rap.csv is the cover with the number 12 in a folder rap (rap/0_12.jpg)"
        )
    tagger = PublishedConcepts(published, pictures)
    ids = [(cover_id,) for cover_id in sorted(set(pictures.values()))]
    named = warehouse.spark.createDataFrame(ids, "cover_id string")
    held = _held(warehouse, tagger.name)
    covers = with_content(warehouse, named.join(held, "cover_id", "left_anti"))
    told = _by_driver(warehouse, tagger, covers, now)
    return Described(
        tagger.name, told.described, told.failed, of_albums(warehouse).count() - len(ids)
    )


def _stream(covers: DataFrame) -> Iterator[tuple[str, bytes]]:
    for cover in covers.toLocalIterator():
        yield cover["cover_id"], bytes(cover["content"])


def _passing(tagged: Tagged) -> bool:
    return isinstance(tagged, TaggerFailure) and tagged.passing


def _rows(warehouse: Warehouse, tagged: Iterable[tuple[str, Tagged]]) -> DataFrame:
    rows = [{"cover_id": cover_id, **row(one)} for cover_id, one in tagged]
    return warehouse.spark.createDataFrame(rows, f"cover_id string, {ddl(TAGGED)}")


def _store(warehouse: Warehouse, tagger: str, rows: DataFrame, now: datetime.datetime) -> None:
    told = rows.withColumn("tagger", F.lit(tagger)).withColumn("tagged_at", F.lit(now))
    same = " AND ".join(f"t.{key} = s.{key}" for key in CONCEPTS.key)
    merge = warehouse.delta(CONCEPTS).alias("t").merge(CONCEPTS.conform(told).alias("s"), same)
    merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()


def _warn(failures: dict[str, int]) -> int:
    """Tell of failures by their reason; how many there are."""
    for reason, count in sorted(failures.items()):
        logs.warn(f"{count} covers have no concepts: {reason}")
    return sum(failures.values())
