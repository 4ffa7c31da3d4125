"""Make probabilities mean what they say."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_softmax, logit

_RANGE = (0.05, 20.0)


def fit_temperature(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """The temperature that logits are divided by (C. Guo et al., "On calibration of modern neural
    networks", ICML 2017): the one that makes held-out labels most likely.

    Args:
        logits: (n, classes), of covers not trained on.
        labels: (n,), 0 to classes - 1.

    Returns:
        positive; above 1 where the network is too sure of itself. The order of classes, and with
        it accuracy, does not change.
    """
    # A fifth of a second, which all that only score would spend at their start.
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(np.asarray(logits, np.float64) / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, labels].mean())

    low, high = np.log(_RANGE)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Abstention:
    """When a classifier says that it does not know: below a confidence.

    Attributes:
        threshold: 0 to 1; a cover whose confidence is below it is abstained on.
        target_accuracy: asked for among the covers that are kept.
        coverage: share of the covers it was fitted on that are kept.
        accuracy: among these; None where none is kept.
    """

    threshold: float
    target_accuracy: float
    coverage: float
    accuracy: float | None

    def to_json(self) -> dict[str, float | None]:
        """As the manifest of a bundle holds it."""
        return asdict(self)


def fit_abstention(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], target_accuracy: float
) -> Abstention:
    """The lowest confidence from which on covers reach an accuracy: the reject option on the most
    probable class (C. Chow, "On optimum recognition error and reject tradeoff", 1970), its
    threshold found on a risk-coverage curve (Y. Geifman, R. El-Yaniv, "Selective classification
    for deep neural networks", NIPS 2017; without their bound, so it holds on average).

    Always met: the threshold is 0, nothing is abstained on. Met by no part of the covers, not even
    the most confident: it is 1, all but what is certain is abstained on. Else it lies half-way
    between the last confidence kept and the next lower one.

    Args:
        confidence: (n,), 0 to 1, probability of the predicted genre, of covers not trained on.
        correct: (n,), whether that genre is theirs.
        target_accuracy: above 0, at most 1.

    Raises:
        ValueError: no covers.
    """
    if len(confidence) == 0:
        raise ValueError("no covers to fit an abstention threshold on")
    levels, level = np.unique(confidence, return_inverse=True)
    # Covers of one confidence are kept or left together.
    kept = np.bincount(level)[::-1].cumsum()[::-1]
    right = np.bincount(level, correct)[::-1].cumsum()[::-1]
    reached = np.flatnonzero(right >= target_accuracy * kept)
    if len(reached) == 0:
        return Abstention(1.0, target_accuracy, 0.0, None)
    lowest = int(reached[0])
    threshold = (levels[lowest - 1] + levels[lowest]) / 2 if lowest else 0.0
    return Abstention(
        threshold=float(threshold),
        target_accuracy=target_accuracy,
        coverage=float(kept[lowest] / len(confidence)),
        accuracy=float(right[lowest] / kept[lowest]),
    )


@dataclass(frozen=True)
class Platt:
    """What makes a probability of one logit: ``sigmoid(scale * logit + bias)`` (J. Platt,
    "Probabilistic outputs for support vector machines", 1999).

    Attributes:
        scale: above 0, so that the order of scores stays.
        bias: of the logit.
    """

    scale: float
    bias: float

    def __post_init__(self) -> None:
        """Refuse what turns the order around.

        Raises:
            ValueError: ``scale`` is not above 0.
        """
        if not self.scale > 0:
            raise ValueError(f"scale must be above 0, not {self.scale}")

    def apply(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores 0-1, sigmoids of logits, of any shape, to probabilities."""
        logits = logit(np.asarray(scores, np.float64))
        return np.asarray(expit(self.scale * logits + self.bias), np.float32)
