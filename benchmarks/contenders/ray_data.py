"""Ray Data: Parquet in, actors with the models, one a core, Parquet out."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from benchmarks.contenders.rows import ROWS, Scorer
from benchmarks.contenders.task import Task


class Actor:
    """The models in a process of Ray's."""

    def __init__(self, task: Task) -> None:
        self._scorer = Scorer(task)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Rows with ``cover_id`` and ``content`` to ``cover_id`` and what is said."""
        rows = pa.Table.from_pylist(self._scorer.score(batch["content"].to_pylist()))
        return rows.append_column("cover_id", batch["cover_id"])


def run(task: Task) -> dict[str, Any]:
    """Score all covers.

    Returns:
        ``job_seconds`` from reading Parquet to Parquet written, when Ray is up.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # type: ignore[import-not-found]
    import ray.data  # type: ignore[import-not-found]

    # One core more than there are: else the actors would leave none for reading and writing, and
    # Ray would not start.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            num_cpus=task.cores + 1, include_dashboard=False, log_to_driver=False, _temp_dir=folder
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        start = time.perf_counter()
        ray.data.read_parquet(task.parquet).map_batches(
            Actor,
            fn_constructor_args=[task],
            batch_format="pyarrow",
            batch_size=ROWS,
            compute=ray.data.ActorPoolStrategy(size=task.cores),
            num_cpus=1,
        ).write_parquet(task.output)
        seconds = time.perf_counter() - start
        ray.shutdown()
    return {"job_seconds": seconds}
