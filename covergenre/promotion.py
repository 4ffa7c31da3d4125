"""Whether a bundle may become the current one: figures on covers held out, against thresholds."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covergenre import evaluation
from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.config.lifecycle import Promotion
from covergenre.current import changing, make_current, read_current
from covergenre.errors import BundleError, ThresholdError

HELD_OUT = "held_out.parquet"
_COMPARED = ("accuracy", "macro_auc")
_SAMPLES = 1000


@dataclass(frozen=True)
class Decision:
    """Whether a bundle may become the current one, in words.

    Attributes:
        candidate: the bundle.
        met: what speaks for it, one line each.
        missed: what speaks against it, one line each.
    """

    candidate: Bundle
    met: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Nothing speaks against it."""
        return not self.missed

    def check(self) -> None:
        """Raise ThresholdError, which says what speaks against it, unless it is accepted."""
        if self.missed:
            lines = "".join(f"\n  {line}" for line in self.missed)
            raise ThresholdError(
                f"{self.candidate.path} is not promoted and stays where it is:{lines}"
            )


def promote(bundle: Bundle, bundles: Path, rules: Promotion) -> Decision:
    """Make a bundle the current one, if the rules allow it.

    Args:
        bundle: the candidate; stays as and where it is, a copy is promoted.
        bundles: the folder that holds the pointer to the current bundle.
        rules: thresholds.
    """
    with changing(bundles):
        try:
            current = read_current(bundles)
            decision = decide(bundle, current.bundle if current else open_bundle(DEFAULT), rules)
        except BundleError as error:
            # A new promotion is how a broken pointer is mended.
            decision = decide(bundle, None, rules)
            decision = replace(decision, met=(*decision.met, f"not compared: {error}"))
        if decision.accepted:
            now = datetime.datetime.now(datetime.UTC)
            make_current(bundles, bundle, now, decision.met)
    return decision


def decide(candidate: Bundle, used: Bundle | None, rules: Promotion) -> Decision:
    """Hold a bundle's figures against thresholds, and against the bundle that is used now.

    Args:
        candidate: with the figures of its test fold in the manifest.
        used: None compares it with nothing.
        rules: thresholds; one that is None is not asked for.
    """
    test = candidate.manifest.get("test")
    if not test:
        why = "it has no figures of covers held out: train it with jobs/train.py"
        return Decision(candidate, (), (why,))
    least = {
        "covers": rules.min_covers,
        "accuracy": rules.min_accuracy,
        "macro_auc": rules.min_macro_auc,
    }
    lines = [
        _held_against(test, name, bound, f"min_{name}", at_least=True)
        for name, bound in least.items()
        if bound is not None
    ]
    if rules.max_ece is not None:
        lines.append(_held_against(test, "ece", rules.max_ece, "max_ece", at_least=False))
    if rules.not_worse_than_current and used is not None and used.digest != candidate.digest:
        lines += _compared(candidate, used, rules.min_covers)
    met, missed = ([text for good, text in lines if good is wanted] for wanted in (True, False))
    return Decision(candidate, tuple(met), tuple(missed))


def _held_against(
    test: dict[str, Any], name: str, bound: float, setting: str, *, at_least: bool
) -> tuple[bool, str]:
    figure = test[name]["value"] if name in evaluation.METRICS else test[name]
    # An undefined figure (NaN) reaches no bound.
    good = bool(figure >= bound if at_least else figure <= bound)
    relation = ("reaches" if at_least else "is within") if good else (
        "is below" if at_least else "is above")  # fmt: skip
    return good, f"{name} {_text(figure)} {relation} promotion.{setting} {_text(bound)}"


def _compared(candidate: Bundle, used: Bundle, least: int) -> list[tuple[bool, str]]:
    name = used.model_version
    if set(candidate.labels) != set(used.labels):
        return [(True, f"not compared with {name}: it knows other genres")]
    files = [bundle.path / HELD_OUT for bundle in (candidate, used)]
    if not all(file.is_file() for file in files):
        return [(True, f"not compared with {name}: {HELD_OUT} is missing")]
    mine, theirs = (pd.read_parquet(file) for file in files)
    both = mine.merge(theirs, on=["cover_id", "genre"], suffixes=("", " used"))
    if len(both) < least:
        return [(True, f"not compared with {name}: {len(both)} covers held out by both")]
    labels = candidate.labels
    truth = np.asarray(both["genre"].map(labels.index), np.int64)
    columns = [f"p_{label}" for label in labels]
    values = [both[columns].to_numpy(np.float64),
              both[[f"{c} used" for c in columns]].to_numpy(np.float64)]  # fmt: skip
    lines = []
    for figure in _COMPARED:
        difference, low, high = paired_difference(figure, truth, values[0], values[1])
        good = not high < 0
        text = (
            f"{figure} {'not ' if good else ''}worse than {name} on {len(both)} covers held out by "
            f"both: difference {difference:+.3f} (95 % {low:+.3f} to {high:+.3f})"
        )
        lines.append((good, text))
    return lines


def paired_difference(
    name: str,
    truth: npt.NDArray[np.int64],
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    seed: int = 0,
) -> tuple[float, float, float]:
    """How much higher a figure is for the first than for the second, on the same covers.

    Paired percentile bootstrap over covers (B. Efron, R. Tibshirani, "An Introduction to the
    Bootstrap", 1993).

    Args:
        name: of :data:`covergenre.evaluation.METRICS`.
        truth: int64 (n,), index of the label.
        first, second: float64 (n, labels), probabilities.
        seed: of the resampling.

    Returns:
        difference, and the ends of its 95 % interval.
    """
    metric = evaluation.METRICS[name]
    samples = np.random.default_rng(seed).integers(len(truth), size=(_SAMPLES, len(truth)))
    differences = [metric(truth[s], first[s]) - metric(truth[s], second[s]) for s in samples]
    low, high = np.nanpercentile(differences, [2.5, 97.5])
    return metric(truth, first) - metric(truth, second), float(low), float(high)


def _text(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:.3f}"
