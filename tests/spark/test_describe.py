"""Describing what covers look like: each measured once, again only where measures have changed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from covergenre.config import Settings
from jobs import describe as job
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.describing.appearance import describe_appearance
from jobs.runtime.warehouse import Warehouse
from schemas import APPEARANCE, COVERS, RUNS
from tests.covers import drawn, encoded, noise

FIRST = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
LATER = datetime.datetime(2026, 1, 3, tzinfo=datetime.UTC)


def plain(red: int, green: int, blue: int) -> bytes:
    """A PNG of one colour, 64 x 64."""
    return encoded(Image.fromarray(np.full((64, 64, 3), (red, green, blue), np.uint8)), "PNG")


@pytest.fixture
def covers(tmp_path: Path) -> Path:
    folder = tmp_path / "covers"
    files = {
        "rap/a.png": plain(255, 0, 0),
        "folk/same.png": plain(255, 0, 0),
        "folk/b.jpg": drawn("folk", 1),
        "folk/broken.jpg": drawn("folk", 2)[:900],
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path, covers: Path, settings: Settings) -> Warehouse:
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(made, str(covers), look(str(covers)), settings)
    return made


def test_every_cover_is_described_once(
    warehouse: Warehouse, covers: Path, settings: Settings
) -> None:
    assert describe_appearance(warehouse, settings, FIRST) == {"described": 2, "unusable": 0}
    ids = {row["cover_id"] for row in warehouse.read(COVERS).collect()}
    rows = warehouse.read(APPEARANCE).collect()
    assert {row["cover_id"] for row in rows} == ids and len(rows) == 2
    red = next(row for row in rows if len(row["palette"]) == 1)
    assert [tuple(c) for c in red["palette"]] == [("#ff0000", "red", 1.0)]
    assert (red["saturation"], red["contrast"], red["faces"]) == (1.0, 0.0, 0)
    # A new cover is described, the others are left as they are.
    (covers / "rap/new.jpg").write_bytes(noise(3))
    ingest(warehouse, str(covers), look(str(covers)), settings)
    assert describe_appearance(warehouse, settings, LATER) == {"described": 1, "unusable": 0}
    told = [row["described_at"].day for row in warehouse.read(APPEARANCE).collect()]
    assert sorted(told) == [2, 2, 3]
    # Nothing left to do, nothing is written.
    versions = warehouse.versions()
    assert describe_appearance(warehouse, settings, LATER) == {"described": 0, "unusable": 0}
    assert warehouse.versions() == versions


def test_another_version_describes_all_again(warehouse: Warehouse, settings: Settings) -> None:
    describe_appearance(warehouse, settings, FIRST)
    one = settings.model_copy(
        update={"describe": settings.describe.model_copy(update={"colours": 1})}
    )
    assert describe_appearance(warehouse, one, LATER) == {"described": 2, "unusable": 0}
    rows = warehouse.read(APPEARANCE).collect()
    assert [len(row["palette"]) for row in rows] == [1, 1]
    assert len({row["version"] for row in rows}) == 1


def test_a_cover_that_no_longer_decodes_is_counted(
    warehouse: Warehouse, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    strict = settings.model_copy(
        update={"images": settings.images.model_copy(update={"min_side": 80})}
    )
    assert describe_appearance(warehouse, strict, FIRST) == {"described": 1, "unusable": 1}
    assert "1 covers are not described: too_small" in capsys.readouterr().err
    assert warehouse.read(APPEARANCE).count() == 1
    assert describe_appearance(warehouse, settings, LATER) == {"described": 1, "unusable": 0}


def test_the_job_tells_and_records_what_it_did(
    spark: SparkSession, tmp_path: Path, covers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "told"
    arguments = ["--covers", str(covers), "--output", str(output), "--json"]
    job.main([*arguments, "--only", "appearance"])
    told = capsys.readouterr().out.strip().splitlines()
    summary = json.loads(told[-1])
    assert (summary["covers"], summary["described"], summary["unusable"]) == (2, 2, 0)
    mostly = next(line for line in told if line.split()[:1] == ["mostly"])
    assert "red 50%" in mostly
    made = Warehouse(spark, str(output))
    (run,) = made.read(RUNS).collect()
    assert (run["job"], run["outcome"], run["run_id"]) == (
        "describe", "succeeded", summary["run_id"],
    )  # fmt: skip
    assert run["counts"]["described"] == 2 and run["counts"]["quarantined"] == 1
    assert run["images_per_second"] == summary["images_per_second"]
    assert made.read(APPEARANCE).count() == 2
