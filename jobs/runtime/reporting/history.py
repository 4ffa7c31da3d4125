"""What was run, how predictions moved from run to run, and what is wrong with the catalogue."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql import functions as F

from covergenre.report.contents import Quality
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, METRICS, QUARANTINE, RUNS, SPLITS

_EXAMPLES = 50
_RUN = (
    "run_id", "job", "outcome", "error", "started_at", "finished_at", "model_version", "engine",
    "precision", "processor", "counts", "images_per_second",
)  # fmt: skip
_DRIFT = (
    "run_id", "computed_at", "model_version", "genre", "scored", "confidence", "advisory_rate",
)  # fmt: skip


def runs(warehouse: Warehouse, most: int) -> list[dict[str, Any]]:
    """The last runs, the last first."""
    if not warehouse.exists(RUNS):
        return []
    rows = warehouse.read(RUNS).orderBy(F.desc("started_at"), "run_id").select(*_RUN).limit(most)
    return [row.asDict() for row in rows.collect()]


def drift(warehouse: Warehouse, most: int) -> pd.DataFrame:
    """What the last runs predicted, by genre, as
    :class:`covergenre.report.contents.Contents` describes it."""
    if not warehouse.exists(METRICS):
        return pd.DataFrame(columns=[*_DRIFT])
    metrics = warehouse.read(METRICS).where("genre_basis = 'predicted' AND scored > 0")
    keys = ["run_id", "computed_at", "model_version"]
    last = metrics.groupBy(*keys).count().orderBy(F.desc("computed_at"), "run_id").limit(most)
    looked = F.when(F.col("advisory_rate").isNotNull(), F.col("scored"))
    found = (
        metrics.join(F.broadcast(last.select("run_id")), "run_id", "left_semi")
        .groupBy(*keys, "genre")
        .agg(
            F.sum("scored").alias("scored"),
            (F.sum(F.col("mean_confidence") * F.col("scored")) / F.sum("scored")).alias(
                "confidence"
            ),
            F.try_divide(F.sum(F.col("advisory_rate") * F.col("scored")), F.sum(looked)).alias(
                "advisory_rate"
            ),
        )
    )
    rows = [tuple(row) for row in found.select(*_DRIFT).collect()]
    frame = pd.DataFrame(rows, columns=[*_DRIFT])
    return frame.sort_values(["computed_at", "run_id", "genre"]).reset_index(drop=True)


def quality(warehouse: Warehouse, foreign: list[tuple[str, int]]) -> Quality:
    """What is wrong with the catalogue.

    Args:
        warehouse: with albums.
        foreign: genres that the model does not know, and how many albums they have.
    """
    reasons: list[tuple[str, int]] = []
    examples: list[dict[str, Any]] = []
    if warehouse.exists(QUARANTINE):
        held = warehouse.read(QUARANTINE).where("closed_at IS NULL")
        counted = held.groupBy("reason").count().orderBy(F.desc("count"), "reason").collect()
        reasons = [(row["reason"], row["count"]) for row in counted]
        shown = held.orderBy(F.desc("last_seen"), "album_id").limit(_EXAMPLES)
        examples = [row.asDict() for row in shown.select("album_id", "reason", "detail").collect()]
    albums = warehouse.read(ALBUMS)
    total = albums.select(
        F.count("*").alias("albums"),
        F.count("cover_id").alias("with_cover"),
        F.count_distinct("cover_id").alias("covers"),
    ).first()
    assert total is not None
    near = None
    if warehouse.exists(SPLITS):
        near = warehouse.read(SPLITS).where("NOT representative").count()
    return Quality(
        reasons, examples, foreign, total["albums"], total["with_cover"], total["covers"], near
    )
