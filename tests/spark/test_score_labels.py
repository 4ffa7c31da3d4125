"""Scoring with a detector: in the same pass as the genre, NULL without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from covergenre import images
from covergenre.bundle import Bundle
from covergenre.calibration import Platt
from covergenre.config import Settings
from covergenre.detector.stored import DetectorPart
from covergenre.engines import tensorflow
from covergenre.errors import BundleError, OutputError
from jobs import score as job
from jobs.runtime import label_pictures
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, METRICS, PREDICTIONS, RUNS
from tests import detectors
from tests.covers import drawn, encoded, noise

MakeBundle = Callable[..., Bundle]


def grey(brightness: int) -> bytes:
    return encoded(Image.new("RGB", (80, 80), (brightness,) * 3))


# 204 and 230 are 0.8 and 0.9 of 255, 102 is 0.4: what the exported detector gives as scores.
COVERS_BY_NAME = {
    "rap/bright.jpg": grey(204),
    "rap/dark.jpg": grey(102),
    "folk/dark.jpg": grey(90),
    "folk/same.jpg": grey(204),
    "jazz/brighter.jpg": grey(230),
    "jazz/broken.jpg": drawn("folk", 5)[:900],
}


@pytest.fixture(scope="module")
def covers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels") / "covers"
    for name, content in COVERS_BY_NAME.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> DetectorPart:
    folder = detectors.export(tmp_path_factory.mktemp("exported") / "saved_model")
    return DetectorPart.of_exported(folder, {1}, 0.6, {})


def test_an_exported_detector_end_to_end(
    spark: SparkSession,
    covers: Path,
    exported: DetectorPart,
    make_bundle: MakeBundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = make_bundle(detector=exported)
    words = ["--covers", str(covers), "--output", str(tmp_path / "warehouse"), "--json"]
    words += ["--model", str(bundle.path), "--label-detected", str(tmp_path / "seen")]
    summary = job.main([*words, "--set", "score.label_pictures=1"])
    said = capsys.readouterr().out
    assert json.loads(said.splitlines()[-1]) == summary
    assert summary["advisory"] == 3
    assert "on 3 albums (folk 50 %, jazz 100 %, rap 50 %)" in said

    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    rows = {row["album_id"]: row for row in warehouse.read(PREDICTIONS).collect()}
    scores = {name: row["advisory_score"] for name, row in rows.items()}
    assert scores == pytest.approx(
        {
            "rap/bright.jpg": 0.8,
            "rap/dark.jpg": 0.4,
            "folk/dark.jpg": 90 / 255,
            "folk/same.jpg": 0.8,
            "jazz/brighter.jpg": 230 / 255,
        },
        abs=0.005,
    )
    for row in rows.values():
        assert row["advisory"] == (row["advisory_score"] >= 0.6)
        if row["advisory"]:
            assert tuple(row["advisory_box"]) == pytest.approx((0.1, 0.0, 0.5, 0.4), abs=1e-6)
        else:
            assert row["advisory_box"] is None
    assert rows["rap/bright.jpg"]["advisory_box"].asDict().keys() == {
        "xmin", "ymin", "xmax", "ymax"
    }  # fmt: skip
    cells = warehouse.read(METRICS).where("genre_basis = 'catalogue'").collect()
    assert {r["genre"]: r["advisory_rate"] for r in cells} == {"rap": 0.5, "folk": 0.5, "jazz": 1.0}
    (run,) = warehouse.read(RUNS).where("job = 'score'").collect()
    assert (run["counts"]["advisory"], run["counts"]["label_pictures"]) == (3, 1)
    # One picture was asked for: of the most certain label.
    names = {file.name for file in (tmp_path / "seen").iterdir()}
    assert names == {f"{rows['jazz/brighter.jpg']['cover_id']}.jpg"}


def inference(spark: SparkSession, bundle: Bundle, settings: Settings) -> list[Row]:
    """What the fused UDF says of some covers, in their order."""
    from jobs.runtime.scoring import infer

    contents = [*(drawn("rap", seed) for seed in range(4)), b"no cover", noise(1, 300), None]
    frame = spark.createDataFrame(
        [(str(k), None if c is None else bytearray(c)) for k, c in enumerate(contents)],
        "cover_id string, content binary",
    ).coalesce(1)
    small = settings.model_copy(
        update={"score": settings.score.model_copy(update={"batch_size": 3})}
    )
    return sorted(infer(frame, bundle, small).collect(), key=lambda row: int(row["cover_id"]))


def test_own_network_says_in_spark_what_it_says_alone(
    spark: SparkSession, settings: Settings, make_bundle: MakeBundle
) -> None:
    part = detectors.own(calibration=Platt(1.5, 0.5))
    with_labels, without = make_bundle("with", detector=part), make_bundle("without")
    rows = inference(spark, with_labels, settings)
    assert [row["reason"] for row in rows] == [
        None, None, None, None, "not_an_image", None, "empty_file"
    ]  # fmt: skip
    assert with_labels.detector is not None
    alone = with_labels.detector.load(tensorflow.loader(8))
    usable = [k for k, row in enumerate(rows) if row["reason"] is None]
    contents = [*(drawn("rap", seed) for seed in range(4)), noise(1, 300)]
    boxes, scores = alone.best(np.stack([images.load(content, 64) for content in contents]))
    assert len(set(scores.tolist())) == 5
    for k, box, score in zip(usable, boxes, scores, strict=True):
        assert rows[k]["advisory_score"] == pytest.approx(float(score), abs=1e-4)
        assert tuple(rows[k]["advisory_box"]) == pytest.approx(tuple(box.tolist()), abs=1e-4)
    for k in (4, 6):
        assert rows[k]["advisory_score"] is None and rows[k]["advisory_box"] is None
    # The genre is the same, to the bit, as of the bundle without a detector.
    plain = inference(spark, without, settings)
    assert [r["probabilities"] for r in plain] == [r["probabilities"] for r in rows]
    assert {(r["advisory_score"], r["advisory_box"]) for r in plain} == {(None, None)}


@pytest.fixture
def warehouse(spark: SparkSession, covers: Path, tmp_path: Path, settings: Settings) -> Warehouse:
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(made, str(covers), look(str(covers)), settings)
    return made


def test_pictures_are_of_covers_with_a_label(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle, exported: DetectorPart,
    tmp_path: Path,
) -> None:  # fmt: skip
    bundle = make_bundle(detector=exported)
    job.score(warehouse, bundle, settings, Run("score", settings))
    folder = tmp_path / "deep" / "seen"
    label_pictures.check(bundle, folder)
    (folder / "mine.txt").write_text("stays")
    for _ in range(2):  # again over what is there
        assert label_pictures.write(warehouse, bundle.model_version, folder, 100) == 2
    found = {file.stem for file in folder.glob("*.jpg")}
    rows = warehouse.read(PREDICTIONS).where("advisory").select("cover_id").distinct().collect()
    assert found == {row["cover_id"] for row in rows}
    assert (folder / "mine.txt").read_text() == "stays"
    assert not list(folder.glob(".*"))
    assert label_pictures.write(warehouse, bundle.model_version, folder, 0) == 0
    for cover_id in found:
        with Image.open(folder / f"{cover_id}.jpg") as picture:
            # The label's right edge is half-way; the cover itself is grey.
            edge = np.asarray(picture).astype(int)[80:120, 155:170]
        assert (edge[..., 0] - edge[..., 2] > 100).any()
    assert warehouse.read(COVERS).where(F.col("cover_id").isin(list(found))).count() == 2
    # A picture that cannot be put into place is told, and nothing half-written stays.
    blocked = tmp_path / "blocked"
    for cover_id in found:
        (blocked / f"{cover_id}.jpg").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"\.jpg cannot be written"):
        label_pictures.write(warehouse, bundle.model_version, blocked, 100)
    assert {path.is_dir() for path in blocked.iterdir()} == {True}


def test_pictures_that_cannot_be_are_refused_before_scoring(
    covers: Path, make_bundle: MakeBundle, exported: DetectorPart, tmp_path: Path
) -> None:
    words = ["--covers", str(covers), "--output", str(tmp_path / "warehouse")]
    plain, finds = make_bundle("plain"), make_bundle("finds", detector=exported)
    with pytest.raises(BundleError, match="holds no detector, so no label can be drawn"):
        job.main([*words, "--model", str(plain.path), "--label-detected", str(tmp_path / "a")])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be made"):
        job.main([*words, "--model", str(finds.path), "--label-detected", str(tmp_path / "file")])
    assert not (tmp_path / "warehouse").exists() and not (tmp_path / "a").exists()
