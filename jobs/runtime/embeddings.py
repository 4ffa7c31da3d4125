"""Embeddings of covers, computed in a pandas UDF and kept in the table embeddings."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.backbones import Backbone
from covergenre.config import Settings
from jobs.runtime import session
from jobs.runtime.progress import shown
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, EMBEDDINGS
from udfs.embed import make_embed


def views_of(settings: Settings) -> list[str]:
    """Which pictures of a cover are trained on: itself and, if asked for, its mirror image."""
    return ["original", "mirrored"] if settings.train.mirrored else ["original"]


def embedded(warehouse: Warehouse, backbone: Backbone, settings: Settings) -> DataFrame:
    """What the table holds of a backbone: ``cover_id``, ``view``, ``vector``."""
    # It may hold views and backbones of other trainings.
    wanted = (F.col("backbone") == backbone.digest) & F.col("view").isin(views_of(settings))
    return warehouse.read(EMBEDDINGS).where(wanted).select("cover_id", "view", "vector")


def embed(warehouse: Warehouse, wanted: DataFrame, backbone: Backbone, settings: Settings) -> int:
    """Embed the covers that have no embedding yet.

    Args:
        warehouse: with covers.
        wanted: ``cover_id`` of the covers that are trained on or judged.
        backbone: whose features are wanted.
        settings: of views, batches and images.

    Returns:
        how many covers were embedded now.
    """
    spark = warehouse.spark
    warehouse.create(EMBEDDINGS)
    views = views_of(settings)
    counted = embedded(warehouse, backbone, settings).groupBy("cover_id").count()
    held = counted.where(F.col("count") == len(views))
    missing = wanted.select("cover_id").distinct().join(held, "cover_id", "left_anti")
    count = missing.count()
    if count == 0:
        return 0
    covers = warehouse.read(COVERS).select("cover_id", "content").join(
        F.broadcast(missing), "cover_id", "left_semi"
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        udf = make_embed(
            backbone.saved(Path(scratch)),
            settings.train.embed_batch_size,
            session.task_cpus(spark),
            settings.images.limits,
            settings.train.mirrored,
        )
        features = covers.select("cover_id", udf("content").alias("e")).select(
            "cover_id", F.explode(F.create_map(*_views(views))).alias("view", "vector")
        )
        rows = features.withColumn("backbone", F.lit(backbone.digest))
        with shown(spark, "embedding", count):
            target = warehouse.delta(EMBEDDINGS).alias("t")
            same = " AND ".join(f"t.{key} = s.{key}" for key in EMBEDDINGS.key)
            # Merged, not appended: a cover of which only one view was held keeps one row a view.
            merge = target.merge(EMBEDDINGS.conform(rows).alias("s"), same)
            merge.whenNotMatchedInsertAll().execute()
    return count


def _views(views: list[str]) -> list[Any]:
    return [column for view in views for column in (F.lit(view), F.col(f"e.{view}"))]
