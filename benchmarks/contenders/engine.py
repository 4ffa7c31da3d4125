"""The networks alone, at several batch sizes: what the processor can do at best."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.contenders import covers, models
from benchmarks.contenders.task import Task
from benchmarks.contenders.together import together, wait
from covergenre import images
from covergenre.engines import openvino

BATCHES = (1, 2, 4, 8, 16, 32)


def run(task: Task) -> dict[str, Any]:
    """Measure each network, one process a core with one thread and one stream.

    Returns:
        ``images_per_second`` of all networks one after the other, ``cpu_ms`` a cover of each at its
        fastest batch, ``batches``: which that is, and ``rates``: images/s by network and batch.
    """
    rates: dict[str, dict[int, float]] = {}
    cpu_ms: dict[str, float] = {}
    fastest: dict[str, int] = {}
    for name in models.converted(task):
        measured = together(task.cores, _measure, task, name)
        rates[name] = {
            batch: sum(each[batch][0] / each[batch][1] for each in measured) for batch in BATCHES
        }
        # By CPU time, which neighbours on the machine disturb less than the clock.
        cost = {
            batch: 1000 * sum(each[batch][2] for each in measured)
            / sum(each[batch][0] for each in measured)
            for batch in BATCHES
        }  # fmt: skip
        fastest[name] = min(BATCHES, key=cost.__getitem__)
        cpu_ms[name] = cost[fastest[name]]
    return {
        "images_per_second": 1 / sum(1 / rates[name][fastest[name]] for name in rates),
        "cpu_ms": cpu_ms,
        "batches": fastest,
        "rates": rates,
    }


def _measure(task: Task, name: str) -> dict[int, tuple[int, float, float]]:
    """By batch: covers, seconds, seconds of CPU."""
    found = {}
    for batch in BATCHES:
        network = models.converted(task, batch)[name]
        loaded = openvino.OpenVINORun(network, task.precision, threads=1)
        contents = covers.first(task.parquet, batch)
        shown = np.stack([images.load(content, network.size) for content in contents])
        loaded(shown)  # warm
        wait()
        count, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < task.seconds:
            loaded(shown)
            count += batch
        found[batch] = count, time.perf_counter() - wall, time.process_time() - cpu
        wait()  # none compiles while another is measured
    return found
