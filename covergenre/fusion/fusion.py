"""The combined model: what classifier, label, colour and concepts say, as one probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from covergenre.fusion.inputs import CLASSIFIER, Floats, read
from covergenre.fusion.opinion import Opinion
from covergenre.fusion.pool import centred, pooled


@dataclass(frozen=True)
class Reason:
    """Something that moved a prediction.

    Attributes:
        part: classifier, advisory, appearance or concepts.
        input: its name; of a part with one input, the part's.
        contribution: to the logit of the predicted genre, against the mean of all genres.
    """

    part: str
    input: str
    contribution: float


@dataclass(frozen=True)
class Fused:
    """What the combined model says of n covers.

    Attributes:
        probabilities: float32 (n, classes), rows sum to 1.
        reasons: per cover, what moved its predicted genre, the strongest first.
    """

    probabilities: npt.NDArray[np.float32]
    reasons: list[list[Reason]]


@dataclass(frozen=True)
class Fusion:
    """Opinions of parts, and their weights.

    All of it is linear in the logits: what a part or an input adds is exact, no estimate (for a
    linear model it is its Shapley value with the mean as background; S. Lundberg, S.-I. Lee, "A
    unified approach to interpreting model predictions", NIPS 2017).

    Attributes:
        opinions: of the parts beside the classifier.
        weights: by the optional parts that a cover has, in the order of
            :data:`covergenre.fusion.inputs.OPTIONAL`: weight by part, the classifier's too. Fitted
            for each choice of parts, so that what is missing makes nothing wrong.
        least: score, 0-1, that a concept has that is not named.
    """

    opinions: Mapping[str, Opinion]
    weights: Mapping[tuple[str, ...], Mapping[str, float]]
    least: float

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts beside the classifier."""
        return tuple(self.opinions)

    def read(self, known: Mapping[str, Sequence[Any]]) -> dict[str, Floats]:
        """Inputs of covers, by part: (n, d), rows NaN of what is missing.

        Args:
            known: by part, one value a cover, None where it is missing: of ``advisory`` the score,
                0-1, of ``appearance`` the measures by name, of ``concepts`` pairs of name and
                score. Parts the model does not know are passed over.
        """
        names = {part: opinion.names for part, opinion in self.opinions.items()}
        return read(names, known, self.least)

    def opined(
        self, probabilities: npt.NDArray[Any], inputs: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """What each part says, the classifier first: centred logits (n, classes), NaN where a part
        is missing.

        Args:
            probabilities: of the classifier, (n, classes).
            inputs: as :meth:`read` gives them.
        """
        said = {CLASSIFIER: centred(probabilities)}
        return said | {part: self.opinions[part].logits(rows) for part, rows in inputs.items()}

    def combine(
        self,
        probabilities: npt.NDArray[Any],
        inputs: Mapping[str, Floats],
        most_reasons: int = 5,
    ) -> Fused:
        """Combine.

        Args:
            probabilities: of the classifier, (n, classes), n above 0.
            inputs: as :meth:`read` gives them; parts may be missing, and rows of parts be NaN.
            most_reasons: kept of each cover.
        """
        count, classes = probabilities.shape
        opinions = self.opined(probabilities, inputs)
        there = {part: ~np.isnan(rows).any(axis=1) for part, rows in inputs.items()}
        final = np.zeros((count, classes))
        reasons: list[list[Reason]] = [[] for _ in range(count)]
        for parts, weights in self.weights.items():
            chosen = np.ones(count, bool)
            for part in self.parts:
                has = there.get(part, np.zeros(count, bool))
                chosen &= has if part in parts else ~has
            if not chosen.any():
                continue
            added = pooled({part: opinions[part][chosen] for part in weights}, weights)
            final[chosen] = sum(added.values())
            moved = {part: rows[chosen] for part, rows in inputs.items() if part in parts}
            said = self._reasons(added, moved, weights, final[chosen].argmax(axis=1))
            for row, found in zip(np.flatnonzero(chosen), said, strict=True):
                reasons[row] = found[:most_reasons]
        return Fused(softmax(final, axis=1).astype(np.float32), reasons)

    def _reasons(
        self,
        added: Mapping[str, Floats],
        inputs: Mapping[str, Floats],
        weights: Mapping[str, float],
        predicted: npt.NDArray[np.int64],
    ) -> list[list[Reason]]:
        """Per cover, the strongest first; what moves nothing is left out."""
        rows = np.arange(len(predicted))
        named = [(CLASSIFIER, CLASSIFIER, added[CLASSIFIER][rows, predicted])]
        for part, values in inputs.items():
            opinion = self.opinions[part]
            if len(set(opinion.names)) == 1:
                named.append((part, opinion.names[0], added[part][rows, predicted]))
                continue
            for name, moved in opinion.by_name(values).items():
                named.append((part, name, weights[part] * moved[rows, predicted]))
        table = np.stack([values for _, _, values in named], axis=1)
        order = np.argsort(-np.abs(table), axis=1, kind="stable")
        return [
            [Reason(named[i][0], named[i][1], float(line[i])) for i in places if line[i] != 0]
            for line, places in zip(table, order.tolist(), strict=True)
        ]
