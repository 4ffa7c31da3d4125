"""Labels marked by hand, on the covers of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import functions as F

from covergenre.detector.marks import Marked, read_marks
from covergenre.errors import MarksError
from jobs.runtime import logs
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS

# What a folder's album_id has behind the path of a file that several albums share.
_SHARED = r"#[0-9a-f]{8}(-[0-9]+)?$"


def marked(warehouse: Warehouse, path: Path) -> dict[str, Marked]:
    """Read a CSV of marks and find its covers in the catalogue.

    Covers that the catalogue does not hold are left out, and how many they are is printed. Of
    files that are byte for byte one cover the first that the CSV names stands for all.

    Args:
        warehouse: with albums.
        path: as :func:`covergenre.detector.marks.read_marks` reads it.

    Returns:
        ``cover_id`` to what was marked, in the order of the CSV.

    Raises:
        MarksError: the CSV is not what it should be, names no cover of the catalogue, or says of
            one cover, under two names, what cannot both be.
    """
    marks = read_marks(path)
    cover_ids = _cover_ids(warehouse, [mark.cover for mark in marks])
    found: dict[str, Marked] = {}
    for mark in marks:
        cover_id = cover_ids.get(mark.cover)
        if cover_id is None:
            continue
        first = found.setdefault(cover_id, mark)
        if (len(first.boxes), first.ambiguous) != (len(mark.boxes), mark.ambiguous):
            raise MarksError(
                f"{path} lines {first.line} and {mark.line}: {first.cover} and {mark.cover} are "
                "the same image, but not marked alike: take out the wrong one"
            )
    if not found:
        raise MarksError(
            f"{path} names none of the covers in {warehouse.location} (its line {marks[0].line}: "
            f"{marks[0].cover}): a path is the image's below the catalogue's folder"
        )
    missing = [mark for mark in marks if mark.cover not in cover_ids]
    if missing:
        logs.warn(
            f"{len(missing)} of {len(marks)} covers that {path} marks are not in "
            f"{warehouse.location} (the first, line {missing[0].line}: {missing[0].cover})"
        )
    return found


def _cover_ids(warehouse: Warehouse, names: list[str]) -> dict[str, str]:
    """``cover_id`` of covers named by it or by their path; what is not there has no entry."""
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL")
    file = F.regexp_replace("album_id", _SHARED, "")
    known = albums.select(
        F.explode(F.array("album_id", file, "cover_id")).alias("name"), "cover_id"
    )
    asked = warehouse.spark.createDataFrame([(name,) for name in names], "name string")
    rows = known.join(F.broadcast(asked), "name", "left_semi").distinct().collect()
    return {row["name"]: row["cover_id"] for row in rows}


def album_of(warehouse: Warehouse, cover_ids: Iterable[str]) -> dict[str, str]:
    """One album of each cover, the first by ``album_id``: what people know it by."""
    albums = warehouse.of_covers(ALBUMS, cover_ids)
    rows = albums.groupBy("cover_id").agg(F.min("album_id").alias("album")).collect()
    return {row["cover_id"]: row["album"] for row in rows}
