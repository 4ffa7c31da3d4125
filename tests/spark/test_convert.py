"""The gate of a bundle's fast engines, on drawn covers in Spark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from covergenre.bundle import Bundle, open_bundle
from covergenre.engines import choose, has_units
from covergenre.errors import CatalogueError
from jobs import convert
from scraping.procedural import generate_catalogue
from tests import detectors


def test_a_bundle_says_which_precisions_passed(
    spark: SparkSession, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    covers, target = tmp_path / "covers", tmp_path / "gated"
    generate_catalogue(covers, albums=40, broken=0)
    base = make_bundle(detector=detectors.own())
    given = ["--model", str(base.path), "--covers", str(covers), "--output", str(tmp_path / "out")]
    summary = convert.main([*given, "--bundle", str(target), "--set", "score.describe=[]"])
    gated = open_bundle(target)
    assert summary["model_version"] == gated.model_version != base.model_version
    assert set(gated.parity) == {"f32", "bf16"} and not gated.has_int8
    exact = gated.parity["f32"]
    assert exact["passed"] and exact["agreement"] == 1 and exact["advisory_agreement"] == 1
    assert exact["covers"] > 0 and exact["probability_error"]["max"] < 1e-4
    assert gated.manifest["parity"]["details"]["splits"]["test_fold"] == 0
    # Nothing else of the bundle has changed.
    same = {n: c for n, c in base.files().items() if n not in ("manifest.json", "SHA256SUMS")}
    assert {n: gated.files()[n] for n in same} == same
    kept = {k: v for k, v in gated.manifest.items() if k not in ("parity", "name")}
    assert kept == {k: v for k, v in base.manifest.items() if k != "name"}
    # Scoring goes by it.
    units = frozenset({"avx512_bf16"})
    allowed = "bf16" if gated.parity["bf16"]["passed"] else "f32"
    assert choose("auto", "auto", gated.parity, units).precision == allowed
    assert choose("auto", "auto", base.parity, units).precision == "f32"
    run = (
        spark.read.format("delta").load(str(tmp_path / "out/runs")).where("job = 'convert'").first()
    )
    assert run is not None and run["outcome"] == "succeeded"
    assert json.loads(run["settings"])["engine"]["name"] == "auto"


def test_a_bundle_is_prepared_for_integers(
    spark: SparkSession, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    covers = tmp_path / "covers"
    generate_catalogue(covers, albums=60, broken=0)
    base = make_bundle(detector=detectors.own())
    given = ["--model", str(base.path), "--output", str(tmp_path / "out")]
    given += ["--set", "score.describe=[]", "--set", "engine.int8_covers=16"]
    convert.main([*given, "--covers", str(covers), "--int8"])
    able = open_bundle(base.path)
    assert able.has_int8 and able.manifest["int8"]["details"]["covers"] == 16
    if has_units("int8"):  # else nobody computes with it, nor is it judged
        integers = able.parity["int8"]
        assert 1e-6 < integers["probability_error"]["mean"] < 0.1
        assert integers["passed"] == (integers["agreement"] >= 0.98)
    # Another gate keeps what it can be computed with; its networks are the same all the time.
    convert.main([*given, "--covers", str(covers)])
    again = open_bundle(base.path)
    assert again.files()["int8.safetensors"] == able.files()["int8.safetensors"]
    assert set(again.parity) == set(able.parity) and again.graphs() == base.graphs()


def test_too_few_covers_to_prepare_for_integers_are_told(
    spark: SparkSession, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    covers = tmp_path / "covers"
    generate_catalogue(covers, albums=6, broken=0)
    base = make_bundle()
    given = ["--model", str(base.path), "--covers", str(covers), "--output", str(tmp_path / "out")]
    with pytest.raises(CatalogueError, match=r"in the training folds .*int8 needs 8 at least"):
        convert.main([*given, "--int8"])
    assert open_bundle(base.path) == base


def test_a_gate_passed_before_is_replaced_not_built_on(
    spark: SparkSession, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    covers = tmp_path / "covers"
    generate_catalogue(covers, albums=40, broken=0)
    wrong = {"precisions": {"f32": {"passed": True, "logit_scale": 3.0}}, "files": []}
    base = make_bundle(parity=wrong)
    convert.main(
        ["--model", str(base.path), "--covers", str(covers), "--output", str(tmp_path / "out"),
         "--set", "score.describe=[]"]
    )  # fmt: skip
    assert abs(open_bundle(base.path).parity["f32"]["logit_scale"] - 1) < 1e-3
