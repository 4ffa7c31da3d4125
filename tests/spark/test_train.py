"""Training: from a catalogue to a bundle, whose scores are those it was judged by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from covergenre import config
from covergenre.adapter import Changes
from covergenre.backbones import resolve
from covergenre.bundle import open_bundle
from covergenre.errors import BackboneError, ThresholdError, TrainingDataError
from jobs import score, train
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.recipes import distilled, tuning
from jobs.runtime.recipes.trained import Judged, Training
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import EMBEDDINGS, PREDICTIONS, RUNS, SPLITS
from tests.covers import drawn

# Not the five genres of the default model: nothing may count on these.
GENRES = {"folk": "polka", "electronic": "noise", "disco": "schlager"}
EACH = 24


# Nothing is said beside the genre: it takes time.
PLAIN = "score.describe=[]"


@pytest.fixture(scope="module")
def settings() -> config.Settings:
    head = ("max_epochs=12", "hidden_units=16", "learning_rate=0.003")
    return config.load(assignments=[PLAIN, *(f"train.{s}" for s in head)])


@pytest.fixture(scope="module")
def warehouse(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, settings: config.Settings
) -> Warehouse:
    root = tmp_path_factory.mktemp("train")
    for style, genre in GENRES.items():
        (root / "covers" / genre).mkdir(parents=True)
        for seed in range(EACH):
            (root / "covers" / genre / f"{seed}.jpg").write_bytes(drawn(style, seed))
    made = Warehouse(spark, str(root / "warehouse"))
    ingest(made, str(root / "covers"), look(str(root / "covers")), settings)
    return made


@pytest.fixture(scope="module")
def trained(
    warehouse: Warehouse, settings: config.Settings, tmp_path_factory: pytest.TempPathFactory
) -> train.Bundle:
    run = Run("train", settings)
    target = tmp_path_factory.mktemp("bundles") / "small"
    backbone = resolve("efficientnet_lite2", input_size=64)
    bundle, _ = train.train_bundle(warehouse, settings, backbone, target, run)
    assert run.counts["embedded"] > 0
    return bundle


def test_it_learns(trained: train.Bundle) -> None:
    assert trained.labels == ["noise", "polka", "schlager"]
    test = trained.manifest["test"]
    assert test["accuracy"]["value"] > 0.6  # chance is a third; drawn genres are easy to tell
    low, high = test["accuracy"]["interval"]
    assert low <= test["accuracy"]["value"] <= high


def test_the_bundle_says_what_it_is(trained: train.Bundle) -> None:
    manifest = json.loads((trained.path / "manifest.json").read_text())
    assert manifest["backbone"]["preprocessing"] == {
        "size": 64,
        "channels": "RGB",
        "mean": [127.0] * 3,
        "std": [128.0] * 3,
    }
    assert manifest["training"]["data_versions"]["covers"] > 0
    assert set(manifest["versions"]) >= {"tensorflow", "keras", "pyspark", "petastorm"}
    card = (trained.path / "MODEL_CARD.md").read_text()
    assert f"{manifest['test']['accuracy']['value']:.3f}" in card
    assert "polka" in card


def test_test_covers_are_not_trained_on(trained: train.Bundle, warehouse: Warehouse) -> None:
    held = set(pd.read_parquet(trained.path / "held_out.parquet")["cover_id"])
    splits = warehouse.spark.read.format("delta").load(warehouse.path("splits"))
    used = splits.where("representative AND genre IS NOT NULL")
    folds = {row["cover_id"]: row["fold"] for row in used.collect()}
    assert held == {cover for cover, fold in folds.items() if fold == 0}
    counted = sum(trained.manifest["training"]["covers_per_genre"].values())
    assert counted == len(folds) - len(held)


def assert_scored_as_judged(
    bundle: train.Bundle, warehouse: Warehouse, settings: config.Settings
) -> None:
    """Scoring gives a bundle's held-out covers the probabilities of its evaluation."""
    score.score(warehouse, bundle, settings, Run("score", settings))
    held = pd.read_parquet(bundle.path / "held_out.parquet").set_index("cover_id")
    rows = warehouse.read(PREDICTIONS).where("model_version = '" + bundle.model_version + "'")
    scored = {row["cover_id"]: row["probabilities"] for row in rows.collect()}
    assert len(held) > 5
    for cover_id, row in held.iterrows():
        for label in bundle.labels:
            assert scored[cover_id][label] == pytest.approx(row[f"p_{label}"], abs=1e-4)


def test_scoring_gives_the_probabilities_of_the_evaluation(
    trained: train.Bundle, warehouse: Warehouse, settings: config.Settings
) -> None:
    assert_scored_as_judged(trained, warehouse, settings)


