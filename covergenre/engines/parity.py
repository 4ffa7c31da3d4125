"""Whether a faster engine still says what the reference says: the gate of a bundle.

Figures are of real covers and of the trained bundle as a whole; with random weights, or pictures
that were drawn, they would mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from covergenre.evaluation import bootstrap

LEAST_AGREEMENT = 0.98
"""Share of covers that must be called the same genre as by the reference."""

Probabilities = npt.NDArray[Any]


@dataclass(frozen=True)
class Said:
    """What an engine makes of covers; those of two engines are in the same order.

    Attributes:
        probabilities: (n, classes), of all that is known.
        classified: (n, classes), of the classifier alone, as it scales them.
        advisory_scores: (n,), calibrated, 0-1; None where the bundle holds no detector.
    """

    probabilities: Probabilities
    classified: Probabilities
    advisory_scores: npt.NDArray[Any] | None


def logit_scale(reference: Said, other: Said) -> float:
    """How many times larger an engine's logits are than the reference's: least squares.

    Probabilities give logits back up to a constant a cover, which is taken out. No label is needed.
    """
    expected, found = (_centred(one.classified) for one in (reference, other))
    return float((expected * found).sum() / (expected * expected).sum())


def held_against(
    reference: Said,
    other: Said,
    truth: npt.NDArray[np.int64],
    threshold: float | None,
    scale: float = 1.0,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures of the gate.

    Args:
        reference, other: about the same covers.
        truth: int64 (n,), the genre, -1 where it is not known.
        threshold: calibrated score from which on there is a label.
        scale: as :func:`logit_scale` found it, on other covers.
        samples, seed: of the bootstrap.

    Returns:
        ``covers``, ``labelled``; ``agreement``, share of covers called the same genre;
        ``accuracy`` of both, their ``difference`` (other - reference) and its 95 % ``interval`` by
        a paired bootstrap, of the labelled covers; ``probability_error``, mean and largest
        absolute; ``advisory_agreement``, share of covers with the same decision, and
        ``advisory_error``, the largest; ``logit_scale``; ``passed``: agreement is at least
        :data:`LEAST_AGREEMENT`, and the accuracy is not lower than chance may make it.
    """
    same = reference.probabilities.argmax(axis=1) == other.probabilities.argmax(axis=1)
    gaps = np.abs(other.probabilities - reference.probabilities)
    figures: dict[str, Any] = {
        "covers": len(same),
        "agreement": float(same.mean()),
        "probability_error": {"mean": float(gaps.mean()), "max": float(gaps.max())},
        "logit_scale": scale,
    }
    known = truth >= 0
    figures["labelled"] = int(known.sum())
    lower = False
    if known.any():
        paired = bootstrap.compare(
            truth[known], other.probabilities[known], reference.probabilities[known],
            samples=samples, seed=seed,
        )["accuracy"]  # fmt: skip
        figures["accuracy"] = {"reference": paired["second"], "found": paired["first"],
                               "difference": paired["difference"],
                               "interval": list(paired["interval"])}  # fmt: skip
        lower = paired["interval"][1] < 0
    if reference.advisory_scores is not None and other.advisory_scores is not None:
        ours, theirs = other.advisory_scores, reference.advisory_scores
        decided = (ours >= threshold) == (theirs >= threshold)
        figures["advisory_agreement"] = float(decided.mean())
        figures["advisory_error"] = float(np.abs(ours - theirs).max())
    figures["passed"] = bool(figures["agreement"] >= LEAST_AGREEMENT and not lower)
    return figures


def _centred(probabilities: Probabilities) -> Probabilities:
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    centred: Probabilities = logits - logits.mean(axis=1, keepdims=True)
    return centred


@dataclass(frozen=True)
class ParityPart:
    """The gate's figures on their way into a bundle.

    Attributes:
        precisions: OpenVINO's, each to its figures.
        details: processor, versions, folds.
    """

    entry: ClassVar[str] = "parity"

    precisions: Mapping[str, Mapping[str, Any]]
    details: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, bytes]:
        """None: the manifest's entry is all there is."""
        return {}

    @property
    def spec(self) -> Mapping[str, Any]:
        """The manifest's entry."""
        return {"precisions": dict(self.precisions), "details": dict(self.details), "files": []}
