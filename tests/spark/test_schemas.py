"""Tables: schema, constraints, the contract of every write."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE, TABLES
from schemas.table import SchemaError

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def test_every_table_is_created_with_comments_and_version(
    spark: SparkSession, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    warehouse.create(*TABLES.values())
    for table in TABLES.values():
        read = warehouse.read(table)
        assert read.columns == [column.name for column in table.columns]
        assert all(field.metadata["comment"] for field in read.schema.fields)
        properties = DeltaTable.forPath(spark, warehouse.path(table.name)).detail().first()
        assert properties["properties"]["covergenre.schema_version"] == str(table.version)


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
    row = ("a", None, "corrupt", None, NOW, NOW, 0, None)
    with pytest.raises(Exception, match=r"attempts"):
        warehouse.append(QUARANTINE, spark.createDataFrame([row], QUARANTINE.schema))
    assert warehouse.read(QUARANTINE).count() == 0
