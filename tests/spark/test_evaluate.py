"""Evaluation: a bundle trained on a catalogue, judged on the covers it did not see."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from covergenre import config
from covergenre.backbones import resolve
from covergenre.bundle import Bundle
from covergenre.errors import BundleError
from jobs import evaluate as job
from jobs import train
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.evaluation import held_out, judgement
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from tests.covers import drawn

# Not the five genres of the default model; jazz the model is not taught.
GENRES = {"folk": "polka", "electronic": "noise"}
EACH = 24
YEARS = (1999, 2005)


@pytest.fixture(scope="module")
def settings() -> config.Settings:
    recipe = ["max_epochs=8", "hidden_units=16", "learning_rate=0.003", "abstain_accuracy=0.9"]
    assignments = [f"train.{setting}" for setting in recipe]
    return config.load(assignments=[*assignments, "evaluate.bootstrap_samples=100"])


def catalogue(spark: SparkSession, root: Path, genres: dict[str, str]) -> Warehouse:
    rows = ["file,year,genre"]
    (root / "covers").mkdir(parents=True)
    for style, genre in genres.items():
        for seed in range(EACH):
            name = f"{genre}-{seed}.jpg"
            (root / "covers" / name).write_bytes(drawn(style, seed))
            rows.append(f"{name},{YEARS[seed % 2]},{genre}")
    # The same cover on a later album: its year is that of the first.
    (root / "covers" / "again.jpg").write_bytes(drawn(next(iter(genres)), 0))
    rows.append(f"again.jpg,2021,{next(iter(genres.values()))}")
    (root / "covers" / "albums.csv").write_text("\n".join(rows))
    made = Warehouse(spark, str(root / "warehouse"))
    ingest(made, str(root / "covers"), look(str(root / "covers")), config.load())
    return made


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return catalogue(spark, tmp_path_factory.mktemp("known"), GENRES)


@pytest.fixture(scope="module")
def bundle(
    warehouse: Warehouse, settings: config.Settings, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    target = tmp_path_factory.mktemp("bundles") / "small"
    backbone = resolve("efficientnet_lite2", input_size=64)
    return train.train_bundle(warehouse, settings, backbone, target, Run("train", settings))[0]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def figures(
    warehouse: Warehouse, bundle: Bundle, settings: config.Settings, report: Path
) -> dict[str, Any]:
    (report / "years.png").write_bytes(b"of an evaluation before")
    run = Run("evaluate", settings, model_version=bundle.model_version)
    return job.evaluate(warehouse, bundle, settings, run, report, against=bundle)


def test_the_figures_are_those_of_the_training(figures: dict[str, Any], bundle: Bundle) -> None:
    then = bundle.manifest["test"]
    assert figures["held_out"]["judged"] == figures["held_out"]["listed"] == then["covers"]
    assert figures["held_out"]["unusable"] == figures["held_out"]["unknown_genre"] == 0
    assert figures["remarks"] == []
    assert figures["model"]["accuracy"]["value"] == then["accuracy"]["value"]
    assert figures["model"]["confusion"] == then["confusion"]
    assert figures["model"]["nll"]["value"] == pytest.approx(then["nll"]["value"], abs=1e-4)
    assert figures["parity"]["covers"] == then["covers"]
    assert figures["parity"]["max_difference"] < 1e-4


def test_a_bundle_is_no_better_than_itself_and_baselines_are_beside(
    figures: dict[str, Any], bundle: Bundle
) -> None:
    assert list(figures["beside"]) == ["majority", "colour", bundle.model_version]
    itself = figures["beside"][bundle.model_version]["difference"]["accuracy"]
    assert (itself["difference"], itself["interval"]) == (0, [0, 0])
    majority = figures["beside"]["majority"]["figures"]
    assert majority["macro_auc"]["value"] == 0.5
    largest = max(row["covers"] for row in figures["model"]["per_genre"])
    smallest = min(row["covers"] for row in figures["model"]["per_genre"])
    covers = figures["model"]["covers"]
    assert majority["accuracy"]["value"] in (largest / covers, smallest / covers)
    # Drawn genres have colours of their own.
    assert figures["beside"]["colour"]["figures"]["accuracy"]["value"] > 0.7


def test_abstention_and_years(figures: dict[str, Any], bundle: Bundle) -> None:
    fitted = bundle.abstention
    assert fitted is not None and fitted.target_accuracy == 0.9
    assert figures["abstention"]["threshold"] == fitted.threshold
    assert 0 <= figures["abstention"]["coverage"]["value"] <= 1
    rows = figures["per_year"]
    assert {row["group"] for row in rows} <= set(YEARS)  # not 2021
    assert sum(row["covers"] for row in rows) == figures["model"]["covers"]


def test_the_report(figures: dict[str, Any], report: Path, bundle: Bundle) -> None:
    wrong = figures["model"]["accuracy"]["value"] < 1
    expected = {"roc", "confusion", "reliability", "risk_coverage", "years", "learning"}
    pictures = expected | ({"errors"} if wrong else set())
    assert {path.stem for path in report.glob("*.png")} == pictures
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in report.glob("*.png"))
    assert json.loads((report / job.FIGURES).read_text()) == figures
    text = (report / job.REPORT).read_text()
    assert f"{figures['model']['accuracy']['value']:.3f}" in text
    assert all(f"]({name}.png)" in text for name in pictures)
    assert "origin" not in text  # whose genres these are not
    frame = pd.read_parquet(report / job.COVERS)
    assert len(frame) == figures["model"]["covers"]
    columns = [f"p_{label}" for label in bundle.labels]
    np.testing.assert_allclose(frame[columns].sum(axis=1), 1, atol=1e-5)
    share = (frame["predicted_genre"] == frame["genre"]).mean()
    assert share == figures["model"]["accuracy"]["value"]
    kept = (~frame["abstained"]).mean()
    assert kept == pytest.approx(figures["abstention"]["coverage"]["value"])


def test_genres_the_model_does_not_know_are_told_not_judged(
    spark: SparkSession, bundle: Bundle, settings: config.Settings, tmp_path: Path
) -> None:
    jazz = catalogue(spark, tmp_path, {"disco": "jazz", "rap": "ska | dub"})
    run = Run("evaluate", settings)
    found = job.evaluate(jazz, bundle, settings, run, tmp_path / "report")
    assert found["model"] is None and run.counts["judged"] == 0
    rows = {row["genre"]: row for row in found["unknown_genres"]}
    assert set(rows) == {"jazz", "ska | dub"}
    for row in rows.values():
        assert sum(row["predicted"].values()) == row["covers"] > 0
        assert 0.5 <= row["mean_confidence"] <= 1
        assert 0 <= row["abstained_share"] <= 1
    assert "nothing is judged" in found["remarks"][0]
    text = (tmp_path / "report" / job.REPORT).read_text()
    assert "ska \\| dub" in text and not list((tmp_path / "report").glob("*.png"))


def test_covers_it_was_trained_on_are_refused(
    warehouse: Warehouse, bundle: Bundle, settings: config.Settings
) -> None:
    splits = warehouse.spark.read.format("delta").load(warehouse.path("splits"))
    rows = splits.where("representative").collect()
    validated = [r["cover_id"] for r in rows if r["fold"] == settings.splits.validation_fold]
    held = [r["cover_id"] for r in rows if r["fold"] == settings.splits.test_fold]
    assert held_out.check_covers(bundle, held) is None
    with pytest.raises(BundleError, match=rf"trained on {len(validated)} of the"):
        held_out.check_covers(bundle, [*held, *validated])
    assert "1 of" in str(held_out.check_covers(bundle, [*held, "0" * 64]))


def test_other_folds_are_refused_with_the_settings_that_mend_it(
    bundle: Bundle, settings: config.Settings
) -> None:
    other = config.load(assignments=["splits.salt=pepper", "splits.test_fold=2"])
    with pytest.raises(BundleError) as error:
        held_out.check_splits(bundle, other)
    assert "--set splits.salt=covergenre --set splits.test_fold=0" in str(error.value)
    # The validation fold is none of its business.
    assert held_out.check_splits(bundle, config.load(assignments=["splits.validation_fold=3"])) is (
        None
    )


def test_a_bundle_that_does_not_say_its_folds_is_doubted(
    make_bundle: Callable[..., Bundle], settings: config.Settings
) -> None:
    assert "may have seen" in str(held_out.check_splits(make_bundle(), settings))


def test_bundles_of_other_genres_are_not_compared(
    warehouse: Warehouse, bundle: Bundle, settings: config.Settings,
    make_bundle: Callable[..., Bundle], tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(BundleError, match="only bundles of the same genres"):
        job.evaluate(
            warehouse, bundle, settings, Run("evaluate", settings), tmp_path / "r", make_bundle()
        )
    assert not (tmp_path / "r").exists()


def test_probabilities_of_a_bundle_with_another_order_of_genres() -> None:
    said = pd.DataFrame(
        {"cover_id": ["b", "a"], "reason": [None, None], "genre": ["rap", "folk"],
         "release_year": [None, 2001], "p_rap": [0.8, 0.3], "p_folk": [0.2, 0.7]}
    )  # fmt: skip
    judged = judgement.Judged.of(said, ["folk", "rap"])
    assert judged.truth.tolist() == [1, 0] and judged.years == [None, 2001]
    assert judged.probabilities.tolist() == [[0.2, 0.8], [0.7, 0.3]]
    other = said.iloc[::-1].rename(columns={"p_rap": "p_folk", "p_folk": "p_rap"})
    assert job._said(other, judged).tolist() == [[0.8, 0.2], [0.3, 0.7]]
    assert replace(judged, labels=["x", "y"]).correct.all()


def test_origin_is_shown_for_the_genres_the_model_knows() -> None:
    figure = {"value": 0.5, "interval": [0.4, 0.6]}
    names = ("accuracy", "precision", "recall")

    def model(*genres: str) -> dict[str, Any]:
        rows = [{"genre": genre, "covers": 3, "recall": figure} for genre in genres]
        return {**dict.fromkeys(names, figure), "per_genre": rows}

    some = judgement.against_origin(model("folk", "jazz"), ["folk", "jazz"])
    assert [(row["figure"], row["origin"]) for row in some] == [("recall of folk", 0.467)]
    five = ["disco", "electronic", "folk", "hard rock", "rap"]
    every = {row["figure"]: row["origin"] for row in judgement.against_origin(model(*five), five)}
    partly = model(*five)
    partly["per_genre"][0]["covers"] = 0
    only = {row["figure"] for row in judgement.against_origin(partly, five)}
    assert only == {f"recall of {genre}" for genre in five[1:]}
    assert every["accuracy"] == 0.557 and every["accuracy of people"] == 0.58
    assert every["recall of hard rock"] == 0.44 and len(every) == 9
