"""What a classifier has to beat: no look at the cover at all, and a look at its colours alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from covergenre.evaluation.statistics import Labels, Probabilities

_C = 0.01
"""Inverse strength of the penalty; on validation covers anything from 0.001 to 0.1 does as well."""
_ITERATIONS = 1000
_LEAST_SHARE = 1e-6


def majority(learnt: Labels, classes: int, covers: int) -> Probabilities:
    """Calls every cover the most frequent genre, with the genres' shares as probabilities.

    Args:
        learnt: int64 (n,), genres of the covers that may be learnt from.
        classes: how many genres there are.
        covers: how many are to be judged.

    Returns:
        (covers, classes).
    """
    shares = np.maximum(np.bincount(learnt, minlength=classes) / len(learnt), _LEAST_SHARE)
    return np.tile(shares / shares.sum(), (covers, 1))


def colour(
    features: npt.NDArray[np.float32],
    learnt: Labels,
    judged: npt.NDArray[np.float32],
    classes: int,
) -> Probabilities:
    """Multinomial logistic regression on standardised colour features.

    Args:
        features: (n, k), see :func:`covergenre.colour.colour_features`.
        learnt: int64 (n,), their genres, at least two.
        judged: (m, k), features of the covers to be judged.
        classes: how many genres there are.

    Returns:
        (m, classes); nearly 0 for genres that none of the n has.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_C, max_iter=_ITERATIONS))
    model.fit(features, learnt)
    probabilities = np.full((len(judged), classes), _LEAST_SHARE)
    probabilities[:, model.classes_] = model.predict_proba(judged)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))
