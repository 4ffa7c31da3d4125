"""The recipe ``finetuned``: the backbone's last blocks and a linear layer learn together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from safetensors.numpy import save

from covergenre import dataset
from covergenre.adapter import Changes, differences
from covergenre.backbones import Backbone
from covergenre.classifier import Classifier, Head
from covergenre.finetuning.fit import Tuned, finetune
from jobs.runtime.recipes.trained import Held, Judged, Trained, Training
from schemas import COVERS
from udfs.pixels import make_pixels

# Folder in the warehouse with the state of trainings, each by a digest of all that decides it.
_CHECKPOINTS = "checkpoints"


def train(training: Training) -> Trained:
    """Train the last blocks and a linear layer.

    First without the validation fold, which gives the temperature and the curves; then, with
    ``train.refit``, with it. What is kept, and judged, are the rounded differences.
    """
    folds = training.settings.splits
    work = _Work(replace(training, backbone=training.backbone.saved(training.scratch)))
    validation = work.held(folds.validation_fold)
    backbone, first = work.tune("validated", validation)
    judged = work.judge(backbone, first.head, validation)
    last = first
    if training.settings.train.refit:
        backbone, last = work.tune("whole")
    return Trained(
        backbone=backbone,
        head=last.head,
        validation=judged,
        test=work.judge(backbone, last.head, work.held(folds.test_fold)),
        notes={
            "epochs": training.settings.train.finetuning.epochs,
            "history": first.history,
        },
    )


class _Work:
    """The labelled covers of a warehouse, and a backbone to be tuned on them."""

    def __init__(self, training: Training) -> None:
        self._training = training
        warehouse = training.warehouse
        root = Path(warehouse.location) if warehouse.local else training.scratch
        self._root = root / _CHECKPOINTS
        covers = warehouse.read(COVERS).select("cover_id", "content")
        self._covers = covers.join(F.broadcast(training.covers()), "cover_id")

    def tune(self, name: str, validation: Held | None = None) -> tuple[Backbone, Tuned]:
        """Train, without the validation fold if it is given; it is judged after each epoch.

        Returns:
            the backbone with its rounded changes, and what training gave.
        """
        training, recipe = self._training, self._training.settings.train.finetuning
        chosen = mixed(training.learnt(self._covers, validated=validation is not None))
        rows = self._pixels(chosen, recipe.stored_size).withColumnRenamed("input", "pixels")
        with (
            dataset.converted(rows.select("pixels", "label"), training.scratch) as converter,
            dataset.examples(
                converter, recipe.batch_size, None, 4 * recipe.batch_size, recipe.seed
            ) as stream,
        ):
            tuned = finetune(
                training.backbone,
                stream.map(_decoded(recipe.stored_size)),
                len(converter),
                len(training.labels),
                recipe,
                self._checkpoints(chosen, name),
                None if validation is None else self._dataset(validation),
            )
        return self._changed(tuned), tuned

    def held(self, fold: int) -> Held:
        """A fold in memory, its covers at the network's size."""
        size = self._training.backbone.preprocessing.size

        def read(pixels: pd.Series) -> npt.NDArray[np.uint8]:
            return np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, size, size, 3)

        rows = self._pixels(self._covers.where(F.col("fold") == fold), size)
        return self._training.held(rows, fold, read)

    def judge(self, backbone: Backbone, head: Head, held: Held) -> Judged:
        """What a tuned network says of covers."""
        size = self._training.settings.train.embed_batch_size
        classifier = Classifier(backbone.load(), backbone.preprocessing, head, size)
        starts = range(0, len(held.inputs), size)
        parts = [classifier.logits(held.inputs[start : start + size]) for start in starts]
        return held.judged(np.concatenate(parts))

    def _changed(self, tuned: Tuned) -> Backbone:
        bits = self._training.settings.train.finetuning.bits
        content = save(dict(differences(tuned.before, tuned.weights, bits)))
        digest = hashlib.sha256(content).hexdigest()
        path = self._training.scratch / f"{digest}.safetensors"
        path.write_bytes(content)
        return replace(self._training.backbone, changes=Changes(path, digest, bits))

    def _dataset(self, held: Held) -> Any:
        import tensorflow as tf

        examples = tf.data.Dataset.from_tensor_slices((held.inputs, held.labels))
        return examples.batch(self._training.settings.train.embed_batch_size)

    def _pixels(self, covers: DataFrame, size: int) -> DataFrame:
        udf = make_pixels(size, self._training.settings.images.limits)
        return covers.select("cover_id", udf("content").alias("input"), "label")

    def _checkpoints(self, chosen: DataFrame, name: str) -> Path:
        """Where the state of this very training lies: same covers, labels, recipe, backbone."""
        ids = chosen.select(F.concat_ws(":", "cover_id", "label").alias("id")).orderBy("id")
        covers = hashlib.sha256("\n".join(row["id"] for row in ids.collect()).encode())
        recipe = self._training.settings.train.finetuning.model_dump()
        parts = [
            self._training.backbone.digest, self._training.labels, recipe, covers.hexdigest()
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return self._root / f"{name}-{digest[:16]}"


def mixed(covers: DataFrame) -> DataFrame:
    """Covers in an order that has nothing to do with their genre, the same in every run.

    Catalogues come genre by genre: neighbours would all be of one, no shuffling buffer is large
    enough to part them, and a network that sees one genre after the other learns none.
    """
    return covers.orderBy(F.xxhash64("cover_id"))


def _decoded(size: int) -> Any:
    import tensorflow as tf

    def decode(row: Any) -> tuple[Any, Any]:
        pixels = tf.io.decode_raw(row.pixels, tf.uint8)
        return tf.reshape(pixels, (-1, size, size, 3)), row.label

    return decode
