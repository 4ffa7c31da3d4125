"""Engines in Spark: they say the same, and OpenVINO's workers never see TensorFlow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from covergenre import config
from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.calibration import Platt
from covergenre.concepts import local
from covergenre.config import Settings
from covergenre.engines import choice, has_units
from covergenre.errors import BundleError, EngineError
from jobs import score as job
from jobs.runtime.scoring import engine, infer
from jobs.runtime.warehouse import Warehouse
from schemas import RUNS
from tests import detectors
from tests.covers import drawn, noise
from udfs.concepts import ShippedTagger, make_tag
from udfs.detect import make_detect
from udfs.worker import ShippedBundle

MakeBundle = Callable[..., Bundle]
OPENVINO = ("engine.name=openvino", "engine.precision=f32")
TENSORFLOW = ("engine.name=tensorflow",)


def covers(spark: SparkSession) -> DataFrame:
    """Six covers and one that is none, for one task."""
    contents = [*(drawn("rap", seed) for seed in range(4)), b"no cover", noise(1, 300), noise(2)]
    return spark.createDataFrame(
        [(str(k), bytearray(content)) for k, content in enumerate(contents)],
        "cover_id string, content binary",
    ).coalesce(1)


def said(spark: SparkSession, bundle: Bundle, settings: Settings) -> list[Row]:
    return sorted(infer(covers(spark), bundle, settings).collect(), key=lambda r: r["cover_id"])


def test_openvino_scores_as_tensorflow_does(spark: SparkSession, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(
        labels=("disco", "folk", "rap"),
        detector=detectors.own(calibration=Platt(1.5, 0.5)),
        temperature=1.5,
    )
    # Six covers: two calls of OpenVINO's networks, the last one short; three of TensorFlow's.
    small = ("engine.batch_size=4", "score.batch_size=5", "concepts.local.input_size=64",
             "score.describe=[concepts]", "concepts.local.min_score=0.02")  # fmt: skip
    fast, slow = (
        said(spark, bundle, config.load(assignments=[*small, *which]))
        for which in (OPENVINO, TENSORFLOW)
    )
    assert [row["reason"] for row in slow] == [*[None] * 4, "not_an_image", None, None]
    assert len({tuple(row["probabilities"]) for row in slow if row["reason"] is None}) == 6
    for one, other in zip(fast, slow, strict=True):
        assert one["reason"] == other["reason"]
        if one["reason"] is not None:
            assert (one["probabilities"], one["advisory_score"], one["concepts"]) == (None,) * 3
            continue
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
        assert one["advisory_score"] == pytest.approx(other["advisory_score"], abs=1e-4)
        assert tuple(one["advisory_box"]) == pytest.approx(tuple(other["advisory_box"]), abs=1e-4)
        named, expected = (
            {concept["name"]: concept["score"] for concept in row["concepts"]}
            for row in (one, other)
        )
        assert named == pytest.approx(expected, abs=1e-4)


def test_in_integers_the_default_bundle_says_nearly_the_same(spark: SparkSession) -> None:
    bundle = open_bundle(DEFAULT)
    integers, floats = (
        config.load(assignments=["engine.name=openvino", f"engine.precision={p}"])
        for p in ("int8", "f32")
    )
    if not has_units("int8"):  # nobody gets wrong results there
        with pytest.raises(EngineError, match="int8 needs a processor"):
            infer(covers(spark), bundle, integers)
        return
    fast, exact = said(spark, bundle, integers), said(spark, bundle, floats)
    assert [row["reason"] for row in fast] == [row["reason"] for row in exact]
    seen = [(a, b) for a, b in zip(fast, exact, strict=True) if a["reason"] is None]
    assert len(seen) == 6
    for one, other in seen:
        assert one["probabilities"] != other["probabilities"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=0.1)
        assert one["advisory_score"] == pytest.approx(other["advisory_score"], abs=0.1)


def test_a_bundle_that_was_not_prepared_is_not_computed_in_integers(
    make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "processor_flags", lambda: frozenset({"avx512_vnni"}))
    chosen = config.load(assignments=["engine.precision=int8"])
    assert str(engine(open_bundle(DEFAULT), chosen)) == "openvino int8"
    with pytest.raises(
        BundleError, match=r"prepared for engine\.precision=int8.*convert\.py --int8"
    ):
        engine(make_bundle(), chosen)


# What is in a worker.


@dataclass(frozen=True)
class Worker:
    """What a worker holds after it has worked.

    Attributes:
        modules: that it has imported.
        networks: how many bundles' networks it has loaded.
        settled: whether no garbage is looked for among them.
    """

    modules: frozenset[str]
    networks: int
    settled: bool


@pytest.fixture
def own_worker(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Worker]:
    """UDFs made from here on run in a Python worker of their own, which nothing else has used.

    Spark keeps workers apart by their environment, so that one that no test has used before comes
    from a new daemon; one task after the other finds the one worker that is there.
    """
    monkeypatch.setitem(spark.sparkContext.environment, "COVERGENRE_TESTS", uuid.uuid4().hex)

    def look() -> Worker:
        def probe(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            import gc
            import sys

            for _ in batches:
                worker: Any = sys.modules.get("udfs.worker")
                yield pd.DataFrame(
                    {
                        "modules": [sorted(sys.modules)],
                        "networks": [0 if worker is None else len(worker._networks)],
                        "settled": [gc.get_freeze_count() > 0],
                    }
                )

        (row,) = (
            spark.range(1).coalesce(1)
            .mapInPandas(probe, "modules array<string>, networks int, settled boolean").collect()
        )  # fmt: skip
        return Worker(frozenset(row["modules"]), row["networks"], row["settled"])

    return look


def test_who_scores_with_openvino_never_sees_tensorflow(
    spark: SparkSession, own_worker: Callable[[], Worker]
) -> None:
    """The bundle and the settings of the project, all that is said of covers included."""
    rows = said(spark, open_bundle(DEFAULT), config.load(assignments=["engine.name=openvino"]))
    assert all(row["probabilities"] for row in rows if row["reason"] is None)
    assert all(row["concepts"] is not None for row in rows if row["reason"] is None)
    worker = own_worker()
    assert worker.networks == 1  # it is the one that scored
    assert worker.settled
    assert "openvino" in worker.modules
    assert "scipy.optimize" not in worker.modules  # slow to import, and for fitting alone
    assert {name.partition(".")[0] for name in worker.modules}.isdisjoint(
        {"tensorflow", "keras", "jax", "torch"}
    )


def test_nor_does_who_finds_labels_or_names_concepts(
    spark: SparkSession, make_bundle: MakeBundle, own_worker: Callable[[], Worker]
) -> None:
    settings = config.load(assignments=[*OPENVINO, "concepts.local.input_size=64"])
    bundle = make_bundle(detector=detectors.own())
    chosen, limits = engine(bundle, settings), settings.images.limits
    shipped = ShippedBundle.of(bundle, chosen, settings, spark)
    tagger = ShippedTagger.of(local.resolve(settings.concepts), chosen, settings, spark)
    for udf in (make_detect(shipped, 4, 1, limits), make_tag(tagger, 1, limits)):
        rows = covers(spark).select(udf("content").alias("said")).collect()
        assert len(rows) == 7 and all(row["said"] is not None for row in rows)
    worker = own_worker()
    assert worker.networks == 1
    assert "openvino" in worker.modules
    assert worker.modules.isdisjoint({"tensorflow", "keras", "nncf"})


def test_who_scores_with_tensorflow_never_sees_openvino(
    spark: SparkSession, make_bundle: MakeBundle, own_worker: Callable[[], Worker]
) -> None:
    settings = config.load(assignments=[*TENSORFLOW, "score.describe=[]"])
    said(spark, make_bundle(), settings)
    worker = own_worker()
    assert worker.networks == 1
    assert "tensorflow" in worker.modules and "openvino" not in worker.modules


# What is noted.


@pytest.mark.parametrize(
    ("assignments", "flags", "noted"),
    [
        (TENSORFLOW, {"avx512_bf16"}, ("tensorflow", "f32")),
        (OPENVINO, {"avx512_bf16"}, ("openvino", "f32")),
        ((), {"avx512_bf16"}, ("openvino", "bf16")),
        ((), {"avx2"}, ("openvino", "f32")),
    ],
)
def test_a_run_notes_what_computed(
    spark: SparkSession,
    make_bundle: MakeBundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    assignments: tuple[str, ...],
    flags: set[str],
    noted: tuple[str, str],
) -> None:
    monkeypatch.setattr(choice, "processor_flags", lambda: frozenset(flags))
    passed = {"bf16": {"passed": True, "logit_scale": 1.0}}
    bundle = make_bundle(parity={"files": [], "precisions": passed})
    (tmp_path / "covers/rap").mkdir(parents=True)
    (tmp_path / "covers/rap/a.jpg").write_bytes(drawn("rap", 1))
    words = ["--covers", str(tmp_path / "covers"), "--output", str(tmp_path / "warehouse")]
    words += ["--model", str(bundle.path), "--json"]
    for assignment in ("score.describe=[]", *assignments):
        words += ["--set", assignment]
    job.main(words)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["scored"] == 1
    runs = Warehouse(spark, str(tmp_path / "warehouse")).read(RUNS).where("job = 'score'")
    assert [(run["engine"], run["precision"]) for run in runs.collect()] == [noted]
