"""Promotion: thresholds, the comparison with what is used, the pointer to the current bundle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from covergenre import config, current
from covergenre.backbones import resolve
from covergenre.bundle import DEFAULT, Bundle, open_bundle, write_bundle
from covergenre.classifier import Head
from covergenre.config.lifecycle import Promotion
from covergenre.errors import BundleError, ThresholdError
from covergenre.promotion import decide, promote
from jobs import score
from tests.conftest import ROOT

LABELS = ("noise", "polka", "schlager")
GOOD = {
    "covers": 300,
    "accuracy": {"value": 0.7, "interval": [0.6, 0.8]},
    "macro_auc": {"value": 0.9, "interval": [0.8, 0.95]},
    "ece_debiased": {"value": 0.01, "interval": [0.0, 0.03]},
}
Make = Callable[..., Bundle]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a bundle with figures, and with covers held out of which a share is recognised."""

    def made(
        name: str,
        test: dict[str, Any] | None = None,
        right: float | None = None,
        labels: tuple[str, ...] = LABELS,
    ) -> Bundle:
        head = Head({"logits.kernel": np.full((1280, len(labels)), 0.1, np.float32),
                     "logits.bias": np.zeros(len(labels), np.float32)})  # fmt: skip
        details = {"test": {**GOOD, **(test or {})}}
        files = {} if right is None else {"held_out.parquet": held_out(right, labels)}
        backbone = resolve("efficientnet_lite2", input_size=64)
        path = tmp_path / "made" / name
        return write_bundle(path, name, list(labels), backbone, head, details, files)

    return made


def held_out(right: float, labels: tuple[str, ...]) -> bytes:
    """300 covers; the first part of them is given the right genre, the rest the next one."""
    rows = []
    for n in range(300):
        truth = n % len(labels)
        said = truth if n < right * 300 else (truth + 1) % len(labels)
        share = {f"p_{label}": 0.8 if k == said else 0.1 for k, label in enumerate(labels)}
        rows.append({"cover_id": f"{n:03}", "genre": labels[truth], **share})
    # Any order of rows: covers are told by their id.
    frame = pd.DataFrame(rows).sample(frac=1, random_state=round(right * 100))
    return bytes(frame.to_parquet(index=False))


def rules(**changes: Any) -> Promotion:
    return config.load(assignments=[f"promotion.{k}={v}" for k, v in changes.items()]).promotion


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ("covers", 150, "covers 150 is not >= promotion.min_covers 200"),
        ("accuracy", 0.5794, "accuracy 0.579 is not >= promotion.min_accuracy 0.58"),
        ("macro_auc", 0.7, "macro_auc 0.700 is not >= promotion.min_macro_auc 0.85"),
        ("ece_debiased", 0.08, "ece_debiased 0.080 is not <= promotion.max_ece 0.05"),
        ("macro_auc", float("nan"), "it has no macro_auc, promotion.min_macro_auc is 0.85"),
    ],
)
def test_each_threshold_refuses(make: Make, figure: str, value: float, said: str) -> None:
    figures = value if figure == "covers" else {"value": value, "interval": [0, 1]}
    decision = decide(make("weak", {figure: figures}), None, rules())
    assert len(decision.missed) == 1
    assert decision.missed[0].startswith(said)
    with pytest.raises(ThresholdError, match="weak is not promoted and stays") as refused:
        decision.check()
    assert refused.value.exit_code == 6


def test_a_threshold_that_is_just_reached_is_reached(make: Make) -> None:
    exact = {"covers": 200, "accuracy": {"value": 0.58, "interval": [0, 1]}}
    assert decide(make("exact", exact), None, rules()).accepted


def test_every_threshold_missed_has_its_line(make: Make) -> None:
    bad = make("bad", {"covers": 3, "accuracy": {"value": 0.1, "interval": [0, 1]}})
    with pytest.raises(ThresholdError) as refused:
        decide(bad, None, rules()).check()
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert "min_covers" in lines[1] and "min_accuracy" in lines[2]


def test_a_threshold_that_is_null_is_not_asked_for(make: Make) -> None:
    weak = make("weak", {"accuracy": {"value": 0.1, "interval": [0, 1]}})
    assert decide(weak, None, rules(min_accuracy="null")).accepted


def test_a_bundle_without_figures_is_refused(make_bundle: Callable[..., Bundle]) -> None:
    assert "no figures" in decide(make_bundle(), None, rules()).missed[0]


def test_significantly_worse_than_the_used_one_is_refused(make: Make) -> None:
    used, worse = make("used", right=0.8), make("worse", right=0.6)
    missed = decide(worse, used, rules()).missed
    assert [line.split()[0] for line in missed] == ["accuracy", "macro_auc"]
    # 60 of 300 covers are lost.
    assert f"worse than {used.model_version}'s on 300 covers" in missed[0]
    assert "-0.200 (95 % -0.2" in missed[0]
    assert decide(worse, used, rules(not_worse_than_current="false")).accepted
    assert decide(used, worse, rules()).accepted


def test_a_little_worse_is_no_reason(make: Make) -> None:
    used, alike = make("used", right=0.8), make("alike", right=239 / 300)
    decision = decide(alike, used, rules())
    assert decision.accepted
    assert any("accuracy not worse" in line and "-0.003" in line for line in decision.met)


def test_labels_in_another_order_are_the_same_genres(make: Make) -> None:
    used = make("used", right=0.8)
    turned = make("turned", right=0.8, labels=LABELS[::-1])
    # Of the 300 covers each label's are others: 100 have the same genre in both.
    decision = decide(turned, used, rules(min_covers=100))
    assert decision.accepted
    assert any("100 covers held out by both: +0.000" in line for line in decision.met)


