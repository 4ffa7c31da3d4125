"""Find near-duplicates and give every cover its fold: the table splits.

spark-submit jobs/prepare.py --covers FOLDER
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from covergenre import duplicates
from covergenre.config import Settings
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, SPLITS
from udfs.compare import make_signature


def candidate_pairs(covers: DataFrame, radius: int) -> DataFrame:
    """Pairs of covers whose perceptual hashes differ in at most ``radius`` bits.

    Args:
        covers: ``cover_id``, ``phash`` (16 hexadecimal digits).
        radius: in bits; bands of the hash are joined, see :func:`covergenre.duplicates.bands`.

    Returns:
        ``a``, ``b``: cover ids, a < b, each pair once.
    """
    # conv() gives the unsigned value as text; only a decimal holds all 64 bits of it.
    bits = F.lpad(F.conv("phash", 16, 2), duplicates.HASH_BITS, "0")
    keys = [F.substring(bits, start + 1, n) for start, n in duplicates.bands(radius)]
    banded = covers.select("cover_id", bits.alias("bits"), F.posexplode(F.array(*keys)))
    a, b = banded.alias("a"), banded.alias("b")
    pairs = a.join(
        b,
        (F.col("a.pos") == F.col("b.pos"))
        & (F.col("a.col") == F.col("b.col"))
        & (F.col("a.cover_id") < F.col("b.cover_id")),
    ).select(
        F.col("a.cover_id").alias("a"),
        F.col("b.cover_id").alias("b"),
        F.col("a.bits").alias("x"),
        F.col("b.bits").alias("y"),
    )
    halves = [
        F.bit_count(
            F.conv(F.substring("x", s, 32), 2, 10)
            .cast("bigint")
            .bitwiseXOR(F.conv(F.substring("y", s, 32), 2, 10).cast("bigint"))
        )
        for s in (1, 33)
    ]
    return pairs.where(halves[0] + halves[1] <= radius).select("a", "b").distinct()


def confirmed_pairs(pairs: DataFrame, covers: DataFrame, settings: Settings) -> DataFrame:
    """The pairs whose pixels agree too, so that plain covers do not all become one group.

    Args:
        pairs: as :func:`candidate_pairs` gives them.
        covers: ``cover_id``, ``content``.
        settings: ``splits.min_correlation`` and the image limits.
    """
    named = pairs.select(F.explode(F.array("a", "b")).alias("cover_id")).distinct()
    signature = make_signature(settings.images.limits)
    signed = (
        covers.join(F.broadcast(named), "cover_id", "left_semi")
        .select("cover_id", signature("content").alias("signature"))
        .persist()
    )
    a = signed.select(F.col("cover_id").alias("a"), F.col("signature").alias("x"))
    b = signed.select(F.col("cover_id").alias("b"), F.col("signature").alias("y"))
    products = F.zip_with("x", "y", lambda x, y: (x * y).cast("double"))
    correlation = F.aggregate(products, F.lit(0.0), lambda total, value: total + value)
    agreeing = correlation >= settings.splits.min_correlation
    return pairs.join(a, "a").join(b, "b").where(agreeing).select("a", "b")


def splits(albums: DataFrame, covers: DataFrame, settings: Settings) -> DataFrame:
    """The rows of the table splits.

    A group's genre is what most of its albums are filed under; on a tie it is NULL and the group
    is neither trained on nor judged. Its representative is its largest cover, then the smallest id.

    Args:
        albums: ``cover_id``, ``genre``.
        covers: ``cover_id``, ``width``, ``height``, ``phash``, ``content``.
        settings: of splits and images.
    """
    spark = covers.sparkSession
    candidates = candidate_pairs(covers, settings.splits.hash_radius)
    pairs = confirmed_pairs(candidates, covers, settings).collect()
    ids = [row["cover_id"] for row in covers.select("cover_id").collect()]
    grouped = duplicates.groups(ids, ((row["a"], row["b"]) for row in pairs))
    group_of = spark.createDataFrame(list(grouped.items()), "cover_id string, group_id string")
    members = covers.select("cover_id", "width", "height").join(group_of, "cover_id")
    group = Window.partitionBy("group_id")
    largest = group.orderBy(F.desc(F.col("width") * F.col("height")), "cover_id")
    return SPLITS.conform(
        members.join(_genres(albums, group_of), "group_id", "left").select(
            "cover_id",
            "group_id",
            F.count("*").over(group).cast("int").alias("group_size"),
            "genre",
            (F.row_number().over(largest) == 1).alias("representative"),
            fold(F.col("group_id"), settings).alias("fold"),
        )
    )


def fold(group_id: Any, settings: Settings) -> Any:
    """Salted hash of the group modulo the folds: the same on every machine and in every run."""
    digest = F.sha2(F.concat(F.lit(settings.splits.salt + ":"), group_id), 256)
    # 15 hexadecimal digits are the most that a signed 64-bit number holds.
    number = F.conv(F.substring(digest, 1, 15), 16, 10).cast("bigint")
    return (number % settings.splits.folds).cast("int")


def _genres(albums: DataFrame, group_of: DataFrame) -> DataFrame:
    """Group id to the genre of most of its albums; groups with a tie are left out."""
    votes = (
        albums.where("genre IS NOT NULL")
        .join(group_of, "cover_id")
        .groupBy("group_id", "genre")
        .count()
    )
    ranked = votes.withColumn("most", F.max("count").over(Window.partitionBy("group_id")))
    winners = ranked.where("count = most").groupBy("group_id")
    return (
        winners.agg(F.min("genre").alias("genre"), F.count("*").alias("n")).where("n = 1").drop("n")
    )


def prepare(warehouse: Warehouse, settings: Settings) -> dict[str, int]:
    """Write the table splits of a warehouse; returns what was counted."""
    warehouse.create(SPLITS)
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select("cover_id", "genre")
    used = albums.select("cover_id").distinct()
    covers = warehouse.read(COVERS).join(F.broadcast(used), "cover_id", "left_semi")
    with shown(warehouse.spark, "finding near-duplicates"):
        warehouse.replace(SPLITS, splits(albums, covers, settings))
    row = (
        warehouse.read(SPLITS)
        .agg(
            F.count("*").alias("covers"),
            F.countDistinct("group_id").alias("groups"),
            F.max("group_size").alias("largest_group"),
            F.count_if(F.col("representative") & F.col("genre").isNull()).alias("without_genre"),
        )
        .first()
    )
    assert row is not None
    return {key: int(value or 0) for key, value in row.asDict().items()}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, write splits, print a summary."""
    parser = arguments.parser("prepare", "Group near-duplicate covers and give each group a fold.")
    args = parser.parse_args(argv)
    run = Run("prepare", arguments.settings(args))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        counts = prepare(warehouse, run.settings)
        run.counts.update(counts)
    result = {**counts, "output": warehouse.location, "run_id": run.run_id}
    arguments.summarise("prepared", result, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
