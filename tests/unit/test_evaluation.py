"""Figures about a classifier: by hand on small cases, and against scikit-learn on larger ones."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from covergenre.evaluation import (
    METRICS,
    accuracy_by,
    at_threshold,
    compare,
    evaluate,
    risk_coverage,
)

LABELS = ("folk", "rap", "disco")
# Four covers: right, right, wrong (rap taken for folk), right; no disco.
TRUTH = np.array([0, 0, 1, 1])
CONFIDENT = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.6, 0.3, 0.1], [0.1, 0.85, 0.05]])


def covers(count: int, classes: int, seed: int) -> tuple[Any, Any]:
    """Covers of a classifier whose confidences are right."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), count)
    truth = [random.choice(classes, p=row) for row in probabilities]
    return np.array(truth), probabilities


def two(confidence: list[float], correct: list[int]) -> tuple[Any, Any]:
    """Covers of two genres, predicted as the first with these confidences."""
    first = np.array(confidence)
    return 1 - np.array(correct), np.stack([first, 1 - first], axis=1)


def value(truth: Any, probabilities: Any, name: str, samples: int = 2) -> float:
    labels = [str(k) for k in range(np.shape(probabilities)[1])]
    return float(evaluate(truth, probabilities, labels, samples=samples)[name]["value"])


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
    found = value(truth, np.stack([1 - second, second], axis=1), "macro_auc")
    assert found == pytest.approx(area)


def test_auc_is_the_plain_mean_over_genres() -> None:
    truth = np.array([0, 0, 0, 1, 2])
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.3, 0.6, 0.1], [0.3, 0.2, 0.5]]
    )
    # Folk: pairs of 0.8, 0.6, 0.2 with 0.3, 0.3: 4 of 6. Rap: 0.6 above 4 of 4. Disco: 0.5 above
    # 0.1, 0.1, 0.1 but not 0.7: 3 of 4.
    assert value(truth, probabilities, "macro_auc") == pytest.approx((4 / 6 + 1 + 3 / 4) / 3)


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
    assert value(*two(confidences, correct), "ece") == pytest.approx(error)


def test_debiased_calibration_error_of_one_bin() -> None:
    # 100 covers at 0.8, 70 right: gap 0.1, of standard deviation 0.04. By simulation rather than
    # by the closed form: what the gap's absolute value is on average.
    noisy = np.abs(np.random.default_rng(0).normal(0.1, 0.04, 4_000_000)).mean()
    found = value(*two([0.8] * 100, [1] * 70 + [0] * 30), "ece_debiased")
    assert found == pytest.approx(0.1 - (noisy - 0.1), abs=1e-4)


def test_debiasing_takes_most_of_what_chance_adds() -> None:
    plain, debiased = [], []
    for seed in range(40):
        found = evaluate(*covers(400, 3, seed), LABELS, samples=2)
        plain.append(found["ece"]["value"])
        debiased.append(found["ece_debiased"]["value"])
    # Confidences are right: the true error is 0.
    assert np.mean(debiased) < 0.65 * np.mean(plain)
    assert min(debiased) >= 0


def test_debiasing_leaves_an_error_that_is_there() -> None:
    truth, probabilities = covers(4000, 3, 1)
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    found = evaluate(truth, sharper, LABELS, samples=2)
    assert found["ece"]["value"] > 0.1
    assert found["ece_debiased"]["value"] == pytest.approx(found["ece"]["value"], abs=0.005)


