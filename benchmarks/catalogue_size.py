"""Seconds and memory of a night's run by the size of the catalogue: unchanged, or a little new.

    python benchmarks/catalogue_size.py [--albums 10000 100000 1000000] [--new 1000] [--rounds 3]

Every album has a cover of its own: one small picture as so many files, told apart by a JPEG
comment. What a bundle says of a few is asked; as all are the same picture, it is filled in for the
rest, so that a million can be had in minutes. Measured are whole runs of jobs/score.py on the
warehouse, in one session: the first (all predictions are published), unchanged ones, ones with some
new covers (found among all, inferred, published), and dry runs. Peaks are of the processes' whole
life so far.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import DEFAULT, open_bundle
from jobs import score
from jobs.runtime import session
from jobs.runtime.inspecting import good_cover
from jobs.runtime.session import processor
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES

_ASKED = 64
_SETTINGS = ("--set", "score.describe=[]")
_GENRES = ("rap", "folk", "hard rock", "disco", "electronic")


def covers(warehouse: Warehouse, first: int, count: int) -> DataFrame:
    """So many distinct covers: the columns of covers, ``number`` from ``first`` on."""
    jpeg = good_cover()
    numbers = warehouse.spark.range(first, first + count).withColumnRenamed("id", "number")
    # A comment of eight digits (ITU-T T.81, B.2.4.5) behind the first two bytes.
    text = F.format_string("%08d", "number").cast("binary")
    head, rest = F.lit(jpeg[:2] + b"\xff\xfe\x00\x0a"), F.lit(jpeg[2:])
    named = numbers.withColumn("content", F.concat(head, text, rest))
    facts = {
        "cover_id": F.sha2("content", 256), "width": F.lit(64), "height": F.lit(64),
        "format": F.lit("JPEG"), "byte_size": F.length("content").cast("bigint"),
        "phash": F.lit("0" * 16), "fetched_at": F.current_timestamp(),
    }  # fmt: skip
    return named.select("number", "content", *(v.alias(k) for k, v in facts.items()))


def add(warehouse: Warehouse, first: int, count: int) -> None:
    """Albums with a cover each, as a scrape would leave them."""
    rows = covers(warehouse, first, count)
    warehouse.append(COVERS, rows.select(*COVERS.names))
    genres = F.array(*map(F.lit, _GENRES))
    values = {
        "album_id": F.format_string("album %08d", "number"),
        "source": F.lit("table"),
        "genre": F.element_at(genres, (F.col("number") % len(_GENRES) + 1).cast("int")),
        "release_year": (2000 + F.col("number") % 23).cast("int"),
        "scraped_at": F.current_timestamp(),
    }
    types = {f.name: f.dataType for f in ALBUMS.schema.fields}
    none = {name: F.lit(None).cast(types[name]) for name in ALBUMS.names}
    columns = {**none, **values, "cover_id": F.col("cover_id")}
    warehouse.append(ALBUMS, rows.select(*(v.alias(k) for k, v in columns.items())))


def fill(warehouse: Warehouse) -> None:
    """What was said of one cover, for all that nothing was said of: they are the same picture."""
    said = warehouse.read(INFERENCES).limit(1).drop("cover_id")
    known = warehouse.read(INFERENCES).select("cover_id")
    rest = warehouse.read(COVERS).select("cover_id").join(known, "cover_id", "left_anti")
    warehouse.append(INFERENCES, rest.crossJoin(F.broadcast(said)))


def measure(albums: int, new: int, rounds: int, folder: str) -> dict[str, list[float]]:
    """Seconds of each kind of run over a catalogue of so many albums."""
    spark = session.build("benchmark")
    warehouse = Warehouse(spark, f"{folder}/{albums}")
    warehouse.create(ALBUMS, COVERS)
    add(warehouse, 0, albums)

    def run(*words: str) -> Callable[[], object]:
        return lambda: score.main(["--covers", warehouse.location, *_SETTINGS, *words])

    run("--limit", str(_ASKED))()
    fill(warehouse)
    found = {"first": [_seconds(run())]}
    for number in range(rounds):
        found.setdefault("unchanged", []).append(_seconds(run()))
        add(warehouse, albums + number * new, new)
        found.setdefault("dry run", []).append(_seconds(run("--dry-run")))
        found.setdefault(f"{new} new", []).append(_seconds(run()))
    return found


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _peaks() -> str:
    """Peak resident memory of this process and of its Java, MiB."""
    own = psutil.Process()
    java = [child for child in own.children(recursive=True) if child.name() == "java"]
    return ", ".join(f"{p.name()} {_peak(p.pid):.0f} MiB" for p in [own, *java])


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure each size, print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--albums", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    print(f"{processor()}; {open_bundle(DEFAULT).model_version}")
    lines = ["| albums | run | seconds, min/median/max | peak memory |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for albums in args.albums:
            for name, times in measure(albums, args.new, args.rounds, folder).items():
                figures = (min(times), statistics.median(times), max(times))
                said = " / ".join(f"{figure:.1f}" for figure in figures)
                lines.append(f"| {albums} | {name} | {said} | {_peaks()} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