def test_a_second_training_embeds_nothing_and_gives_the_same_head(
    trained: train.Bundle, warehouse: Warehouse, settings: config.Settings, tmp_path: Path
) -> None:
    run = Run("train", settings)
    before = warehouse.versions()["embeddings"]
    bundle, _ = train.train_bundle(warehouse, settings, trained.backbone, tmp_path / "again", run)
    assert run.counts["embedded"] == 0
    assert warehouse.versions()["embeddings"] == before
    views = warehouse.read(EMBEDDINGS).groupBy("view").count().collect()
    assert {row["view"] for row in views} == {"original", "mirrored"}
    first, second = trained.head().tensors, bundle.head().tensors
    assert all((first[name] == second[name]).all() for name in first)


def test_several_sizes_are_scored_as_they_were_judged(
    warehouse: Warehouse, settings: config.Settings, tmp_path: Path
) -> None:
    backbone = resolve("efficientnet_lite2", input_size=[64, 48])
    run = Run("train", settings)
    bundle, _ = train.train_bundle(warehouse, settings, backbone, tmp_path / "sizes", run)
    assert run.counts["embedded"] > 0  # not the features of 64 pixels alone
    assert bundle.head().tensors["hidden.kernel"].shape == (2 * 1280, 16)
    assert "64x64 and 48x48 pixels" in (bundle.path / "MODEL_CARD.md").read_text()
    moved = open_bundle(bundle.path.rename(tmp_path / "moved"))
    assert_scored_as_judged(moved, warehouse, settings)


def test_a_training_is_found_in_mlflow_and_promoted_past_thresholds(
    trained: train.Bundle,
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    # What is looked at comes after the training, which need not be done again.
    monkeypatch.setattr(train, "train_bundle", lambda *_: (trained, trained.manifest["test"]))
    covers = str(Path(warehouse.location).parent / "covers")
    words = ["--covers", covers, "--output", warehouse.location, "--json", "--promote"]
    words += ["--set", f"train.bundles={tmp_path}"]
    with pytest.raises(ThresholdError, match=r"covers \d+ is not >= promotion\.min_covers 200"):
        train.main(words)
    refused = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert refused["tracked"] is True and refused["promoted"] is False
    assert not (tmp_path / "current.json").exists()
    # The training itself succeeded.
    row = warehouse.read(RUNS).where(f"run_id = '{refused['run_id']}'").first()
    assert row is not None and row["outcome"] == "succeeded"
    assert row["counts"]["tracked"] == 1 and row["counts"]["promoted"] == 0

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("covergenre").experiment_id])
    assert found.data.tags["digest"] == trained.digest
    assert found.data.tags["run_id"] == refused["run_id"]
    assert found.data.params["hidden_units"] == "16"
    accuracy = trained.manifest["test"]["accuracy"]["value"]
    assert found.data.metrics["test/accuracy"] == pytest.approx(accuracy)
    curve = client.get_metric_history(found.info.run_id, "val_loss")
    losses = trained.manifest["training"]["history"]["val_loss"]
    assert [point.value for point in curve] == pytest.approx(losses)

    low = ("min_covers=1", "min_accuracy=0", "min_macro_auc=0", "max_ece=1")
    promoted = train.main([*words, *(w for s in low for w in ("--set", f"promotion.{s}"))])
    assert promoted["promoted"] is True
    chosen, _ = score.choose_bundle(None, config.load(assignments=[f"train.bundles={tmp_path}"]))
    assert chosen.digest == trained.digest


