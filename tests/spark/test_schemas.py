"""Tables: schema, constraints, the contract of every write."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE, RUNS, TABLES
from schemas.table import Column, SchemaError

_ADDED = Column("added", "boolean", "what it's for")
NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def test_every_table_is_created_with_comments_and_version(
    spark: SparkSession, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    warehouse.create()  # none: nothing happens
    warehouse.create(*TABLES.values())
    for table in TABLES.values():
        read = warehouse.read(table)
        assert read.columns == [column.name for column in table.columns]
        assert all(field.metadata["comment"] for field in read.schema.fields)
        properties = DeltaTable.forPath(spark, warehouse.path(table.name)).detail().first()
        assert properties["properties"]["covergenre.schema_version"] == str(table.version)


def test_a_table_from_before_gets_its_new_columns_and_keeps_its_rows(
    spark: SparkSession, tmp_path: Path
) -> None:
    now = replace(QUARANTINE, version=9, columns=(*QUARANTINE.columns, _ADDED))
    warehouse = Warehouse(spark, str(tmp_path / "it's mine"))
    warehouse.create(QUARANTINE)
    row = ("a", None, "corrupt", None, NOW, NOW, 1, None, None, None)
    warehouse.append(QUARANTINE, spark.createDataFrame([row], QUARANTINE.schema))
    for _ in range(2):
        warehouse.create(now)
    warehouse.append(now, spark.createDataFrame([("b", *row[1:], True)], now.schema))
    read = warehouse.read(now)
    assert read.columns == now.names
    assert read.schema["added"].metadata["comment"] == _ADDED.comment
    assert {r["album_id"]: r["added"] for r in read.collect()} == {"a": None, "b": True}
    properties = warehouse.delta(now).detail().collect()[0]["properties"]
    assert properties["covergenre.schema_version"] == "9"
    assert properties["delta.constraints.attempts"] == "attempts > 0"
    assert warehouse.versions()["quarantine"] == 4  # made, row, version and columns, row


def test_image_bytes_are_the_last_column_and_carry_no_statistics() -> None:
    assert COVERS.columns[-1].name == "content"
    assert "content" not in COVERS.properties["delta.dataSkippingStatsColumns"]


def test_conform_names_every_wrong_column(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("a", 1)], "album_id string, attempts bigint")
    with pytest.raises(SchemaError) as error:
        QUARANTINE.conform(rows.selectExpr("album_id", "attempts", "'x' AS colour"))
    text = str(error.value)
    assert "quarantine" in text
    assert "reason is missing" in text
    assert "colour is unknown" in text
    assert "attempts is bigint, not int" in text


def test_conform_puts_columns_in_order(spark: SparkSession) -> None:
    shuffled = spark.createDataFrame([], ALBUMS.schema).select(*reversed(ALBUMS.names))
    assert ALBUMS.conform(shuffled).columns == ALBUMS.names


def test_constraints_are_enforced(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    warehouse.create(QUARANTINE)
    row = ("a", None, "corrupt", None, NOW, NOW, 0, None, None, None)
    with pytest.raises(Exception, match=r"attempts"):
        warehouse.append(QUARANTINE, spark.createDataFrame([row], QUARANTINE.schema))
    assert warehouse.read(QUARANTINE).count() == 0


def test_what_is_held_is_read_again_once_something_is_committed(
    spark: SparkSession, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    warehouse.create(QUARANTINE)
    assert warehouse.is_new(QUARANTINE)
    first = warehouse.held(QUARANTINE, "album_id")
    assert first.columns == ["album_id"] and first.isEmpty()
    assert warehouse.held(QUARANTINE, "album_id") is first
    assert warehouse.held(QUARANTINE).columns == QUARANTINE.names
    row = ("a", None, "corrupt", None, NOW, NOW, 1, None, None, None)
    warehouse.append(QUARANTINE, spark.createDataFrame([row], QUARANTINE.schema))
    assert [r["album_id"] for r in warehouse.held(QUARANTINE, "album_id").collect()] == ["a"]
    assert first.isEmpty()  # as it was when it was read
    assert not warehouse.is_new(QUARANTINE)
    # Another driver's commit counts, too.
    Warehouse(spark, str(tmp_path)).delta(QUARANTINE).delete("album_id = 'a'")
    assert warehouse.held(QUARANTINE, "album_id").isEmpty()
    assert not warehouse.is_new(QUARANTINE)


def test_rows_of_the_driver(spark: SparkSession) -> None:
    said = {
        "run_id": "a", "job": "score", "outcome": "succeeded", "started_at": NOW,
        "finished_at": NOW.astimezone(datetime.timezone(datetime.timedelta(hours=5))),
        "input_versions": {"albums": 3, "covers": 0}, "output_versions": {}, "counts": {},
        "settings": "{}", "p50_ms": 1.5,
    }  # fmt: skip
    rows = RUNS.conform(RUNS.rows(spark, [said, {**said, "run_id": "b"}]))
    time = "date_format(finished_at, 'yyyy-MM-dd HH:mm') AS finished"
    first, second = rows.selectExpr("*", time).collect()
    assert (first["run_id"], second["run_id"]) == ("a", "b")
    assert first["finished"] == "2026-01-02 00:00"  # the same moment, in UTC
    assert first["input_versions"] == {"albums": 3, "covers": 0}
    assert (first["output_versions"], first["error"]) == ({}, None)
    assert first["p50_ms"] == 1.5
    with pytest.raises(ValueError, match="'settings' with null values"):
        RUNS.rows(spark, [{**said, "settings": None}])
    assert RUNS.rows(spark).isEmpty()
    assert RUNS.rows(spark).schema == RUNS.schema
