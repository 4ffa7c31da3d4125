"""Fit the combined model on covers that its classifier has not learnt from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.errors import TrainingDataError
from covergenre.fusion.fusion import Fusion
from covergenre.fusion.inputs import (
    ADVISORY,
    APPEARANCE,
    CLASSIFIER,
    CONCEPTS,
    MEASURES,
    OPTIONAL,
    Floats,
    common_concepts,
    read,
)
from covergenre.fusion.opinion import Opinion, fit_opinion
from covergenre.fusion.pool import fit_weights, subsets


@dataclass(frozen=True)
class Recipe:
    """How a combined model is fitted.

    Attributes:
        parts: beside the classifier, of :data:`covergenre.fusion.inputs.OPTIONAL`.
        strength: of the opinions' penalty, by part.
        least_covers: that a concept is on, or it does not count.
        least: score, above 0, of a concept that is not named.
    """

    parts: tuple[str, ...]
    strength: Mapping[str, float]
    least_covers: int
    least: float

    def __post_init__(self) -> None:
        """Keep the parts in one order."""
        object.__setattr__(self, "parts", tuple(part for part in OPTIONAL if part in self.parts))


@dataclass(frozen=True)
class Covers:
    """Covers whose genre is known.

    Attributes:
        labels: int64 (n,).
        probabilities: (n, classes), of a classifier that had not seen them.
        known: by part, one value a cover, as :meth:`Fusion.read` takes them.
    """

    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[Any]
    known: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.labels)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Covers:
        """Some of them."""
        places = np.flatnonzero(chosen)
        known = {part: [values[i] for i in places] for part, values in self.known.items()}
        return Covers(self.labels[chosen], self.probabilities[chosen], known)


def fit(
    covers: Covers,
    folds: npt.NDArray[np.int64],
    recipe: Recipe,
    weighed: Collection[int] | None = None,
) -> Fusion:
    """Fit opinions and weigh them.

    Opinions are weighed by what they say of covers that they have not been fitted on (or weights
    would trust them too much): those of each fold that is weighed by opinions of all other folds.
    The opinions that are kept are of all covers.

    Args:
        covers: n of them; ``probabilities`` matter in folds that are weighed alone.
        folds: int64 (n,), near-duplicates in one fold; two folds at least.
        recipe: how.
        weighed: folds; None: all.

    Raises:
        TrainingDataError: too few covers of a genre.
    """
    names = _names(covers, recipe)
    parts: list[tuple[Covers, dict[str, Floats]]] = []
    for fold in sorted(set(folds.tolist()) if weighed is None else weighed):
        others = Fusion(_opinions(covers.where(folds != fold), names, recipe), {}, recipe.least)
        chosen = covers.where(folds == fold)
        parts.append((chosen, others.opined(chosen.probabilities, others.read(chosen.known))))
    said = {part: np.concatenate([one[part] for _, one in parts]) for part in parts[0][1]}
    labels = np.concatenate([chosen.labels for chosen, _ in parts])
    return Fusion(_opinions(covers, names, recipe), _weights(said, labels), recipe.least)


def cross_fitted(covers: Covers, folds: npt.NDArray[np.int64], recipe: Recipe) -> Floats:
    """What combined models say of covers that they have not been fitted on, (n, classes).

    Each fold is left out once, of three at least.
    """
    said = np.zeros(covers.probabilities.shape)
    for fold in np.unique(folds):
        rest, left = folds != fold, covers.where(folds == fold)
        fusion = fit(covers.where(rest), folds[rest], recipe)
        said[~rest] = fusion.combine(left.probabilities, fusion.read(left.known)).probabilities
    return said


def _names(covers: Covers, recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Of the inputs of each part."""
    names = {ADVISORY: (ADVISORY,), APPEARANCE: (*MEASURES, *MEASURES)}
    if CONCEPTS in recipe.parts:
        there = [value for value in covers.known[CONCEPTS] if value is not None]
        names[CONCEPTS] = tuple(common_concepts(there, recipe.least_covers))
    return {part: names[part] for part in recipe.parts}


def _opinions(
    covers: Covers, names: Mapping[str, tuple[str, ...]], recipe: Recipe
) -> dict[str, Opinion]:
    """The opinion of each part; a cover that lacks a part is left out for it."""
    classes = covers.probabilities.shape[1]
    opinions = {}
    for part, inputs in read(names, covers.known, recipe.least).items():
        there = ~np.isnan(inputs).any(axis=1)
        labels = covers.labels[there]
        if len(np.unique(labels)) < classes or not names[part]:
            raise TrainingDataError(
                f"the part {part} is known of {int(there.sum())} covers, which lack a genre, or it "
                "says nothing of them: leave it out of fusion.parts"
            )
        opinions[part] = fit_opinion(names[part], inputs[there], labels, recipe.strength[part])
    return opinions


def _weights(
    opinions: Mapping[str, Floats], labels: npt.NDArray[np.int64]
) -> dict[tuple[str, ...], dict[str, float]]:
    """For each choice of the parts beside the classifier."""
    weights = {}
    for parts in subsets([part for part in opinions if part != CLASSIFIER]):
        chosen = [CLASSIFIER, *parts]
        there = ~np.isnan(np.stack([opinions[part] for part in chosen])).any(axis=(0, 2))
        found = fit_weights([opinions[part][there] for part in chosen], labels[there])
        weights[parts] = dict(zip(chosen, found.tolist(), strict=True))
    return weights
