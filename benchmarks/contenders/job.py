"""The whole of jobs/score.py in a warm session: Delta in; Delta, Parquet and metrics out."""

from __future__ import annotations

import shutil
import time
from typing import Any

from benchmarks.contenders.ours import assignments, stamping
from benchmarks.contenders.task import Task
from jobs import score


def run(task: Task) -> dict[str, Any]:
    """Score some covers, then all.

    Returns:
        ``job_seconds`` of scoring all, ``scored``, and when the first batch of all was finished
        (``started``, Unix seconds).
    """
    with stamping(task):
        _score(task, task.warm_up)
        started = task.stamped()[0][0]
        shutil.rmtree(task.stamps)
        task.stamps.mkdir()
        start = time.perf_counter()
        summary = _score(task, task.warehouse)
    seconds = time.perf_counter() - start
    return {"job_seconds": seconds, "scored": summary["scored"], "started": started}


def _score(task: Task, warehouse: str) -> dict[str, Any]:
    settings = [word for assignment in assignments(task) for word in ("--set", assignment)]
    return score.main(["--covers", warehouse, "--model", task.bundle, *settings])
