"""Colour and composition of covers."""

from schemas.table import Column, Table

_SHARES = ("near_black", "near_white", "achromatic", "edge_density", "face_area")

APPEARANCE = Table(
    name="appearance",
    version=1,
    comment="Colour and composition of covers, see covergenre/appearance",
    key=("cover_id",),
    columns=(
        Column("cover_id", "string", "key", False),
        Column("version", "string", "of the measures: equal versions are comparable", False),
        Column(
            "palette",
            "array<struct<hex:string,name:string,share:double>>",
            "dominant colours (k-means in CIELAB), largest share first; name: nearest of CSS",
            False,
        ),
        Column("colourfulness", "double", "Hasler and Suesstrunk 2003; 0, above 82: highly", False),
        Column("brightness", "double", "mean grey level, 0 to 1", False),
        Column("contrast", "double", "RMS (Peli 1990), 0 to 0.5", False),
        Column("saturation", "double", "mean of HSV saturation but near black, 0 to 1", False),
        Column("hue_entropy", "double", "bits: of 12 hues and none, 0 to 3.70", False),
        Column("near_black", "double", "share of the pixels", False),
        Column("near_white", "double", "share of the pixels", False),
        Column("achromatic", "double", "share of the pixels without a hue", False),
        Column("grey_entropy", "double", "bits: of 256 grey levels, 0 to 8", False),
        Column("edge_density", "double", "share of pixels on an edge (Canny 1986)", False),
        Column("symmetry", "double", "left to right, even share of variance, 0 to 1", False),
        Column("faces", "int", "upright faces found (Viola and Jones 2001)", False),
        Column("face_area", "double", "share of the cover that the largest takes", False),
        Column("described_at", "timestamp", "when it was measured", False),
    ),
    constraints={
        "shares": " AND ".join(f"{name} BETWEEN 0 AND 1" for name in _SHARES),
    },
)

MEASURES = ",".join(
    f"{column.name}:{column.type}"
    for column in APPEARANCE.columns
    if column.name not in ("cover_id", "version", "described_at")
)
"""The measures of a cover as fields of one struct."""
