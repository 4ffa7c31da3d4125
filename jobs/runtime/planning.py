"""What of a catalogue is left to infer, found without reading image bytes."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import pandas as pd
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from covergenre.errors import CatalogueError
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES

# Of the table inferences: enough to know what was inferred, when, and what came to nothing.
KNOWN = (
    "cover_id",
    "model_version",
    "asked",
    "reason",
    "detail",
    "inferred_at",
    "milliseconds",
)


@dataclass(frozen=True)
class Scope:
    """What of a catalogue a run is about.

    Attributes:
        where: SQL condition over the table albums; None: all albums.
        since: covers that were fetched at this time or later; None: whenever.
        limit: covers at most; None: all.
        rescore: whether covers are looked at that were looked at before.
    """

    where: str | None = None
    since: datetime.datetime | None = None
    limit: int | None = None
    rescore: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.where is None and self.since is None and self.limit is None


@dataclass(frozen=True)
class Step:
    """Covers that are inferred together, in one commit.

    Attributes:
        files: of the table covers, as ``_metadata.file_path`` gives them.
        cover_ids: those of their covers that are wanted.
    """

    files: tuple[str, ...]
    cover_ids: tuple[str, ...]

    def covers(self, spark: SparkSession, cover_ids: Sequence[str]) -> DataFrame:
        """Some of the step's covers: ``cover_id``, ``content``.

        The files themselves are read: Delta cannot be asked for some of a table's files, and would
        read the bytes of all.
        """
        files = spark.read.schema("cover_id string, content binary").parquet(
            *(readable(unquote(file)) for file in self.files)
        )
        ids = spark.createDataFrame(pd.DataFrame({"cover_id": list(cover_ids)}))
        return files.join(F.broadcast(ids), "cover_id", "left_semi")


def wanted(warehouse: Warehouse, scope: Scope) -> DataFrame:
    """The ids of the covers that a run is about, but for ``limit``: ``cover_id``, distinct.

    Raises:
        CatalogueError: ``where`` is no condition over albums.
    """
    albums = warehouse.held(ALBUMS)
    if scope.where is not None:
        try:
            albums = albums.where(scope.where)
        except (AnalysisException, ParseException) as error:
            why = str(error).strip().splitlines()[0]
            raise CatalogueError(
                f"--where {scope.where!r} is no condition over the columns of albums "
                f"({', '.join(ALBUMS.names)}): {why}"
            ) from error
    ids = albums.where("cover_id IS NOT NULL").select("cover_id").distinct()
    if scope.since is None:
        return ids
    fetched = warehouse.read(COVERS).where(F.col("fetched_at") >= scope.since)
    return ids.join(fetched.select("cover_id"), "cover_id", "left_semi")


def known(warehouse: Warehouse, model_version: str, asked: str) -> DataFrame:
    """What is known of the covers that a bundle was shown and asked this: :data:`KNOWN`."""
    return warehouse.held(INFERENCES, *KNOWN).where(
        (F.col("model_version") == model_version) & (F.col("asked") == asked)
    )


def left(warehouse: Warehouse, model_version: str, asked: str, scope: Scope) -> DataFrame:
    """The covers that have not been inferred yet: ``cover_id``, ``file``.

    Args:
        warehouse: with covers; inferences may not be there yet.
        model_version, asked: the bundle, and what is asked beside, as in inferences.
        scope: what the run is about.
    """
    covers = warehouse.read(COVERS).select("cover_id", F.col("_metadata.file_path").alias("file"))
    found = covers.join(wanted(warehouse, scope), "cover_id", "left_semi")
    if warehouse.exists(INFERENCES) and not scope.rescore:
        seen = known(warehouse, model_version, asked).select("cover_id")
        found = found.join(seen, "cover_id", "left_anti")
    return found if scope.limit is None else found.limit(scope.limit)


def per_file(found: DataFrame) -> dict[str, int]:
    """How many covers of each file there are to infer, in the order of the files' names.

    Args:
        found: as :func:`left` gives it.
    """
    rows = found.groupBy("file").count().collect()
    return {row["file"]: row["count"] for row in sorted(rows, key=lambda row: str(row["file"]))}


def steps(found: DataFrame, counted: Mapping[str, int], covers: int) -> Iterator[Step]:
    """Covers in steps that bound what a kill can lose.

    Whole files go together, so that no byte is read for two steps.

    Args:
        found: as :func:`left` gives it, kept: it is asked again at each step.
        counted: as :func:`per_file` gives them.
        covers: that a step holds at least, but for the last one.
    """
    files: list[str] = []
    held = 0
    for number, (file, count) in enumerate(counted.items(), 1):
        files.append(file)
        held += count
        if held >= covers or number == len(counted):
            ids = found.where(F.col("file").isin(files)).select("cover_id").toPandas()
            yield Step(tuple(files), tuple(sorted(ids["cover_id"])))
            files, held = [], 0


def readable(path: str) -> str:
    """A path as Spark's reader takes it: what would be a glob escaped."""
    return re.sub(r"([\\[\]{}*?])", r"\\\1", path)
