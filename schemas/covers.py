"""The covers: one row a distinct image."""

from schemas.table import Column, Table

COVERS = Table(
    name="covers",
    version=1,
    comment="Distinct covers with their bytes; albums point here by cover_id",
    key=("cover_id",),
    columns=(
        Column("cover_id", "string", "key: sha256 of the bytes, hexadecimal", False),
        Column("width", "int", "pixels, as stored", False),
        Column("height", "int", "pixels, as stored", False),
        Column("format", "string", "JPEG, PNG, WEBP, ...", False),
        Column("byte_size", "bigint", "bytes of the file", False),
        Column("phash", "string", "64-bit perceptual hash, hexadecimal", False),
        Column("fetched_at", "timestamp", "when the bytes were first held", False),
        Column("content", "binary", "the bytes of the file", False),
    ),
    constraints={"cover_id": "length(cover_id) = 64", "size": "width > 0 AND height > 0"},
    # Statistics of image bytes would copy them into the log.
    properties={
        "delta.dataSkippingStatsColumns": "cover_id,width,height,byte_size,fetched_at",
    },
)
