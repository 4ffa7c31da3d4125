"""Covers that look alike."""

from schemas.table import Column, Table

NEIGHBOURS = Table(
    name="neighbours",
    version=1,
    comment="Which other covers look most like each cover, by the embeddings of inferences",
    key=("cover_id", "model_version", "rank"),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("model_version", "string", "key: name and digest of the bundle", False),
        Column("rank", "int", "key: 1 is the cover that looks most like it", False),
        Column("neighbour_id", "string", "cover_id of that other cover", False),
        Column("similarity", "double", "cosine of their embeddings, -1 to 1, 4 decimals", False),
    ),
    constraints={"rank": "rank > 0"},
)
