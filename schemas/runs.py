"""What was run, on what, with which result."""

from schemas.table import Column, Table

RUNS = Table(
    name="runs",
    version=2,
    comment="One row a run of a job that writes",
    key=("run_id",),
    columns=(
        Column("run_id", "string", "key", False),
        Column("job", "string", "scrape, prepare, train, evaluate, score", False),
        Column("outcome", "string", "succeeded, failed, or killed: it ended without a word", False),
        Column("error", "string", "why it failed"),
        Column("started_at", "timestamp", "start", False),
        Column(
            "finished_at", "timestamp", "end; of a run that was killed, when that was found", False
        ),
        Column("input_versions", "map<string,bigint>", "Delta versions of the tables read", False),
        Column("output_versions", "map<string,bigint>", "Delta versions written", False),
        Column("model_version", "string", "bundle used or made"),
        Column("engine", "string", "what ran the network"),
        Column("precision", "string", "f32, bf16 or int8"),
        Column("processor", "string", "model name of the driver's processor"),
        Column("settings", "string", "all settings, JSON", False),
        Column("counts", "map<string,bigint>", "what was counted", False),
        Column("images_per_second", "double", "distinct covers / seconds of inference"),
        Column("p50_ms", "double", "median milliseconds a cover in its task"),
        Column("p95_ms", "double", "95th percentile of the same"),
    ),
    constraints={"outcome": "outcome IN ('succeeded', 'failed', 'killed')"},
)
