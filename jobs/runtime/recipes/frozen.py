"""The recipe ``frozen``: two Dense layers on the features of a backbone that stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre import dataset
from covergenre.backbones import Backbone
from covergenre.calibration import fit_temperature
from covergenre.classifier import Head
from covergenre.config import Settings
from jobs.runtime.embeddings import embed, views_of
from jobs.runtime.recipes.trained import Judged, Trained, check_fold, labelled
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import EMBEDDINGS

_BATCH = 256


@dataclass(frozen=True)
class _Held:
    """Covers held out, in memory: ids, features float32 (n, features), labels int64 (n,)."""

    cover_ids: list[str]
    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def judged(self, head: Head) -> Judged:
        return Judged(
            self.cover_ids, self.labels, np.asarray(head.logits(self.features), np.float32)
        )


def train(
    warehouse: Warehouse,
    backbone: Backbone,
    labels: list[str],
    settings: Settings,
    scratch: Path,
    run: Run,
) -> Trained:
    """See :class:`jobs.runtime.recipes.trained.Recipe`. Embeddings are kept between trainings."""
    folds = settings.splits
    run.counts["embedded"] = embed(warehouse, backbone, settings)
    rows = _examples(warehouse, backbone, labels, settings).persist()
    try:
        validation = _held(rows, folds.validation_fold, labels)
        first = _fit(rows, validation, labels, settings, scratch, hold_out=True)
        last = first
        if settings.train.refit:
            last = _fit(rows, validation, labels, settings, scratch, epochs=first.epochs)
        judged = validation.judged(first.head)
        test = _held(rows, folds.test_fold, labels)
        return Trained(
            backbone=backbone.saved(scratch),
            head=last.head,
            temperature=fit_temperature(judged.logits, judged.labels),
            validation=judged,
            test=test.judged(last.head),
            notes={"epochs": first.epochs, "history": first.history},
        )
    finally:
        rows.unpersist()


def _examples(
    warehouse: Warehouse, backbone: Backbone, labels: list[str], settings: Settings
) -> DataFrame:
    """Labelled embeddings: cover_id, view, features array<float>, label, fold."""
    # The table may hold views and backbones of other trainings.
    wanted = (F.col("backbone") == backbone.digest) & F.col("view").isin(views_of(settings))
    embedded = warehouse.read(EMBEDDINGS).where(wanted)
    return labelled(warehouse, labels).join(embedded, "cover_id").select(
        "cover_id", "view", F.col("vector").alias("features"), "label", "fold"
    )  # fmt: skip


def _held(rows: DataFrame, fold: int, labels: list[str]) -> _Held:
    frame = (
        rows.where((F.col("fold") == fold) & (F.col("view") == "original"))
        .orderBy("cover_id")
        .select("cover_id", "features", "label")
        .toPandas()
    )
    found = frame["label"].to_numpy(np.int64)
    check_fold(fold, found, labels)
    features = np.stack(frame["features"].to_list()).astype(np.float32)
    return _Held(frame["cover_id"].to_list(), features, found)


def _fit(
    rows: DataFrame,
    validation: _Held,
    labels: list[str],
    settings: Settings,
    cache: Path,
    hold_out: bool = False,
    epochs: int | None = None,
) -> Any:
    from covergenre.training import fit_head

    folds, recipe = settings.splits, settings.train
    without = [folds.test_fold, *([folds.validation_fold] if hold_out else [])]
    held = (validation.features, validation.labels) if hold_out else None
    chosen = rows.where(~F.col("fold").isin(without)).orderBy("cover_id", "view")
    # One file in one order: the same training on every machine.
    with (
        dataset.converted(chosen.select("features", "label").coalesce(1), cache) as converter,
        dataset.examples(converter, _BATCH) as stream,
    ):
        pairs = stream.map(lambda row: (row.features, row.label))
        width = validation.features.shape[1]
        return fit_head(
            _with_width(pairs, width), len(labels), recipe, epochs or recipe.max_epochs, held
        )


def _with_width(pairs: Any, width: int) -> Any:
    """Tell TensorFlow the number of features, which a list column does not say."""
    import tensorflow as tf

    return pairs.map(lambda x, y: (tf.ensure_shape(x, (None, width)), y))
