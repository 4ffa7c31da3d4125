"""Opinions weighed against each other: the logarithmic opinion pool.

``log p(genre) = sum over parts of weight x log p_part(genre) + constant`` (C. Genest, J. Zidek,
"Combining probability distributions", Statistical Science 1986), its weights fitted on covers that
no part has learnt from: stacked generalisation (D. Wolpert, Neural Networks 1992). One weight a
part, not one a genre: with a thousand covers more of them learn noise.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from covergenre.fusion.inputs import Floats

_MOST = 5.0


def fit_weights(
    opinions: Sequence[Floats], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The weights, none negative, that make held-out labels most likely.

    Weights that fit are also a temperature: what comes out is calibrated.

    Args:
        opinions: of each part, centred logits (n, classes).
        labels: (n,), 0 to classes - 1.

    Returns:
        (parts,).
    """
    from scipy.optimize import minimize  # slow to import, for fitting alone

    stacked = np.stack(opinions)
    rows = np.arange(len(labels))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logs = log_softmax(np.tensordot(weights, stacked, 1), axis=1)
        wrong = np.exp(logs)
        wrong[rows, labels] -= 1
        return float(-logs[rows, labels].mean()), (stacked * wrong).sum(axis=(1, 2)) / len(labels)

    start = np.eye(len(opinions))[0]
    bounds = [(0.0, _MOST)] * len(opinions)
    return np.asarray(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x)


def subsets(parts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All choices of parts, in their order, the empty one too."""
    for count in range(len(parts) + 1):
        yield from itertools.combinations(parts, count)


def centred(probabilities: npt.NDArray[Any]) -> Floats:
    """Probabilities (n, classes) as centred logits."""
    tiny = np.finfo(np.float32).tiny
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), tiny))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def pooled(opinions: Mapping[str, Floats], weights: Mapping[str, float]) -> dict[str, Floats]:
    """What each part adds to the logits of the pool: (n, classes) by part."""
    return {part: weight * opinions[part] for part, weight in weights.items()}
