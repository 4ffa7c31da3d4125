"""The abstention threshold, against cases small enough to work out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from covergenre.bundle import Bundle
from covergenre.calibration import Abstention, fit_abstention

# From the surest down: right, right, wrong, right, wrong.
CONFIDENCE = np.array([0.5, 0.9, 0.7, 0.8, 0.6])
CORRECT = np.array([False, True, False, True, True])


@pytest.mark.parametrize(
    ("target", "threshold", "coverage", "accuracy"),
    [
        (0.6, 0.0, 1.0, 0.6),  # all five: 3 of 5; met by keeping everything
        (0.7, 0.55, 0.8, 0.75),  # the first four: 3 of 4; half-way between 0.6 and 0.5
        # 3 of 4 are too few, so are 2 of 3: the first two.
        (0.8, 0.75, 0.4, 1.0),
        (1.0, 0.75, 0.4, 1.0),
    ],
)
def test_the_lowest_threshold_that_reaches_the_accuracy(
    target: float, threshold: float, coverage: float, accuracy: float
) -> None:
    found = fit_abstention(CONFIDENCE, CORRECT, target)
    assert found.threshold == pytest.approx(threshold)
    assert (found.target_accuracy, found.coverage, found.accuracy) == (target, coverage, accuracy)


def test_a_dip_on_the_way_does_not_end_the_search() -> None:
    # 1 of 1, 1 of 2 (below 0.6), 2 of 3 (above it again).
    found = fit_abstention(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 0.6)
    assert (found.threshold, found.coverage) == (0.0, 1.0)


def test_covers_of_one_confidence_stay_together() -> None:
    # Of the two at 0.8 one is wrong: keeping both gives 2 of 3, keeping none 1 of 1.
    found = fit_abstention(np.array([0.9, 0.8, 0.8]), np.array([True, True, False]), 0.9)
    assert found.threshold == pytest.approx(0.85)
    assert found.coverage == pytest.approx(1 / 3)


def test_an_accuracy_out_of_reach_abstains_on_all_that_is_not_certain() -> None:
    found = fit_abstention(np.array([0.9, 0.4]), np.array([False, True]), 0.9)
    assert found == Abstention(1.0, 0.9, 0.0, None)


def test_no_covers_are_an_error() -> None:
    with pytest.raises(ValueError, match="no covers"):
        fit_abstention(np.array([]), np.array([], bool), 0.8)


def test_a_bundle_gives_back_what_was_fitted(make_bundle: object) -> None:
    bundle: Bundle = make_bundle()  # type: ignore[operator]
    assert bundle.abstention is None  # as in bundles from before
    fitted = fit_abstention(CONFIDENCE, CORRECT, 0.7)
    manifest = {**bundle.manifest, "abstention": json.loads(json.dumps(fitted.to_json()))}
    assert replace(bundle, manifest=manifest).abstention == fitted
