"""Find the covers that are copies of each other: by perceptual hash, then by pixels."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre import duplicates
from covergenre.config import Settings
from udfs.compare import COPIES, make_copies, make_signature


def hash_pairs(hashes: DataFrame, radius: int) -> DataFrame:
    """Pairs of hashes that differ in at most ``radius`` bits.

    Args:
        hashes: ``hash`` bigint, distinct.
        radius: in bits; bands of the hash are joined, see :func:`covergenre.duplicates.bands`.

    Returns:
        ``a``, ``b`` bigint: a < b, each pair once.
    """
    bands = duplicates.bands(radius)
    banded = hashes.select(
        "hash", F.posexplode(F.array(*(_band(F.col("hash"), *b) for b in bands)))
    )
    a, b = F.col("a.hash"), F.col("b.hash")
    # A pair that agrees on several bands is found several times: it counts at the first of them.
    agreed = [F.when(_band(a, *band) == _band(b, *band), i) for i, band in enumerate(bands)]
    return (
        banded.alias("a")
        .join(
            banded.alias("b"),
            (F.col("a.pos") == F.col("b.pos"))
            & (F.col("a.col") == F.col("b.col"))
            & (a < b)
            & (F.bit_count(a.bitwiseXOR(b)) <= radius)
            & (F.coalesce(*agreed) == F.col("a.pos")),
        )
        .select(a.alias("a"), b.alias("b"))
    )


def near_duplicates(covers: DataFrame, settings: Settings) -> DataFrame:
    """The covers that have copies.

    Covers whose hashes are linked, directly or through others, are compared pixel by pixel in one
    task; nothing else is decoded. Plain covers hash alike and have no picture to compare: each
    stands for itself.

    Args:
        covers: ``cover_id``, ``phash`` (16 hexadecimal digits), ``content``.
        settings: of splits and images.

    Returns:
        ``cover_id``, ``duplicate_id``: the smallest id of its copies.
    """
    spark, radius = covers.sparkSession, settings.splits.hash_radius
    # To base -10 conv() gives the signed value, which is what a bigint holds.
    hashes = covers.select("cover_id", F.conv("phash", 16, -10).cast("bigint").alias("hash"))
    pairs = hash_pairs(hashes.select("hash").distinct(), radius).collect()
    linked = duplicates.groups((row["a"], row["b"]) for row in pairs)
    root_of = spark.createDataFrame(list(linked.items()), "hash bigint, root bigint")
    rooted = hashes.join(F.broadcast(root_of), "hash", "left").select(
        "cover_id", "hash", F.coalesce("root", "hash").alias("root")
    )
    shared = rooted.groupBy("root").count().where("count > 1")
    candidates = rooted.join(shared, "root", "left_semi")
    signature = make_signature(settings.images.limits)
    return (
        covers.select("cover_id", "content")
        .join(F.broadcast(candidates), "cover_id")
        .select("cover_id", "hash", "root", signature("content").alias("signature"))
        .where("signature IS NOT NULL")
        .groupBy("root")
        .applyInPandas(make_copies(radius, settings.splits.min_correlation), COPIES)
    )


def _band(value: Column, start: int, length: int) -> Any:
    """Bits of a bigint, counted from the highest."""
    return F.shiftrightunsigned(F.shiftleft(value, start), duplicates.HASH_BITS - length)