def test_evaluation_by_hand() -> None:
    found = evaluate(TRUTH, CONFIDENT, LABELS)
    assert found["covers"] == 4
    assert found["accuracy"]["value"] == 0.75
    # Folk against rap by p_folk: 0.7, 0.5 over 0.6, 0.1: 3 of 4; by p_rap: 0.3, 0.85 over 0.2, 0.4:
    # 3 of 4. Disco has no cover.
    assert found["macro_auc"]["value"] == pytest.approx(0.75)
    nll = -sum(map(math.log, (0.7, 0.5, 0.3, 0.85))) / 4
    assert found["nll"]["value"] == pytest.approx(nll)
    assert found["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    folk, rap, disco = found["per_genre"]
    assert [row["genre"] for row in found["per_genre"]] == list(LABELS)
    assert [row["covers"] for row in found["per_genre"]] == [2, 2, 0]
    for row, precision, recall, f1 in ((folk, 2 / 3, 1, 0.8), (rap, 1, 0.5, 2 / 3)):
        assert row["precision"]["value"] == pytest.approx(precision)
        assert row["recall"]["value"] == pytest.approx(recall)
        assert row["f1"]["value"] == pytest.approx(f1)
        assert row["auc"]["value"] == pytest.approx(0.75)
    assert all(math.isnan(disco[name]["value"]) for name in ("precision", "recall", "f1", "auc"))
    # Macro figures are of the genres that occur.
    assert found["precision"]["value"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["recall"]["value"] == pytest.approx((1 + 0.5) / 2)
    assert found["f1"]["value"] == pytest.approx((0.8 + 2 / 3) / 2)
    json.dumps(found)


@pytest.mark.parametrize("classes", [2, 5, 30])
def test_every_figure_is_that_of_scikit_learn(classes: int) -> None:
    truth, probabilities = covers(600, classes, classes)
    # Ties, and rows that sum to 1 to the last bit.
    draws = np.random.default_rng(0).multinomial(64 - classes, probabilities)
    probabilities = (draws + 1) / 64
    found = evaluate(truth, probabilities, [str(k) for k in range(classes)], samples=2)
    predicted = probabilities.argmax(axis=1)
    each = {"average": "macro", "labels": np.unique(truth), "zero_division": 0.0}
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted, **each),
        "recall": metrics.recall_score(truth, predicted, **each),
        "f1": metrics.f1_score(truth, predicted, **each),
        "nll": metrics.log_loss(truth, probabilities, labels=range(classes)),
        "macro_auc": np.mean(
            [metrics.roc_auc_score(truth == k, probabilities[:, k]) for k in np.unique(truth)]
        ),
    }
    for name, figure in expected.items():
        assert found[name]["value"] == pytest.approx(figure, abs=1e-12), name
    areas = [metrics.roc_auc_score(truth == k, probabilities[:, k]) for k in range(classes)]
    assert [row["auc"]["value"] for row in found["per_genre"]] == pytest.approx(areas)


def test_intervals_are_those_of_resampling_one_by_one() -> None:
    truth, probabilities = covers(150, 3, 5)
    found = evaluate(truth, probabilities, LABELS, samples=300, seed=3)
    drawn = np.random.default_rng(3).integers(150, size=(300, 150))
    areas, losses = [], []
    for rows in drawn:
        t, p = truth[rows], probabilities[rows]
        areas.append(np.mean([metrics.roc_auc_score(t == k, p[:, k]) for k in range(3)]))
        losses.append(metrics.log_loss(t, p, labels=range(3)))
    for name, values in (("macro_auc", areas), ("nll", losses)):
        expected = np.percentile(values, [2.5, 97.5])
        assert found[name]["interval"] == pytest.approx(list(expected), abs=1e-12)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    hits = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        correct = random.random(300) < 0.6
        low, high = evaluate(*two([0.7] * 300, list(correct)), ("a", "b"), samples=300, seed=seed)[
            "accuracy"
        ]["interval"]
        hits += low <= 0.6 <= high
    # Of 150 at 95 %, 142.5 +- 2.7.
    assert 132 <= hits <= 149


def test_interval_of_accuracy_is_as_wide_as_its_standard_error_says() -> None:
    truth, probabilities = covers(400, 3, 9)
    found = evaluate(truth, probabilities, LABELS)["accuracy"]
    low, high = found["interval"]
    p = found["value"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(p * (1 - p) / 400), rel=0.15)


