"""Covers that must not be held any more."""

from schemas.table import Column, Table

TAKEDOWNS = Table(
    name="takedowns",
    version=1,
    comment="Covers that were taken down: their bytes are refused wherever they come from",
    key=("cover_id",),
    columns=(
        Column("cover_id", "string", "key: sha256 of the bytes", False),
        Column("why", "string", "as it was given"),
        Column("requested_at", "timestamp", "when it was asked for", False),
        Column("finished_at", "timestamp", "when nothing of it was left; NULL: not yet"),
    ),
    constraints={"cover_id": "length(cover_id) = 64"},
)
