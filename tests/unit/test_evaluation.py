"""Figures about a classifier, against cases small enough to work out by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from covergenre import evaluation
from covergenre.evaluation import accuracy, evaluate, expected_calibration_error, macro_auc

LABELS = ("folk", "rap", "disco")
# Four covers: right, right, wrong (rap taken for folk), right; no disco.
TRUTH = np.array([0, 0, 1, 1])
CONFIDENT = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.6, 0.3, 0.1], [0.1, 0.85, 0.05]])


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 100)


def _random(covers: int, classes: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), covers)
    truth = [rng.choice(classes, p=row) for row in probabilities]
    return np.array(truth), probabilities


def test_accuracy() -> None:
    assert accuracy(TRUTH, CONFIDENT) == 0.75
    assert accuracy(np.array([1]), np.array([[0.1, 0.9]])) == 1
    assert accuracy(np.array([1]), np.array([[0.9, 0.1]])) == 0


@pytest.mark.parametrize(
    ("truth", "scores", "area"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 1),
        ([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1], 0),
        # Of four pairs three are in order.
        ([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], 0.75),
        # A tie counts half: (1 + 1 + 0.5 + 1) / 4.
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9], 0.875),
        ([0, 1, 1], [0.5, 0.5, 0.5], 0.5),
    ],
)
def test_auc_of_two_genres(truth: list[int], scores: list[float], area: float) -> None:
    second = np.array(scores)
    probabilities = np.stack([1 - second, second], axis=1)
    assert macro_auc(np.array(truth), probabilities) == pytest.approx(area)


def test_auc_leaves_out_a_genre_without_covers() -> None:
    # Folk against rap by p_folk: 0.7, 0.5 over 0.6, 0.1: 3 of 4; by p_rap: 0.3, 0.85 over 0.2, 0.4:
    # 3 of 4. Disco has no cover.
    assert macro_auc(TRUTH, CONFIDENT) == pytest.approx(0.75)


def test_auc_of_one_genre_is_not_defined() -> None:
    assert math.isnan(macro_auc(np.array([1, 1]), np.array([[0.2, 0.8], [0.6, 0.4]])))


def test_auc_is_the_plain_mean_over_genres() -> None:
    truth = np.array([0, 0, 0, 1, 2])
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.3, 0.6, 0.1], [0.3, 0.2, 0.5]]
    )
    # Folk: pairs of 0.8, 0.6, 0.2 with 0.3, 0.3: 4 of 6. Rap: 0.6 above 4 of 4. Disco: 0.5 above
    # 0.1, 0.1, 0.1 but not 0.7: 3 of 4.
    assert macro_auc(truth, probabilities) == pytest.approx((4 / 6 + 1 + 3 / 4) / 3)


@pytest.mark.parametrize(
    ("confidences", "correct", "error"),
    [
        ([1.0, 1.0], [1, 1], 0),
        ([1.0], [0], 1),
        # Bins 9 and 8: (|0.9 - 1| + |0.8 - 0|) / 2.
        ([0.9, 0.8], [1, 0], 0.45),
        # One bin: |(0.85 + 0.81) / 2 - 1 / 2|.
        ([0.85, 0.81], [1, 0], 0.33),
        # Weighted by covers: three of confidence 0.6 with two right, one of 0.95 that is right.
        ([0.6, 0.6, 0.6, 0.95], [1, 1, 0, 1], (abs(1.8 - 2) + 0.05) / 4),
    ],
)
def test_calibration_error(confidences: list[float], correct: list[int], error: float) -> None:
    confidence = np.array(confidences)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    truth = 1 - np.array(correct)
    assert expected_calibration_error(truth, probabilities) == pytest.approx(error)


def test_evaluation_by_hand() -> None:
    found = evaluate(TRUTH, CONFIDENT, LABELS)
    assert found["covers"] == 4
    assert found["accuracy"]["value"] == 0.75
    assert found["macro_auc"]["value"] == pytest.approx(0.75)
    assert found["nll"] == pytest.approx(-sum(map(math.log, (0.7, 0.5, 0.3, 0.85))) / 4)
    assert found["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    folk, rap, disco = found["per_genre"]
    assert folk == pytest.approx(
        {"genre": "folk", "precision": 2 / 3, "recall": 1, "f1": 0.8, "covers": 2}
    )
    assert rap == pytest.approx(
        {"genre": "rap", "precision": 1, "recall": 0.5, "f1": 2 / 3, "covers": 2}
    )
    assert disco == {"genre": "disco", "precision": 0, "recall": 0, "f1": 0, "covers": 0}
    assert found["precision"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["recall"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert found["f1"] == pytest.approx((0.8 + 2 / 3 + 0) / 3)
    json.dumps(found)


def test_rows_that_float32_left_off_one_are_mended() -> None:
    exact = evaluate(TRUTH, CONFIDENT, LABELS)
    loose = evaluate(TRUTH, (CONFIDENT * 1.00001).astype(np.float32), LABELS)
    assert loose["nll"] == pytest.approx(exact["nll"], abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_sure_of_the_wrong_genre_gives_a_finite_loss() -> None:
    found = evaluate(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ("folk", "rap"))
    assert math.isfinite(found["nll"]) and found["nll"] > 10


@pytest.mark.parametrize("seed", range(3))
def test_interval_is_around_the_value(seed: int) -> None:
    truth, probabilities = _random(80, 3, seed)
    found = evaluate(truth, probabilities, LABELS)
    for name in ("accuracy", "macro_auc"):
        low, high = found[name]["interval"]
        assert 0 <= low < found[name]["value"] < high <= 1
    low, high = found["ece"]["interval"]
    assert 0 <= low < high <= 1


def test_interval_of_accuracy_is_as_wide_as_its_standard_error_says() -> None:
    truth, probabilities = _random(400, 3, 9)
    found = evaluate(truth, probabilities, LABELS)["accuracy"]
    low, high = found["interval"]
    p = found["value"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(p * (1 - p) / 400), rel=0.3)


def test_a_perfect_classifier_has_no_interval() -> None:
    found = evaluate(np.array([0, 1, 2, 0]), np.eye(3)[[0, 1, 2, 0]], LABELS)
    assert found["accuracy"] == {"value": 1.0, "interval": [1.0, 1.0]}
    assert found["macro_auc"] == {"value": 1.0, "interval": [1.0, 1.0]}
    assert found["ece"] == {"value": 0.0, "interval": [0.0, 0.0]}


def test_bootstrap_repeats_for_its_seed() -> None:
    truth, probabilities = _random(40, 3, 4)
    first = evaluate(truth, probabilities, LABELS, seed=1)
    assert evaluate(truth, probabilities, LABELS, seed=1) == first
    assert evaluate(truth, probabilities, LABELS, seed=2) != first


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_covers_of_one_genre_can_be_evaluated() -> None:
    found = evaluate(np.array([1, 1]), CONFIDENT[2:], LABELS)
    assert found["accuracy"]["value"] == 0.5
    assert math.isnan(found["macro_auc"]["value"])


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no covers to evaluate on"):
        evaluate(np.array([], np.int64), np.empty((0, 3)), LABELS)
