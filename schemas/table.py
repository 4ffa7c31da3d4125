"""What a table is: columns with types and comments, a key, constraints, Delta properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StructField, StructType

from covergenre.errors import CovergenreError


class SchemaError(CovergenreError):
    """A DataFrame does not have the columns of its table."""


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
        return DataType.fromDDL(self.type)


@dataclass(frozen=True)
class Table:
    """A Delta table of the warehouse.

    Attributes:
        name: also its folder in the warehouse.
        version: of this layout, stored as the property ``covergenre.schema_version``.
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
        """Create the table at ``path`` if it is not there; else add the columns it lacks.

        A table from before a column was added keeps its rows, with NULL there. Columns are added
        at the end of the schema, so that old and new tables have them in the same order.
        """
        if DeltaTable.isDeltaTable(spark, path):
            self._evolve(spark, path)
            return
        builder = DeltaTable.create(spark).location(path).comment(self.comment)
        for c in self.columns:
            builder = builder.addColumn(c.name, c.data_type, nullable=c.nullable, comment=c.comment)
        properties = {
            "covergenre.schema_version": str(self.version),
            **{f"delta.constraints.{name}": sql for name, sql in self.constraints.items()},
            **self.properties,
        }
        for name, value in properties.items():
            builder = builder.property(name, value)
        builder.execute()

    def _evolve(self, spark: SparkSession, path: str) -> None:
        held = spark.read.format("delta").load(path).columns
        if set(self.names) <= set(held):
            return
        # The version first: killed in between, the columns are still missing and added next time.
        quoted = path.replace("`", "``")
        spark.sql(
            f"ALTER TABLE delta.`{quoted}` SET TBLPROPERTIES "
            f"('covergenre.schema_version' = '{self.version}')"
        )
        none = spark.createDataFrame([], self.schema)
        none.write.format("delta").mode("append").option("mergeSchema", "true").save(path)
