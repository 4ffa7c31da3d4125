"""What the model says about each album."""

from schemas.appearance import MEASURES
from schemas.table import Column, Table

PREDICTIONS = Table(
    name="predictions",
    version=4,
    comment="One row an album and model version",
    key=("album_id", "model_version"),
    columns=(
        Column("album_id", "string", "key", False),
        Column("model_version", "string", "key: name and digest of the bundle", False),
        Column("cover_id", "string", "the cover that was looked at", False),
        Column("genre", "string", "the catalogue's own genre; NULL if not known"),
        Column("release_year", "int", "year of release; NULL if not known"),
        Column("predicted_genre", "string", "the most probable genre", False),
        Column("probabilities", "map<string,double>", "genre to probability, sums to 1", False),
        Column("confidence", "double", "probability of predicted_genre", False),
        Column("run_id", "string", "the run that looked at the cover", False),
        Column("scored_at", "timestamp", "when that run began", False),
        Column("abstained", "boolean", "confidence below the bundle's threshold; NULL: not asked"),
        Column("advisory", "boolean", "carries a Parental Advisory label; NULL: not looked for"),
        Column("advisory_score", "double", "probability of the most probable label, 0-1"),
        Column(
            "advisory_box",
            "struct<xmin:double,ymin:double,xmax:double,ymax:double>",
            "where the label is, 0-1 of the cover's width and height; NULL without one",
        ),
        Column(
            "classifier_probabilities",
            "map<string,double>",
            "what the classifier alone says; probabilities are of all that is known",
        ),
        Column(
            "reasons",
            "array<struct<part:string,input:string,contribution:double>>",
            "what moved predicted_genre, in logits against the mean of genres, the strongest "
            "first; NULL: the bundle has no combined model",
        ),
        Column(
            "concepts",
            "array<struct<name:string,score:double>>",
            "what is on the cover, the most certain first; NULL: not asked",
        ),
        Column(
            "appearance",
            f"struct<{MEASURES}>",
            "colour and composition, as in the table appearance; NULL: not asked",
        ),
    ),
    constraints={"confidence": "confidence BETWEEN 0 AND 1"},
)
