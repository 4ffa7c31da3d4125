"""The Parquet copy: replaced whole, older copies dropped, a pointer where links are missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from covergenre.errors import OutputError
from jobs.runtime import snapshot


def frame(spark: SparkSession, value: int) -> DataFrame:
    return spark.createDataFrame([("rap", value), ("folk", value)], "genre string, value int")


def publish(spark: SparkSession, root: Path, value: int, keep: int = 1) -> str:
    df = frame(spark, value)
    return snapshot.publish(df, str(root), "copy", f"v{value}", keep, by="genre")


def test_readers_see_the_newest(spark: SparkSession, tmp_path: Path) -> None:
    link = publish(spark, tmp_path, 1)
    assert set(pd.read_parquet(link)["value"]) == {1}
    publish(spark, tmp_path, 2)
    assert set(pd.read_parquet(link)["value"]) == {2}
    assert set(spark.read.parquet(link).toPandas()["genre"]) == {"rap", "folk"}
    assert snapshot.latest(spark, str(tmp_path), "copy") == str(tmp_path / "_snapshots/copy-v2")


def test_older_copies_are_kept_and_then_dropped(spark: SparkSession, tmp_path: Path) -> None:
    for value in (1, 2, 3):
        publish(spark, tmp_path, value)
    assert {p.name for p in (tmp_path / "_snapshots").iterdir()} == {"copy-v2", "copy-v3"}


def test_a_write_that_fails_changes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    link = publish(spark, tmp_path, 1)
    broken = frame(spark, 2).selectExpr("genre", "CAST('x' AS int) AS value")
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        snapshot.publish(broken, str(tmp_path), "copy", "v2", 1, by="genre")
    assert set(pd.read_parquet(link)["value"]) == {1}


def test_what_is_no_snapshot_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/mine").write_text("x")
    with pytest.raises(OutputError, match="no snapshot"):
        publish(spark, tmp_path, 1)
    assert (tmp_path / "copy/mine").read_text() == "x"


def test_pointer_file(spark: SparkSession, tmp_path: Path) -> None:
    # Any URL is taken for a store without links; Hadoop's local file system stands in for one.
    store = f"file://{tmp_path}"
    for value in (1, 2):
        snapshot.publish(frame(spark, value), store, "copy", f"v{value}", 1, by="genre")
    newest = snapshot.latest(spark, store, "copy")
    assert newest == f"{store}/copy/v2"
    assert {row["value"] for row in spark.read.parquet(newest).collect()} == {2}