def test_weights_that_cannot_be_had_are_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.src.utils import file_utils

    def no_network(*_: object, **__: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(file_utils, "get_file", no_network)
    words = ["--covers", str(tmp_path / "none"), "--output", str(tmp_path / "warehouse")]
    with pytest.raises(BackboneError, match=r"put resnet101_weights_\w+_notop\.h5 into"):
        train.main([*words, "--backbone", "resnet101"])
    assert not list(tmp_path.iterdir())


def test_one_genre_is_not_enough(
    spark: SparkSession, tmp_path: Path, settings: config.Settings
) -> None:
    covers = tmp_path / "covers/rap"
    covers.mkdir(parents=True)
    for seed in range(3):
        (covers / f"{seed}.jpg").write_bytes(drawn("rap", seed))
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(warehouse, str(covers.parent), look(str(covers.parent)), settings)
    backbone = resolve("efficientnet_lite2", input_size=64)
    with pytest.raises(TrainingDataError, match="1 genre"):
        train.train_bundle(warehouse, settings, backbone, tmp_path / "b", Run("train", settings))
    assert not (tmp_path / "b").exists()


def test_finetuning(
    warehouse: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small = ["epochs=2", "batch_size=16", "stored_size=72"]
    settings = config.load(
        assignments=[PLAIN, "train.recipe=finetuned", *(f"train.finetuning.{s}" for s in small)]
    )
    backbone = resolve("efficientnet_lite2", input_size=64)
    bundle, figures = train.train_bundle(
        warehouse, settings, backbone, tmp_path / "tuned", Run("train", settings)
    )
    names = {path.name for path in bundle.path.iterdir()}
    assert "changes.safetensors" in names and "backbone.keras" not in names
    size = sum(path.stat().st_size for path in bundle.path.iterdir())
    assert size < 3_000_000
    assert bundle.temperature == bundle.manifest["temperature"] > 0
    assert bundle.backbone.digest != backbone.digest
    assert len(bundle.manifest["training"]["history"]["val_loss"]) == 2
    assert "rounded to 4 bits" in (bundle.path / "MODEL_CARD.md").read_text()
    assert 0 <= figures["accuracy"]["value"] <= 1

    # Moved elsewhere and scored, it gives what it was judged by: the rounded differences.
    moved = open_bundle(bundle.path.rename(tmp_path / "moved"))
    assert moved.model_version == bundle.model_version
    assert_scored_as_judged(moved, warehouse, settings)

    # The same training again goes on from its end: no epoch is trained twice.
    capfd.readouterr()
    again, _ = train.train_bundle(
        warehouse, settings, backbone, tmp_path / "again", Run("train", settings)
    )
    assert "fine-tuning: epoch" not in capfd.readouterr().err
    digests = [b.manifest["backbone"]["changes"]["sha256"] for b in (moved, again)]
    assert digests[0] == digests[1]


def test_distilling(warehouse: Warehouse, tmp_path: Path) -> None:
    small = ["epochs=1", "batch_size=16", "stored_size=72"]
    smaller = ["input_size=48", "stored_size=56"]
    settings = config.load(
        assignments=[
            "train.recipe=distilled",
            *(f"train.finetuning.{s}" for s in small),
            *(f"train.distillation.{s}" for s in smaller),
        ]
    )
    backbone = resolve("efficientnet_lite2", input_size=64)
    bundle, _ = train.train_bundle(
        warehouse, settings, backbone, tmp_path / "student", Run("train", settings)
    )
    assert bundle.backbone.preprocessing.size == 64
    # Each cover that is trained on has been judged once, none of the test fold.
    said = pd.read_parquet(bundle.path / "out_of_fold.parquet")
    rows = warehouse.read(SPLITS).where("representative AND fold <> 0").collect()
    assert sorted(said["cover_id"]) == sorted(row["cover_id"] for row in rows)
    genres = {row["cover_id"]: row["genre"] for row in rows}
    assert all(genres[row.cover_id] == row.genre for row in said.itertuples())
    assert said.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    states = {path.name.rsplit("-", 1)[0] for path in warehouse_checkpoints(warehouse)}
    assert {f"teacher-without-{folds}" for folds in ("1", "1-2", "1-3", "1-4")} <= states


def warehouse_checkpoints(warehouse: Warehouse) -> list[Path]:
    return list((Path(warehouse.location) / "checkpoints").iterdir())


def test_labels_are_softened_by_opinions(
    warehouse: Warehouse, settings: config.Settings, tmp_path: Path
) -> None:
    labels = sorted(GENRES.values())
    backbone = resolve("efficientnet_lite2", input_size=64)
    training = Training(warehouse, backbone, labels, settings, tmp_path, Run("train", settings))
    first = training.covers().where("fold = 2 AND label = 1").first()
    assert first is not None
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32))
    said = Judged([first["cover_id"]], np.array([1]), logits)
    targets = {
        row["cover_id"]: (row["label"], row["target"])
        for row in distilled._softened(training, said, 0.4).collect()
    }
    assert len(targets) == training.covers().count()
    assert targets[first["cover_id"]][1] == pytest.approx([0.2, 0.72, 0.08])
    others = [target for cover_id, target in targets.items() if cover_id != first["cover_id"]]
    assert all(target == [float(k == label) for k in range(3)] for label, target in others)


def test_changes_that_are_not_what_their_digest_says_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "changes.safetensors"
    path.write_bytes(b"something else")
    broken = Changes(path, "0" * 64, 4)
    backbone = replace(resolve("efficientnet_lite2", input_size=64), changes=broken)
    with pytest.raises(BackboneError, match=r"changes\.safetensors is missing or not what"):
        backbone.load()


def test_covers_are_mixed_before_they_are_learnt(spark: SparkSession) -> None:
    rows = [(hashlib.sha256(str(n).encode()).hexdigest(), n // 100) for n in range(300)]
    genre_by_genre = spark.createDataFrame(rows, "cover_id string, label int")
    labels = [row["label"] for row in tuning.mixed(genre_by_genre).collect()]
    assert sorted(labels) == [0] * 100 + [1] * 100 + [2] * 100
    for start in range(0, 300, 30):
        assert set(labels[start : start + 30]) == {0, 1, 2}
