"""The combined model: opinions, their weights, what is missing, and reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from covergenre.bundle import open_bundle, with_part
from covergenre.calibration import Abstention
from covergenre.errors import BundleError, TrainingDataError
from covergenre.fusion.fitting import Covers, Recipe, cross_fitted, fit
from covergenre.fusion.fusion import Fusion
from covergenre.fusion.inputs import (
    MEASURES,
    advisory_row,
    appearance_row,
    common_concepts,
    concepts_row,
)
from covergenre.fusion.opinion import fit_opinion
from covergenre.fusion.pool import centred, fit_weights, subsets
from covergenre.fusion.stored import OPINIONS, FusionPart
from tests import detectors

STRENGTH = {"advisory": 1e-3, "appearance": 1e-3, "concepts": 1e-2}
ALL = ("advisory", "appearance", "concepts")


def catalogue(count: int, seed: int) -> tuple[Covers, Any]:
    """Covers of three genres. The classifier cannot tell 1 from 2; the label is on half of 2, dark
    covers are more often of 0, guitars on 1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    logits = np.where(labels == 0, 1.5, -1.5)[:, None] * np.array([1.0, -0.5, -0.5])
    probabilities = softmax(logits + rng.normal(0, 1, (count, 3)) * [1, 0.3, 0.3], axis=1)
    labelled = (labels == 2) & (rng.random(count) < 0.5)
    advisory = np.where(labelled, 0.99, 0.01).tolist()
    appearance = []
    for label in labels:
        measures = dict.fromkeys(MEASURES, 0.3)
        measures["brightness"] = float(rng.normal(0.3 if label == 0 else 0.5, 0.1))
        appearance.append(measures)
    guitar = (labels == 1) & (rng.random(count) < 0.4)
    concepts = [[("guitar", 0.6), ("sky", 0.3)] if has else [("sky", 0.3)] for has in guitar]
    known = {"advisory": advisory, "appearance": appearance, "concepts": concepts}
    return Covers(labels, probabilities, known), rng.integers(0, 4, count)


def recipe(*parts: str) -> Recipe:
    return Recipe(parts, STRENGTH, least_covers=5, least=0.05)


def nll(probabilities: Any, labels: Any) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


# Inputs.


def test_a_label_is_read_as_a_logit_that_is_never_infinite() -> None:
    assert expit(advisory_row(0.75)) == pytest.approx(0.75)
    assert expit(advisory_row(1.0)) == pytest.approx(0.999)
    assert expit(advisory_row(0.0)) == pytest.approx(0.001)
    assert np.isnan(advisory_row(None)).all()


def test_measures_come_with_their_squares() -> None:
    measured = {name: float(k) for k, name in enumerate(MEASURES)}
    row = appearance_row({**measured, "palette": []})
    assert row.tolist() == [*range(13), *(k * k for k in range(13))]
    assert np.isnan(appearance_row(None)).all() and len(appearance_row(None)) == 26


def test_concepts_count_by_how_far_they_are_above_what_is_not_named() -> None:
    row = concepts_row([("sky", 0.2), ("sea", 0.01), ("moon", 0.9)], ["sea", "sky", "sun"], 0.02)
    assert row == pytest.approx([0.0, np.log(10), 0.0])
    assert np.isnan(concepts_row(None, ["sea"], 0.02)).all()
    assert concepts_row([], ["sea"], 0.02).tolist() == [0.0]


def test_rare_concepts_do_not_count() -> None:
    covers = [[("sky", 0.2), ("sea", 0.3)], [("sky", 0.9)], [("moon", 0.1), ("sea", 0.1)]]
    assert common_concepts(covers, 2) == ["sea", "sky"]


# Opinions and weights.


@pytest.mark.parametrize("classes", [2, 3])
def test_an_opinion_on_one_input_is_the_share_of_genres(classes: int) -> None:
    # With an input of two values and hardly a penalty it says the very shares.
    inputs = np.repeat([0.0, 1.0], [60, 40])[:, None]
    first = np.repeat(range(classes), [30, 30] if classes == 2 else [30, 20, 10])
    second = np.repeat(range(classes), [8, 32] if classes == 2 else [8, 12, 20])
    labels = np.concatenate([first, second])
    opinion = fit_opinion(["x"], inputs, labels, 1e-9)
    said = softmax(opinion.logits(np.array([[0.0], [1.0], [np.nan]])), axis=1)
    assert said[0] == pytest.approx(np.bincount(first) / 60, abs=0.003)
    assert said[1] == pytest.approx(np.bincount(second) / 40, abs=0.003)
    assert np.isnan(said[2]).all()
    assert opinion.logits(inputs).sum(axis=1) == pytest.approx(0, abs=1e-9)