def test_other_genres_are_not_compared(make: Make) -> None:
    used, other = make("used", right=0.9), make("other", right=0.5, labels=("folk", "rap"))
    decision = decide(other, used, rules())
    assert decision.accepted
    assert "it knows other genres" in decision.met[-1]


def test_promoted_bundles_are_used_for_scoring(make: Make, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    settings = config.load(assignments=[f"train.bundles={bundles}"])
    bundle, why = score.choose_bundle(None, settings)
    assert (bundle.path, why) == (DEFAULT, "the project's default")
    first = make("first")
    assert promote(first, bundles, settings.promotion).accepted
    bundle, why = score.choose_bundle(None, settings)
    assert bundle.digest == first.digest
    assert why.startswith("promoted 20")
    assert bundle.path.parent == bundles / "promoted"
    # What is named goes before.
    bundle, why = score.choose_bundle(str(DEFAULT), settings)
    assert (bundle.path, why) == (DEFAULT, "--model")
    named = config.load(assignments=[f"train.bundles={bundles}", f"score.bundle={DEFAULT}"])
    assert score.choose_bundle(None, named)[1] == "score.bundle"


def test_a_refused_bundle_changes_nothing(make: Make, tmp_path: Path) -> None:
    promote(make("first", right=0.8), tmp_path, rules())
    before = (tmp_path / "current.json").read_bytes()
    worse = make("worse", right=0.5)
    assert not promote(worse, tmp_path, rules()).accepted
    assert (tmp_path / "current.json").read_bytes() == before
    assert open_bundle(worse.path).digest == worse.digest


def test_a_training_under_the_same_name_leaves_the_current_one(make: Make, tmp_path: Path) -> None:
    first = make("same", right=0.8)
    promote(first, tmp_path, rules())
    second = make("same", right=0.7)
    assert second.path == first.path and second.digest != first.digest
    found = current.read_current(tmp_path)
    assert found is not None and found.bundle.digest == first.digest


def test_the_folder_of_bundles_can_be_moved(make: Make, tmp_path: Path) -> None:
    first = make("first")
    promote(first, tmp_path / "bundles", rules())
    (tmp_path / "bundles").rename(tmp_path / "elsewhere")
    found = current.read_current(tmp_path / "elsewhere")
    assert found is not None and found.bundle.digest == first.digest
    assert any("min_accuracy" in reason for reason in found.reasons)


def test_a_current_bundle_that_is_gone_is_told_with_the_fix(make: Make, tmp_path: Path) -> None:
    promote(make("first"), tmp_path, rules())
    shutil.rmtree(tmp_path / "promoted")
    settings = config.load(assignments=[f"train.bundles={tmp_path}"])
    with pytest.raises(BundleError, match=r"current bundle cannot be used.*make promote BUNDLE="):
        score.choose_bundle(None, settings)
    # A new promotion mends it.
    decision = promote(make("second"), tmp_path, rules())
    assert decision.accepted and "not compared" in decision.met[-1]
    assert score.choose_bundle(None, settings)[0].name == "second"


def test_a_current_bundle_that_was_changed_is_told(make: Make, tmp_path: Path) -> None:
    promote(make("first"), tmp_path, rules())
    (folder,) = (tmp_path / "promoted").iterdir()
    with (folder / "manifest.json").open("a") as file:
        file.write(" ")
    with pytest.raises(BundleError, match=r"manifest\.json is not what SHA256SUMS says"):
        current.read_current(tmp_path)
    # Another whole bundle in its place is not the one that was promoted either.
    shutil.rmtree(folder)
    shutil.copytree(make("other").path, folder)
    with pytest.raises(BundleError, match=r"not the bundle that .*current\.json names"):
        current.read_current(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"bundle": 3}'])
def test_a_damaged_pointer_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "current.json").write_text(content)
    with pytest.raises(BundleError, match=r"current\.json is damaged: promote a bundle"):
        current.read_current(tmp_path)


def test_readers_see_one_bundle_or_the_other(make: Make, tmp_path: Path) -> None:
    bundles = [make(name) for name in ("one", "two")]
    digests = {bundle.digest for bundle in bundles}
    promote(bundles[0], tmp_path, rules())
    stop = threading.Event()

    def swap() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            promote(bundles[turn % 2], tmp_path, rules(not_worse_than_current="false"))

    writer = threading.Thread(target=swap)
    writer.start()
    try:
        seen = [current.read_current(tmp_path) for _ in range(200)]
    finally:
        stop.set()
        writer.join()
    assert {found.bundle.digest for found in seen if found} == digests
    assert None not in seen


def promote_job(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "promote.py"), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_job(make: Make, tmp_path: Path) -> None:
    good, bad = make("good"), make("bad", {"accuracy": {"value": 0.2, "interval": [0, 1]}})
    done = promote_job(str(good.path), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["promoted"] is True and result["missed"] == []
    noted = json.loads((tmp_path / "models/current.json").read_text())
    assert noted["digest"] == good.digest and noted["bundle"].startswith("promoted/good-")
    done = promote_job(str(bad.path), "--json", cwd=tmp_path)
    assert done.returncode == 6
    assert json.loads(done.stdout.splitlines()[-1])["promoted"] is False
    assert done.stderr.splitlines() == [
        f"error: {bad.path} is not promoted and stays where it is:",
        "  accuracy 0.200 is not >= promotion.min_accuracy 0.58",
    ]
    assert json.loads((tmp_path / "models/current.json").read_text()) == noted


def test_the_job_needs_a_bundle(tmp_path: Path) -> None:
    done = promote_job(str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "is no model bundle" in done.stderr
    assert not (tmp_path / "models").exists()
