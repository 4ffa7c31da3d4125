"""Run one contender and watch it from outside: time, memory."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.contenders.task import Task

ROOT = Path(__file__).parents[2]
_INTERVAL = 0.5  # seconds between two looks at memory
_MEGABYTE = 1 << 20


@dataclass
class Peak:
    """The most memory seen, in MiB.

    Attributes:
        all: of the process and its children: what each has for itself, and the largest part that
            one of them shares (files, Ray's object store), once.
        python: of its largest child in Python, all that is its own.
    """

    all: float = 0.0
    python: float = 0.0

    def look(self, process: psutil.Process) -> None:
        """Look at what is used now."""
        own, shared = [], [0]
        for each in _family(process):
            with contextlib.suppress(psutil.Error):
                memory = each.memory_info()
                own.append(memory.rss - memory.shared)
                shared.append(memory.shared)
                if each != process and "python" in Path(each.exe()).name:
                    self.python = max(self.python, own[-1] / _MEGABYTE)
        self.all = max(self.all, (sum(own) + max(shared)) / _MEGABYTE)


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
        ``peak_mib`` and ``python_peak_mib`` as in :class:`Peak`; and what it found out itself.
        ``error`` alone, the end of what it printed, if it failed.
    """
    scratch = Path(task.scratch)
    task.stamps.mkdir()
    task.write(scratch / "task.json")
    command = [python, "-m", "benchmarks.contenders", name, str(scratch / "task.json")]
    peak, start = Peak(), time.time()
    with (scratch / "log").open("wb") as log:
        process = psutil.Popen(
            command, cwd=scratch, env=_environment(task, spark), stdout=log, stderr=log
        )
        with _gone_afterwards(process):
            while process.poll() is None and time.time() - start < limit:
                peak.look(process)
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
        **{"peak_mib": round(peak.all), "python_peak_mib": round(peak.python)},
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


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


@contextlib.contextmanager
def _gone_afterwards(process: psutil.Process) -> Iterator[None]:
    """None of the process's children outlives the block, so that the next one runs undisturbed."""
    try:
        yield
    finally:
        for each in reversed(_family(process)):
            with contextlib.suppress(psutil.Error):
                each.kill()
        process.wait()
