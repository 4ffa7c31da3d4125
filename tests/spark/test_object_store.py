"""A warehouse that is a URL: scored, unchanged, locked, its old copies dropped.

Hadoop's viewfs, over a local folder, stands in for an object store: the code takes any URL for one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.errors import LockedError, OutputError
from jobs import score
from jobs.runtime.maintenance.care import drop_old_copies
from jobs.runtime.warehouse import Warehouse
from schemas import RUNS
from tests.covers import noise


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> str:
    """URL of a new, empty folder."""
    (tmp_path / "store").mkdir()
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[union-attr]
    hadoop.set("fs.viewfs.mounttable.store.link./bucket", f"file://{tmp_path}/store")
    return "viewfs://store/bucket"


def test_warehouse_that_is_a_url(
    spark: SparkSession,
    tmp_path: Path,
    settings: Settings,
    make_bundle: Callable[..., Bundle],
    store: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "covers/rap").mkdir(parents=True)
    for seed in range(2):
        (tmp_path / f"covers/rap/{seed}.jpg").write_bytes(noise(seed))
    location, held = f"{store}/warehouse", tmp_path / "store/warehouse"
    words = [
        "--covers", str(tmp_path / "covers"), "--output", location, "--set", "score.describe=[]",
        "--set", "warehouse.lock_timeout_seconds=0", "--set", f"warehouse.locks={tmp_path}/locks",
        "--model", str(make_bundle().path),
    ]  # fmt: skip

    said = score.main(words)
    assert (said["scored"], said["inferred"], said["output"]) == (2, 2, location)
    warehouse = Warehouse(spark, location)
    before = warehouse.versions()
    copy = (held / "predictions_parquet/LATEST").read_text().strip()
    assert spark.read.parquet(f"{location}/predictions_parquet/{copy}").count() == 2

    assert score.main(words)["inferred"] == 0
    assert warehouse.versions() == {**before, RUNS.name: before[RUNS.name] + 1}

    (held / "predictions_parquet/older").mkdir()
    assert drop_old_copies(warehouse, keep=0) == 1
    assert [p.name for p in (held / "predictions_parquet").iterdir() if p.is_dir()] == [copy]

    own = settings.warehouse.model_copy(update={"locks": f"{tmp_path}/locks"})
    with warehouse.writing(location, own), pytest.raises(LockedError):
        score.main(words)
    (tmp_path / "others").mkdir()
    (tmp_path / "others/0.jpg").write_bytes(noise(0))
    with pytest.raises(OutputError, match="holds the catalogue of"):
        score.main([*words, "--covers", str(tmp_path / "others")])
    assert "warehouse.locks" not in capsys.readouterr().err  # a folder is named: no warning
