"""Workers that really crash, hang, are killed or run out of memory, in a real Spark session."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf

from jobs.runtime.isolation import Poisoned, WorkersError, isolate
from udfs.watchdog import deadline

LAST_WORDS = "spark.sql.execution.pyspark.udf.faulthandler.enabled"
SECONDS = 1.0


def _end_worker(how: str) -> None:
    match how:
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "exit":
            ctypes.CDLL(None).exit(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "memory":
            bytearray(1 << 46)
        case "hang":
            time.sleep(100)
        case "native hang":
            ctypes.PyDLL(None).sleep(100)
        case "sys.exit":
            sys.exit(1)
        case "defect":
            raise KeyError("MemoryError")


def _looked_at() -> Any:
    def look(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for covers in batches:
            with deadline(SECONDS):
                for cover in covers:
                    _end_worker(cover.partition(":")[2])
            yield covers.str.len()

    # Workers have no module tests.
    look.__module__ = "__main__"
    return pandas_udf(look, "int").asNondeterministic()


class Table:
    """A Delta table that covers are committed to."""

    def __init__(self, spark: SparkSession, path: Path) -> None:
        self.spark, self.path, self.attempts = spark, str(path), 0
        self.look = _looked_at()

    def commit(self, ids: Sequence[str]) -> None:
        self.attempts += 1
        covers = self.spark.createDataFrame(pd.DataFrame({"id": [*ids]}))
        said = covers.select("id", self.look("id").alias("length"))
        said.write.format("delta").mode("append").save(self.path)

    def probe(self) -> None:
        assert self.show("good") == 4

    def show(self, cover: str) -> int:
        row = self.spark.createDataFrame([(cover,)], "id string").select(self.look("id")).first()
        assert row is not None
        return int(row[0])

    def isolate(self, ids: Sequence[str]) -> dict[str, Poisoned]:
        return {found.key: found for found in isolate(ids, self.commit, 2, self.probe)}

    def committed(self) -> list[str]:
        rows = self.spark.read.format("delta").load(self.path).collect()
        return sorted(row["id"] for row in rows)


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Iterator[Table]:
    spark.conf.set(LAST_WORDS, True)
    yield Table(spark, tmp_path / "covers")
    spark.conf.unset(LAST_WORDS)


def test_covers_that_end_their_worker_are_found_and_all_others_committed_once(
    table: Table,
) -> None:
    good = [f"{number:03}" for number in range(30)]
    ends = {
        "007:native hang": ("timed_out", "Timeout (0:00:01)!, in _end_worker (test_poison.py:"),
        "015:segfault": ("crashed_worker", "Segmentation fault, in string_at (__init__.py:"),
        "027:kill": ("crashed_worker", "it left no trace"),
    }
    found = table.isolate(sorted([*good, *ends]))
    assert {name: cover.reason for name, cover in found.items()} == {
        name: reason for name, (reason, _) in ends.items()
    }
    for name, (_, detail) in ends.items():
        assert found[name].detail.startswith(detail)
    assert table.committed() == good
    assert table.attempts < 1.5 * len(ends) * 5 + 4


@pytest.mark.parametrize(
    ("how", "reason", "detail"),
    [
        ("abort", "crashed_worker", "Aborted, in _end_worker"),
        ("exit", "crashed_worker", "it left no trace"),
        ("memory", "out_of_memory", "MemoryError"),
        ("hang", "timed_out", "Timeout (0:00:01)!, in _end_worker"),
    ],
)
def test_each_end_has_its_reason(table: Table, how: str, reason: str, detail: str) -> None:
    (found,) = table.isolate([f"a:{how}"]).values()
    assert found.reason == reason
    assert found.detail.startswith(detail)


def test_without_last_words_a_worker_that_ends_is_recognised_too(table: Table) -> None:
    table.spark.conf.set(LAST_WORDS, False)
    found = table.isolate(["a", "b:segfault", "c"])
    assert found == {"b:segfault": Poisoned("b:segfault", "crashed_worker", "it left no trace")}
    assert table.committed() == ["a", "c"]


@pytest.mark.parametrize("how", ["defect", "sys.exit"])
def test_defect_is_no_poison(table: Table, how: str) -> None:
    with pytest.raises(PythonException, match=r"KeyError|SystemExit"):
        table.isolate(["a", f"b:{how}"])
    assert table.attempts == 1


def test_machine_on_which_every_worker_ends_blames_no_cover(table: Table) -> None:
    def probe() -> None:
        table.show("good:segfault")

    with pytest.raises(WorkersError, match="Segmentation fault"):
        isolate(["a:segfault", "b:segfault"], table.commit, 2, probe)


def test_session_goes_on_after_workers_ended(table: Table) -> None:
    for how in ("segfault", "native hang", "kill"):
        with pytest.raises(Exception, match="Python worker exited unexpectedly"):
            table.show(f"a:{how}")
        assert table.show("good") == 4
