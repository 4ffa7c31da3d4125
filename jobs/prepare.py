"""Find near-duplicates and give every cover its fold: the table splits.

spark-submit jobs/prepare.py --covers FOLDER
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from covergenre.config import Settings
from jobs.runtime import arguments, folds, logs
from jobs.runtime.catalogue import opened
from jobs.runtime.copies import near_duplicates
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, SPLITS
from schemas.splits import upgrade

_SIZES = {"1": (1, 1), "2": (2, 2), "3-5": (3, 5), "6+": (6, 2**31)}
_FEW = 100
"""Below so many covers uneven folds are no sign of anything."""


def splits(albums: DataFrame, covers: DataFrame, kept: DataFrame, settings: Settings) -> DataFrame:
    """The rows of the table splits.

    Near-duplicates have one genre, what most of their albums are filed under; on a tie it is NULL
    and they are neither trained on nor judged. They have one representative, the largest cover,
    then the smallest id. Without a fold there is none. Near-duplicates that earlier runs put into
    different folds stay apart in all of this.

    Args:
        albums: ``cover_id``, ``genre``, ``artist``.
        covers: ``cover_id``, ``width``, ``height``, ``phash``, ``content``.
        kept: ``cover_id``, ``group_id``, ``fold`` of earlier runs.
        settings: of splits and images.
    """
    # Both checkpoints hold ids only, and are what several joins stand on.
    copied = near_duplicates(covers, settings).localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
    members = covers.join(copied, "cover_id", "left").select(
        "cover_id",
        (F.col("width") * F.col("height")).alias("area"),
        F.coalesce("duplicate_id", "cover_id").alias("copies"),
    )
    kept = kept.join(members, "cover_id", "left_semi")
    credits = folds.credited(albums, members, settings)
    apart = Window.partitionBy("copies", "fold")
    rows = (
        members.join(folds.assign(members, credits, kept, settings), "cover_id")
        .withColumn("duplicate_id", F.min("cover_id").over(apart))
        .localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
    )
    group = Window.partitionBy("duplicate_id")
    largest = group.orderBy(F.desc("area"), "cover_id")
    return SPLITS.conform(
        rows.join(_genres(albums, rows), "duplicate_id", "left").select(
            "cover_id",
            "group_id",
            F.count("*").over(group).cast("int").alias("group_size"),
            "genre",
            (F.col("fold").isNotNull() & (F.row_number().over(largest) == 1)).alias(
                "representative"
            ),
            "fold",
            "duplicate_id",
            "genres",
        )
    )


def _genres(albums: DataFrame, rows: DataFrame) -> DataFrame:
    """``duplicate_id`` to ``genres``, all they are filed under, and ``genre``, that of most albums
    or NULL on a tie."""
    votes = (
        albums.where("genre IS NOT NULL")
        .join(rows.select("cover_id", "duplicate_id"), "cover_id")
        .groupBy("duplicate_id", "genre")
        .count()
    )
    foremost = F.filter("votes", lambda vote: vote["count"] == F.col("most"))
    return (
        votes.groupBy("duplicate_id")
        .agg(
            F.sort_array(F.collect_list("genre")).alias("genres"),
            F.collect_list(F.struct("count", "genre")).alias("votes"),
            F.max("count").alias("most"),
        )
        .select(
            "duplicate_id",
            "genres",
            F.when(F.size(foremost) == 1, foremost[0]["genre"]).alias("genre"),
        )
    )


def assigned(warehouse: Warehouse, settings: Settings) -> DataFrame:
    """Groups and folds of earlier runs: ``cover_id``, ``group_id``, ``fold``; none if the salt or
    the number of folds has changed since, which shows in the folds themselves."""
    held = warehouse.read(SPLITS).where("fold IS NOT NULL").select("cover_id", "group_id", "fold")
    if held.where(F.col("fold") != folds.fold(F.col("group_id"), settings)).isEmpty():
        return held
    logs.tell("splits: salt or number of folds has changed, every cover is assigned anew")
    return held.limit(0)


def prepare(warehouse: Warehouse, settings: Settings) -> dict[str, int]:
    """Write the table splits of a warehouse; returns what was counted."""
    began = time.monotonic()
    warehouse.create(SPLITS)
    upgrade(warehouse.spark, warehouse.path(SPLITS.name))
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL")
    used = albums.select("cover_id").distinct()
    covers = warehouse.read(COVERS).join(F.broadcast(used), "cover_id", "left_semi")
    with shown(warehouse.spark, "finding near-duplicates"):
        kept = assigned(warehouse, settings)
        warehouse.replace(SPLITS, splits(albums, covers, kept, settings))
    counts = counted(warehouse)
    _warn_of_uneven_folds(warehouse, settings, counts)
    return {**counts, "prepare_seconds": round(time.monotonic() - began)}


def counted(warehouse: Warehouse) -> dict[str, int]:
    """What the table splits holds: covers, near-duplicates and fold groups by size, and how covers
    filed under several genres were resolved."""
    rows = warehouse.read(SPLITS)
    several = F.size("genres") > 1
    copies = rows.where("cover_id = duplicate_id").agg(
        F.sum("group_size").alias("covers"),
        *_sizes("duplicates", "group_size"),
        F.count_if(F.col("genre").isNull()).alias("without_genre"),
        F.count_if(several & F.col("genre").isNotNull()).alias("several_genres_by_majority"),
        F.count_if(several & F.col("genre").isNull()).alias("several_genres_tied"),
    )
    groups = rows.groupBy("group_id").count()
    together = groups.agg(F.count("*").alias("groups"), *_sizes("groups", "count"))
    without = rows.agg(F.count_if(F.col("fold").isNull()).alias("without_fold"))
    found = copies.crossJoin(together).crossJoin(without).first()
    assert found is not None
    return {key: int(value or 0) for key, value in found.asDict().items()}


def _sizes(name: str, size: str) -> list[Any]:
    classes = [
        F.count_if(F.col(size).between(least, most)).alias(f"{name}_of_{label}")
        for label, (least, most) in _SIZES.items()
    ]
    return [*classes, F.max(size).alias(f"largest_{name}")]


def _warn_of_uneven_folds(warehouse: Warehouse, settings: Settings, counts: dict[str, int]) -> None:
    """Say so if one group is more than half of what a fold should hold, and whose it is."""
    largest, covers = counts["largest_groups"], counts["covers"]
    if covers < _FEW or 2 * largest * settings.splits.folds <= covers:
        return
    rows = warehouse.read(SPLITS)
    group = rows.groupBy("group_id").count().orderBy(F.desc("count"), "group_id").limit(1)
    named = (
        warehouse.read(ALBUMS)
        .where("artist IS NOT NULL")
        .join(rows.join(group, "group_id", "left_semi"), "cover_id", "left_semi")
        .groupBy("artist")
        .count()
    )
    most = named.orderBy(F.desc("count"), "artist").first()
    cause = f", most of them by {most['artist']!r}" if most else ""
    logs.warn(
        f"one group holds {largest} of {covers} covers{cause}, so folds are uneven: if "
        "that is no artist, add it to splits.no_artist"
    )


def _histogram(counts: dict[str, int], name: str) -> str:
    classes = ", ".join(f"{label}: {counts[f'{name}_of_{label}']}" for label in _SIZES)
    return f"{classes} (largest {counts[f'largest_{name}']})"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, write splits, print a summary."""
    parser = arguments.parser("prepare", "Group near-duplicate covers and give each group a fold.")
    args = parser.parse_args(argv)
    run = Run("prepare", arguments.settings(args))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        counts = prepare(warehouse, run.settings)
        run.counts.update(counts)
    result = {**counts, "output": warehouse.location, "run_id": run.run_id}
    lines = {
        "covers": counts["covers"],
        "near-duplicates of": _histogram(counts, "duplicates"),
        "groups of": _histogram(counts, "groups"),
        "without a fold": f"{counts['without_fold']} (linked to two folds)",
        "several genres": f"{counts['several_genres_by_majority']} by majority, "
        f"{counts['several_genres_tied']} tied and unused",
        "seconds": counts["prepare_seconds"],
        "output": warehouse.location,
        "run": run.run_id,
    }
    arguments.summarise("prepared", lines, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
