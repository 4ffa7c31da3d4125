"""Daft: Parquet in, processes with the models, one a core, Parquet out."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.contenders.rows import ROWS, Scorer
from benchmarks.contenders.task import Task


def run(task: Task) -> dict[str, Any]:
    """Score all covers.

    Returns:
        ``job_seconds`` from reading Parquet to Parquet written.
    """
    os.environ.update(DO_NOT_TRACK="1", DAFT_PROGRESS_BAR="0")
    import daft  # type: ignore[import-not-found]
    from daft import DataType

    start = time.perf_counter()
    said = DataType.struct(
        {
            "probabilities": DataType.list(DataType.float32()),
            "advisory_score": DataType.float32(),
            "advisory_box": DataType.list(DataType.float32()),
        }
    )

    @daft.cls(max_concurrency=task.cores, use_process=True)  # type: ignore[misc]
    class Actor:
        """The models in a process of Daft's."""

        def __init__(self) -> None:
            self._scorer = Scorer(task)

        @daft.method.batch(return_dtype=said, batch_size=ROWS)  # type: ignore[untyped-decorator]
        def score(self, content: Any) -> list[dict[str, Any]]:
            return self._scorer.score(content.to_pylist())

    covers = daft.read_parquet(f"{task.parquet}/*.parquet")
    scored = covers.select(covers["cover_id"], Actor().score(covers["content"]).alias("said"))
    scored.write_parquet(task.output)
    return {"job_seconds": time.perf_counter() - start}
