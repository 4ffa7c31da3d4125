"""Covers that end their worker are found by halving; all others are committed, once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from pyspark.errors import AnalysisException, PythonException

from jobs.runtime.isolation import Poisoned, WorkersError, death, isolate

CRASHED = "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed): "
SEGFAULT = CRASHED + (
    "Fatal Python error: Segmentation fault\n\n"
    "Thread 0x00007f9a (most recent call first):\n"
    '  File "/usr/lib/python3.11/threading.py", line 331 in wait\n\n'
    "Current thread 0x00007f9b (most recent call first):\n"
    '  File "/opt/PIL/ImageFile.py", line 300 in load\n'
    '  File "/opt/udfs/score.py", line 12 in score\n'
)
HUNG = CRASHED + (
    "Timeout (0:01:00)!\nThread 0x00007f9b (most recent call first):\n"
    '  File "/opt/PIL/Image.py", line 1 in open\n'
)


class Workers:
    """Where covers are attempted: some end their worker, always or at first."""

    def __init__(self, *poison: str, text: str = SEGFAULT, passing: int = 0) -> None:
        self.poison, self.text, self.passing = set(poison), text, passing
        self.committed: Counter[str] = Counter()
        self.attempts: list[tuple[str, ...]] = []
        self.probes = 0

    def attempt(self, ids: Sequence[str]) -> None:
        self.attempts.append(tuple(ids))
        if self.passing > 0:
            self.passing -= 1
            raise PythonException(CRASHED)
        if self.poison & set(ids):
            raise PythonException(self.text)
        self.committed.update(ids)

    def probe(self) -> None:
        self.probes += 1

    def isolate(self, ids: Sequence[str], attempts: int = 2) -> list[Poisoned]:
        return isolate(ids, self.attempt, attempts, self.probe)


def _ids(number: int) -> list[str]:
    return [f"{i:05}" for i in range(number)]


def test_healthy_covers_are_one_attempt() -> None:
    workers = Workers()
    assert workers.isolate(_ids(1000)) == []
    assert workers.attempts == [tuple(_ids(1000))]
    assert workers.probes == 0


def test_nothing_is_nothing() -> None:
    workers = Workers()
    assert workers.isolate([]) == []
    assert workers.attempts == []


def test_worker_that_somebody_ended_is_no_poison() -> None:
    workers = Workers(passing=1)
    assert workers.isolate(_ids(100)) == []
    assert len(workers.attempts) == 2
    assert set(workers.committed.values()) == {1} and len(workers.committed) == 100


@pytest.mark.parametrize("passing", [2, 3, 5])
def test_workers_that_end_for_a_while_cost_attempts_and_no_cover(passing: int) -> None:
    workers = Workers(passing=passing)
    assert workers.isolate(_ids(64)) == []
    assert set(workers.committed.values()) == {1} and len(workers.committed) == 64


@pytest.mark.parametrize("number", [1, 2, 3, 64, 1000])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_poisoned_cover_is_found_and_the_rest_is_committed_once(number: int, place: float) -> None:
    ids = _ids(number)
    poison = ids[round(place * (number - 1))]
    workers = Workers(poison)
    detail = "Segmentation fault, in load (ImageFile.py:300)"
    assert workers.isolate(ids) == [Poisoned(poison, "crashed_worker", detail)]
    assert workers.committed == Counter(set(ids) - {poison})
    assert workers.probes == 1
    assert len(workers.attempts) <= 2 * math.log2(number) + 4


@pytest.mark.parametrize("poisoned", [2, 10, 60])
def test_attempts_grow_with_the_poisoned_covers_not_with_the_others(poisoned: int) -> None:
    ids = _ids(20_000)
    chosen = np.random.default_rng(poisoned).choice(ids, poisoned, replace=False)
    workers = Workers(*chosen)
    assert {found.key for found in workers.isolate(ids)} == {*chosen}
    assert workers.committed == Counter(set(ids) - {*chosen})
    assert len(workers.attempts) <= 1.5 * poisoned * math.log2(len(ids)) + 4


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_cover_is_judged_alone_as_often_as_asked(attempts: int) -> None:
    for poison in _ids(4):
        workers = Workers(poison)
        assert [found.key for found in workers.isolate(_ids(4), attempts)] == [poison]
        assert workers.attempts.count((poison,)) == attempts


def test_cover_that_survives_its_last_attempt_is_good() -> None:
    workers = Workers(passing=3)
    assert workers.isolate(["a"], attempts=4) == []
    assert workers.committed == Counter("a")


def test_covers_are_not_blamed_for_a_broken_machine() -> None:
    workers = Workers(*_ids(500))

    def probe() -> None:
        workers.attempt(_ids(500)[:1])

    with pytest.raises(WorkersError, match="Segmentation fault") as raised:
        isolate(_ids(500), workers.attempt, 2, probe)
    assert raised.value.exit_code == 3
    assert len(workers.attempts) < 20


@pytest.mark.parametrize(
    "error",
    [
        KeyError("Python worker exited unexpectedly"),
        OSError(28, "No space left on device"),
        AnalysisException("no column content"),
        PythonException('Traceback:\n  File "a.py", line 1, in f\nKeyError: "MemoryError"'),
    ],
)
def test_any_other_failure_is_raised_at_once(error: Exception) -> None:
    attempts = []

    def attempt(ids: Sequence[str]) -> None:
        attempts.append(ids)
        raise error

    with pytest.raises(type(error)) as raised:
        isolate(_ids(100), attempt, 2, lambda: None)
    assert raised.value is error
    assert len(attempts) == 1


def test_defect_that_shows_while_halving_is_raised() -> None:
    workers = Workers("00007")

    def attempt(ids: Sequence[str]) -> None:
        if len(ids) == 8:
            raise ValueError("defect")
        workers.attempt(ids)

    with pytest.raises(ValueError, match="defect"):
        isolate(_ids(32), attempt, 2, workers.probe)


def test_a_probe_that_meets_a_worker_gone_before_is_tried_again() -> None:
    workers, gone = Workers("a"), [PythonException(CRASHED)]

    def probe() -> None:
        workers.probe()
        if gone:
            raise gone.pop()

    assert [one.key for one in isolate(["a"], workers.attempt, 2, probe)] == ["a"]
    assert workers.probes == 2


def test_defect_that_the_probe_shows_is_raised() -> None:
    def probe() -> None:
        raise ValueError("defect")

    with pytest.raises(ValueError, match="defect"):
        isolate(["a"], Workers("a").attempt, 2, probe)


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (SEGFAULT, "crashed_worker", "Segmentation fault, in load (ImageFile.py:300)"),
        (HUNG, "timed_out", "Timeout (0:01:00)!, in open (Image.py:1)"),
        (CRASHED + "\n\n\tat org.apache.spark.X", "crashed_worker", "it left no trace"),
        (CRASHED[:-2] + ". Consider setting 'spark.sql'", "crashed_worker", "it left no trace"),
        (
            "failure: Lost task 1.0 (TID 17): ExecutorLostFailure (executor 5 exited caused by one "
            "of the running tasks) Reason: Command exited with code 1\nDriver stacktrace:",
            "crashed_worker",
            "ExecutorLostFailure (executor 5 exited caused by one of the running tasks) Reason: "
            "Command exited with code 1",
        ),
        (
            "ExecutorLostFailure (executor 5 exited) Reason: Container killed by YARN for "
            "exceeding physical memory limits. 5.5 GB of 5.5 GB used.\n",
            "out_of_memory",
            "ExecutorLostFailure (executor 5 exited) Reason: Container killed by YARN for "
            "exceeding physical memory limits",
        ),
        ("Traceback:\n  File x\nMemoryError\n", "out_of_memory", "MemoryError"),
        ("Traceback:\n  File x\nMemoryError: no\n\tat org", "out_of_memory", "MemoryError: no"),
        (
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 64.0 TiB\n",
            "out_of_memory",
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 64.0 TiB",
        ),
        (
            "java.io.IOException: Broken pipe\n\tat sun.nio.ch.Write(Write.java:62)\n"
            "\tat org.apache.spark.api.python.BasePythonRunner$ReaderInputStream.write",
            "crashed_worker",
            "it left no trace",
        ),
        (
            "[TASK_WRITE_FAILED]\nCaused by: java.nio.channels.CancelledKeyException\n"
            "\tat java.base/sun.nio.ch.SelectionKeyImpl.ensureValid(SelectionKeyImpl.java:75)\n"
            "\tat org.apache.spark.api.python.BasePythonRunner$ReaderInputStream.read",
            "crashed_worker",
            "it left no trace",
        ),
        (
            "task failed 1 times: java.nio.channels.ClosedChannelException\n"
            "\tat java.base/java.nio.channels.SelectableChannel.register(Channel.java)"
            "\n\tat org.apache.spark.api.python.PythonWorker.refresh(PythonWorkerFactory.scala:61)",
            "crashed_worker",
            "it left no trace",
        ),
        (
            "java.io.IOException: Broken pipe\n\tat org.apache.hadoop.fs.Write\nCaused by: x\n"
            "\tat org.apache.spark.api.python.Runner",
            None,
            None,
        ),
        ("java.lang.OutOfMemoryError: Java heap space\n", None, None),
        ("java.io.IOException: No space left on device", None, None),
    ],
)
def test_what_spark_says_of_a_worker(text: str, reason: str | None, detail: str | None) -> None:
    assert death(PythonException(text)) == (reason and (reason, detail))


def test_detail_is_short() -> None:
    told = death(PythonException(CRASHED + "Fatal Python error: " + "x" * 500))
    assert told is not None and len(told.detail) == 200
