"""Several runs on one warehouse: one at a time writes, whoever else lives or dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.bundles import write_random
from tests.cluster import delta_files
from tests.cluster.comparing import snapshot
from tests.cluster.standalone import Cluster
from tests.covers import drawn

GENRES = ("folk", "rap", "disco", "electronic")
_SECONDS = 600.0


class Alone:
    """Runs on this machine alone, a catalogue of two covers a genre, and its warehouse."""

    def __init__(self, root: Path) -> None:
        self.root, self.output = root, root / "warehouse"
        self.machine = Cluster(root, "local[1]")
        self.bundle = write_random(root / "random", GENRES)
        for number, genre in enumerate(GENRES):
            (root / "covers" / genre).mkdir(parents=True)
            for cover in range(2):
                file = root / "covers" / genre / f"{cover}.jpg"
                file.write_bytes(drawn("folk", 10 * number + cover))

    def submit(self, *words: str, patience: float = _SECONDS) -> psutil.Popen:
        return self.machine.submit(
            "--driver-memory", "1g", "jobs/score.py", "--covers", self.root / "covers",
            "--model", self.bundle.path, "--output", self.output,
            "--set", f"warehouse.lock_timeout_seconds={patience}",
            "--set", "score.describe=[]", *words,
        )  # fmt: skip

    def said(self, driver: psutil.Popen) -> str:
        number = self.machine.drivers.index(driver)
        return (self.root / f"driver-{number}.log").read_text(errors="replace")

    def ends(self, driver: psutil.Popen) -> int:
        return int(driver.wait(_SECONDS))


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    started = Alone(tmp_path)
    yield started
    started.machine.stop()


def _scored(output: Path) -> list[str]:
    predictions = delta_files.rows(output / "predictions", ["album_id"])
    assert sorted(snapshot(output)["album_id"]) == sorted(predictions["album_id"])
    return sorted(predictions["album_id"])


ALL = sorted(f"{genre}/{cover}.jpg" for genre in GENRES for cover in range(2))


def test_four_at_once_wait_their_turn_and_each_does_its_part(alone: Alone) -> None:
    drivers = [alone.submit("--where", f"genre = '{genre}'") for genre in GENRES]
    codes = [alone.ends(driver) for driver in drivers]
    assert codes == [0] * 4, "\n".join(map(alone.said, drivers))
    assert _scored(alone.output) == ALL
    inferences = delta_files.rows(alone.output / "inferences", ["cover_id", "run_id"])
    assert inferences["cover_id"].is_unique
    assert set(inferences.groupby("run_id").size()) == {2}
    runs = delta_files.rows(alone.output / "runs")
    assert list(runs["outcome"]) == ["succeeded"] * 4
    # One set of rows a run, and each saw two albums more than the one before.
    metrics = delta_files.rows(alone.output / "metrics").query("genre_basis == 'catalogue'")
    assert sorted(metrics.groupby("run_id")["scored"].sum()) == [2, 4, 6, 8]


def test_java_that_outlives_its_python_holds_the_warehouse(alone: Alone) -> None:
    first = alone.submit()
    deadline = time.monotonic() + _SECONDS
    while not list((alone.output / ".running").glob("*.json")):
        assert first.poll() is None and time.monotonic() < deadline, alone.said(first)
        time.sleep(0.05)
    python = alone.machine.python_driver(first)
    assert python is not None
    first.send_signal(signal.SIGSTOP)
    try:
        python.kill()
        second = alone.submit(patience=1)
        assert alone.ends(second) == 7, alone.said(second)
        assert "is being written by another job" in alone.said(second)
    finally:
        first.send_signal(signal.SIGCONT)
    assert alone.ends(first) != 0
    third = alone.submit()
    assert alone.ends(third) == 0, alone.said(third)
    assert _scored(alone.output) == ALL
    runs = delta_files.rows(alone.output / "runs").sort_values("started_at")
    assert list(runs["outcome"]) == ["killed", "succeeded"]
