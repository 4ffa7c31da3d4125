"""What the combined model reads of each part: a row of numbers with names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit

Floats = npt.NDArray[np.float64]

CLASSIFIER, ADVISORY, APPEARANCE, CONCEPTS = "classifier", "advisory", "appearance", "concepts"
OPTIONAL = (ADVISORY, APPEARANCE, CONCEPTS)
"""The parts that may be missing; the classifier's probabilities always are there."""

MEASURES = (
    "colourfulness", "brightness", "contrast", "saturation", "hue_entropy", "near_black",
    "near_white", "achromatic", "grey_entropy", "edge_density", "symmetry", "faces", "face_area",
)  # fmt: skip
"""Fields of :class:`covergenre.appearance.Appearance` that are one number."""

# A detector is never surer than this of a label, or of none.
_SURE = 1e-3


def advisory_row(score: float | None) -> Floats:
    """The logit of a label's probability, (1,); NaN where nobody has looked."""
    return np.array([np.nan if score is None else logit(np.clip(score, _SURE, 1 - _SURE))])


def appearance_row(measured: Mapping[str, Any] | None) -> Floats:
    """The measures of a cover and their squares, as genres may like the middle: (2 m,).

    Args:
        measured: holds :data:`MEASURES`; None where the cover was not measured: NaN.
    """
    if measured is None:
        return np.full(2 * len(MEASURES), np.nan)
    values = np.array([measured[name] for name in MEASURES], np.float64)
    return np.concatenate([values, values**2])


def concepts_row(
    concepts: Iterable[tuple[str, float]] | None, vocabulary: Sequence[str], least: float
) -> Floats:
    """How sure a tagger is of each concept of a vocabulary, (len(vocabulary),).

    Args:
        concepts: name and score; None where the cover was not tagged: NaN.
        vocabulary: names; others are passed over.
        least: score, above 0, of what the tagger does not name.

    Returns:
        ``log(score / least)``, 0 for what is not named.
    """
    if concepts is None:
        return np.full(len(vocabulary), np.nan)
    scores = dict(concepts)
    found = np.array([scores.get(name, 0.0) for name in vocabulary], np.float64)
    return np.asarray(np.log(np.maximum(found, least) / least))


def common_concepts(covers: Iterable[Iterable[tuple[str, float]]], least_covers: int) -> list[str]:
    """The names that are on so many covers or more, in order of the alphabet."""
    counted = Counter(name for concepts in covers for name, _ in concepts)
    return sorted(name for name, count in counted.items() if count >= least_covers)


def read(
    names: Mapping[str, Sequence[str]], known: Mapping[str, Sequence[Any]], least: float
) -> dict[str, Floats]:
    """Inputs of covers, by part: (n, d), rows NaN of what is missing.

    Args:
        names: of the inputs, by part; of concepts they are the vocabulary.
        known: by part, one value a cover, None where it is missing: of ``advisory`` the score, of
            ``appearance`` the measures by name, of ``concepts`` pairs of name and score. Parts that
            ``names`` does not know are passed over.
        least: as :func:`concepts_row` takes it.
    """
    readers: dict[str, Callable[[Any], Floats]] = {
        ADVISORY: advisory_row,
        APPEARANCE: appearance_row,
        CONCEPTS: lambda value: concepts_row(value, names[CONCEPTS], least),
    }
    return {
        part: np.stack([readers[part](value) for value in known[part]])
        for part in names
        if part in known
    }
