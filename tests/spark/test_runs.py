"""The record of runs: succeeded and failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from covergenre.config import Settings
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
