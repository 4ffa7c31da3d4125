"""petastorm between Spark and tf.data: every row, in any order, as often as asked, then gone."""

from __future__ import annotations

import threading
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


def test_order_has_no_part_in_what_is_read(rows: DataFrame, tmp_path: Path) -> None:
    """Shuffled, rows come in another order, each still with its own label, none lost or doubled."""
    read_in = {}
    with dataset.converted(rows, tmp_path) as converter:
        for shuffle, seed in ((0, None), (100, 1), (100, 2)):
            with dataset.examples(converter, 4, 1, shuffle, seed) as stream:
                read_in[shuffle, seed] = read(stream)
    orders = {tuple(label for label, _ in found) for found in read_in.values()}
    assert len(orders) == 3
    expected = [(i, [float(i), i / 2]) for i in range(23)]
    assert all(sorted(found) == expected for found in read_in.values())


def test_without_a_number_of_epochs_rows_come_for_ever(rows: DataFrame, tmp_path: Path) -> None:
    with (
        dataset.converted(rows, tmp_path) as converter,
        dataset.examples(converter, 23, None) as stream,
    ):
        found = read(stream.take(3))
    # Row groups are read side by side: an epoch may begin before the last has ended.
    assert len(found) == 3 * 23
    assert {label for label, _ in found} == set(range(23))


@pytest.mark.parametrize(("shuffle", "seed"), [(0, None), (100, 5)])
def test_shards_are_disjoint_and_together_all_rows(
    rows: DataFrame, tmp_path: Path, shuffle: int, seed: int | None
) -> None:
    shards = []
    with dataset.converted(rows, tmp_path) as converter:
        for part in range(2):
            with dataset.examples(converter, 5, 1, shuffle, seed, shard=(part, 2)) as stream:
                shards.append([label for label, _ in read(stream)])
    assert all(shards)
    assert sorted(shards[0] + shards[1]) == list(range(23))


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
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind_by_a_failure(rows: DataFrame, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), dataset.converted(rows, tmp_path):
        raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind_by_a_failure_while_rows_are_read(
    rows: DataFrame, tmp_path: Path
) -> None:
    threads = threading.active_count()
    with (
        pytest.raises(RuntimeError, match="stop"),
        dataset.converted(rows, tmp_path) as converter,
        dataset.examples(converter, 2, None, 100, seed=1) as stream,
    ):
        for number, _ in enumerate(stream):
            assert list(tmp_path.rglob("*.parquet"))
            if number == 3:
                raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())
    # The reader's threads are gone too, and do not read on for ever.
    assert threading.active_count() <= threads


def test_nothing_is_left_behind_by_a_conversion_that_fails(rows: DataFrame, tmp_path: Path) -> None:
    broken = rows.selectExpr("label", "IF(label < 20, features, raise_error('stop')) AS features")
    with pytest.raises(Exception, match="stop"), dataset.converted(broken, tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_second_conversion_reads_the_second_rows(rows: DataFrame, tmp_path: Path) -> None:
    few = rows.where("label < 4")
    for expected, df in ((23, rows), (4, few), (23, rows)):
        with dataset.converted(df, tmp_path) as converter:
            assert len(converter) == expected
