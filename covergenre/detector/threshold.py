"""From a detector's scores to decisions: what scores mean, and from which one on there is a label.

Both are fitted on covers that the detector was not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from covergenre.calibration import Platt
from covergenre.detector.average_precision import Curve, at_threshold, curve, judge
from covergenre.detector.boxes import Boxes, Detections
from covergenre.errors import TrainingDataError

# Scores of 0 and 1 have no finite logit.
_LEAST = 1e-6


def fit_platt(scores: npt.NDArray[np.float32], labelled: npt.NDArray[np.bool_]) -> Platt:
    """Make probabilities of scores by Platt scaling (J. Platt, "Probabilistic outputs for support
    vector machines", 1999, with his targets of less than certainty, section 2.2).

    Args:
        scores: float32 (n,), 0-1, the highest of each cover; 0 where nothing was found.
        labelled: bool (n,), whether the cover carries a label.

    Raises:
        TrainingDataError: there are not both, or labels do not make scores higher.
    """
    positive, negative = int(labelled.sum()), int((~labelled).sum())
    if positive == 0 or negative == 0:
        raise TrainingDataError(
            f"{positive} validation covers with a label and {negative} without: the detector's "
            "scores cannot be calibrated; both are needed"
        )
    certain, lacking = (positive + 1) / (positive + 2), 1 / (negative + 2)
    chance = np.where(labelled, certain, lacking)
    inputs = logit(np.clip(scores.astype(np.float64), _LEAST, 1 - _LEAST))[:, None]
    # A target between 0 and 1 is an example of both, weighted.
    model = LogisticRegression(C=np.inf).fit(
        np.concatenate([inputs, inputs]),
        np.repeat([1, 0], len(inputs)),
        np.concatenate([chance, 1 - chance]),
    )
    scale, bias = float(model.coef_[0, 0]), float(model.intercept_[0])
    if not scale > 0:
        raise TrainingDataError(
            "the detector scores validation covers without a label as high as those with one: it "
            "has learnt nothing; train it longer or on more pictures"
        )
    return Platt(scale, bias)


@dataclass(frozen=True)
class Choice:
    """A threshold, and what it gives on the covers that it was chosen on.

    Attributes:
        threshold: 0-1; detections of this score or more count. 1 if none meets what is asked for.
        met: whether there is one.
        precision: of all detections; 1 without any.
        recall: of all labels.
        false_per_thousand: false labels on 1000 real covers without a label.
        asked_precision, asked_false_per_thousand: for.
    """

    threshold: float
    met: bool
    precision: float
    recall: float
    false_per_thousand: float
    asked_precision: float
    asked_false_per_thousand: float

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest holds it."""
        return asdict(self)


def choose_threshold(
    truth: Sequence[Boxes],
    found: Sequence[Detections],
    bare: npt.NDArray[np.bool_],
    precision: float,
    false_per_thousand: float,
) -> Choice:
    """The lowest threshold that keeps two promises.

    It lies half-way between the last detection kept and the next lower one.

    Args:
        truth: float (m, 4) a cover, its labels, xmin, ymin, xmax, ymax in 0-1.
        found: the same covers' detections, of calibrated scores.
        bare: bool (n,), the real covers among them that carry no label.
        precision: least share of right detections among all covers.
        false_per_thousand: most false labels on 1000 of the bare covers.

    Raises:
        TrainingDataError: no cover is bare.
    """
    if not bare.any():
        raise TrainingDataError(
            "no real validation cover without a label: false labels cannot be counted; the "
            "catalogue needs covers of genres that are not in detector.labelled_genres"
        )
    judged = judge(truth, found)
    without = [int(i) for i in np.flatnonzero(bare)]
    empty = judge([truth[i] for i in without], [found[i] for i in without])
    line = curve(judged)
    false = np.array([at_threshold(empty, t).false_per_thousand for t in line.thresholds])
    good = np.flatnonzero((line.precision >= precision) & (false <= false_per_thousand))
    threshold = _half_way(line, int(good[-1])) if len(good) else 1.0
    reached = at_threshold(judged, threshold)
    return Choice(
        threshold,
        len(good) > 0,
        reached.precision,
        reached.recall,
        at_threshold(empty, threshold).false_per_thousand,
        precision,
        false_per_thousand,
    )


def _half_way(line: Curve, index: int) -> float:
    thresholds = line.thresholds
    below = thresholds[index + 1] if index + 1 < len(thresholds) else 0.0
    return float((thresholds[index] + below) / 2)
