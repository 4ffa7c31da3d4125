"""Aggregates per genre and year, from one pass over albums and predictions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.runtime.keeping import kept
from schemas import METRICS


def per_genre_and_year(
    cells: DataFrame, run_id: str, model_version: str, now: datetime.datetime
) -> DataFrame:
    """The rows of the table metrics for one run.

    Args:
        cells: as :func:`count_cells` gives them.
        run_id, model_version, now: written to each row.

    Returns:
        Rows by the catalogue's genre and rows by the predicted genre; a NULL genre or year is a
        row of its own.
    """
    totals = _totals(cells)
    years = cells.groupBy("release_year").agg(F.sum("scored").alias("scored_of_year"))
    bases = [
        _basis(cells, "genre").withColumn("genre_basis", F.lit("catalogue")),
        _basis(cells.where("scored > 0"), "predicted_genre").withColumn(
            "genre_basis", F.lit("predicted")
        ),
    ]
    rows = bases[0].unionByName(bases[1]).alias("r")
    same_year = F.col("r.release_year").eqNullSafe(F.col("t.release_year"))
    same_genre = F.col("r.genre") == F.col("t.label")
    joined = rows.join(totals.alias("t"), same_year & same_genre, "left").join(
        years.alias("y"), F.col("r.release_year").eqNullSafe(F.col("y.release_year"))
    )
    correct, of_genre = F.col("t.hits"), F.col("t.labelled_of_genre")
    precision = _share(correct, F.col("t.labelled_as_genre"))
    recall = _share(correct, of_genre)
    accuracy = _share(F.col("r.correct"), F.col("r.labelled"))
    predicted = F.coalesce(F.col("t.predicted"), F.lit(0)).cast("bigint")
    return METRICS.conform(
        joined.select(
            F.lit(run_id).alias("run_id"),
            F.lit(model_version).alias("model_version"),
            "genre_basis",
            "r.genre",
            "r.release_year",
            "r.albums",
            "r.scored",
            "r.quarantined",
            predicted.alias("predicted"),
            _share(predicted, F.col("y.scored_of_year")).alias("predicted_share"),
            "r.labelled",
            "r.correct",
            accuracy.alias("accuracy"),
            precision.alias("precision"),
            recall.alias("recall"),
            _share(2 * correct, F.col("t.labelled_as_genre") + of_genre).alias("f1"),
            "r.mean_confidence",
            (_share(F.col("r.labelled_confidence"), F.col("r.labelled")) - accuracy).alias(
                "calibration_gap"
            ),
            F.lit(now).alias("computed_at"),
            _share(F.col("r.abstained"), F.col("r.scored")).alias("abstained_share"),
            _share(F.col("r.advisory"), F.col("r.looked_for_advisory")).alias("advisory_rate"),
        )
    )


def count_cells(
    albums: DataFrame, predictions: DataFrame, quarantined: DataFrame, labels: Sequence[str]
) -> DataFrame:
    """Counts by genre, predicted genre and year: few rows, whatever the catalogue's size.

    They are counted here, in one pass over the tables, and kept in one partition: what is made of
    them reads no table again and shuffles nothing.

    Args:
        albums: ``album_id``, ``genre``, ``release_year``.
        predictions: ``album_id``, ``predicted_genre``, ``confidence``, ``abstained``,
            ``advisory``.
        quarantined: ``album_id`` of the albums without a usable cover.
        labels: the genres the model knows.

    Returns:
        ``genre``, ``predicted_genre``, ``release_year``, each of which may be NULL, ``albums``,
        ``scored``, ``quarantined``, ``abstained``, ``advisory``, ``looked_for_advisory``,
        ``labelled``, ``correct`` (counts), ``confidence`` and ``labelled_confidence`` (sums).
    """
    joined = (
        albums.select("album_id", "genre", "release_year")
        .join(
            predictions.select(
                "album_id", "predicted_genre", "confidence", "abstained", "advisory"
            ),
            "album_id",
            "left",
        )
        .join(quarantined.select("album_id", F.lit(True).alias("unusable")), "album_id", "left")
    )
    scored = F.col("predicted_genre").isNotNull()
    labelled = scored & F.coalesce(F.col("genre").isin(list(labels)), F.lit(False))
    counted = joined.groupBy("genre", "predicted_genre", "release_year").agg(
        F.count("*").alias("albums"),
        F.count_if(scored).alias("scored"),
        F.count_if(F.col("unusable") & ~scored).alias("quarantined"),
        F.count_if("abstained").alias("abstained"),
        F.count_if("advisory").alias("advisory"),
        F.count("advisory").alias("looked_for_advisory"),
        F.count_if(labelled).alias("labelled"),
        F.count_if(labelled & (F.col("genre") == F.col("predicted_genre"))).alias("correct"),
        F.sum("confidence").alias("confidence"),
        F.sum(F.when(labelled, F.col("confidence"))).alias("labelled_confidence"),
    )
    return kept(counted.coalesce(1))


def _basis(cells: DataFrame, genre: str) -> DataFrame:
    return cells.groupBy(F.col(genre).alias("genre"), "release_year").agg(
        F.sum("albums").alias("albums"),
        F.sum("scored").alias("scored"),
        F.sum("quarantined").alias("quarantined"),
        F.sum("abstained").alias("abstained"),
        F.sum("advisory").alias("advisory"),
        F.sum("looked_for_advisory").alias("looked_for_advisory"),
        F.sum("labelled").alias("labelled"),
        F.sum("correct").alias("correct"),
        F.sum("labelled_confidence").alias("labelled_confidence"),
        _share(F.sum("confidence"), F.sum("scored")).alias("mean_confidence"),
    )


def _totals(cells: DataFrame) -> DataFrame:
    """Per year and genre: how often it was predicted, how often it was the truth, the hits."""
    as_genre = cells.groupBy(F.col("predicted_genre").alias("label"), "release_year").agg(
        F.sum("scored").alias("predicted"),
        F.sum("labelled").alias("labelled_as_genre"),
        F.sum("correct").alias("hits"),
        F.lit(0).cast("bigint").alias("labelled_of_genre"),
    )
    of_genre = cells.groupBy(F.col("genre").alias("label"), "release_year").agg(
        F.lit(0).cast("bigint").alias("predicted"),
        F.lit(0).cast("bigint").alias("labelled_as_genre"),
        F.lit(0).cast("bigint").alias("hits"),
        F.sum("labelled").alias("labelled_of_genre"),
    )
    names = ("predicted", "labelled_as_genre", "hits", "labelled_of_genre")
    both = as_genre.unionByName(of_genre).where("label IS NOT NULL")
    return both.groupBy("label", "release_year").agg(*(F.sum(n).alias(n) for n in names))


def _share(part: Column, whole: Column) -> Column:
    """part / whole as double, NULL when whole is 0 or NULL (in ANSI mode / 0 fails the job)."""
    return F.try_divide(part.cast("double"), whole.cast("double"))
