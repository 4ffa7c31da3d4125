"""Fine-tuning on the covers of a warehouse: a Spark table in, a changed backbone and a head out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
from covergenre.classifier import Classifier, Head, classifier_graph
from covergenre.config.sections import FineTuning
from covergenre.engines import tensorflow
from covergenre.finetuning.fit import Tuned, finetune
from jobs.runtime import checkpoints
from jobs.runtime.recipes.trained import Held, Judged, Trained, Training
from schemas import COVERS
from udfs.pixels import make_pixels


class Tuning:
    """A backbone, and the covers that its last blocks are to learn.

    Args:
        training: what is to be trained; its backbone is saved.
        recipe: how: ``train.finetuning``, perhaps at another size.
        targets: ``cover_id``, ``label``, ``fold``, and ``target`` array<float> (classes,): what is
            to be learnt of a cover, summing to 1.
        sources: what decided the targets, beside the labels: names the checkpoints.
    """

    def __init__(
        self,
        training: Training,
        recipe: FineTuning,
        targets: DataFrame,
        sources: Sequence[str] = (),
    ) -> None:
        self._training = training
        self._recipe = recipe
        self._sources = list(sources)
        covers = training.warehouse.read(COVERS).select("cover_id", "content")
        self._covers = covers.join(F.broadcast(targets), "cover_id")

    def trained(self) -> Trained:
        """Train a classifier.

        First without the validation fold, which gives the temperature and the curves; then, with
        ``train.refit``, with it. What is kept, and judged, are the rounded differences.
        """
        settings = self._training.settings
        fold = settings.splits.validation_fold
        validation = self.held(fold)
        backbone, first = self.tune("validated", [fold], validation)
        judged = self.judge(backbone, first.head, validation)
        last = first
        if settings.train.refit:
            backbone, last = self.tune("whole")
        return Trained(
            backbone=backbone,
            head=last.head,
            validation=judged,
            test=self.judge(backbone, last.head, self.held(settings.splits.test_fold)),
            notes={"epochs": self._recipe.epochs, "history": first.history},
        )

    def tune(
        self, name: str, without: Sequence[int] = (), validation: Held | None = None
    ) -> tuple[Backbone, Tuned]:
        """Train once.

        Args:
            name: of the checkpoints.
            without: folds left out beside the test fold.
            validation: covers of those, judged after each epoch.

        Returns:
            the backbone with its rounded changes, and what training gave.
        """
        training, recipe = self._training, self._recipe
        learnt = training.learnt(self._covers, validated=False)
        chosen = mixed(learnt.where(~F.col("fold").isin(list(without))))
        pixels = make_pixels(recipe.stored_size, training.settings.images.limits)
        rows = chosen.select(pixels("content").alias("pixels"), "target")
        with (
            dataset.converted(rows, training.scratch) as converter,
            dataset.examples(
                converter, recipe.batch_size, None, 4 * recipe.batch_size, recipe.seed
            ) as stream,
        ):
            tuned = finetune(
                training.backbone,
                stream.map(_decoded(recipe.stored_size, len(training.labels))),
                len(converter),
                len(training.labels),
                recipe,
                self.checkpoints(name, without),
                None if validation is None else self._dataset(validation),
            )
        return self._changed(tuned), tuned

    def held(self, fold: int) -> Held:
        """A fold in memory, its covers at the network's size."""
        size = self._training.backbone.preprocessing.size

        def read(pixels: pd.Series) -> npt.NDArray[np.uint8]:
            return np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, size, size, 3)

        pixels = make_pixels(size, self._training.settings.images.limits)
        rows = self._covers.where(F.col("fold") == fold)
        chosen = rows.select("cover_id", pixels("content").alias("input"), "label")
        return self._training.held(chosen, fold, read)

    def judge(self, backbone: Backbone, head: Head, held: Held) -> Judged:
        """What a tuned network says of covers."""
        size = self._training.settings.train.embed_batch_size
        run = tensorflow.loader(size)(classifier_graph(backbone, head))
        return held.judged(Classifier(run).logits(held.inputs))

    def checkpoints(self, name: str, without: Sequence[int] = ()) -> Path:
        """Where the state of one training lies: same covers, labels, recipe, backbone."""
        learnt = self._training.learnt(self._covers, validated=False)
        chosen = learnt.where(~F.col("fold").isin(list(without)))
        ids = chosen.select(F.concat_ws(":", "cover_id", "label").alias("id")).orderBy("id")
        covers = hashlib.sha256("\n".join(row["id"] for row in ids.collect()).encode())
        parts = [
            self._training.backbone.digest, self._training.labels, self._recipe.model_dump(),
            self._sources, covers.hexdigest(),
        ]  # fmt: skip
        return checkpoints.folder(self._training.warehouse, self._training.scratch, name, parts)

    def _changed(self, tuned: Tuned) -> Backbone:
        content = save(dict(differences(tuned.before, tuned.weights, self._recipe.bits)))
        digest = hashlib.sha256(content).hexdigest()
        path = self._training.scratch / f"{digest}.safetensors"
        path.write_bytes(content)
        return replace(self._training.backbone, changes=Changes(path, digest, self._recipe.bits))

    def _dataset(self, held: Held) -> Any:
        import tensorflow as tf

        one_hot = np.eye(len(self._training.labels), dtype=np.float32)[held.labels]
        examples = tf.data.Dataset.from_tensor_slices((held.inputs, one_hot))
        return examples.batch(self._training.settings.train.embed_batch_size)


def mixed(covers: DataFrame) -> DataFrame:
    """Covers in an order that has nothing to do with their genre, the same in every run.

    Catalogues come genre by genre: neighbours would all be of one, no shuffling buffer is large
    enough to part them, and a network that sees one genre after the other learns none.
    """
    return covers.orderBy(F.xxhash64("cover_id"))


def _decoded(size: int, classes: int) -> Any:
    import tensorflow as tf

    def decode(row: Any) -> tuple[Any, Any]:
        pixels = tf.io.decode_raw(row.pixels, tf.uint8)
        return (
            tf.reshape(pixels, (-1, size, size, 3)),
            tf.ensure_shape(row.target, (None, classes)),
        )

    return decode
