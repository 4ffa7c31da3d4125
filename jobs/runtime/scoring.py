"""What a bundle says of covers, and the rows of predictions that come of it."""

from __future__ import annotations

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from covergenre.config import Settings
from jobs.runtime import session
from schemas import PREDICTIONS
from udfs.score import make_score
from udfs.worker import ShippedBundle


def infer(covers: DataFrame, bundle: Bundle, settings: Settings) -> DataFrame:
    """Show covers to a bundle's networks in one pass over their bytes.

    Args:
        covers: ``cover_id``, ``content``.
        bundle: verified; shipped to the executors.
        settings: batch size and image limits.

    Returns:
        ``cover_id`` and the columns of :data:`udfs.score.SCORED`.
    """
    spark = covers.sparkSession
    shipped = ShippedBundle.of(bundle, spark)
    udf = make_score(
        shipped, settings.score.batch_size, session.task_cpus(spark), settings.images.limits
    )
    return covers.select("cover_id", udf("content").alias("said")).select("cover_id", "said.*")


def predict(
    albums: DataFrame,
    inferred: DataFrame,
    bundle: Bundle,
    run_id: str,
    now: datetime.datetime,
) -> DataFrame:
    """The rows of predictions: every album whose cover the networks have seen.

    Args:
        albums: the table albums.
        inferred: as :func:`infer` gives it.
        bundle: names the probabilities, knows the thresholds.
        run_id, now: written to each row.
    """
    labels = F.array(*(F.lit(label) for label in bundle.labels))
    least = 0.0 if bundle.abstention is None else bundle.abstention.threshold
    usable = inferred.where(F.col("reason").isNull()).select(
        "cover_id", F.col("probabilities").cast("array<double>").alias("values"), *_advisory(bundle)
    )
    best = F.array_max("values")
    return PREDICTIONS.conform(
        albums.join(usable, "cover_id").select(
            "album_id",
            F.lit(bundle.model_version).alias("model_version"),
            "cover_id",
            "genre",
            "release_year",
            F.element_at(labels, F.array_position("values", best).cast("int")).alias(
                "predicted_genre"
            ),
            F.map_from_arrays(labels, "values").alias("probabilities"),
            best.alias("confidence"),
            F.lit(run_id).alias("run_id"),
            F.lit(now).alias("scored_at"),
            (best < least).alias("abstained"),
            "advisory",
            "advisory_score",
            "advisory_box",
        )
    )


def _advisory(bundle: Bundle) -> list[Column]:
    """Whether there is a label, its score, and where; NULL where no detector has looked."""
    detector = bundle.detector
    threshold = 1.0 if detector is None else detector.threshold
    score = F.col("advisory_score").cast("double")
    box = F.col("advisory_box").cast(PREDICTIONS.schema["advisory_box"].dataType)
    return [
        (score >= threshold).alias("advisory"),
        score.alias("advisory_score"),
        F.when(score >= threshold, box).alias("advisory_box"),
    ]
