"""Which covers look alike: the table neighbours, brought in line with the embeddings there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from jobs.runtime.keeping import kept
from jobs.runtime.planning import Scope, known, wanted
from jobs.runtime.publishing import own_inferences
from jobs.runtime.scoring import Asked
from jobs.runtime.warehouse import Warehouse
from schemas import NEIGHBOURS
from udfs import ddl
from udfs.similar import NEAREST, Candidates, make_nearest

# Embeddings that are sent to the workers at a time: 100 MB of the driver's memory and of theirs.
_CANDIDATES = 20_000
_PAIR = ("cover_id", "neighbour_id", "similarity")


def publish(warehouse: Warehouse, bundle: Bundle, question: Asked, most: int) -> None:
    """Bring the table neighbours in line, in one commit.

    The search is exact. Covers that are there already are held against new ones alone; those of
    which a neighbour has left are searched for anew. Where no embeddings are asked for, the
    bundle's rows go.

    Args:
        warehouse: with albums and inferences in line.
        bundle: whose embeddings.
        question: what was asked of covers.
        most: neighbours a cover.
    """
    if not question.embedding and not warehouse.exists(NEIGHBOURS):
        return
    warehouse.create(NEIGHBOURS)
    carried = kept(wanted(warehouse, Scope()))
    # Of what is known, not of the embeddings: reading these takes time.
    seen = known(warehouse, bundle.model_version, question.digest)
    seen = seen.where(F.col("reason").isNull() & F.lit(question.embedding))
    ids = kept(seen.select("cover_id").join(carried, "cover_id", "left_semi"))
    count = ids.count()
    table = warehouse.held(NEIGHBOURS)
    version = F.col("model_version") == bundle.model_version
    held = table.where(version)
    whole = _whole(held, ids, min(most, count - 1))
    rest = kept(ids.join(whole, "cover_id", "left_anti"))
    gone = table.select("cover_id").join(carried, "cover_id", "left_anti")
    ours = held.select("cover_id").join(ids, "cover_id", "left_anti")
    if (count < 2 or rest.isEmpty()) and gone.isEmpty() and ours.isEmpty():
        return
    own = own_inferences(warehouse, bundle, question.digest).select("cover_id", "embedding")
    own = own.join(F.broadcast(ids), "cover_id", "left_semi")
    new = kept(rest.join(held.select("cover_id"), "cover_id", "left_anti"))
    of_whole = own.join(F.broadcast(whole), "cover_id", "left_semi")
    found = held.select(*_PAIR).join(whole, "cover_id", "left_semi")
    for asking, among in (
        (own.join(F.broadcast(rest), "cover_id", "left_semi"), own),
        (of_whole, own.join(F.broadcast(new), "cover_id", "left_semi")),
    ):
        for nearest in _searched(asking, among, most):
            found = found.unionByName(nearest)
    order = Window.partitionBy("cover_id").orderBy(F.desc("similarity"), "neighbour_id")
    ranked = found.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= most)
    should = ranked.withColumn("model_version", F.lit(bundle.model_version))
    others = table.where(~version).join(gone, "cover_id", "left_anti")
    _replace(warehouse, kept(NEIGHBOURS.conform(should).unionByName(others)))


def _whole(held: DataFrame, ids: DataFrame, most: int) -> DataFrame:
    """The covers that have as many neighbours as they can, all of them there: ``cover_id``."""
    there = ids.select(F.col("cover_id").alias("neighbour_id"), F.lit(1).alias("there"))
    rows = held.join(there, "neighbour_id", "left").groupBy("cover_id")
    counted = rows.agg(F.count("*").alias("rows"), F.count("there").alias("there"))
    right = counted.where((F.col("rows") == most) & (F.col("there") == most))
    return kept(right.select("cover_id").join(ids, "cover_id", "left_semi"))


def _searched(asking: DataFrame, among: DataFrame, most: int) -> Iterator[DataFrame]:
    """The nearest of some covers to others, of a part of these at a time; see :data:`NEAREST`."""
    if asking.isEmpty():
        return
    context = asking.sparkSession.sparkContext
    parts = -(-among.count() // _CANDIDATES)
    for part in range(parts):
        rows = among.where(F.pmod(F.xxhash64("cover_id"), F.lit(parts)) == part).toPandas()
        if rows.empty:
            continue
        candidates = context.broadcast(
            Candidates(rows["cover_id"].to_numpy(), np.stack(rows["embedding"].to_list()))
        )
        yield kept(asking.mapInPandas(make_nearest(candidates, most), ddl(NEAREST)))
        candidates.destroy()


def _replace(warehouse: Warehouse, rows: DataFrame) -> None:
    """Write what differs."""
    same = " AND ".join(f"t.{name} = s.{name}" for name in NEIGHBOURS.key)
    differs = "t.neighbour_id <> s.neighbour_id OR t.similarity <> s.similarity"
    (
        warehouse.delta(NEIGHBOURS)
        .alias("t")
        .merge(rows.alias("s"), same)
        .whenMatchedUpdateAll(differs)
        .whenNotMatchedInsertAll()
        .whenNotMatchedBySourceDelete()
        .execute()
    )
