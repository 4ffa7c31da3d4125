"""What taggers named on each cover."""

from schemas.table import Column, Table

CONCEPTS = Table(
    name="concepts",
    version=1,
    comment="One row a cover and tagger: what is on the cover, or why that could not be said",
    key=("cover_id", "tagger"),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("tagger", "string", "key: the tagger with its version and threshold", False),
        Column(
            "concepts",
            "array<struct<name:string,score:double>>",
            "the most certain first; score NULL: it is not known whether this is on the cover; "
            "NULL: the tagger could not use the cover",
        ),
        Column("failure", "string", "why it could not; NULL where it could"),
        Column("detail", "string", "what was found, for people"),
        Column("tagged_at", "timestamp", "when the run began", False),
    ),
    constraints={
        "concepts": "(concepts IS NULL) = (failure IS NOT NULL)",
        # A constraint that is NULL counts as broken.
        "scores": "concepts IS NULL OR forall(concepts, c -> c.name IS NOT NULL "
        "AND (c.score IS NULL OR (c.score > 0 AND c.score <= 1)))",
    },
    properties={"delta.dataSkippingStatsColumns": "cover_id,tagger,failure,tagged_at"},
)