def test_what_inputs_add_sums_to_the_opinion() -> None:
    rng = np.random.default_rng(1)
    inputs, labels = rng.normal(size=(90, 4)), rng.integers(0, 3, 90)
    opinion = fit_opinion(["a", "b", "a", "c"], inputs, labels, 1e-2)
    added = opinion.by_name(inputs)
    assert list(added) == ["a", "b", "c"]
    assert sum(added.values()) + opinion.bias == pytest.approx(opinion.logits(inputs))
    # "a" stands for the first and the third input.
    moved = inputs.copy()
    moved[:, [0, 2]] += 1
    assert np.allclose(opinion.by_name(moved)["b"], added["b"])
    assert not np.allclose(opinion.by_name(moved)["a"], added["a"])


def test_a_weight_is_what_makes_an_overconfident_opinion_right_and_noise_gets_none() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (6000, 3))
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    noise = rng.normal(0, 2, (6000, 3))
    first, second = fit_weights([centred(softmax(2 * logits, axis=1)), noise], labels)
    assert first == pytest.approx(0.5, abs=0.03)
    assert second == pytest.approx(0, abs=0.02)


def test_all_choices_of_parts() -> None:
    assert list(subsets(["a", "b"])) == [(), ("a",), ("b",), ("a", "b")]


# The combined model.


def test_parts_help_on_covers_that_nothing_was_fitted_on() -> None:
    covers, folds = catalogue(1600, 1)
    fusion = fit(covers, folds, recipe(*ALL))
    fresh, _ = catalogue(1600, 2)
    alone = fusion.combine(fresh.probabilities, {}).probabilities
    losses = [nll(alone, fresh.labels)]
    for count in (1, 2, 3):
        known = {part: fresh.known[part] for part in ALL[:count]}
        said = fusion.combine(fresh.probabilities, fusion.read(known)).probabilities
        assert said.dtype == np.float32 and said.sum(axis=1) == pytest.approx(1, abs=1e-6)
        losses.append(nll(said, fresh.labels))
    assert np.all(np.diff(losses) < -0.02)
    # The label says "2", as strongly as it should: covers with it nearly all are.
    labelled = np.array(fresh.known["advisory"]) > 0.5
    both = fusion.combine(
        fresh.probabilities, fusion.read({"advisory": fresh.known["advisory"]})
    ).probabilities
    assert both[labelled].argmax(axis=1).tolist() == [2] * int(labelled.sum())


def test_what_is_missing_of_a_cover_is_left_out_for_that_cover_alone() -> None:
    covers, folds = catalogue(600, 3)
    fusion = fit(covers, folds, recipe("concepts", "advisory"))
    assert fusion.parts == ("advisory", "concepts")
    known = {part: list(covers.known[part][:4]) for part in fusion.parts}
    known["advisory"][1] = known["concepts"][2] = None
    known["advisory"][3] = known["concepts"][3] = None
    shown = covers.probabilities[:4]
    together = fusion.combine(shown, fusion.read(known))
    alone = [
        {"advisory": known["advisory"][:1], "concepts": known["concepts"][:1]},
        {"concepts": known["concepts"][1:2]},
        {"advisory": known["advisory"][2:3]},
        {},
    ]
    for k, parts in enumerate(alone):
        one = fusion.combine(shown[k : k + 1], fusion.read(parts))
        assert np.array_equal(one.probabilities[0], together.probabilities[k])
        assert one.reasons[0] == together.reasons[k]
    assert {reason.part for reason in together.reasons[3]} == {"classifier"}


def test_reasons_add_up_to_the_prediction() -> None:
    covers, folds = catalogue(600, 4)
    fusion = fit(covers, folds, recipe(*ALL))
    inputs = fusion.read(covers.known)
    said = fusion.combine(covers.probabilities, inputs, most_reasons=1000)
    opinions, weights = fusion.opined(covers.probabilities, inputs), fusion.weights[ALL]
    total = sum(weights[part] * rows for part, rows in opinions.items())
    for k in range(20):
        best = int(said.probabilities[k].argmax())
        constant = sum(
            weights[part] * fusion.opinions[part].bias[best] for part in ("appearance", "concepts")
        )
        moved = sum(reason.contribution for reason in said.reasons[k])
        assert moved + constant == pytest.approx(total[k, best], abs=1e-9)
    strengths = [abs(reason.contribution) for reason in said.reasons[0]]
    assert strengths == sorted(strengths, reverse=True)
    labelled = int(np.argmax(np.array(covers.known["advisory"]) > 0.5))
    strongest = fusion.combine(covers.probabilities, inputs, 1).reasons[labelled]
    assert [(reason.part, reason.input) for reason in strongest] == [("advisory", "advisory")]