def test_rows_that_float32_left_off_one_are_mended() -> None:
    exact = evaluate(TRUTH, CONFIDENT, LABELS)
    loose = evaluate(TRUTH, (CONFIDENT * 1.00001).astype(np.float32), LABELS)
    assert loose["nll"]["value"] == pytest.approx(exact["nll"]["value"], abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_sure_of_the_wrong_genre_gives_a_finite_loss() -> None:
    found = evaluate(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ("folk", "rap"))
    assert math.isfinite(found["nll"]["value"]) and found["nll"]["value"] > 10


def test_a_perfect_classifier_has_no_interval() -> None:
    found = evaluate(np.array([0, 1, 2, 0]), np.eye(3)[[0, 1, 2, 0]], LABELS)
    best = {"accuracy": 1, "macro_auc": 1, "ece": 0, "ece_debiased": 0}
    for name, figure in best.items():
        assert found[name] == {"value": figure, "interval": [figure, figure]}


def test_bootstrap_repeats_for_its_seed() -> None:
    truth, probabilities = covers(40, 3, 4)
    first = evaluate(truth, probabilities, LABELS, seed=1)
    assert evaluate(truth, probabilities, LABELS, seed=1) == first
    assert evaluate(truth, probabilities, LABELS, seed=2) != first


@pytest.mark.filterwarnings("error")
def test_covers_of_one_genre_can_be_evaluated() -> None:
    found = evaluate(np.array([1, 1]), CONFIDENT[2:], LABELS)
    assert found["accuracy"]["value"] == 0.5
    assert math.isnan(found["macro_auc"]["value"])


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no covers to evaluate on"):
        evaluate(np.array([], np.int64), np.empty((0, 3)), LABELS)


def test_comparing_a_model_with_itself_shows_no_difference() -> None:
    found = compare(*covers(100, 3, 0), covers(100, 3, 0)[1])
    assert set(found) == set(METRICS)
    for figure in found.values():
        assert (figure["difference"], figure["interval"]) == (0, [0, 0])
        assert not figure["significant"]


def test_a_paired_comparison_sees_what_two_intervals_do_not() -> None:
    truth, first = two([0.9] * 1000, [1] * 600 + [0] * 400)
    # The second is right on 20 of these, too, and wrong nowhere else.
    second = first.copy()
    second[600:620] = second[600:620, ::-1]
    found = compare(truth, second, first)["accuracy"]
    assert (found["first"], found["second"]) == (0.62, 0.6)
    assert found["difference"] == pytest.approx(0.02)
    low, high = found["interval"]
    # 20 of 1000 covers: 0.02 +- 1.96 * sqrt(0.02 * 0.98 / 1000).
    assert (low, high) == pytest.approx((0.0113, 0.0287), abs=0.001)
    assert found["significant"]
    wide = evaluate(truth, first, ("a", "b"))["accuracy"]["interval"]
    assert wide[1] > 0.62


def test_comparing_other_covers_is_an_error() -> None:
    with pytest.raises(ValueError, match="not the same covers"):
        compare(TRUTH, CONFIDENT, CONFIDENT[:3])


def test_accuracy_by_year() -> None:
    rows = accuracy_by([2001, 1999, None, 2001], TRUTH, CONFIDENT)
    assert [(row["group"], row["covers"]) for row in rows] == [(1999, 1), (2001, 2), (None, 1)]
    assert [row["accuracy"]["value"] for row in rows] == [1, 1, 0]
    assert rows[1]["mean_confidence"]["value"] == pytest.approx((0.7 + 0.85) / 2)
    assert rows[2]["accuracy"]["interval"] == [0, 0]


CONFIDENCE = np.array([0.9, 0.8, 0.7, 0.6])
CORRECT = np.array([True, True, False, True])


def test_figures_at_a_threshold() -> None:
    found = at_threshold(CONFIDENCE, CORRECT, 0.7)
    assert found["coverage"]["value"] == 0.75
    assert found["accuracy"]["value"] == pytest.approx(2 / 3)
    assert 0 <= found["coverage"]["interval"][0] < 0.75 < found["coverage"]["interval"][1] <= 1
    assert math.isnan(at_threshold(CONFIDENCE, CORRECT, 1.0)["accuracy"]["value"])


def test_risk_and_coverage() -> None:
    found = risk_coverage(CONFIDENCE[::-1], CORRECT[::-1])
    assert found["coverage"] == [0.25, 0.5, 0.75, 1.0]
    assert found["risk"] == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert found["area"]["value"] == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert all(0 <= low <= high <= 1 for low, high in zip(found["low"], found["high"], strict=True))
