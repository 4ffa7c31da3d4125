"""Give every cover its fold: with its near-duplicates, with its artist, and where it was before."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from covergenre import duplicates
from covergenre.config import Settings
from udfs.compare import make_artist_name


def fold(group_id: Any, settings: Settings) -> Any:
    """Salted hash of the group modulo the folds: the same on every machine and in every run."""
    digest = F.sha2(F.concat(F.lit(settings.splits.salt + ":"), group_id), 256)
    # 15 hexadecimal digits are the most that a signed 64-bit number holds.
    number = F.conv(F.substring(digest, 1, 15), 16, 10).cast("bigint")
    return (number % settings.splits.folds).cast("int")


def credited(albums: DataFrame, members: DataFrame, settings: Settings) -> DataFrame:
    """Whom covers are by.

    Near-duplicates that name more than ``splits.max_artists`` artists are a placeholder or a
    series' layout: they say nothing about who belongs together, and would chain artists into one
    group without end.

    Args:
        albums: ``cover_id``, ``artist``.
        members: ``cover_id``, ``copies``.
        settings: ``splits.no_artist``, ``splits.max_artists``.

    Returns:
        ``cover_id``, ``copies``, ``artist``: distinct, names in one form.
    """
    nobody = ["", *(duplicates.artist_name(name) for name in settings.splits.no_artist)]
    named = (
        albums.where("artist IS NOT NULL AND cover_id IS NOT NULL")
        .select("cover_id", make_artist_name()("artist").alias("artist"))
        .where(~F.col("artist").isin(nobody))
        .distinct()
        .join(members.select("cover_id", "copies"), "cover_id")
    )
    few = F.count_distinct("artist") <= settings.splits.max_artists
    return named.join(
        named.groupBy("copies").agg(few.alias("few")).where("few"), "copies", "left_semi"
    )


def assign(
    members: DataFrame, credits: DataFrame, kept: DataFrame, settings: Settings
) -> DataFrame:
    """Groups and folds.

    Covers in ``kept`` keep both. New covers that share near-duplicates or an artist with each other
    form a group; where these are a kept cover's, the group is that cover's. A group that is thus
    linked to kept covers of two folds has none. A kept cover or its artist does not link new covers
    with each other beyond its fold, so one cover between two folds does not cost all others theirs.

    Args:
        members: ``cover_id``, ``copies`` (the same for near-duplicates).
        credits: as :func:`credited` gives them.
        kept: ``cover_id``, ``group_id``, ``fold`` of earlier runs, of covers in ``members``.
        settings: of splits.

    Returns:
        ``cover_id``, ``group_id``, ``fold``.
    """
    new = members.join(kept, "cover_id", "left_anti").select("cover_id", "copies")
    claims = credits.join(kept, "cover_id", "left_anti").select("copies", "artist").distinct()
    settled = credits.join(kept, "cover_id").select("artist", "group_id", "fold").distinct()
    clusters = new.join(
        _clusters(claims.join(settled, "artist", "left_anti")), "copies", "left"
    ).select("cover_id", "copies", F.coalesce("cluster", "copies").alias("cluster"))
    links = (
        members.join(kept, "cover_id")
        .select("copies", "group_id", "fold")
        .union(claims.join(settled, "artist").select("copies", "group_id", "fold"))
    )
    known = (
        clusters.select("copies", "cluster")
        .distinct()
        .join(links, "copies")
        .groupBy("cluster")
        .agg(
            F.min("group_id").alias("known"),
            F.min("fold").alias("fold"),
            F.max("fold").alias("last"),
        )
    )
    one = F.col("fold") == F.col("last")
    first = F.min("cover_id").over(Window.partitionBy("cluster"))
    found = clusters.join(known, "cluster", "left").select(
        "cover_id", F.when(one, F.col("known")).otherwise(first).alias("group_id"), "fold", "last"
    )
    fresh = F.when(F.col("last").isNull(), fold(F.col("group_id"), settings))
    return found.select(
        "cover_id", "group_id", F.when(one, F.col("fold")).otherwise(fresh).alias("fold")
    ).union(kept.select("cover_id", "group_id", "fold"))


def _clusters(claims: DataFrame) -> DataFrame:
    """``copies`` to ``cluster``, the same for near-duplicates joined by artists.

    Only near-duplicates of several artists join artists: those few go through the driver.
    """
    named = claims.groupBy("copies").agg(F.sort_array(F.collect_set("artist")).alias("artists"))
    several = named.where(F.size("artists") > 1).select("artists").distinct().collect()
    joined = duplicates.groups((row[0][0], other) for row in several for other in row[0][1:])
    root_of = claims.sparkSession.createDataFrame(
        list(joined.items()), "artist string, root string"
    )
    return (
        named.select("copies", F.col("artists")[0].alias("artist"))
        .join(F.broadcast(root_of), "artist", "left")
        .select("copies", F.concat(F.lit("artist "), F.coalesce("root", "artist")).alias("cluster"))
    )
