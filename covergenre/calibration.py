"""Make probabilities mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

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
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(np.asarray(logits, np.float64) / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, labels].mean())

    low, high = np.log(_RANGE)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))
