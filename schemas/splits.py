"""Which covers are copies of each other, and which fold they belong to."""

from schemas.table import Column, Table

SPLITS = Table(
    name="splits",
    version=1,
    comment="Near-duplicate groups and folds; a group is never split",
    key=("cover_id",),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("group_id", "string", "smallest cover_id of the near-duplicates", False),
        Column("group_size", "int", "covers in the group", False),
        Column("genre", "string", "the group's genre by majority; NULL on a tie or if unknown"),
        Column("representative", "boolean", "the one cover of its group that is trained on", False),
        Column("fold", "int", "salted hash of group_id mod 5; 0 is the test fold", False),
    ),
    constraints={"fold": "fold >= 0"},
)
