"""What a table is: columns with types and comments, a key, constraints, Delta properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DataType, StructField, StructType

from schemas import evolution
from schemas.evolution import SchemaError


@dataclass(frozen=True)
class Column:
    """One column: its Spark SQL type as text (``array<string>``), and what it means."""

    name: str
    type: str
    comment: str
    nullable: bool = True

    @property
    def data_type(self) -> DataType:
        """The Spark type."""
        return _data_type(self.type)


@cache  # Java reads the text, three hundred times a run
def _data_type(text: str) -> DataType:
    return DataType.fromDDL(text)


@dataclass(frozen=True)
class Table:
    """A Delta table of the warehouse.

    Attributes:
        name: also its folder in the warehouse.
        version: of this layout, stored as the property ``covergenre.schema_version``; to be raised
            with every change below, or tables that are there do not get it.
        key: columns that identify a row; what every MERGE joins on.
        columns: in order; image bytes last, so that statistics and pruning stop before them.
        constraints: name to SQL expression, enforced by Delta at each write.
        properties: further Delta table properties.
    """

    name: str
    version: int
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    constraints: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> StructType:
        """The Spark schema, with comments."""
        return StructType(
            [
                StructField(c.name, c.data_type, c.nullable, {"comment": c.comment})
                for c in self.columns
            ]
        )

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    def rows(self, spark: SparkSession, rows: Iterable[Mapping[str, Any]] = ()) -> DataFrame:
        """Rows that the driver holds, as this table has them; what they do not name is NULL.

        By Arrow: of a list Spark makes rows in a Python worker, which has to be started for it.

        Args:
            spark: the session.
            rows: by column; times with their zone.

        Raises:
            ValueError: a column that may not be NULL has no value; names it.
        """
        # Arrow's maps are pairs.
        said = [
            {name: [*v.items()] if isinstance(v, dict) else v for name, v in row.items()}
            for row in rows
        ]
        table = pa.Table.from_pylist(said, to_arrow_schema(self.schema))
        return spark.createDataFrame(table, self.schema)  # type: ignore[arg-type]

    def conform(self, df: DataFrame) -> DataFrame:
        """Select this table's columns in order: the contract of every write.

        Raises:
            SchemaError: columns are missing, unknown, or of another type; all are named.
        """
        found = {f.name: f.dataType for f in df.schema.fields}
        wrong = [f"{name} is missing" for name in self.names if name not in found]
        wrong += [f"{name} is unknown" for name in found if name not in self.names]
        wrong += [
            f"{c.name} is {found[c.name].simpleString()}, not {c.data_type.simpleString()}"
            for c in self.columns
            if c.name in found and found[c.name].simpleString() != c.data_type.simpleString()
        ]
        if wrong:
            raise SchemaError(f"rows for table {self.name} do not fit it: {'; '.join(wrong)}")
        return df.select(*(F.col(name) for name in self.names))

    def create(self, spark: SparkSession, path: str) -> None:
        """Create the table at ``path``, or bring the one that is there up to this layout.

        Raises:
            SchemaError: it has a newer layout, a column of another type, or rows that break a
                constraint.
        """
        if DeltaTable.isDeltaTable(spark, path):
            evolution.upgrade(spark, self, path)
            return
        builder = DeltaTable.create(spark).location(path).comment(self.comment)
        for c in self.columns:
            builder = builder.addColumn(c.name, c.data_type, nullable=c.nullable, comment=c.comment)
        properties = {
            evolution.VERSION: str(self.version),
            **{f"{evolution.CONSTRAINT}{name}": sql for name, sql in self.constraints.items()},
            **self.properties,
        }
        for name, value in properties.items():
            builder = builder.property(name, value)
        builder.execute()


__all__ = ["Column", "SchemaError", "Table"]
