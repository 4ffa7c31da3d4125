"""Bring a table that an earlier version of the project made up to the layout of this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from covergenre import __version__
from covergenre.errors import CovergenreError

if TYPE_CHECKING:
    from schemas.table import Table

VERSION = "covergenre.schema_version"
CONSTRAINT = "delta.constraints."


class SchemaError(CovergenreError):
    """Rows do not have the columns of their table, or a table is not one of this version's."""


def upgrade(spark: SparkSession, table: Table, path: str) -> None:
    """Add the columns, constraints, comments and properties that a table lacks; its rows stay.

    New columns are NULL in old rows and come at the end, so that old and new tables have them in
    the same order. The version is written last: after a kill in between, all is done again.

    Args:
        spark: the session.
        table: the layout of this version of the project.
        path: of a Delta table.

    Raises:
        SchemaError: the table has a newer layout, a column of another type, or rows that break a
            constraint.
    """
    quoted = path.replace("`", "``")
    # Of Delta's own DETAIL each is three queries.
    shown = spark.sql(f"SHOW TBLPROPERTIES delta.`{quoted}`").collect()
    properties = {row["key"]: row["value"] for row in shown}
    schema = spark.read.format("delta").load(path).schema
    version = int(properties.get(VERSION, 0))
    _refuse(table, path, version, schema)
    if version == table.version and set(table.names) <= set(schema.names):
        return
    for change in (
        *_columns(table, schema),
        *_constraints(table, properties),
        # Spark SQL takes a table's comment as a property, too.
        _set({"comment": table.comment, **table.properties, VERSION: str(table.version)}),
    ):
        try:
            spark.sql(f"ALTER TABLE delta.`{quoted}` {change}")
        except AnalysisException as error:
            raise SchemaError(
                f"table {table.name} at {path} cannot be brought to layout {table.version} "
                f"({change}): {str(error).strip().splitlines()[0]}"
            ) from error


def _refuse(table: Table, path: str, version: int, schema: StructType) -> None:
    if version > table.version:
        raise SchemaError(
            f"table {table.name} at {path} has layout {version}; covergenre {__version__} knows "
            f"layout {table.version} and earlier ones: update covergenre, or name another --output"
        )
    held = {field.name: field.dataType.simpleString() for field in schema.fields}
    wrong = [
        f"{c.name} is {held[c.name]}, not {c.data_type.simpleString()}"
        for c in table.columns
        if held.get(c.name, c.data_type.simpleString()) != c.data_type.simpleString()
    ]
    if wrong:
        raise SchemaError(f"table {table.name} at {path} is another one: {'; '.join(wrong)}")


def _columns(table: Table, schema: StructType) -> Iterator[str]:
    held = {field.name: field for field in schema.fields}
    for column in table.columns:
        name, comment = f"`{column.name}`", f"COMMENT {_text(column.comment)}"
        if column.name not in held:
            yield f"ADD COLUMNS ({name} {column.type} {comment})"
            continue
        if column.nullable and not held[column.name].nullable:
            yield f"ALTER COLUMN {name} DROP NOT NULL"
        if held[column.name].metadata.get("comment") != column.comment:
            yield f"ALTER COLUMN {name} {comment}"


def _constraints(table: Table, properties: Mapping[str, str]) -> Iterator[str]:
    """Constraints that users have added under names of their own stay."""
    for name, sql in table.constraints.items():
        held = properties.get(f"{CONSTRAINT}{name}")
        # Delta keeps the words of a constraint, but not the space between them.
        if held is not None and _bare(held) == _bare(sql):
            continue
        if held is not None:
            yield f"DROP CONSTRAINT {name}"
        yield f"ADD CONSTRAINT {name} CHECK ({sql})"


def _bare(sql: str) -> str:
    return "".join(sql.split())


def _set(properties: Mapping[str, str]) -> str:
    pairs = (f"{_text(name)} = {_text(value)}" for name, value in properties.items())
    return f"SET TBLPROPERTIES ({', '.join(pairs)})"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
