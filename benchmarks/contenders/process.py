"""Run one contender and watch it from outside: time, memory, the processor."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.contenders.task import Task
from benchmarks.contenders.usage import Usage, family

ROOT = Path(__file__).parents[2]
_INTERVAL = 0.5  # seconds between two looks at what is used


def run(name: str, task: Task, python: str, spark: Mapping[str, str], limit: float) -> Any:
    """Run a contender in a process of its own and wait for its end.

    Args:
        name: of a module in :mod:`benchmarks.contenders`.
        task: for it; its scratch folder is there and empty.
        python: that runs it.
        spark: settings for Spark, if it starts one.
        limit: seconds until it is killed.

    Returns:
        ``images`` done; ``seconds`` in all; ``startup_seconds`` until the first batch was done;
        ``steady_seconds`` from then to the last batch and ``steady_images`` done in them, without
        each worker's first batch;
        ``peak_mib`` and ``python_peak_mib`` as in :class:`Usage`; ``core_ms``, what became of the
        cores' time while the work was done, in ms a cover: in ``java``, in ``other`` processes
        (Python's), ``idle`` (or used by others); and what it found out itself.
        ``error`` alone, the end of what it printed, if it failed.
    """
    scratch = Path(task.scratch)
    task.stamps.mkdir()
    task.write(scratch / "task.json")
    command = [python, "-m", "benchmarks.contenders", name, str(scratch / "task.json")]
    start = time.time()
    with (scratch / "log").open("wb") as log:
        process = psutil.Popen(
            command, cwd=scratch, env=_environment(task, spark), stdout=log, stderr=log
        )
        usage = Usage(process)
        with _gone_afterwards(process):
            while process.poll() is None and time.time() - start < limit:
                usage.look()
                time.sleep(_INTERVAL)
            code = process.poll()
    if code != 0 or not task.report.is_file():
        text = (scratch / "log").read_text("utf-8", "replace")
        why = "out of time" if code is None else f"exit code {code}"
        return {"error": f"{why}: {text[-2000:]}"}
    found = json.loads(task.report.read_text("utf-8"))
    return {
        "seconds": time.time() - start,
        **_stamps(task, start, found.pop("started", None)),
        **{"peak_mib": round(usage.peak), "python_peak_mib": round(usage.python_peak)},
        **_core_ms(task, usage, found.pop("ended"), found.get("job_seconds")),
        **found,
    }


def _environment(task: Task, spark: Mapping[str, str]) -> dict[str, str]:
    settings = {"spark.master": f"local[{task.cores}]", **spark}
    confs = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"{confs} pyspark-shell",
    }


def _stamps(task: Task, start: float, started: float | None) -> dict[str, Any]:
    """Figures from the stamps; none for a contender that stamps nothing."""
    stamps = task.stamped()
    if not stamps:
        return {}
    first, last = stamps[0][0], stamps[-1][0]
    images = sum(count for _, count, _ in stamps)
    # While the first batch of all was done, each other worker's first was under way.
    under_way = {worker: count for _, count, worker in reversed(stamps)}
    return {
        "images": images,
        "startup_seconds": (started or first) - start,
        "steady_seconds": last - first,
        "steady_images": images - sum(under_way.values()),
    }


def _core_ms(task: Task, usage: Usage, ended: float, seconds: float | None) -> dict[str, Any]:
    """What became of the cores' time in the job's ``seconds``; nothing where there is no job."""
    if seconds is None:
        return {}
    spent = usage.between(ended - seconds, ended)
    spent["idle"] = max(0.0, task.cores * seconds - sum(spent.values()))
    return {"core_ms": {kind: 1000 * value / task.images for kind, value in spent.items()}}


@contextlib.contextmanager
def _gone_afterwards(process: psutil.Process) -> Iterator[None]:
    """None of the process's children outlives the block, so that the next one runs undisturbed."""
    try:
        yield
    finally:
        for each in reversed(family(process)):
            with contextlib.suppress(psutil.Error):
                each.kill()
        process.wait()
