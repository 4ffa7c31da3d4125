"""Features of covers under a backbone, kept so that a second training need not embed again."""

from schemas.table import Column, Table

EMBEDDINGS = Table(
    name="embeddings",
    version=1,
    comment="Pooled features of covers, by backbone",
    key=("cover_id", "backbone", "view"),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("backbone", "string", "digest of weights, input size and preprocessing", False),
        Column("view", "string", "original, or mirrored left to right", False),
        Column("vector", "array<float>", "globally average-pooled features", False),
    ),
    constraints={"view": "view IN ('original', 'mirrored')"},
    properties={"delta.dataSkippingStatsColumns": "cover_id,backbone,view"},
)
