"""The record of runs: succeeded and failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from covergenre.config import Settings
from jobs.runtime.running import killed, marked
from jobs.runtime.runs import Run, recorded
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, RUNS


def test_runs_tell_what_happened(spark: SparkSession, tmp_path: Path, settings: Settings) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    good, bad = Run("score", settings, model_version="m-1"), Run("score", settings)
    with recorded(good, warehouse):
        warehouse.create(ALBUMS)
        good.counts["albums"] = 3
    with pytest.raises(ValueError, match="no luck"), recorded(bad, warehouse):
        raise ValueError("no luck\nand a long plan")

    rows = {row["run_id"]: row for row in warehouse.read(RUNS).collect()}
    assert set(rows) == {good.run_id, bad.run_id}
    done, failed = rows[good.run_id], rows[bad.run_id]
    assert (done["outcome"], done["error"], done["model_version"]) == ("succeeded", None, "m-1")
    assert done["counts"] == {"albums": 3}
    assert done["input_versions"] == {"runs": 0}
    assert done["output_versions"] == {"runs": 0, "albums": 0}
    assert done["started_at"] <= done["finished_at"]
    assert json.loads(done["settings"])["score"]["batch_size"] == settings.score.batch_size
    assert (failed["outcome"], failed["error"]) == ("failed", "ValueError: no luck")
    assert failed["input_versions"] == {"runs": 1, "albums": 0}


DIES = """
import os, pathlib, sys
from jobs.runtime.running import marked
about = {"run_id": "gone", "job": "score", "started_at": "2026-01-02T03:04:05+00:00",
         "input_versions": {"albums": 4}, "model_version": "m-1", "engine": None,
         "precision": None, "processor": "p", "settings": "{}"}
with marked(pathlib.Path(sys.argv[1]), "gone", about):
    os._exit(9)
"""


def test_a_run_that_was_killed_is_told_by_the_next(
    spark: SparkSession, tmp_path: Path, settings: Settings
) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    dead = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    assert dead.returncode == 9
    # One that is in progress, and takes no other lock at the moment, is left alone.
    with marked(tmp_path, "alive", {"run_id": "alive"}) as mark:
        for _ in range(2):
            with recorded(Run("score", settings), warehouse):
                pass
        rows = {row["run_id"]: row for row in warehouse.read(RUNS).collect()}
        assert "alive" not in rows and len(rows) == 3
        row = rows["gone"]
        assert (row["outcome"], row["job"], row["model_version"]) == ("killed", "score", "m-1")
        assert row["input_versions"] == {"albums": 4}
        assert f"on {os.uname().nodename} ended without a word" in row["error"]
        mark.forget()
    assert list(killed(tmp_path)) == []
    assert list((tmp_path / ".running").iterdir()) == []
