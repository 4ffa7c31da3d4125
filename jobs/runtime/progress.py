"""Progress of long Spark work: a line every few seconds.

Lines, not a bar: spark-submit hands a job's output on through a pipe, where a bar cannot be drawn.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator

from pyspark.sql import SparkSession

from jobs.runtime import logs

_SECONDS = 5.0


@contextlib.contextmanager
def told(describe: Callable[[], str]) -> Iterator[None]:
    """Say every few seconds, and at the end of the block, how far its work is.

    Args:
        describe: the state of the work, in one line.
    """
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_SECONDS):
            logs.tell(describe())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        logs.tell(describe())


@contextlib.contextmanager
def shown(
    spark: SparkSession,
    what: str,
    covers: int | None = None,
    *,
    before: int = 0,
    total: int | None = None,
) -> Iterator[None]:
    """Say how much of the Spark work started within the block is done.

    Args:
        spark: the session.
        what: the work, e.g. ``scoring``.
        covers: how many covers it is about, if known; tasks hold about equal numbers.
        before: covers done before this block.
        total: covers of this block and all others; None: of this one.
    """
    context = spark.sparkContext
    group = f"{what}-{uuid.uuid4().hex}"
    context.setJobGroup(group, what)
    start = time.monotonic()
    finished = False

    def describe() -> str:
        part = 1.0 if finished else _part_done(spark, group)
        amount = f"{part:.0%}"
        if covers:
            amount = f"{before + round(covers * part)} of {total or covers} covers"
        return f"{what}: {amount}, {time.monotonic() - start:.0f} s"

    try:
        with told(describe):
            yield
            finished = True
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def _part_done(spark: SparkSession, group: str) -> float:
    """Share of finished tasks in the group's largest stage so far: the one that takes the time."""
    tracker = spark.sparkContext.statusTracker()
    finished, total = 0, 0
    for job in tracker.getJobIdsForGroup(group):
        info = tracker.getJobInfo(job)
        for stage in info.stageIds if info else []:
            about = tracker.getStageInfo(stage)
            if about and about.numTasks >= total:
                finished, total = about.numCompletedTasks, about.numTasks
    return finished / total if total else 0.0
