"""Aggregates per genre and year, against a catalogue counted by hand."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from jobs.runtime.metrics import count_cells, per_genre_and_year

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
# album, catalogue's genre, year, predicted genre, confidence; abstained on below 0.55, with the
# label from 0.7 on
CATALOGUE = [
    ("1", "rap", 2000, "rap", 0.9),
    ("2", "rap", 2000, "folk", 0.6),
    ("3", "rap", 2000, None, None),
    ("4", "folk", 2000, "folk", 0.8),
    ("5", "jazz", 2000, "rap", 0.4),
    ("6", "rap", None, "rap", 0.7),
    ("7", None, None, "folk", 0.5),
]


@pytest.fixture(scope="module")
def metrics(spark: SparkSession) -> dict[tuple[str, Any, Any], Row]:
    albums = spark.createDataFrame(
        [row[:3] for row in CATALOGUE], "album_id string, genre string, release_year int"
    )
    predictions = spark.createDataFrame(
        [(row[0], *row[3:], row[4] < 0.55, row[4] >= 0.7) for row in CATALOGUE if row[3]],
        "album_id string, predicted_genre string, confidence double, abstained boolean, "
        "advisory boolean",
    )
    quarantined = spark.createDataFrame([("3",), ("1",)], "album_id string")  # 1: of another model
    cells = count_cells(albums, predictions, quarantined, ["folk", "rap"])
    rows = per_genre_and_year(cells, "run", "model", NOW).collect()
    keyed = {(r["genre_basis"], r["genre"], r["release_year"]): r for r in rows}
    assert len(keyed) == len(rows)
    return keyed


def test_cells(metrics: dict[tuple[str, Any, Any], Row]) -> None:
    assert set(metrics) == {
        ("catalogue", "rap", 2000),
        ("catalogue", "folk", 2000),
        ("catalogue", "jazz", 2000),
        ("catalogue", "rap", None),
        ("catalogue", None, None),
        ("predicted", "rap", 2000),
        ("predicted", "folk", 2000),
        ("predicted", "rap", None),
        ("predicted", "folk", None),
    }


def test_catalogue_genre(metrics: dict[tuple[str, Any, Any], Row]) -> None:
    rap = metrics["catalogue", "rap", 2000]
    assert (rap["albums"], rap["scored"], rap["quarantined"]) == (3, 2, 1)
    assert (rap["labelled"], rap["correct"], rap["accuracy"], rap["recall"]) == (2, 1, 0.5, 0.5)
    # Predicted as rap in 2000: albums 1 and 5; of these only 1 has a genre the model knows.
    assert (rap["predicted"], rap["predicted_share"], rap["precision"]) == (2, 0.5, 1.0)
    assert rap["f1"] == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert rap["mean_confidence"] == pytest.approx(0.75)
    assert rap["calibration_gap"] == pytest.approx(0.25)
    assert rap["abstained_share"] == 0
    assert rap["advisory_rate"] == 0.5  # album 1 of 1 and 2


def test_genre_the_model_does_not_know(metrics: dict[tuple[str, Any, Any], Row]) -> None:
    jazz = metrics["catalogue", "jazz", 2000]
    assert (jazz["albums"], jazz["scored"], jazz["labelled"], jazz["predicted"]) == (1, 1, 0, 0)
    assert (jazz["accuracy"], jazz["precision"], jazz["recall"]) == (None, None, None)
    assert jazz["abstained_share"] == 1
    assert jazz["advisory_rate"] == 0


def test_unknown_year_and_genre_are_rows_of_their_own(
    metrics: dict[tuple[str, Any, Any], Row],
) -> None:
    assert metrics["catalogue", "rap", None]["accuracy"] == 1.0
    unknown = metrics["catalogue", None, None]
    assert (unknown["albums"], unknown["labelled"], unknown["accuracy"]) == (1, 0, None)


def test_predicted_genre(metrics: dict[tuple[str, Any, Any], Row]) -> None:
    rap = metrics["predicted", "rap", 2000]
    assert (rap["albums"], rap["quarantined"], rap["predicted"]) == (2, 0, 2)
    assert (rap["labelled"], rap["correct"], rap["precision"]) == (1, 1, 1.0)
    assert rap["mean_confidence"] == pytest.approx(0.65)
    assert rap["abstained_share"] == 0.5  # album 5 of 1 and 5
    assert rap["advisory_rate"] == 0.5
    assert metrics["predicted", "rap", None]["advisory_rate"] == 1
    folk = metrics["predicted", "folk", 2000]
    assert (folk["precision"], folk["recall"]) == (0.5, 1.0)
    assert folk["f1"] == pytest.approx(2 / 3)
