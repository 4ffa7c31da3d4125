"""Decoding alone: bytes to the networks' pixels, by the project's own decoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.contenders import covers, models
from benchmarks.contenders.task import Task
from benchmarks.contenders.together import together, wait
from covergenre import images

_COVERS = 256


def run(task: Task) -> dict[str, Any]:
    """Measure decoding on all cores.

    Returns:
        ``images_per_second`` of all processes, ``cpu_ms`` a cover.
    """
    sizes = [found.size for found in models.converted(task).values()]
    measured = together(task.cores, _measure, task.parquet, sizes, task.seconds)
    return {
        "images_per_second": sum(count / wall for count, wall, _ in measured),
        "cpu_ms": 1000 * sum(cpu for *_, cpu in measured) / sum(count for count, *_ in measured),
    }


def _measure(parquet: str, sizes: Sequence[int], seconds: float) -> tuple[int, float, float]:
    """Covers, seconds, seconds of CPU."""
    contents = covers.first(parquet, _COVERS)
    for content in contents[:16]:  # warm
        images.load(content, sizes[0])
    wait()
    count, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        for content in contents:
            cover = images.Cover(content)
            for size in sizes:
                cover.at(size)
        count += len(contents)
    return count, time.perf_counter() - wall, time.process_time() - cpu
