"""Which detector a newly trained classifier takes along."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from covergenre import config
from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.current import make_current
from covergenre.detector.stored import DetectorPart
from covergenre.errors import BundleError
from jobs.train import detector_taken_along
from tests import detectors

MakeBundle = Callable[..., Bundle]


def settings(tmp_path: Path, *more: str) -> config.Settings:
    return config.load(assignments=[f"train.bundles={tmp_path / 'models'}", *more])


def test_of_the_bundle_that_is_named(make_bundle: MakeBundle, tmp_path: Path) -> None:
    named = make_bundle("named", detector=detectors.own(0.4))
    found = detector_taken_along(settings(tmp_path, f"train.detector={named.path}"))
    assert found == DetectorPart.of_bundle(named)
    assert found is not None and found.spec["threshold"] == 0.4


def test_of_the_bundle_that_score_would_use(make_bundle: MakeBundle, tmp_path: Path) -> None:
    default = DetectorPart.of_bundle(open_bundle(DEFAULT))
    assert detector_taken_along(settings(tmp_path)) == default
    promoted = make_bundle("promoted", detector=detectors.own(0.3))
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    make_current(tmp_path / "models", promoted, now, ["it is good"])
    assert detector_taken_along(settings(tmp_path)) == DetectorPart.of_bundle(promoted)
    chosen = make_bundle("chosen", detector=detectors.own(0.2))
    of_setting = detector_taken_along(settings(tmp_path, f"score.bundle={chosen.path}"))
    assert of_setting == DetectorPart.of_bundle(chosen)


def test_a_bundle_that_is_still_to_be_trained_is_no_hindrance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = detector_taken_along(settings(tmp_path, f"score.bundle={tmp_path / 'to come'}"))
    assert found == DetectorPart.of_bundle(open_bundle(DEFAULT))
    said = capsys.readouterr().err
    assert "to come is no model bundle" in said and "the default's detector" in said


def test_one_that_is_named_must_be_there(make_bundle: MakeBundle, tmp_path: Path) -> None:
    plain = make_bundle("plain")
    with pytest.raises(BundleError, match=r"train\.detector: bundle .*plain holds no detector"):
        detector_taken_along(settings(tmp_path, f"train.detector={plain.path}"))
    with pytest.raises(BundleError, match="is no model bundle"):
        detector_taken_along(settings(tmp_path, f"train.detector={tmp_path / 'none'}"))
