"""Colour and composition of covers, in the table appearance."""

from __future__ import annotations

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.appearance import version
from covergenre.config import Settings
from jobs.runtime import logs
from jobs.runtime.describing.covers import covers_without
from jobs.runtime.keeping import kept
from jobs.runtime.progress import shown
from jobs.runtime.warehouse import Warehouse
from schemas import APPEARANCE
from udfs.appearance import MEASURED, make_describe


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
        measured = kept(measure(covers, settings), on_disk=True)
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
        logs.warn(f"{row['count']} covers are not described: {row['reason']}")


def palette(warehouse: Warehouse, settings: Settings) -> str:
    """The colours that covers have most of, in words."""
    current = version(settings.describe.colours)
    rows = warehouse.read(APPEARANCE).where(F.col("version") == current)
    colours = rows.select(F.explode("palette").alias("c")).select("c.*")
    most = colours.groupBy("name").agg(F.sum("share").alias("share"))
    total = colours.agg(F.sum("share")).first()
    found = most.orderBy(F.desc("share"), "name").limit(5).collect()
    return ", ".join(f"{r['name']} {r['share'] / total[0]:.0%}" for r in found if total)
