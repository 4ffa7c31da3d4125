"""Read a catalogue into the tables albums, covers and quarantine.

spark-submit jobs/scrape.py --source folder --covers FOLDER
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from covergenre import config
from covergenre.errors import CatalogueError, OutputError
from jobs.runtime import arguments, session, sink
from jobs.runtime.runs import Run, recorded
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE
from scraping.folder import Listing, list_folder
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


def locate(covers: str | None, output: str | None, settings: config.Settings) -> tuple[str, str]:
    """The catalogue and the warehouse that the arguments mean.

    Returns:
        path of the catalogue, path or URL of its warehouse.

    Raises:
        CatalogueError, OutputError: one of them cannot be what it is said to be.
    """
    source = covers or settings.catalogue.default
    if "://" in source:
        name = source.rstrip("/").rsplit("/", 1)[-1]
        return source, output or str(Path(settings.warehouse.root) / name)
    folder = Path(source).expanduser().resolve()
    if not folder.exists():
        raise CatalogueError(f"--covers {source} is not there")
    if folder.is_file():
        raise CatalogueError(f"--covers {source} is a file: name the folder that holds the covers")
    if output is None and _is_warehouse(folder):
        output = str(folder)
    output = output or str(Path(settings.warehouse.root) / folder.name)
    if "://" not in output:
        target = Path(output).resolve()
        if target.exists() and not target.is_dir():
            raise OutputError(f"--output {output} is a file: name a folder")
        if target.is_relative_to(folder) and not _is_warehouse(folder):
            raise OutputError(f"--output {output} lies within the covers {source}: name another")
    return str(folder), output


def look(source: str, table: Path | None = None) -> Listing | None:
    """List a catalogue that is a folder of images; None for a Delta table or a warehouse.

    Called before Spark starts, so that a wrong folder is told at once and nothing is written.
    """
    if "://" in source or _is_delta(Path(source)) or _is_warehouse(Path(source)):
        return None
    return list_folder(Path(source), table)


def ingest(
    warehouse: Warehouse, source: str, listed: Listing | None, settings: config.Settings
) -> sink.Counts:
    """Bring the warehouse in line with a catalogue; see :func:`jobs.runtime.sink.write`.

    Args:
        warehouse: open for writing.
        source: a folder of images, a Delta table with a column ``content``, or a warehouse.
        listed: as :func:`look` gives it.
        settings: of genres, years and images.
    """
    spark = warehouse.spark
    now = datetime.datetime.now(datetime.UTC)
    warehouse.create(ALBUMS, COVERS, QUARANTINE)
    if source == warehouse.location:
        return sink.counts(warehouse)
    if listed is not None:
        listing = _from_folder(spark, listed, settings)
        look_at = sink.to_look_at(warehouse, listing)
        fetched = _read_files(look_at, settings)
    else:
        listing = _from_table(spark, source, settings)
        look_at = sink.to_look_at(warehouse, listing)
        inspected = look_at.withColumn("facts", make_inspect(settings.images.limits)("content"))
        fetched = inspected.select(
            "album_id", *(f"facts.{name}" for name in sink.FACTS if name != "content"), "content"
        )
    albums = listing.select(*(n for n in ALBUMS.names if n not in ("cover_id", "scraped_at")))
    return sink.write(warehouse, albums, fetched, now)


def _is_delta(folder: Path) -> bool:
    return (folder / "_delta_log").is_dir()


def _is_warehouse(folder: Path) -> bool:
    return all(_is_delta(folder / table.name) for table in (ALBUMS, COVERS))


def _from_folder(spark: SparkSession, listed: Listing, settings: config.Settings) -> DataFrame:
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


def _read_files(look_at: DataFrame, settings: config.Settings) -> DataFrame:
    facts = look_at.withColumn("facts", make_read(settings.images.limits)("path"))
    columns = [F.col(f"facts.{name}").alias(name) for name in sink.FACTS]
    # What the listing knows (the CSV names a missing file) says more than the reader's own reason.
    known = {n: F.coalesce(F.col(n), F.col(f"facts.{n}")).alias(n) for n in ("reason", "detail")}
    named = [known.get(name, column) for name, column in zip(sink.FACTS, columns, strict=True)]
    return facts.select("album_id", *named)


def _from_table(spark: SparkSession, source: str, settings: config.Settings) -> DataFrame:
    """One row an album of a Delta table or a warehouse: the columns of albums, and content."""
    if "://" not in source and _is_warehouse(Path(source)):
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


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, write its tables, print a summary."""
    parser = arguments.parser("scrape", "Read a catalogue of covers into Delta tables.")
    parser.add_argument("--source", choices=["folder"], default="folder", help="kind of catalogue")
    parser.add_argument("--covers", required=True, help="folder of images, or Delta table")
    parser.add_argument("--csv", type=Path, help="CSV beside the images, if there are several")
    parser.add_argument("--output", help="warehouse; by default named after the folder")
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    source, output = locate(args.covers, args.output, settings)
    listed = look(source, args.csv)
    spark = session.build("scrape")
    warehouse = Warehouse(spark, output)
    run = Run("scrape", settings)
    with (
        warehouse.writing(source, settings.warehouse.lock_timeout_seconds),
        recorded(run, warehouse),
    ):
        counts = ingest(warehouse, source, listed, settings)
        run.counts.update(counts.as_dict())
    result = {**counts.as_dict(), "output": warehouse.location, "run_id": run.run_id}
    arguments.summarise(f"scraped {source}", result, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
