"""The page of results, read from tables as scoring writes them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from covergenre import config
from covergenre.config import Settings
from covergenre.errors import CatalogueError, OutputError
from jobs import report as job
from jobs.runtime.reporting import read
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, METRICS, PREDICTIONS, QUARANTINE, RUNS, SPLITS, Table
from tests.covers import drawn
from tests.reports import HOSTILE

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(days=1)
TYPICAL = {"folk": (0.9, 0.1), "rap": (0.2, 0.8)}
# Album, cover, title, its genre, year, predicted genre, has a label.
ALBUM_ROWS = (
    ("a", 1, HOSTILE, "rap", 2001, "rap", True),
    ("b", 1, "B", "folk", 2001, "rap", True),
    ("c", 2, None, "folk", 2003, "folk", False),
    ("d", 3, "D", "polka", None, "folk", False),
    ("e", 4, "E", None, 2003, "folk", None),
)


def write(warehouse: Warehouse, table: Table, *rows: dict[str, Any]) -> None:
    """Rows in which all that is not given is NULL, or 0 where it must be something."""
    empty = {"string": "", "bigint": 0, "int": 1, "boolean": False, "map<string,bigint>": {}}
    default = {
        c.name: None if c.nullable else NOW if c.type == "timestamp" else empty.get(c.type)
        for c in table.columns
    }
    warehouse.create(table)
    spark, schema = warehouse.spark, StructType(table.schema.fields)
    warehouse.append(table, spark.createDataFrame([{**default, **row} for row in rows], schema))


def prediction(row: tuple[Any, ...], version: str = "new-1") -> dict[str, Any]:
    album, cover, _, genre, year, predicted, advisory = row
    folk, rap = TYPICAL[predicted]
    palette = [{"hex": "#102030", "name": "black", "share": 1.0}]
    return {
        "album_id": album, "model_version": version, "cover_id": f"{cover:064x}", "genre": genre,
        "release_year": year, "predicted_genre": predicted, "confidence": max(folk, rap),
        "probabilities": {"folk": folk, "rap": rap}, "scored_at": NOW, "abstained": False,
        "advisory": advisory, "advisory_score": None if advisory is None else 0.5,
        "advisory_box": {"xmin": 0.1, "ymin": 0.2, "xmax": 0.3, "ymax": 0.4} if advisory else None,
        "reasons": [{"part": "classifier", "input": HOSTILE, "contribution": -1.5}],
        "concepts": [{"name": "banjo", "score": 0.25}],
        "appearance": {"palette": palette, **dict.fromkeys(
            ("colourfulness", "brightness", "contrast", "saturation", "hue_entropy", "near_black",
             "near_white", "achromatic", "grey_entropy", "edge_density", "symmetry", "face_area"),
            0.5), "faces": 0},
    }  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(spark, str(tmp_path_factory.mktemp("report") / "warehouse"))
    write(made, ALBUMS, *(
        {"album_id": album, "source": "folder", "title": title, "genre": genre,
         "release_year": year, "cover_id": f"{cover:064x}"}
        for album, cover, title, genre, year, _, _ in ALBUM_ROWS
    ), {"album_id": "f", "source": "folder"}, {"album_id": "g", "source": "folder"})  # fmt: skip
    write(made, COVERS, *(
        {"cover_id": f"{k:064x}", "width": 96, "height": 96, "format": "JPEG", "byte_size": 9,
         "content": bytearray(drawn("rap", k))} for k in range(1, 5)
    ))  # fmt: skip
    write(made, PREDICTIONS, *map(prediction, ALBUM_ROWS), prediction(ALBUM_ROWS[0], "old-1"))
    write(made, QUARANTINE,
          {"album_id": "f", "reason": "truncated", "detail": "ends early"},
          {"album_id": "c", "reason": "no_cover", "closed_at": NOW})  # fmt: skip
    write(made, SPLITS, {"cover_id": "x", "representative": False},
          {"cover_id": "y", "representative": True})  # fmt: skip
    write(made, RUNS, *(
        {"run_id": run, "job": "score", "outcome": outcome, "model_version": version,
         "started_at": at, "finished_at": at, "engine": "openvino", "precision": "bf16"}
        for run, outcome, version, at in (
            ("r1", "succeeded", "new-1", LATER), ("r0", "succeeded", "old-1", NOW),
            ("r2", "failed", "old-1", LATER + datetime.timedelta(days=1)))
    ))  # fmt: skip
    write(made, METRICS, *(
        {"run_id": run, "model_version": "m", "genre_basis": "predicted", "genre": "rap",
         "release_year": year, "albums": scored, "scored": scored, "mean_confidence": confidence,
         "advisory_rate": rate, "computed_at": at}
        for run, year, scored, confidence, rate, at in (
            ("r0", 2001, 10, 0.5, 0.0, NOW), ("r1", 2001, 10, 0.5, 0.3, LATER),
            ("r1", None, 30, 0.9, None, LATER))
    ))  # fmt: skip
    return made


def test_everything_that_is_there_is_read(warehouse: Warehouse, settings: Settings) -> None:
    found = read(warehouse, settings)
    about = found.about
    assert (about.model_version, list(about.others)) == ("new-1", ["old-1"])
    assert set(about.labels) == {"folk", "rap"}
    sums = found.cells.select_dtypes("number").sum()
    names = ("albums", "scored", "quarantined", "labelled", "correct", "advisory")
    assert [int(sums[name]) for name in names] == [7, 5, 1, 3, 2, 2]
    assert int(sums["looked_for_advisory"]) == 4

    # Three albums whose genre the model knows, each with two probabilities.
    steps = found.steps
    assert steps["albums"].sum() == 6
    rap = steps[(steps["label"] == "rap") & steps["truth"]]
    assert [tuple(row) for row in rap[["step", "top", "albums"]].to_numpy()] == [(800, True, 1)]

    assert {one.genre: one.covers for one in found.palettes} == {"folk": 3, "rap": 2}
    assert found.palettes[0].colours[0].hex == "#102030"
    assert dict(found.described) == {"folk": 3, "rap": 2}
    assert sorted(found.concepts["seen"]) == [2, 3]

    shown = found.galleries
    # The two albums that share a cover are shown once.
    assert {genre: list(albums) for genre, albums in shown.typical.items()} == {
        "folk": ["c", "d", "e"], "rap": ["a"],
    }  # fmt: skip
    assert (list(shown.surprising), list(shown.labelled)) == (["b"], ["a"])
    assert set(shown.thumbnails) == {f"{k:064x}" for k in range(1, 5)}
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in shown.thumbnails.values())

    assert [run["run_id"] for run in found.runs] == ["r2", "r1", "r0"]
    drift = found.drift.set_index("run_id")
    assert list(drift.index) == ["r0", "r1"]
    assert drift.loc["r1", "scored"] == 40
    assert drift.loc["r1", "confidence"] == pytest.approx(0.8)
    assert drift.loc["r1", "advisory_rate"] == pytest.approx(0.3)

    quality = found.quality
    assert quality.reasons == [("truncated", 1)]
    assert quality.examples[0]["detail"] == "ends early"
    assert quality.foreign == [("polka", 1)]
    assert (quality.albums, quality.with_cover, quality.covers) == (7, 5, 4)
    assert quality.near_duplicates == 1

    rows = found.rows.set_index("album_id")
    assert set(rows.index) == set("abcde")
    assert rows.loc["a", "title"] == HOSTILE
    details = json.loads(rows.loc["a", "details"])
    assert details["p"] == {"n": ["rap", "folk"], "s": [800, 200]}
    assert details["r"] == {"p": ["classifier"], "i": [HOSTILE], "c": [-1500]}
    assert details["c"] == {"n": ["banjo"], "s": [250]}
    assert details["k"] == {"n": ["#102030"], "s": [1000]}
    assert details["b"] == [100, 200, 300, 400]
    assert "q" not in details
    assert "b" not in json.loads(rows.loc["c", "details"])


def test_large_catalogues_are_cut_to_what_is_shown(warehouse: Warehouse) -> None:
    settings = config.load(assignments=[
        "report.table_albums=1", "report.gallery_covers=1", "report.genres=1"])  # fmt: skip
    found = read(warehouse, settings, "new-1")
    # Covers of the galleries are in the table in any case.
    assert list(found.rows["album_id"][:3]) == ["c", "b", "a"]
    assert found.scored == 5
    assert set(found.cells["genre"].dropna()) == {"folk", "other genres"}
    assert found.cells["albums"].sum() == 7
    assert set(found.cells["predicted_genre"].dropna()) == {"folk", "other genres"}


def test_the_job_writes_a_page_while_another_writes_tables(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = warehouse.versions()
    with warehouse.writing(warehouse.location, settings.warehouse):
        result = job.main(["--output", warehouse.location, "--json"])
    file = Path(warehouse.location) / "report" / "REPORT.html"
    assert result["report"] == str(file)
    assert (result["scored"], result["rows"], result["detailed"]) == (5, 5, 5)
    assert file.stat().st_size == result["bytes"]
    assert "&lt;/script&gt;&lt;img src=x" in file.read_text("utf-8")
    assert warehouse.versions() == versions
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result
    with pytest.raises(CatalogueError, match=r"gone has no predictions .*new-1, old-1"):
        job.main(["--output", warehouse.location, "--model-version", "gone"])
    with pytest.raises(OutputError, match="is a folder"):
        job.main(["--output", warehouse.location, "--report", str(tmp_path)])


def test_albums_and_nothing_else(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="holds no albums"):
        job.main(["--output", str(tmp_path / "gone")])
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    made.create(ALBUMS)
    job.main(["--output", made.location, "--report", str(tmp_path / "none.html")])
    assert "No album has been scored yet" in (tmp_path / "none.html").read_text("utf-8")
    # A model that says nothing but the genre, of one album without genre and year.
    write(made, ALBUMS, {"album_id": "a", "source": "folder", "cover_id": f"{1:064x}"})
    less = prediction(("a", 1, None, None, None, "rap", None))
    for name in ("reasons", "concepts", "appearance", "abstained"):
        less[name] = None
    write(made, PREDICTIONS, less)
    job.main(["--output", made.location, "--report", str(tmp_path / "less.html")])
    text = (tmp_path / "less.html").read_text("utf-8")
    for said in (
        "nothing to hold predictions against",
        "Nobody has looked for labels",
        "Colours and concepts are not known",
        "No run is recorded",
        "no picture",
    ):
        assert said in text  # fmt: skip
