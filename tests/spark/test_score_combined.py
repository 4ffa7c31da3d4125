"""One pass that says everything: genre, label, colour, concepts, and all of it combined."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row, SparkSession

from covergenre import appearance, config, images
from covergenre.bundle import Bundle, open_bundle, with_part
from covergenre.concepts import local
from covergenre.config import Settings
from covergenre.errors import BundleError, SettingError, TrainingDataError
from covergenre.fusion.fitting import Covers, Recipe, fit
from covergenre.fusion.inputs import MEASURES
from covergenre.fusion.stored import FusionPart
from jobs import score, train_fusion
from jobs.prepare import prepare
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.runs import Run
from jobs.runtime.scoring import infer
from jobs.runtime.warehouse import Warehouse
from schemas import PREDICTIONS, SPLITS
from tests import detectors
from tests.covers import drawn, noise

MakeBundle = Callable[..., Bundle]
LABELS = ("folk", "rap")
GENRES = {"folk": "folk", "disco": "rap"}
# Small, or the tagger would take most of a test's time.
SMALL = "concepts.local.input_size=64"
EVERYTHING = ("advisory", "appearance", "concepts")


def everything(*assignments: str) -> Settings:
    return config.load(assignments=[SMALL, "concepts.local.min_score=0.02", *assignments])


def fusion_part(settings: Settings, tagger: str | None = None) -> FusionPart:
    """A model fitted on made-up covers, but with the names that real ones have."""
    rng = np.random.default_rng(0)
    names = local.resolve(settings.concepts).names
    labels = np.arange(60) % 2
    known: dict[str, list[Any]] = {
        "advisory": rng.random(60).tolist(),
        "appearance": [{m: float(rng.random()) for m in MEASURES} for _ in labels],
        "concepts": [[(names[k], 0.5) for k in rng.integers(0, 1000, 300)] for _ in labels],
    }
    strength = dict.fromkeys(EVERYTHING, 1e-3)
    covers = Covers(labels, rng.dirichlet([1, 1], 60), known)
    recipe = Recipe(EVERYTHING, strength, 5, 0.01)
    fusion = fit(covers, np.arange(60) % 3, recipe)
    weights = {parts: dict.fromkeys(one, 0.7) for parts, one in fusion.weights.items()}
    return FusionPart.of(
        type(fusion)(fusion.opinions, weights, 0.01),
        None,
        tagger or local.resolve(settings.concepts).name,
        appearance.version(settings.describe.colours),
        {},
    )


def said(spark: SparkSession, bundle: Bundle, settings: Settings) -> list[Row]:
    contents = [drawn("rap", 1), drawn("folk", 2, 400), b"no cover", noise(3, 300)]
    frame = spark.createDataFrame(
        [(str(k), bytearray(content)) for k, content in enumerate(contents)],
        "cover_id string, content binary",
    ).coalesce(1)
    return sorted(infer(frame, bundle, settings).collect(), key=lambda row: row["cover_id"])


def test_one_pass_says_what_each_model_says_alone(
    spark: SparkSession, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    settings = everything()
    base = make_bundle("base", detector=detectors.own())
    bundle = with_part(base, tmp_path / "combined", fusion_part(settings))
    rows = said(spark, bundle, settings)
    alone = said(spark, base, everything("score.describe=[]"))
    assert bundle.fusion is not None
    fusion = bundle.fusion.load()
    tagger = local.resolve(settings.concepts).load()
    for k, content in ((0, drawn("rap", 1)), (1, drawn("folk", 2, 400)), (3, noise(3, 300))):
        row, plain = rows[k], alone[k]
        assert row["classifier_probabilities"] == plain["probabilities"]
        assert row["advisory_score"] == plain["advisory_score"]
        assert (plain["appearance"], plain["concepts"], plain["reasons"]) == (None, None, None)
        measured = asdict(appearance.describe(images.decode(content), settings.describe.colours))
        assert row["appearance"].asDict(recursive=True) == measured
        (tagged,) = tagger.tag([content])
        assert isinstance(tagged, list) and tagged
        named = [(concept["name"], concept["score"]) for concept in row["concepts"]]
        assert [name for name, _ in named] == [concept.name for concept in tagged]
        assert [value for _, value in named] == pytest.approx([c.score for c in tagged], rel=1e-4)
        known = {
            "advisory": [row["advisory_score"]], "appearance": [measured], "concepts": [named],
        }  # fmt: skip
        probabilities = np.array([row["classifier_probabilities"]])
        fused = fusion.combine(probabilities, fusion.read(known))
        assert row["probabilities"] == pytest.approx(fused.probabilities[0].tolist(), abs=1e-6)
        assert row["probabilities"] != pytest.approx(plain["probabilities"], abs=1e-3)
        assert {reason["part"] for reason in row["reasons"]} <= {"classifier", *EVERYTHING}
    assert rows[2]["reason"] == "not_an_image"
    assert {rows[2][name] for name in ("probabilities", "reasons", "appearance")} == {None}


def test_a_tagger_it_has_not_learnt_from_is_left_out(
    spark: SparkSession,
    make_bundle: MakeBundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = everything("score.describe=[concepts]")
    base = make_bundle("base", detector=detectors.own())
    bundle = with_part(base, tmp_path / "combined", fusion_part(settings, "imagenet:other"))
    row = said(spark, bundle, settings)[0]
    name = local.resolve(settings.concepts).name
    assert (
        f"does without concepts: it has learnt from imagenet:other, the settings mean {name}"
        in (capsys.readouterr().err)
    )
    # Asked for, so it is said; but it moves nothing. What is not asked for moves nothing, either.
    assert row["concepts"]
    assert {reason["part"] for reason in row["reasons"]} <= {"classifier", "advisory"}


# Fitting it on a catalogue.


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("combined")
    for style, genre in GENRES.items():
        (root / "covers" / genre).mkdir(parents=True)
        for seed in range(30):
            (root / "covers" / genre / f"{seed}.jpg").write_bytes(drawn(style, seed))
    made, settings = Warehouse(spark, str(root / "warehouse")), config.load()
    ingest(made, str(root / "covers"), look(str(root / "covers")), settings)
    prepare(made, settings)
    return made


def judged(warehouse: Warehouse, folds: list[int], seed: int) -> bytes:
    """What a classifier that knows something says of the covers of folds, as a bundle holds it."""
    rng = np.random.default_rng(seed)
    rows = warehouse.read(SPLITS).where("representative").toPandas()
    rows = rows[rows["fold"].isin(folds)].sort_values("cover_id")
    sure = 1 / (1 + np.exp(-rng.normal(0.5, 1, len(rows))))
    right = {label: np.where(rows["genre"] == label, sure, 1 - sure) for label in LABELS}
    frame = pd.DataFrame(
        {
            "cover_id": rows["cover_id"], "genre": rows["genre"],
            **{f"p_{label}": right[label].astype(np.float32) for label in LABELS},
        }
    )  # fmt: skip
    return bytes(frame.to_parquet(index=False))


def test_it_is_fitted_on_a_catalogue_and_scores_with_it(
    warehouse: Warehouse, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    settings = everything("fusion.least_covers=2", "evaluate.bootstrap_samples=100")
    files = {
        "validation.parquet": judged(warehouse, [1], 1),
        "out_of_fold.parquet": judged(warehouse, [1, 2, 3, 4], 2),
    }
    base = make_bundle("base", detector=detectors.own(), files=files)
    run = Run("train_fusion", settings)
    bundle = train_fusion.train_fusion(warehouse, settings, base, tmp_path / "whole", run)
    splits = warehouse.read(SPLITS).where("representative").toPandas()
    learnt = int((splits["fold"] != 0).sum())
    assert run.counts["covers"] == learnt
    assert run.counts["weighed"] == int((splits["fold"] == 1).sum())
    assert bundle.fusion is not None and bundle.fusion.parts == EVERYTHING
    ablation = bundle.fusion.spec["details"]["ablation"]
    assert [len(row["parts"]) for row in ablation] == [0, 1, 1, 1, 2, 2, 2, 3]
    assert all(row["figures"]["covers"] == learnt for row in ablation)
    # Drawn folk and disco are told apart by their colours better than by this classifier.
    by_parts = {tuple(row["parts"]): row for row in ablation}
    difference = by_parts["appearance",]["difference"]["macro_auc"]
    assert difference["difference"] > 0 and difference["significant"]
    card = (bundle.path / "FUSION_CARD.md").read_text()
    assert "| classifier, advisory, appearance, concepts |" in card
    assert bundle.abstention is not None
    result = score.score(warehouse, bundle, settings, Run("score", settings))
    rows = warehouse.read(PREDICTIONS).where(f"model_version = '{bundle.model_version}'").collect()
    assert len(rows) == result.counted.scored == 60
    for row in rows:
        assert set(row["classifier_probabilities"]) == set(row["probabilities"]) == set(LABELS)
        assert row["abstained"] == (row["confidence"] < bundle.abstention.threshold)
        assert row["reasons"] and row["concepts"] is not None
        assert 0 <= row["appearance"]["brightness"] <= 1
    assert len({tuple(row["probabilities"].values()) for row in rows}) > 30


def test_what_it_cannot_be_fitted_without_is_told(
    warehouse: Warehouse, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    settings = everything("fusion.parts=[advisory]")
    plain, labels = make_bundle("plain"), make_bundle("labels", detector=detectors.own())
    run = Run("train_fusion", settings)
    with pytest.raises(BundleError, match="plain holds no detector"):
        train_fusion.train_fusion(warehouse, settings, plain, tmp_path / "x", run)
    with pytest.raises(BundleError, match=r"labels has no validation\.parquet of covers in"):
        train_fusion.train_fusion(warehouse, settings, labels, tmp_path / "x", run)
    asked = everything("concepts.tagger=none")
    with pytest.raises(SettingError, match=r"concepts\.tagger is none"):
        train_fusion.train_fusion(warehouse, asked, labels, tmp_path / "x", run)
    assert not (tmp_path / "x").exists()


def test_covers_of_two_folds_are_too_few(
    spark: SparkSession, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    (tmp_path / "covers" / "folk").mkdir(parents=True)
    (tmp_path / "covers" / "folk" / "a.jpg").write_bytes(drawn("folk", 1))
    settings = everything("fusion.parts=[advisory]")
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(made, str(tmp_path / "covers"), look(str(tmp_path / "covers")), settings)
    bundle = make_bundle("labels", detector=detectors.own())
    with pytest.raises(TrainingDataError, match="a combined model needs three"):
        train_fusion.train_fusion(made, settings, bundle, tmp_path / "x", Run("t", settings))


def test_the_command_writes_a_bundle(
    warehouse: Warehouse, make_bundle: MakeBundle, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    files = {"validation.parquet": judged(warehouse, [1], 1)}
    base = make_bundle("base", detector=detectors.own(), files=files)
    covers = str(Path(warehouse.location).parent / "covers")
    arguments = ["--covers", covers, "--output", warehouse.location, "--json"]
    chosen = ["--model", str(base.path), "--bundle", str(tmp_path / "mine")]
    settings = ["--set", "fusion.parts=[appearance]"]
    result = train_fusion.main([*arguments, *chosen, *settings])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result
    bundle = open_bundle(tmp_path / "mine")
    assert bundle.fusion is not None and bundle.fusion.parts == ("appearance",)
    assert bundle.detector is not None
    # It does not say what other networks made of the covers: nothing to compare with.
    assert bundle.fusion.spec["details"]["ablation"] == []
