"""Progress of long Spark work on the console: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import uuid
from collections.abc import Iterator

from pyspark.sql import SparkSession
from tqdm import tqdm

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0


@contextlib.contextmanager
def shown(spark: SparkSession, what: str, covers: int | None = None) -> Iterator[None]:
    """Show how much of the Spark work started within the block is done.

    Args:
        spark: the session.
        what: the work, e.g. ``scoring``.
        covers: how many covers it is about, if known; tasks hold about equal numbers.
    """
    context = spark.sparkContext
    group = f"{what}-{uuid.uuid4().hex}"
    context.setJobGroup(group, what)
    done = threading.Event()
    terminal = sys.stderr.isatty()
    bar = tqdm(total=covers, desc=what, unit=" covers" if covers else " tasks", file=sys.stderr,
               disable=not terminal)  # fmt: skip
    start = time.monotonic()

    def tell(part: float) -> None:
        bar.total = covers or bar.total
        bar.n = round((bar.total or 0) * part)
        bar.refresh()
        if not terminal:
            of = f" of {covers} covers" if covers else ""
            print(f"{what}: {part:.0%}{of}, {time.monotonic() - start:.0f} s", file=sys.stderr)

    def poll() -> None:
        told = start
        while not done.wait(_POLL_SECONDS):
            finished, total = _tasks(spark, group)
            now = time.monotonic()
            if total and (terminal or now - told >= _LINE_SECONDS):
                bar.total, told = total, now
                tell(finished / total)

    thread = threading.Thread(target=poll, name=group, daemon=True)
    thread.start()
    try:
        yield
        tell(1.0)
    finally:
        done.set()
        thread.join()
        bar.close()
        context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def _tasks(spark: SparkSession, group: str) -> tuple[int, int]:
    """Finished and all tasks of the group's largest stage so far: the one that takes the time."""
    tracker = spark.sparkContext.statusTracker()
    best = (0, 0)
    for job in tracker.getJobIdsForGroup(group):
        info = tracker.getJobInfo(job)
        for stage in info.stageIds if info else []:
            about = tracker.getStageInfo(stage)
            if about and about.numTasks >= best[1]:
                best = (about.numCompletedTasks, about.numTasks)
    return best
