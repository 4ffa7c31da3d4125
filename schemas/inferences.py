"""What a bundle said of each cover, once, whatever the albums that carry it."""

from schemas.appearance import MEASURES
from schemas.table import Column, Table

INFERENCES = Table(
    name="inferences",
    version=2,
    comment="One row a cover and model version: what predictions are made of",
    key=("cover_id", "model_version"),
    columns=(
        Column("cover_id", "string", "key: sha256 of the bytes", False),
        Column("model_version", "string", "key: name and digest of the bundle", False),
        Column("asked", "string", "digest of what was asked of a cover beside that", False),
        Column("run_id", "string", "the run that looked", False),
        Column("inferred_at", "timestamp", "when that run began", False),
        Column("probabilities", "array<float>", "in the order of the bundle's labels"),
        Column("classifier_probabilities", "array<float>", "what the classifier alone says"),
        Column(
            "reasons",
            "array<struct<part:string,input:string,contribution:double>>",
            "what moved the probabilities; NULL: the bundle has no combined model",
        ),
        Column("advisory_score", "float", "of the most probable label, 0-1; NULL: not looked for"),
        Column(
            "advisory_box",
            "struct<xmin:float,ymin:float,xmax:float,ymax:float>",
            "where that is, 0-1 of the cover's sides",
        ),
        Column(
            "concepts", "array<struct<name:string,score:double>>", "on the cover; NULL: not asked"
        ),
        Column("appearance", f"struct<{MEASURES}>", "colour and composition; NULL: not asked"),
        Column("reason", "string", "why the cover could not be used; all above are NULL then"),
        Column("detail", "string", "what was found, for people"),
        Column("milliseconds", "double", "the cover's share of its batch's time in a task"),
        Column(
            "embedding",
            "array<float>",
            "what the classifier sees of the cover, of length 1; NULL: not asked",
        ),
    ),
)
