"""What every recipe starts from and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.backbones import Backbone
from covergenre.classifier import Head
from covergenre.config import Settings
from covergenre.errors import TrainingDataError
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import SPLITS


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


@dataclass(frozen=True)
class Trained:
    """A trained classifier.

    Attributes:
        backbone: to be shipped, with what was changed in it.
        head: its Dense layers.
        temperature: fitted on covers that were not trained on.
        validation: figures of those.
        test: the test fold, seen by nothing before.
        notes: what is to be remembered of the training: epochs, history.
    """

    backbone: Backbone
    head: Head
    temperature: float
    validation: Judged
    test: Judged
    notes: dict[str, Any]


class Recipe(Protocol):
    """Trains a classifier on the labelled covers of a warehouse.

    Args:
        warehouse: with splits.
        backbone: to start from.
        labels: genres.
        settings: recipe and folds.
        scratch: folder for files that may be gone afterwards.
        run: its counts are filled in.
    """

    def __call__(
        self,
        warehouse: Warehouse,
        backbone: Backbone,
        labels: list[str],
        settings: Settings,
        scratch: Path,
        run: Run,
    ) -> Trained: ...


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


def labelled(warehouse: Warehouse, labels: list[str]) -> DataFrame:
    """One row a cover that can be learnt: ``cover_id``, ``label`` bigint, ``fold``."""
    index = F.array_position(F.array(*(F.lit(label) for label in labels)), F.col("genre")) - 1
    return _usable(warehouse).select("cover_id", index.cast("bigint").alias("label"), "fold")


def _usable(warehouse: Warehouse) -> DataFrame:
    return warehouse.read(SPLITS).where("representative AND genre IS NOT NULL")


def check_fold(fold: int, found: npt.NDArray[np.int64], labels: list[str]) -> None:
    """Raise TrainingDataError unless a fold has covers of every genre."""
    if len(np.unique(found)) < len(labels):
        raise TrainingDataError(
            f"fold {fold} has {len(found)} covers and lacks a genre of {', '.join(labels)}: "
            "training needs more covers of each genre"
        )
