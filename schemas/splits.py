"""Which covers are copies of each other, and which fold they belong to."""

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from schemas.table import Column, Table

SPLITS = Table(
    name="splits",
    version=2,
    comment="Near-duplicates and folds; a group is never split",
    key=("cover_id",),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("group_id", "string", "who shares a fold: near-duplicates, same artist", False),
        Column("group_size", "int", "near-duplicates of the cover, itself included", False),
        Column(
            "genre", "string", "of most albums of its near-duplicates; NULL on a tie or if none"
        ),
        Column("representative", "boolean", "the one of its near-duplicates that is used", False),
        Column("fold", "int", "salted hash of group_id; NULL where two folds are linked"),
        Column("duplicate_id", "string", "smallest cover_id of the near-duplicates"),
        Column("genres", "array<string>", "all genres its near-duplicates are filed under"),
    ),
    constraints={"fold": "fold IS NULL OR fold >= 0"},
)


def upgrade(spark: SparkSession, path: str) -> None:
    """Let a table of version 1 hold covers without a fold; its rows stay.

    The constraint comes last and tells whether all is done, so a kill in between loses nothing.
    """
    constraint = SPLITS.constraints["fold"]
    detail = DeltaTable.forPath(spark, path).detail().select("properties").collect()[0]
    if detail["properties"].get("delta.constraints.fold") == constraint:
        return
    quoted = path.replace("`", "``")
    for change in (
        "ALTER COLUMN fold DROP NOT NULL",
        "DROP CONSTRAINT IF EXISTS fold",
        f"ADD CONSTRAINT fold CHECK ({constraint})",
    ):
        spark.sql(f"ALTER TABLE delta.`{quoted}` {change}")
