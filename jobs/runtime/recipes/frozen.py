"""The recipe ``frozen``: two Dense layers on the features of a backbone that stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre import dataset
from covergenre.classifier import Head
from jobs.runtime.embeddings import embed, embedded
from jobs.runtime.recipes.trained import Held, Judged, Trained, Training

_BATCH = 256


def train(training: Training) -> Trained:
    """Train two Dense layers; embeddings are kept between trainings."""
    settings, folds = training.settings, training.settings.splits
    training.run.counts["embedded"] = embed(
        training.warehouse, training.covers(), training.backbone, settings
    )
    rows = _examples(training).persist()
    try:
        validation = _held(training, rows, folds.validation_fold)
        first = _fit(training, rows, validation, settings.train.max_epochs, validated=True)
        last = first
        if settings.train.refit:
            last = _fit(training, rows, validation, first.epochs, validated=False)
        return Trained(
            backbone=training.backbone.saved(training.scratch),
            head=last.head,
            validation=_judged(validation, first.head),
            test=_judged(_held(training, rows, folds.test_fold), last.head),
            notes={"epochs": first.epochs, "history": first.history},
        )
    finally:
        rows.unpersist()


def _examples(training: Training) -> DataFrame:
    """Labelled embeddings: cover_id, view, input array<float>, label, fold."""
    features = embedded(training.warehouse, training.backbone, training.settings)
    return training.covers().join(features, "cover_id").select(
        "cover_id", "view", F.col("vector").alias("input"), "label", "fold"
    )  # fmt: skip


def _held(training: Training, rows: DataFrame, fold: int) -> Held:
    chosen = rows.where((F.col("fold") == fold) & (F.col("view") == "original"))
    return training.held(chosen, fold, _stacked)


def _stacked(features: pd.Series) -> npt.NDArray[np.float32]:
    return np.asarray(np.stack(features.to_list()), np.float32)


def _judged(held: Held, head: Head) -> Judged:
    return held.judged(np.asarray(head.logits(held.inputs), np.float32))


def _fit(
    training: Training, rows: DataFrame, validation: Held, epochs: int, *, validated: bool
) -> Any:
    from covergenre.training import fit_head

    chosen = training.learnt(rows, validated=validated).orderBy("cover_id", "view")
    # One file in one order: the same training on every machine.
    one = chosen.select(F.col("input").alias("features"), "label").coalesce(1)
    with (
        dataset.converted(one, training.scratch) as converter,
        dataset.examples(converter, _BATCH) as stream,
    ):
        pairs = stream.map(_with_width(validation.inputs.shape[1]))
        held = (validation.inputs, validation.labels) if validated else None
        return fit_head(pairs, len(training.labels), training.settings.train, epochs, held)


def _with_width(width: int) -> Any:
    """Tell TensorFlow the number of features, which a list column does not say."""
    import tensorflow as tf

    return lambda row: (tf.ensure_shape(row.features, (None, width)), row.label)
