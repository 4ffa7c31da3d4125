"""What every recipe starts from and what it gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.special import softmax

from covergenre.backbones import Backbone
from covergenre.calibration import fit_temperature
from covergenre.classifier import Head
from covergenre.config import Settings
from covergenre.errors import TrainingDataError
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import SPLITS


@dataclass(frozen=True)
class Training:
    """What is to be trained, on what.

    Attributes:
        warehouse: with splits.
        backbone: to start from.
        labels: genres.
        settings: recipe and folds.
        scratch: folder for files that may be gone afterwards.
        run: its counts are filled in.
    """

    warehouse: Warehouse
    backbone: Backbone
    labels: list[str]
    settings: Settings
    scratch: Path
    run: Run

    def covers(self) -> DataFrame:
        """One row a cover that can be learnt: ``cover_id``, ``label`` bigint, ``fold``."""
        names = F.array(*(F.lit(label) for label in self.labels))
        index = F.array_position(names, F.col("genre")) - 1
        usable = _usable(self.warehouse)
        return usable.select("cover_id", index.cast("bigint").alias("label"), "fold")

    def one_hot(self) -> Column:
        """The column ``label`` as array<float> (classes,)."""
        classes = F.sequence(F.lit(0), F.lit(len(self.labels) - 1))
        return F.transform(classes, lambda index: (index == F.col("label")).cast("float"))

    def learnt(self, rows: DataFrame, *, validated: bool) -> DataFrame:
        """The rows that are trained on, told by their ``fold``.

        Args:
            rows: of covers.
            validated: whether the validation fold is left out, too; the test fold always is.
        """
        folds = self.settings.splits
        held = [folds.test_fold, *([folds.validation_fold] if validated else [])]
        return rows.where(~F.col("fold").isin(held))

    def held(
        self, rows: DataFrame, fold: int, read: Callable[[pd.Series], npt.NDArray[Any]]
    ) -> Held:
        """The covers of a fold, in memory: a set held out is small.

        Args:
            rows: of that fold alone: ``cover_id``, ``input``, ``label``.
            fold: named if it lacks covers.
            read: inputs to an array.

        Raises:
            TrainingDataError: a genre has no cover.
        """
        frame = rows.select("cover_id", "input", "label").orderBy("cover_id").toPandas()
        labels = frame["label"].to_numpy(np.int64)
        if len(np.unique(labels)) < len(self.labels):
            raise TrainingDataError(
                f"fold {fold} has {len(labels)} covers and lacks a genre of "
                f"{', '.join(self.labels)}: training needs more covers of each genre"
            )
        return Held(frame["cover_id"].to_list(), read(frame["input"]), labels)


@dataclass(frozen=True)
class Held:
    """Covers held out.

    Attributes:
        cover_ids: n of them, in order.
        inputs: (n, ...), what the recipe learns from: features, or pixels.
        labels: int64 (n,).
    """

    cover_ids: list[str]
    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]

    def judged(self, logits: npt.NDArray[np.float32]) -> Judged:
        """These covers with what a classifier says of them."""
        return Judged(self.cover_ids, self.labels, logits)


@dataclass(frozen=True)
class Judged:
    """Covers held out, and what the classifier says of them.

    Attributes:
        cover_ids: n of them, in order.
        labels: int64 (n,).
        logits: float32 (n, classes), before the temperature.
    """

    cover_ids: list[str]
    labels: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]

    @functools.cached_property
    def temperature(self) -> float:
        """Makes these covers' labels most likely."""
        return fit_temperature(self.logits, self.labels)

    def probabilities(self, temperature: float = 1.0) -> npt.NDArray[np.float64]:
        """(n, classes), rows sum to 1."""
        return np.asarray(softmax(self.logits.astype(np.float64) / temperature, axis=1))


def joined(parts: Sequence[Judged]) -> Judged:
    """Covers that were judged apart, as one."""
    return Judged(
        [cover_id for part in parts for cover_id in part.cover_ids],
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
    )


@dataclass(frozen=True)
class Trained:
    """A trained classifier.

    Attributes:
        backbone: to be shipped, with what was changed in it.
        head: its Dense layers.
        validation: covers that were not trained on.
        test: the test fold, seen by nothing before.
        notes: what is to be remembered of the training: epochs, history.
        out_of_fold: all covers that were trained on, each judged by a network that had not seen it;
            what a model that builds on this one learns from. None if there were no such networks.
    """

    backbone: Backbone
    head: Head
    validation: Judged
    test: Judged
    notes: dict[str, Any]
    out_of_fold: Judged | None = None

    @property
    def temperature(self) -> float:
        """Fitted on the validation covers."""
        return self.validation.temperature


Recipe = Callable[[Training], Trained]
"""Trains a classifier on the labelled covers of a warehouse."""


def genres(warehouse: Warehouse) -> list[str]:
    """The genres of the covers that can be learnt.

    Raises:
        TrainingDataError: fewer than two.
    """
    usable = _usable(warehouse)
    labels = [r["genre"] for r in usable.select("genre").distinct().orderBy("genre").collect()]
    if len(labels) < 2:
        raise TrainingDataError(
            f"{warehouse.location} has covers of {len(labels)} genre(s), training needs two or "
            "more: put covers into one folder a genre, or name genres in a CSV"
        )
    return labels


def _usable(warehouse: Warehouse) -> DataFrame:
    return warehouse.read(SPLITS).where("representative AND genre IS NOT NULL")
