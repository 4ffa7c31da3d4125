"""The parity gate, on answers written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from covergenre.engines.parity import Said, held_against, logit_scale

# Four covers of two genres; the reference calls them 0, 0, 1, 1.
REFERENCE = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]])
TRUTH = np.array([0, 1, 1, -1])


def said(probabilities: np.ndarray, scores: list[float] | None = None) -> Said:
    advisory = None if scores is None else np.array(scores)
    return Said(probabilities, probabilities, advisory)


def test_the_reference_passes_against_itself() -> None:
    figures = held_against(said(REFERENCE), said(REFERENCE), TRUTH, None)
    assert (figures["covers"], figures["labelled"]) == (4, 3)
    assert figures["agreement"] == 1 and figures["passed"]
    assert figures["probability_error"] == {"mean": 0, "max": 0}
    assert figures["accuracy"]["reference"] == figures["accuracy"]["found"] == pytest.approx(2 / 3)
    assert figures["accuracy"]["interval"] == [0, 0]
    assert "advisory_agreement" not in figures


def test_one_cover_in_four_called_otherwise_is_refused() -> None:
    other = REFERENCE.copy()
    other[3] = [0.52, 0.48]  # its genre is not known: the accuracy is the same
    figures = held_against(said(REFERENCE), said(other), TRUTH, None)
    assert figures["agreement"] == 0.75 and not figures["passed"]
    assert figures["accuracy"]["difference"] == 0
    assert figures["probability_error"]["max"] == pytest.approx(0.07)
    assert figures["probability_error"]["mean"] == pytest.approx(0.07 / 4)


def test_an_accuracy_that_is_surely_lower_is_refused_though_few_covers_differ() -> None:
    count = 2000
    reference = np.tile([[0.6, 0.4]], (count, 1))
    other = reference.copy()
    other[: count // 100] = [0.4, 0.6]  # one in a hundred, each of them wrong now
    truth = np.zeros(count, np.int64)
    figures = held_against(said(reference), said(other), truth, None)
    assert figures["agreement"] == 0.99
    assert figures["accuracy"]["difference"] == pytest.approx(-0.01)
    assert figures["accuracy"]["interval"][1] < 0
    assert not figures["passed"]
    # As many that are right now as are wrong: no lower than chance may make it.
    other[: count // 200] = reference[0]
    truth[count // 200 : count // 100] = 1
    assert held_against(said(reference), said(other), truth, None)["passed"]


def test_labels_are_decided_at_the_threshold() -> None:
    ours, theirs = said(REFERENCE, [0.91, 0.2, 0.5, 0.1]), said(REFERENCE, [0.89, 0.2, 0.55, 0.1])
    figures = held_against(ours, theirs, TRUTH, 0.9)
    assert figures["advisory_agreement"] == 0.75
    assert figures["advisory_error"] == pytest.approx(0.05)


def test_without_known_genres_the_accuracy_is_not_judged() -> None:
    figures = held_against(said(REFERENCE), said(REFERENCE), np.full(4, -1), None, 1.01)
    assert figures["labelled"] == 0 and "accuracy" not in figures
    assert figures["passed"] and figures["logit_scale"] == 1.01


@pytest.mark.parametrize("scale", [0.98, 1.0, 1.03])
def test_logits_that_are_larger_are_found_to_be(scale: float) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (50, 5))

    def softmax(x: np.ndarray) -> np.ndarray:
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    found = logit_scale(said(softmax(logits)), said(softmax(scale * logits + 0.3)))
    assert found == pytest.approx(scale, abs=1e-6)
