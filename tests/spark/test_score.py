"""Scoring: one inference a distinct cover, every album accounted for."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import tests.spark.test_score as this_module
from covergenre import images
from covergenre.bundle import Bundle
from covergenre.calibration import Abstention
from covergenre.config import Settings
from covergenre.errors import AccountingError
from jobs import score as job
from jobs.runtime import scoring
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.publishing import SNAPSHOT
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, METRICS, PREDICTIONS, QUARANTINE
from tests import detectors
from tests.covers import drawn, noise
from udfs.score import make_score

MakeBundle = Callable[..., Bundle]
NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path, settings: Settings) -> Warehouse:
    covers = tmp_path / "covers"
    files = {
        "rap/a.jpg": drawn("rap", 1),
        "rap/b.jpg": drawn("rap", 2),
        "folk/a.jpg": drawn("rap", 1),
        "folk/c.jpg": drawn("folk", 3),
        "jazz/d.jpg": noise(4),
        "jazz/broken.jpg": drawn("folk", 5)[:900],
    }
    for name, content in files.items():
        (covers / name).parent.mkdir(parents=True, exist_ok=True)
        (covers / name).write_bytes(content)
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(made, str(covers), look(str(covers)), settings)
    return made


def run_of(settings: Settings, bundle: Bundle) -> Run:
    return Run("score", settings, model_version=bundle.model_version)


def test_every_album_is_accounted_for(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle()
    run = run_of(settings, bundle)
    result = job.score(warehouse, bundle, settings, run)

    counted = result.counted
    assert (counted.albums, counted.scored, counted.quarantined, result.covers) == (6, 5, 1, 4)
    rows = {row["album_id"]: row for row in warehouse.read(PREDICTIONS).collect()}
    assert set(rows) == {"rap/a.jpg", "rap/b.jpg", "folk/a.jpg", "folk/c.jpg", "jazz/d.jpg"}
    assert rows["jazz/d.jpg"]["genre"] == "jazz"
    assert rows["rap/a.jpg"]["probabilities"] == rows["folk/a.jpg"]["probabilities"]
    for row in rows.values():
        probabilities = row["probabilities"]
        assert set(probabilities) == {"folk", "rap"}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert row["confidence"] == max(probabilities.values())
        assert probabilities[row["predicted_genre"]] == row["confidence"]
        assert (row["model_version"], row["run_id"]) == (bundle.model_version, run.run_id)
        # The bundle holds no detector.
        assert [row[name] for name in ("advisory", "advisory_score", "advisory_box")] == [None] * 3
    assert pd.read_parquet(result.snapshot)["album_id"].nunique() == 5
    assert {row["advisory_rate"] for row in warehouse.read(METRICS).collect()} == {None}
    assert "advisory" not in run.counts


def test_probabilities_are_those_of_the_plain_network(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(labels=("a", "b", "c"))
    job.score(warehouse, bundle, settings, run_of(settings, bundle))
    network, head = bundle.backbone.load(), bundle.head().tensors
    rows = warehouse.read(PREDICTIONS).join(warehouse.read(COVERS), "cover_id").collect()
    assert len(rows) == 5
    for row in rows:
        pixels = images.load(bytes(row["content"]), 64).astype(np.float32)[None]
        features = np.sqrt(network.predict((pixels - 127) / 128, verbose=0))
        x = (features - head["scale.mean"]) / head["scale.std"]
        x = np.maximum(x @ head["hidden.kernel"] + head["hidden.bias"], 0)
        logits = (x @ head["logits.kernel"] + head["logits.bias"])[0]
        expected = np.exp(logits) / np.exp(logits).sum()
        found = [row["probabilities"][label] for label in ("a", "b", "c")]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_another_model_keeps_the_first_ones_predictions(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    first, second = make_bundle("first", seed=1), make_bundle("second", seed=2)
    for bundle in (first, second, second):
        job.score(warehouse, bundle, settings, run_of(settings, bundle))
    counted = warehouse.read(PREDICTIONS).groupBy("model_version").count().collect()
    assert {tuple(row) for row in counted} == {(first.model_version, 5), (second.model_version, 5)}
    # Metrics keep every state of the tables; the snapshot holds the last one's model.
    assert warehouse.read(METRICS).select("run_id").distinct().count() == 2
    snapshot = pd.read_parquet(Path(warehouse.location) / SNAPSHOT)
    assert set(snapshot["model_version"]) == {second.model_version}


def test_a_model_abstains_below_its_threshold(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    always = make_bundle()
    job.score(warehouse, always, settings, run_of(settings, always))
    said = warehouse.read(PREDICTIONS).collect()
    assert not any(row["abstained"] for row in said)
    levels = sorted({row["confidence"] for row in said})
    threshold = (levels[1] + levels[2]) / 2
    fitted = Abstention(threshold, 0.8, 0.5, 0.8).to_json()
    unsure = make_bundle("unsure", abstention=fitted)
    job.score(warehouse, unsure, settings, run_of(settings, unsure))
    rows = warehouse.read(PREDICTIONS).where(F.col("model_version") == unsure.model_version)
    found = {row["confidence"]: row["abstained"] for row in rows.collect()}
    assert found == {level: level in levels[:2] for level in levels}


@pytest.mark.parametrize("ends", [("scored_at", "computed_at"), ("abstained", "abstained_share")])
def test_a_warehouse_from_before_goes_on_working(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle, ends: tuple[str, str]
) -> None:
    old, new = make_bundle("old", seed=1), make_bundle("new", seed=2, detector=detectors.own(0.0))
    for table, end in zip((PREDICTIONS, METRICS), ends, strict=True):
        columns = table.columns[: table.names.index(end) + 1]
        before = replace(table, version=1, columns=columns)
        before.create(warehouse.spark, warehouse.path(table.name))
    said = ("rap/a.jpg", old.model_version, "0" * 64, "rap", None, "rap", {"rap": 1.0}, 1.0, "r")
    columns = PREDICTIONS.columns[: len(said) + 1]
    row = dict(zip([c.name for c in columns], [*said, NOW], strict=True))
    frame = warehouse.spark.createDataFrame([row], replace(PREDICTIONS, columns=columns).schema)
    frame.write.format("delta").mode("append").save(warehouse.path(PREDICTIONS.name))
    job.score(warehouse, new, settings, run_of(settings, new))
    rows = warehouse.read(PREDICTIONS).collect()
    assert [r["abstained"] for r in rows if r["model_version"] == old.model_version] == [None]
    assert [r["abstained"] for r in rows if r["model_version"] == new.model_version] == [False] * 5
    assert {r["advisory"] for r in rows if r["model_version"] == old.model_version} == {None}
    assert {r["advisory"] for r in rows if r["model_version"] == new.model_version} == {True}
    rates = {(r["abstained_share"], r["advisory_rate"]) for r in warehouse.read(METRICS).collect()}
    assert rates == {(0.0, 1.0)}
    snapshot = pd.read_parquet(Path(warehouse.location) / SNAPSHOT)
    assert {"abstained", "advisory", "advisory_box"} <= set(snapshot.columns)


def test_a_cover_that_fails_only_now_is_quarantined_and_can_come_back(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle()
    strict = settings.model_copy(
        update={"images": settings.images.model_copy(update={"min_side": 80})}
    )
    result = job.score(warehouse, bundle, strict, run_of(strict, bundle))
    assert (result.counted.scored, result.counted.quarantined) == (4, 2)
    reasons = {r["album_id"]: r["reason"] for r in warehouse.read(QUARANTINE).collect()}
    assert reasons == {"jazz/broken.jpg": "truncated", "jazz/d.jpg": "too_small"}
    result = job.score(warehouse, bundle, settings, run_of(settings, bundle))
    assert (result.counted.scored, result.counted.quarantined) == (5, 1)


def test_a_lost_album_is_never_overlooked(
    warehouse: Warehouse, settings: Settings, make_bundle: MakeBundle
) -> None:
    warehouse.delta(COVERS).delete(F.col("width") == 64)  # as damage from outside would
    bundle = make_bundle()
    with pytest.raises(AccountingError, match=r"4 predictions \+ 1 in quarantine are not the 6"):
        job.score(warehouse, bundle, settings, run_of(settings, bundle))


@dataclass(frozen=True)
class CountedLimits(images.Limits):
    """Limits that note in a file each time a cover is held against them."""

    log: str = ""

    def __getattribute__(self, name: str) -> object:
        if name == "min_side":
            with Path(object.__getattribute__(self, "log")).open("a") as file:
                file.write("x\n")
        return object.__getattribute__(self, name)


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[CountedLimits, Path]]:
    log = tmp_path / "decoded"
    cloudpickle.register_pickle_by_value(this_module)
    from pyspark import cloudpickle as sparks

    sparks.register_pickle_by_value(this_module)
    yield CountedLimits(log=str(log)), log
    sparks.unregister_pickle_by_value(this_module)
    cloudpickle.unregister_pickle_by_value(this_module)


def test_each_distinct_cover_is_decoded_once(
    warehouse: Warehouse,
    settings: Settings,
    make_bundle: MakeBundle,
    counted: tuple[CountedLimits, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits, log = counted

    def with_log(bundle: object, batch: int, threads: int, _: object, *rest: object) -> object:
        return make_score(bundle, batch, threads, limits, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "make_score", with_log)
    bundle = make_bundle(detector=detectors.own())
    job.score(warehouse, bundle, settings, run_of(settings, bundle))
    assert len(log.read_text().splitlines()) == 4
