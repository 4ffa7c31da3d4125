"""What one part alone says of the genre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covergenre.fusion.inputs import Floats

TENSORS = ("mean", "scale", "kernel", "bias")


@dataclass(frozen=True)
class Opinion:
    """Multinomial logistic regression on the standardised inputs of a part.

    Attributes:
        names: of the d inputs; inputs that stand for one thing, such as a measure and its square,
            share a name.
        mean, scale: float64 (d,).
        kernel: float64 (d, k), rows centred: what an input says for one genre it says against the
            others.
        bias: float64 (k,), centred.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    kernel: Floats
    bias: Floats

    def logits(self, inputs: Floats) -> Floats:
        """Inputs (n, d) to centred logits (n, k); NaN rows, of what is missing, stay NaN."""
        return np.asarray(self._standard(inputs) @ self.kernel + self.bias)

    def by_name(self, inputs: Floats) -> dict[str, Floats]:
        """What each input adds to the logits: (n, k) by name; they sum to those but the bias."""
        parts = self._standard(inputs)[:, :, None] * self.kernel
        names = np.array(self.names)
        return {name: parts[:, names == name].sum(axis=1) for name in dict.fromkeys(self.names)}

    def _standard(self, inputs: Floats) -> Floats:
        return (inputs - self.mean) / self.scale

    def tensors(self) -> dict[str, Floats]:
        """Its arrays, by name."""
        return {name: getattr(self, name) for name in TENSORS}

    @classmethod
    def of_tensors(cls, names: Sequence[str], tensors: Mapping[str, Floats]) -> Opinion:
        """The inverse of :meth:`tensors`."""
        return cls(tuple(names), **tensors)


def fit_opinion(
    names: Sequence[str], inputs: Floats, labels: npt.NDArray[np.int64], strength: float
) -> Opinion:
    """Fit on covers whose genre is known.

    Args:
        names: of the inputs.
        inputs: (n, d), without NaN.
        labels: (n,), 0 to classes - 1, each of them there.
        strength: of the penalty on squared coefficients, relative to the mean loss of a cover.
    """
    # Whoever only scores does not wait for it.
    from sklearn.linear_model import LogisticRegression

    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(C=1 / (strength * len(inputs)), max_iter=1000)
    model.fit((inputs - mean) / scale, labels)
    kernel, bias = model.coef_.T, model.intercept_
    if len(bias) == 1:  # two genres: scikit-learn keeps the one's logit alone
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
    return Opinion(
        tuple(names), mean, scale, kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean()
    )
