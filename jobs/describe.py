"""Say what covers look like: colour and composition of each, in the table appearance.

spark-submit jobs/describe.py --covers FOLDER
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Sequence
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.appearance import version
from covergenre.config import Settings
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, APPEARANCE, COVERS
from udfs.appearance import MEASURED, make_describe


def covers_without(warehouse: Warehouse, held: DataFrame) -> DataFrame:
    """The covers of albums that something has not been said of.

    Args:
        warehouse: with albums and covers.
        held: ``cover_id`` of those it has been said of.

    Returns:
        ``cover_id``, ``content``.
    """
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select("cover_id").distinct()
    missing = albums.join(held, "cover_id", "left_anti")
    covers = warehouse.read(COVERS).select("cover_id", "content")
    return covers.join(F.broadcast(missing), "cover_id", "left_semi")


def measure(covers: DataFrame, settings: Settings) -> DataFrame:
    """Measure covers in one pass over their bytes.

    Args:
        covers: ``cover_id``, ``content``.
        settings: of describe and images.

    Returns:
        ``cover_id`` and the columns of :data:`udfs.appearance.DESCRIBED`.
    """
    udf = make_describe(settings.describe.colours, settings.images.limits)
    return covers.select("cover_id", udf("content").alias("d")).select("cover_id", "d.*")


def describe_appearance(
    warehouse: Warehouse, settings: Settings, now: datetime.datetime
) -> dict[str, int]:
    """Measure the covers that have no row of this version yet, and write their rows.

    Args:
        warehouse: with albums and covers.
        settings: of describe and images.
        now: the time written.

    Returns:
        how many covers were ``described`` now and how many were ``unusable``: those no longer
        decode, because ``images`` allows less than it did, and have no row.
    """
    warehouse.create(APPEARANCE)
    current = version(settings.describe.colours)
    held = warehouse.read(APPEARANCE).where(F.col("version") == current).select("cover_id")
    covers = covers_without(warehouse, held)
    count = covers.select("cover_id").count()
    if count == 0:
        return {"described": 0, "unusable": 0}
    with shown(warehouse.spark, "describing", count):
        # Rows and counts both come from this one pass.
        measured = measure(covers, settings).localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
    usable = measured.where("reason IS NULL").select(
        "cover_id",
        *MEASURED,
        F.lit(current).alias("version"),
        F.lit(now).alias("described_at"),
    )
    merge = warehouse.delta(APPEARANCE).alias("t").merge(
        APPEARANCE.conform(usable).alias("s"), "t.cover_id = s.cover_id"
    )  # fmt: skip
    merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
    unusable = measured.where("reason IS NOT NULL")
    _warn_of_unusable(unusable)
    failed = unusable.count()
    return {"described": count - failed, "unusable": failed}


def _warn_of_unusable(covers: DataFrame) -> None:
    for row in covers.groupBy("reason").count().orderBy("reason").collect():
        print(f"warning: {row['count']} covers are not described: {row['reason']}", file=sys.stderr)


def _palette(warehouse: Warehouse, current: str) -> str:
    """The colours that covers have most of, in words."""
    rows = warehouse.read(APPEARANCE).where(F.col("version") == current)
    colours = rows.select(F.explode("palette").alias("c")).select("c.*")
    most = colours.groupBy("name").agg(F.sum("share").alias("share"))
    total = colours.agg(F.sum("share")).first()
    found = most.orderBy(F.desc("share"), "name").limit(5).collect()
    return ", ".join(f"{r['name']} {r['share'] / total[0]:.0%}" for r in found if total)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, describe its covers, print a summary."""
    parser = arguments.parser("describe", "Measure colour and composition of a catalogue's covers.")
    args = parser.parse_args(argv)
    run = Run("describe", arguments.settings(args))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        start = time.perf_counter()
        counts = describe_appearance(warehouse, run.settings, run.started_at)
        seconds = time.perf_counter() - start
        run.counts.update(counts)
        if counts["described"]:
            run.images_per_second = round(counts["described"] / seconds, 2)
        current = version(run.settings.describe.colours)
        colours = _palette(warehouse, current)
    result = {
        **counts,
        "covers": run.counts["covers"],
        "version": current,
        "images_per_second": run.images_per_second,
        "output": warehouse.location,
        "run_id": run.run_id,
    }
    lines = {
        "covers": run.counts["covers"],
        "described now": f"{counts['described']} in {seconds:.1f} s",
        "unusable": counts["unusable"],
        "mostly": colours or "-",
        "version": current,
        "table": f"{warehouse.path(APPEARANCE.name)} (Delta)",
        "run": run.run_id,
    }
    arguments.summarise("described", lines, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
