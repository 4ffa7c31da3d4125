"""A catalogue's albums as a DataFrame: from the listing of a folder, or from a Delta table."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from covergenre import config
from covergenre.errors import CatalogueError
from jobs.runtime.sink import FACTS
from schemas import ALBUMS, COVERS
from scraping.folder import Listing
from udfs import ddl
from udfs.inspect import make_inspect, make_read

# Covers a task reads: tens of megabytes, so a file of the covers table is neither tiny nor huge.
_COVERS_PER_TASK = 512
_LISTED = {
    "album_id": "string",
    "path": "binary",
    "etag": "string",
    "artist": "string",
    "title": "string",
    "genre": "string",
    "year": "string",
    "reason": "string",
    "detail": "string",
}


def is_delta(folder: Path) -> bool:
    """Whether a local folder is a Delta table."""
    return (folder / "_delta_log").is_dir()


def is_warehouse(folder: Path) -> bool:
    """Whether a local folder holds a catalogue's tables."""
    return all(is_delta(folder / table.name) for table in (ALBUMS, COVERS))


def from_folder(spark: SparkSession, listed: Listing, settings: config.Settings) -> DataFrame:
    """One row an album of a folder: the columns of albums, and path, reason and detail."""
    frame = pd.DataFrame([asdict(item) for item in listed.items], columns=list(_LISTED))
    catalogue = settings.catalogue
    frame["release_year"] = frame["year"].map(catalogue.year).astype("Int32")
    # File names need not be Unicode; the path itself stays bytes.
    frame["cover_url"] = [p and p.decode("utf-8", "backslashreplace") for p in frame["path"]]
    frame["canonical"] = frame["genre"].map(catalogue.genre)
    schema = ddl({**_LISTED, "release_year": "int", "cover_url": "string", "canonical": "string"})
    tasks = max(spark.sparkContext.defaultParallelism, len(frame) // _COVERS_PER_TASK + 1)
    rows = spark.createDataFrame(frame, schema).repartition(tasks, "album_id")
    return rows.select(
        "album_id",
        F.lit("folder").alias("source"),
        F.lit(None).cast("string").alias("source_url"),
        "artist",
        "title",
        F.col("canonical").alias("genre"),
        F.array_compact(F.array("genre")).alias("genres"),
        F.lit(None).cast("array<string>").alias("styles"),
        "release_year",
        "cover_url",
        "etag",
        *(F.lit(None).cast("string").alias(n) for n in ("data_licence", "image_licence", "robots")),
        "path",
        "reason",
        "detail",
    )


def read_files(look_at: DataFrame, settings: config.Settings) -> DataFrame:
    """Read, hash, decode and describe the files of a folder: ``album_id`` and the facts."""
    facts = look_at.withColumn(
        "facts", make_read(settings.images.limits, settings.workers.timeout_seconds)("path")
    )
    columns = [F.col(f"facts.{name}").alias(name) for name in FACTS]
    # What the listing knows (the CSV names a missing file) says more than the reader does.
    known = {n: F.coalesce(F.col(n), F.col(f"facts.{n}")).alias(n) for n in ("reason", "detail")}
    named = [known.get(name, column) for name, column in zip(FACTS, columns, strict=True)]
    return facts.select("album_id", *named)


def from_table(spark: SparkSession, source: str, settings: config.Settings) -> DataFrame:
    """One row an album of a Delta table or a warehouse: the columns of albums, and content."""
    if "://" not in source and is_warehouse(Path(source)):
        covers = spark.read.format("delta").load(f"{source}/covers").select("cover_id", "content")
        albums = spark.read.format("delta").load(f"{source}/albums")
        rows = albums.join(covers, "cover_id", "left")
    else:
        rows = spark.read.format("delta").load(source)
    columns = {field.name: field.dataType for field in rows.schema.fields}
    _check_columns(source, columns)
    key = "album_id" if "album_id" in columns else "cover_id"
    repeated = rows.groupBy(key).count().where("count > 1").count()
    empty = rows.where(F.col(key).isNull()).count()
    if repeated or empty:
        raise CatalogueError(
            f"{source}: {key} must name each row once ({repeated} occur more than once, {empty} "
            "rows have none)"
        )
    year = next((name for name in ("release_year", "year") if name in columns), None)
    raw = F.trim(F.col(year).cast("string")) if year else F.lit(None).cast("string")

    def text(name: str) -> Any:
        value = F.col(name).cast("string") if name in columns else F.lit(None).cast("string")
        return value.alias(name)

    genre = F.lower(F.trim(text("genre")))
    aliases = F.create_map(
        *(F.lit(word) for pair in settings.catalogue.genre_aliases.items() for word in pair)
    )
    listed = {
        "genres": F.array_compact(F.array(text("genre"))),
        "styles": F.lit(None).cast("array<string>"),
    }
    for name in listed:
        if name in columns and columns[name].simpleString() == "array<string>":
            listed[name] = F.col(name)
    return rows.select(
        F.col(key).cast("string").alias("album_id"),
        F.lit("table").alias("source"),
        text("source_url"),
        text("artist"),
        text("title"),
        F.nullif(F.coalesce(aliases[genre], genre), F.lit("")).alias("genre"),
        *(value.alias(name) for name, value in listed.items()),
        _year(raw, settings).alias("release_year"),
        text("cover_url"),
        F.sha2("content", 256).alias("etag"),
        *(text(n) for n in ("data_licence", "image_licence", "robots")),
        "content",
    )


def _check_columns(source: str, columns: dict[str, Any]) -> None:
    missing = [] if "content" in columns else ["content (the image's bytes)"]
    if "album_id" not in columns and "cover_id" not in columns:
        missing.append("album_id (unique)")
    if missing:
        raise CatalogueError(
            f"{source} lacks {' and '.join(missing)}; it has {', '.join(columns) or 'no columns'}"
        )
    if not isinstance(columns["content"], BinaryType):
        raise CatalogueError(
            f"{source}: content is {columns['content'].simpleString()}, it must be binary"
        )


def _year(raw: Any, settings: config.Settings) -> Any:
    """The same reading of a year as :meth:`Catalogue.year`, as a Spark expression."""
    catalogue = settings.catalogue
    last = catalogue.last_year or datetime.datetime.now(datetime.UTC).year + 1
    matched = F.regexp_extract(raw, config.YEAR_PATTERN, 1)
    # try_cast: in ANSI mode a cast of "19xx" would fail the job.
    year = matched.try_cast("int")
    return F.when(year.between(catalogue.first_year, last), year)


def inspect_content(look_at: DataFrame, settings: config.Settings) -> DataFrame:
    """Hash, decode and describe the covers whose bytes the catalogue itself holds."""
    inspect = make_inspect(settings.images.limits, settings.workers.timeout_seconds)
    inspected = look_at.withColumn("facts", inspect("content"))
    facts = [f"facts.{name}" for name in FACTS if name != "content"]
    return inspected.select("album_id", *facts, "content")
