"""Aggregates per genre and year, one set of rows a run."""

from schemas.table import Column, Table

METRICS = Table(
    name="metrics",
    version=3,
    comment="Per run, basis, genre and year of release; NULL genre or year means unknown",
    key=("run_id", "genre_basis", "genre", "release_year"),
    columns=(
        Column("run_id", "string", "the run that wrote the row", False),
        Column("model_version", "string", "name and digest of the bundle", False),
        Column(
            "genre_basis", "string", "catalogue: rows by the catalogue's genre; predicted", False
        ),
        Column("genre", "string", "NULL: the catalogue does not know it"),
        Column("release_year", "int", "NULL: not known"),
        Column("albums", "bigint", "albums in the cell (predicted: with a prediction)", False),
        Column("scored", "bigint", "albums with a prediction", False),
        Column("quarantined", "bigint", "albums without a usable cover", False),
        Column("predicted", "bigint", "albums of the year predicted as this genre", False),
        Column("predicted_share", "double", "predicted / all scored albums of the year"),
        Column("labelled", "bigint", "scored albums whose genre the model knows", False),
        Column("correct", "bigint", "labelled albums predicted as their genre", False),
        Column("accuracy", "double", "correct / labelled; NULL if none is labelled"),
        Column("precision", "double", "correct / labelled albums predicted as this genre"),
        Column("recall", "double", "correct / labelled albums of this genre"),
        Column("f1", "double", "harmonic mean of precision and recall"),
        Column("mean_confidence", "double", "mean probability of the predicted genre"),
        Column("calibration_gap", "double", "mean confidence of labelled albums - accuracy"),
        Column("computed_at", "timestamp", "when the run began", False),
        Column("abstained_share", "double", "scored albums abstained on / scored"),
        Column("advisory_rate", "double", "scored albums with an advisory label / scored"),
    ),
    constraints={"basis": "genre_basis IN ('catalogue', 'predicted')"},
)
