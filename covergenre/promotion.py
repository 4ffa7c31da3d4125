"""Whether a bundle may become the current one: figures on covers held out, against thresholds."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from covergenre import evaluation
from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.config.lifecycle import Promotion
from covergenre.current import changing, make_current, read_current
from covergenre.errors import BundleError, ThresholdError

HELD_OUT = "held_out.parquet"
# Setting to the figure it bounds.
_FIGURES = {
    "min_covers": "covers",
    "min_accuracy": "accuracy",
    "min_macro_auc": "macro_auc",
    "max_ece": "ece_debiased",
}
_COMPARED = ("accuracy", "macro_auc")


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
    lines = [
        _held_against(test, figure, setting, getattr(rules, setting))
        for setting, figure in _FIGURES.items()
        if getattr(rules, setting) is not None
    ]
    if rules.not_worse_than_current and used is not None and used.digest != candidate.digest:
        lines += _compared(candidate, used, rules.min_covers)
    met, missed = ([text for good, text in lines if good is wanted] for wanted in (True, False))
    return Decision(candidate, tuple(met), tuple(missed))


def _held_against(
    test: Mapping[str, Any], figure: str, setting: str, bound: float
) -> tuple[bool, str]:
    value = test.get(figure)
    if isinstance(value, Mapping):
        value = value["value"]
    if value is None or math.isnan(value):
        return False, f"it has no {figure}, promotion.{setting} is {bound}: train it again"
    good, sign = (value >= bound, ">=") if setting.startswith("min_") else (value <= bound, "<=")
    text = value if isinstance(value, int) else f"{value:.3f}"
    return good, f"{figure} {text} is {'' if good else 'not '}{sign} promotion.{setting} {bound}"


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
    truth = np.asarray(both["genre"].map(candidate.labels.index), np.int64)
    columns = [f"p_{label}" for label in candidate.labels]
    found = evaluation.compare(
        truth,
        both[columns].to_numpy(np.float64),
        both[[f"{column} used" for column in columns]].to_numpy(np.float64),
    )
    lines = []
    for figure in _COMPARED:
        difference, (low, high) = found[figure]["difference"], found[figure]["interval"]
        # Of both figures more is better.
        worse = high < 0
        lines.append((
            not worse,
            f"{figure} {'worse' if worse else 'not worse'} than {name}'s on {len(both)} covers "
            f"held out by both: {difference:+.3f} (95 % {low:+.3f} to {high:+.3f})",
        ))  # fmt: skip
    return lines
