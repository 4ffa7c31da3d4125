"""Albums whose cover could not be used, with the reason."""

from schemas.table import Column, Table

QUARANTINE = Table(
    name="quarantine",
    version=2,
    comment="Albums without a usable cover; open while closed_at is NULL",
    key=("album_id",),
    columns=(
        Column("album_id", "string", "key", False),
        Column("cover_id", "string", "sha256 of the bytes, where they could be read"),
        Column("reason", "string", "typed: empty_file, not_an_image, truncated, ...", False),
        Column("detail", "string", "what was found, for people"),
        Column("first_seen", "timestamp", "when it first failed", False),
        Column("last_seen", "timestamp", "when it last failed", False),
        Column("attempts", "int", "how often it failed", False),
        Column("closed_at", "timestamp", "when the album was usable after all, or left"),
        Column(
            "cleared_at", "timestamp", "when somebody let it rest: not listed until it fails anew"
        ),
        Column("note", "string", "what they wrote about it"),
    ),
    constraints={"attempts": "attempts > 0"},
)
