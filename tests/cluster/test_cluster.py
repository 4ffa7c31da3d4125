"""Scoring on a standalone cluster: master, workers and driver are processes of their own."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from tests.cluster.conftest import ALBUMS
from tests.cluster.standalone import Cluster, submit_command
from tests.conftest import ROOT

SCORE = ("jobs/score.py", "--set", "score.describe=[]")


def _predictions(output: Path) -> pd.DataFrame:
    return pd.read_parquet(output / "predictions_parquet").set_index("album_id").sort_index()


def _numbers(rows: pd.DataFrame) -> np.ndarray:
    """Probabilities, confidence and the label's score of each album."""
    probabilities = pd.DataFrame([dict(cell) for cell in rows["probabilities"]])
    return np.column_stack([probabilities, rows[["confidence", "advisory_score"]]])


def _log(cluster: Cluster) -> str:
    return "\n".join(file.read_text(errors="replace") for file in cluster.folder.glob("driver*"))


def test_cluster_says_of_covers_what_one_machine_says(
    cluster: Cluster, catalogue: Path, tmp_path: Path
) -> None:
    words = [*SCORE, "--covers", catalogue, "--output"]
    driver = cluster.submit(*words, tmp_path / "cluster")
    executors, workers = set(), set()
    deadline = time.monotonic() + 300
    while driver.poll() is None and time.monotonic() < deadline:
        executors |= {process.pid for process in cluster.executors()}
        workers |= {process.pid for process in cluster.python_workers()}
        time.sleep(0.2)
    assert driver.poll() == 0, _log(cluster)
    assert len(executors) == 2
    assert len(workers) >= 2
    command = submit_command("local[2]", *words, tmp_path / "local")
    alone = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert alone.returncode == 0, alone.stderr.decode()
    here, there = _predictions(tmp_path / "local"), _predictions(tmp_path / "cluster")
    assert len(here) == ALBUMS
    np.testing.assert_allclose(_numbers(there), _numbers(here), atol=1e-3)
    same = ["model_version", "cover_id", "genre", "release_year", "predicted_genre", "advisory"]
    pd.testing.assert_frame_equal(there[same], here[same])


def test_nothing_of_a_stopped_cluster_is_left(
    cluster: Cluster, catalogue: Path, tmp_path: Path
) -> None:
    driver = cluster.submit(*SCORE, "--covers", catalogue, "--output", tmp_path / "out")
    deadline = time.monotonic() + 120
    while not (workers := cluster.python_workers()) and time.monotonic() < deadline:
        time.sleep(0.2)
    python = cluster.python_driver(driver)
    assert workers, _log(cluster)
    assert python is not None
    assert cluster.master is not None
    daemons = [cluster.master, *cluster.workers]
    everyone = {
        process.pid for process in (*daemons, *cluster.executors(), *workers, driver, python)
    }
    cluster.stop()
    assert {pid for pid in everyone if psutil.pid_exists(pid)} == set()
