"""Detectors in bundles: what comes back is what went in, in any folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from covergenre.bundle import Bundle, open_bundle, with_part
from covergenre.calibration import Platt
from covergenre.detector import network
from covergenre.detector.nms import Suppression
from covergenre.detector.stored import DetectorPart, StoredDetector, rounded
from covergenre.engines import tensorflow
from covergenre.errors import BundleError
from tests import detectors

MakeBundle = Callable[..., Bundle]


def pictures(count: int = 3) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def stored(bundle: Bundle) -> StoredDetector:
    assert bundle.detector is not None
    return bundle.detector


def test_own_network_comes_back(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(detector=detectors.own(0.25, card="# Finds it\n"))
    assert stored(bundle).threshold == 0.25
    assert stored(bundle).spec["details"] == {"recall": 0.5}
    assert (bundle.path / "DETECTOR_CARD.md").read_text() == "# Finds it\n"
    loaded = stored(bundle).load(tensorflow.loader(2))
    assert loaded.size == 64
    plain = detectors.running(
        network.load(detectors.ARCHITECTURE, rounded(detectors.weights())),
        detectors.ARCHITECTURE, detectors.PREPROCESSING,
    )  # fmt: skip
    for found, expected in zip(loaded.detect(pictures(2)), plain.detect(pictures(2)), strict=True):
        assert len(found) == 3
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_kernels_are_halved_and_vectors_kept() -> None:
    given = detectors.weights()
    name = next(n for n, v in given.items() if "moving_variance" in n)
    given[name] = np.full_like(given[name], 1e6)  # beyond half precision
    part = DetectorPart.of_network(
        detectors.ARCHITECTURE, given, detectors.PREPROCESSING, Suppression(), 0.5, None, {}
    )
    tensors = load(part.files["detector.safetensors"])
    assert {t.dtype for t in tensors.values() if t.ndim > 1} == {np.dtype(np.float16)}
    assert {t.dtype for t in tensors.values() if t.ndim == 1} == {np.dtype(np.float32)}
    back = rounded(given)
    for key, value in given.items():
        assert back[key].dtype == np.float32
        np.testing.assert_allclose(back[key], value, rtol=1e-3, atol=1e-6)
    assert back[name].max() == 1e6


def test_scores_are_calibrated(make_bundle: MakeBundle) -> None:
    fitted = Platt(2.0, -1.0)
    plain = stored(make_bundle("plain", detector=detectors.own())).load(tensorflow.loader(3))
    loaded = stored(make_bundle("fitted", detector=detectors.own(calibration=fitted))).load(
        tensorflow.loader(3)
    )
    for raw, found in zip(plain.detect(pictures()), loaded.detect(pictures()), strict=True):
        odds = np.exp(-1) * (raw.scores / (1 - raw.scores)) ** 2
        np.testing.assert_allclose(found.scores, odds / (1 + odds), rtol=1e-4)
        np.testing.assert_array_equal(found.boxes, raw.boxes)


def test_certain_scores_stay_certain() -> None:
    scores = np.array([[0, 0.5], [1, 0.5]], np.float32)
    said = Platt(3.0, np.log(4)).apply(scores)
    np.testing.assert_allclose(said, [[0, 0.8], [1, 0.8]], atol=1e-6)
    assert said.dtype == np.float32
    with pytest.raises(ValueError, match="above 0"):
        Platt(-1.0, 0.0)


def test_exported_model_comes_back_from_a_folder_that_moved(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    exported = detectors.export(tmp_path / "saved_model")
    (exported / "notes.txt").write_text("not part of the model")
    part = DetectorPart.of_exported(exported, {1}, 0.6, {"from": "me"})
    bundle = make_bundle(detector=part)
    shutil.rmtree(exported)
    names = {name for name in bundle.files() if name.startswith("detector/")}
    assert names == set(part.spec["files"])
    assert {"detector/saved_model.pb", "detector/variables/variables.index"} <= names
    assert "detector/notes.txt" not in names
    shutil.move(bundle.path, tmp_path / "elsewhere")
    moved = open_bundle(tmp_path / "elsewhere")
    assert moved.model_version == bundle.model_version
    loaded = stored(moved).load(tensorflow.loader(2))
    shutil.rmtree(moved.path)  # a worker's copy is gone once it is loaded
    boxes, scores = loaded.best(np.full((1, 64, 64, 3), 204, np.uint8))
    np.testing.assert_allclose(boxes, [[0.1, 0.0, 0.5, 0.4]], atol=1e-6)
    np.testing.assert_allclose(scores, [0.8], atol=1e-6)


def test_classifier_gets_another_detector(make_bundle: MakeBundle, tmp_path: Path) -> None:
    exported = DetectorPart.of_exported(detectors.export(tmp_path / "model"), {1}, 0.6, {})
    base = make_bundle("base", detector=exported, temperature=1.5)
    changed = with_part(base, tmp_path / "changed", detectors.own(0.3))
    assert set(changed.files()) == {
        "manifest.json", "head.safetensors", "detector.safetensors", "SHA256SUMS"
    }  # fmt: skip
    assert (changed.name, changed.temperature, stored(changed).threshold) == ("changed", 1.5, 0.3)
    assert {k: v for k, v in changed.manifest.items() if k not in ("name", "detector")} == {
        k: v for k, v in base.manifest.items() if k not in ("name", "detector")
    }
    # Back again, in place, through the bundle itself.
    part = DetectorPart.of_bundle(base)
    assert part == exported
    again = with_part(changed, changed.path, exported)
    assert (again.path / "head.safetensors").read_bytes() == base.files()["head.safetensors"]
    assert set(again.files()) == set(base.files())
    assert not list(tmp_path.glob(".*"))


def test_bundle_without_a_detector(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    assert bundle.detector is None
    assert DetectorPart.of_bundle(bundle) is None


def test_any_changed_file_is_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    part = DetectorPart.of_exported(detectors.export(tmp_path / "model"), {1}, 0.6, {}, card="# x")
    bundle = make_bundle(detector=part)
    for name in part.files:
        content = (bundle.path / name).read_bytes()
        (bundle.path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match=f"{name} is not what SHA256SUMS says"):
            open_bundle(bundle.path)
        (bundle.path / name).unlink()
        with pytest.raises(BundleError, match=f"{name} is missing"):
            open_bundle(bundle.path)
        (bundle.path / name).write_bytes(content)
    assert open_bundle(bundle.path) == bundle


def test_files_that_no_digest_proves_are_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(detector=detectors.own())
    sums = bundle.path / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "detector.safetensors" not in line))
    with pytest.raises(BundleError, match=r"does not list detector\.safetensors"):
        open_bundle(bundle.path)


def test_what_is_no_detector_is_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"must be 0 to 1, not 1\.5"):
        detectors.own(1.5)
    with pytest.raises(BundleError, match="no class is named as the label"):
        DetectorPart.of_exported(tmp_path, set(), 0.5, {})
    with pytest.raises(BundleError, match="holds no saved_model"):
        DetectorPart.of_exported(tmp_path, {1}, 0.5, {})
    with pytest.raises(BundleError, match="anchors are for 64 pixels, its preprocessing gives 96"):
        DetectorPart.of_network(
            detectors.ARCHITECTURE, {}, replace(detectors.PREPROCESSING, size=96), Suppression(),
            0.5, None, {},
        )  # fmt: skip
    part = detectors.own()
    unknown = DetectorPart(part.files, {**part.spec, "kind": "tomorrow's"})
    with pytest.raises(BundleError, match=r"of the kind tomorrow's, .* \(network, exported\)"):
        stored(make_bundle(detector=unknown)).load(tensorflow.loader(1))
    lacking = dict(part.spec["architecture"], channels=16)
    other = DetectorPart(part.files, {**part.spec, "architecture": lacking})
    with pytest.raises(BundleError, match="weights are of another architecture"):
        stored(make_bundle(detector=other)).load(tensorflow.loader(1))


def test_manifest_is_plain_json(make_bundle: MakeBundle) -> None:
    part = detectors.own(np.float64(0.5), Platt(2.0, 1.0))  # type: ignore[arg-type]
    bundle = make_bundle(detector=part)
    said: dict[str, Any] = json.loads((bundle.path / "manifest.json").read_text())["detector"]
    assert said["calibration"] == {"scale": 2.0, "bias": 1.0}
    assert said["architecture"]["anchors"]["size"] == 64
    assert said["files"] == ["detector.safetensors"]
