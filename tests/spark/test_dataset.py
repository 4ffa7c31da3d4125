"""petastorm between Spark and tf.data: every row, in any order, as often as asked, then gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from covergenre import dataset


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    data = [(i, [float(i), i / 2]) for i in range(23)]
    return spark.createDataFrame(data, "label bigint, features array<float>").repartition(3)


def read(stream: object) -> list[tuple[int, list[float]]]:
    found: list[tuple[int, list[float]]] = []
    for batch in stream:  # type: ignore[attr-defined]
        pairs = zip(batch.label.numpy(), batch.features.numpy(), strict=True)
        found += [(int(label), list(features)) for label, features in pairs]
    return found


@pytest.mark.parametrize(("epochs", "shuffle"), [(1, 0), (2, 0), (1, 100)])
def test_every_row_once_an_epoch(
    rows: DataFrame, tmp_path: Path, epochs: int, shuffle: int
) -> None:
    with (
        dataset.converted(rows, tmp_path) as converter,
        dataset.examples(converter, 5, epochs, shuffle, seed=1) as stream,
    ):
        found = read(stream)
    assert sorted(label for label, _ in found) == sorted(list(range(23)) * epochs)
    assert all(features == [label, label / 2] for label, features in found)


def test_features_are_float32(rows: DataFrame, tmp_path: Path) -> None:
    with (
        dataset.converted(rows, tmp_path) as converter,
        dataset.examples(converter, 23) as stream,
    ):
        batch = next(iter(stream))
    assert batch.features.numpy().dtype == np.float32
    assert batch.features.shape == (23, 2)


def test_nothing_is_left_behind(rows: DataFrame, tmp_path: Path) -> None:
    with dataset.converted(rows, tmp_path) as converter:
        assert len(converter) == 23
        assert list(tmp_path.rglob("*.parquet"))
    assert not list(tmp_path.rglob("*.parquet"))


def test_nothing_is_left_behind_by_a_failure(rows: DataFrame, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), dataset.converted(rows, tmp_path):
        raise RuntimeError("stop")
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_second_conversion_reads_the_second_rows(rows: DataFrame, tmp_path: Path) -> None:
    few = rows.where("label < 4")
    for expected, df in ((23, rows), (4, few), (23, rows)):
        with dataset.converted(df, tmp_path) as converter:
            assert len(converter) == expected