def test_cross_fitting_never_shows_a_cover_its_own_label() -> None:
    # Parts that say nothing: opinions fitted on the very covers would beat the classifier.
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 300)
    words = [[(f"word{k}", 0.9) for k in rng.choice(60, 6, replace=False)] for _ in labels]
    even = np.full((300, 3), 1 / 3)
    covers = Covers(labels, even, {"concepts": words})
    weak = Recipe(("concepts",), {"concepts": 1e-6}, least_covers=2, least=0.05)
    said = cross_fitted(covers, np.arange(300) % 4, weak)
    assert nll(said, labels) > np.log(3) - 0.02
    own = fit(covers, np.arange(300) % 4, weak).opinions["concepts"]
    learnt = own.logits(np.stack([concepts_row(w, own.names, 0.05) for w in words]))
    assert nll(softmax(learnt, axis=1), labels) < 0.95


def test_weights_are_fitted_on_the_folds_asked_for_alone() -> None:
    covers, folds = catalogue(800, 6)
    held = folds == 1
    hidden = np.where(held[:, None], covers.probabilities, np.nan)
    seen = fit(Covers(covers.labels, hidden, covers.known), folds, recipe(*ALL), [1])
    assert np.isfinite([list(one.values()) for one in seen.weights.values()][-1]).all()
    every = fit(covers, folds, recipe(*ALL), [1])
    assert seen.weights == every.weights


def test_a_part_that_is_known_of_nothing_is_named() -> None:
    covers, folds = catalogue(80, 7)
    blind = Covers(covers.labels, covers.probabilities, {**covers.known, "advisory": [None] * 80})
    with pytest.raises(TrainingDataError, match=r"advisory .* 0 covers.*fusion\.parts"):
        fit(blind, folds, recipe("advisory"))


# In a bundle.


def stored(path: Path, make_bundle: Any) -> tuple[Fusion, Any]:
    covers, folds = catalogue(400, 8)
    fusion = fit(covers, folds, recipe(*ALL))
    part = FusionPart.of(
        fusion, Abstention(0.6, 0.8, 0.5, 0.81), "imagenet:x", "1", {"from": "here"}, "# Card\n"
    )
    base = make_bundle("base", detector=detectors.own())
    return fusion, with_part(base, path / "combined", part)


def test_it_comes_back_from_a_bundle_as_it_was(tmp_path: Path, make_bundle: Any) -> None:
    fusion, bundle = stored(tmp_path, make_bundle)
    assert bundle.name == "combined" and bundle.detector is not None
    assert bundle.fusion is not None and bundle.fusion.parts == ALL
    assert (bundle.fusion.tagger, bundle.fusion.appearance) == ("imagenet:x", "1")
    assert bundle.abstention == Abstention(0.6, 0.8, 0.5, 0.81)
    assert (bundle.path / "FUSION_CARD.md").read_text() == "# Card\n"
    again = bundle.fusion.load()
    covers, _ = catalogue(50, 9)
    for known in (covers.known, {"concepts": covers.known["concepts"]}, {}):
        before = fusion.combine(covers.probabilities, fusion.read(known))
        after = again.combine(covers.probabilities, again.read(known))
        assert np.array_equal(before.probabilities, after.probabilities)
        assert before.reasons == after.reasons


def test_another_detector_takes_the_combined_model_away(tmp_path: Path, make_bundle: Any) -> None:
    _, bundle = stored(tmp_path, make_bundle)
    changed = with_part(bundle, tmp_path / "changed", detectors.own(0.3))
    assert changed.fusion is None and changed.detector is not None
    assert not (changed.path / OPINIONS).exists()
    assert not (changed.path / "FUSION_CARD.md").exists()


def test_opinions_that_are_not_the_manifest_s_are_refused(tmp_path: Path, make_bundle: Any) -> None:
    _, bundle = stored(tmp_path, make_bundle)
    spec = json.loads(json.dumps(bundle.fusion.spec))
    spec["names"]["concepts"].append("unicorn")
    part = FusionPart(
        {OPINIONS: (bundle.path / OPINIONS).read_bytes()}, {**spec, "files": [OPINIONS]}
    )
    wrong = with_part(bundle, tmp_path / "wrong", part)
    assert wrong.fusion is not None
    with pytest.raises(BundleError, match=r"fusion\.safetensors does not hold .* concepts"):
        wrong.fusion.load()
    (wrong.path / OPINIONS).unlink()
    with pytest.raises(BundleError, match=r"fusion\.safetensors is missing"):
        open_bundle(wrong.path)
