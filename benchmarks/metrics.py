"""Seconds of the metrics over millions of predictions: one pass, a query a figure, pandas.

    python benchmarks/metrics.py [--rows 10000000] [--rounds 3]

Albums and predictions of so many rows are drawn into Parquet. Three ways to the metrics per genre
and year run in turn, in one session: the project's, which counts once and makes all else of these
counts; a query of Spark's for each figure, as notebooks have it; pandas over the same columns. They
must agree on every accuracy.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.runtime import session
from jobs.runtime.metrics import count_cells, per_genre_and_year
from jobs.runtime.session import processor

_GENRES = ("rap", "folk", "hard rock", "disco", "electronic")
_CELL = ["genre", "release_year"]
_COLUMNS = {
    "albums": ["album_id", *_CELL],
    "predictions": ["album_id", "predicted_genre", "confidence", "abstained", "advisory"],
}


def draw(spark: SparkSession, rows: int, folder: Path) -> None:
    """Albums and predictions, one each: a genre in ten is not known, two in three are right."""
    genres = F.array(*map(F.lit, _GENRES))
    drawn = spark.range(rows).select(
        F.format_string("album %08d", "id").alias("album_id"),
        F.element_at(genres, (F.rand(1) * len(_GENRES)).cast("int") + 1).alias("is"),
        F.element_at(genres, (F.rand(2) * len(_GENRES)).cast("int") + 1).alias("else"),
        F.rand(3).alias("known"),
        F.rand(4).alias("right"),
        (1960 + F.rand(5) * 60).cast("int").alias("release_year"),
        F.rand(6).alias("confidence"),
        (F.rand(7) < 0.03).alias("advisory"),
    )
    predicted = F.when(F.col("right") < 0.66, F.col("is")).otherwise(F.col("else"))
    whole = drawn.select(
        "*",
        F.when(F.col("known") < 0.9, F.col("is")).alias("genre"),
        predicted.alias("predicted_genre"),
        (F.col("confidence") < 0.4).alias("abstained"),
    )
    for name, columns in _COLUMNS.items():
        whole.select(*columns).write.parquet(str(folder / name))


def one_pass(spark: SparkSession, folder: Path) -> pd.DataFrame:
    """The project's: the rows of the table metrics."""
    albums, predictions = _read(spark, folder)
    nobody = albums.where("false").select("album_id")
    cells = count_cells(albums, predictions, nobody, _GENRES)
    return per_genre_and_year(cells, "run", "model", datetime.datetime(2026, 1, 1)).toPandas()


def a_query_a_figure(spark: SparkSession, folder: Path) -> pd.DataFrame:
    """Counts, accuracy, precision, confidence and rates, one query after the other."""
    albums, predictions = _read(spark, folder)
    joined = albums.join(predictions, "album_id", "left")
    hit = F.col("genre") == F.col("predicted_genre")
    labelled = joined.where("genre IS NOT NULL")
    of_predicted = labelled.groupBy(F.col("predicted_genre").alias("genre"), "release_year")
    figures = {
        "albums": joined.groupBy(*_CELL).agg(F.count("*").alias("value")),
        "accuracy": labelled.groupBy(*_CELL).agg(F.avg(hit.cast("double")).alias("value")),
        "precision": of_predicted.agg(F.avg(hit.cast("double")).alias("value")),
        "confidence": joined.groupBy(*_CELL).agg(F.avg("confidence").alias("value")),
        "abstained": joined.groupBy(*_CELL).agg(F.avg(F.expr("int(abstained)")).alias("value")),
        "advisory": joined.groupBy(*_CELL).agg(F.avg(F.expr("int(advisory)")).alias("value")),
        "predicted": joined.groupBy(F.col("predicted_genre").alias("genre"), "release_year").agg(
            F.count("*").alias("value")
        ),
    }
    found = {name: query.toPandas() for name, query in figures.items()}
    return found["accuracy"].rename(columns={"value": "accuracy"})


def pandas(spark: SparkSession, folder: Path) -> pd.DataFrame:
    """The same figures in one process, all columns in memory."""
    albums, predictions = (
        pd.read_parquet(folder / name, columns=c) for name, c in _COLUMNS.items()
    )
    joined = albums.merge(predictions, on="album_id", how="left")
    joined["hit"] = (joined["genre"] == joined["predicted_genre"]).where(joined["genre"].notna())
    cells = joined.groupby(_CELL, dropna=False)
    found = cells.agg(
        albums=("album_id", "size"), accuracy=("hit", "mean"), confidence=("confidence", "mean"),
        abstained=("abstained", "mean"), advisory=("advisory", "mean"),
    ).reset_index()  # fmt: skip
    joined.groupby(["predicted_genre", "release_year"]).agg(
        precision=("hit", "mean"), predicted=("album_id", "size")
    )
    return found


def _read(spark: SparkSession, folder: Path) -> tuple[DataFrame, DataFrame]:
    albums, predictions = (spark.read.parquet(str(folder / name)) for name in _COLUMNS)
    return albums, predictions


def _accuracies(found: pd.DataFrame) -> pd.Series:
    if "genre_basis" in found:
        found = found[found["genre_basis"] == "catalogue"]
    known = found[found["genre"].notna()].set_index(_CELL)["accuracy"].sort_index()
    return known.astype(np.float64)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, draw, measure in turn, print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    spark = session.build("metrics benchmark")
    session.suit(spark, args.rows)
    ways: dict[str, Callable[[SparkSession, Path], pd.DataFrame]] = {
        "one pass": one_pass, "a query a figure": a_query_a_figure, "pandas": pandas,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        draw(spark, args.rows, Path(folder))
        for number in range(args.rounds):
            said = []
            for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
                start = time.perf_counter()
                said.append(_accuracies(ways[name](spark, Path(folder))))
                seconds[name].append(time.perf_counter() - start)
            for other in said[1:]:
                pd.testing.assert_series_equal(said[0], other, check_names=False)
    print(f"{processor()}; {args.rows} predictions, {args.rounds} rounds")
    print("| | seconds | x one pass |", "|---|---|---|", sep="\n")
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(own, seconds["one pass"], strict=True)]
        print(f"| {name} | {_spread(own)} | {_spread(ratios)} |")


def _spread(values: Sequence[float]) -> str:
    return " / ".join(f"{f(values):.2f}" for f in (min, statistics.median, max))


if __name__ == "__main__":
    main()
