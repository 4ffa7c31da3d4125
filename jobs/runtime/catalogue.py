"""Open a catalogue: find it and its warehouse, and bring the warehouse in line with it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from covergenre import config
from covergenre.errors import CatalogueError, OutputError
from jobs.runtime import logs, session, sink, sources
from jobs.runtime.inspecting import in_parts, inspected
from jobs.runtime.maintenance.takedowns import veiled
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run, recorded
from jobs.runtime.warehouse import Warehouse, local_path
from schemas import ALBUMS, COVERS, QUARANTINE
from scraping.folder import Listing, list_folder


@contextlib.contextmanager
def opened(
    run: Run, covers: str | None, output: str | None, table: Path | None
) -> Iterator[Warehouse]:
    """The warehouse of a catalogue: locked, in line with it, the run recorded when the block ends.

    Args:
        run: what is being run; its counts are filled in.
        covers: the catalogue; None for the default one.
        output: the warehouse; None to name it after the catalogue.
        table: the CSV of a folder, if it is not found by itself.

    Raises:
        CatalogueError, OutputError: one of them is not what it should be; nothing is written.
    """
    source, location = locate(covers, output, run.settings)
    listed = look(source, table)
    warehouse = Warehouse(session.build(run.job), location)
    session.suit(warehouse.spark, 0 if listed is None else len(listed.items))
    with warehouse.writing(source, run.settings.warehouse), recorded(run, warehouse):
        counts = ingest(warehouse, source, listed, run.settings)
        session.suit(warehouse.spark, counts.albums)
        run.counts.update(counts.as_dict())
        yield warehouse


def locate(covers: str | None, output: str | None, settings: config.Settings) -> tuple[str, str]:
    """The catalogue and the warehouse that the arguments mean.

    Returns:
        path of the catalogue, path or URL of its warehouse.

    Raises:
        CatalogueError, OutputError: one of them cannot be what it is said to be.
    """
    source = local_path(covers or settings.catalogue.default)
    output = output and local_path(output)
    if "://" in source:
        name = source.rstrip("/").rsplit("/", 1)[-1]
        return source, output or str(Path(settings.warehouse.root) / name)
    folder = Path(source).expanduser().resolve()
    if not folder.exists():
        raise CatalogueError(f"--covers {source} is not there")
    if folder.is_file():
        raise CatalogueError(f"--covers {source} is a file: name the folder that holds the covers")
    if output is None and sources.is_warehouse(folder):
        output = str(folder)
    output = output or str(Path(settings.warehouse.root) / folder.name)
    if "://" not in output:
        target = Path(output).resolve()
        if target.exists() and not target.is_dir():
            raise OutputError(f"--output {output} is a file: name a folder")
        if target.is_relative_to(folder) and not sources.is_warehouse(folder):
            raise OutputError(f"--output {output} lies within the covers {source}: name another")
    return str(folder), output


def look(source: str, table: Path | None = None) -> Listing | None:
    """List a catalogue that is a folder of images; None for a Delta table or a warehouse.

    Called before Spark starts, so that a wrong folder is told at once and nothing is written.
    """
    if "://" in source or sources.is_delta(Path(source)) or sources.is_warehouse(Path(source)):
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
        held = sink.counts(warehouse)
        if held.albums == 0:
            logs.warn(
                f"{source} holds no albums yet: scrape into it, or wait until a crawl "
                "that is running commits its first"
            )
        return held
    if listed is not None:
        listing = veiled(warehouse, sources.from_folder(spark, listed, settings))
        look_at = sink.to_look_at(warehouse, listing)
        parts = [*in_parts(look_at, settings.workers.step_covers)]
        look = partial(sources.read_files, settings=settings)
    else:
        listing = veiled(warehouse, sources.from_table(spark, source, settings))
        look_at = sink.to_look_at(warehouse, listing)
        # One part: to find some of a table's rows reads the bytes of all.
        parts = [] if look_at.isEmpty() else [look_at]
        look = partial(sources.inspect_content, settings=settings)
    albums = listing.select(*(n for n in ALBUMS.names if n not in ("cover_id", "scraped_at")))
    changed, looked_at = 0, None
    with shown(spark, "reading covers"):
        for number, part in enumerate(parts, 1):
            looked_at = inspected(part, look, settings)
            if number < len(parts):
                some = albums.join(part.select("album_id"), "album_id", "left_semi")
                changed += sink.write(warehouse, some, looked_at, now, mirror=False)[0]
        changed_last, removed = sink.write(warehouse, albums, looked_at, now)
    return sink.counts(warehouse, changed + changed_last, removed)
