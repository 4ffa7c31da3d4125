"""The recipe ``finetuned``: the backbone's last blocks and a linear layer learn together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from safetensors.numpy import save

from covergenre import dataset
from covergenre.adapter import Changes, differences, named_weights
from covergenre.backbones import Backbone
from covergenre.calibration import fit_temperature
from covergenre.classifier import Head
from covergenre.config import Settings
from covergenre.finetuning.fit import Tuned, finetune
from jobs.runtime.recipes.trained import Judged, Trained, check_fold, labelled
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS
from udfs.pixels import make_pixels

# Folder in the warehouse with the state of trainings, each by a digest of all that decides it.
_CHECKPOINTS = "checkpoints"


def train(
    warehouse: Warehouse,
    backbone: Backbone,
    labels: list[str],
    settings: Settings,
    scratch: Path,
    run: Run,
) -> Trained:
    """See :class:`jobs.runtime.recipes.trained.Recipe`.

    First without the validation fold, which gives the temperature and the curves; then, with
    ``train.refit``, with it. What is kept, and judged, are the rounded differences.
    """
    folds = settings.splits
    backbone = backbone.saved(scratch)
    work = _Work(warehouse, backbone, labels, settings, scratch)
    held = [folds.test_fold, folds.validation_fold]
    first, head, notes = work.tune(held, "validated", folds.validation_fold)
    validation = work.judge(first, head, folds.validation_fold)
    last = first
    if settings.train.refit:
        last, head, _ = work.tune([folds.test_fold], "whole")
    return Trained(
        backbone=last,
        head=head,
        temperature=fit_temperature(validation.logits, validation.labels),
        validation=validation,
        test=work.judge(last, head, folds.test_fold),
        notes=notes,
    )


class _Work:
    """The labelled covers of a warehouse, and a backbone to be tuned on them."""

    def __init__(
        self,
        warehouse: Warehouse,
        backbone: Backbone,
        labels: list[str],
        settings: Settings,
        scratch: Path,
    ) -> None:
        self._backbone = backbone
        self._labels = labels
        self._settings = settings
        self._scratch = scratch
        self._root = Path(warehouse.location if warehouse.local else scratch) / _CHECKPOINTS
        rows = labelled(warehouse, labels)
        covers = warehouse.read(COVERS).select("cover_id", "content")
        self._covers = covers.join(F.broadcast(rows), "cover_id")

    def tune(
        self, without: list[int], name: str, judged: int | None = None
    ) -> tuple[Backbone, Head, dict[str, Any]]:
        """Train on all folds but these, and judge one of them after each epoch.

        Returns:
            the backbone with its rounded changes, the head, notes on the training.
        """
        recipe = self._settings.train.finetuning
        chosen = mixed(self._covers.where(~F.col("fold").isin(without)))
        rows = self._pixels(chosen, recipe.stored_size)
        validation = None if judged is None else self._dataset(judged)
        with (
            dataset.converted(rows.select("pixels", "label"), self._scratch) as converter,
            dataset.examples(
                converter, recipe.batch_size, None, 4 * recipe.batch_size, recipe.seed
            ) as stream,
        ):
            tuned = finetune(
                self._backbone,
                stream.map(_decoded(recipe.stored_size)),
                len(converter),
                len(self._labels),
                recipe,
                self._checkpoints(chosen, name),
                validation,
            )
        return self._changed(tuned, name), tuned.head, {
            "epochs": recipe.epochs, "history": tuned.history
        }  # fmt: skip

    def judge(self, backbone: Backbone, head: Head, fold: int) -> Judged:
        """What a tuned network says of a fold."""
        import tensorflow as tf

        ids, pixels, found = self._held(fold)
        network = backbone.load()

        logits = tf.function(
            lambda batch: head.logits(network(backbone.preprocessing.apply(batch), training=False)),
            autograph=False,
        )
        size = self._settings.train.embed_batch_size
        starts = range(0, len(pixels), size)
        parts = [logits(pixels[start : start + size]).numpy() for start in starts]
        return Judged(ids, found, np.concatenate(parts))

    def _held(self, fold: int) -> tuple[list[str], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """A fold in memory at the network's size: ids, pixels (n, size, size, 3), labels (n,)."""
        size = self._backbone.preprocessing.size
        rows = self._pixels(self._covers.where(F.col("fold") == fold), size)
        frame = rows.orderBy("cover_id").toPandas()
        found = frame["label"].to_numpy(np.int64)
        check_fold(fold, found, self._labels)
        pixels = np.frombuffer(b"".join(frame["pixels"]), np.uint8)
        return frame["cover_id"].to_list(), pixels.reshape(-1, size, size, 3), found

    def _dataset(self, fold: int) -> Any:
        import tensorflow as tf

        _, pixels, found = self._held(fold)
        examples = tf.data.Dataset.from_tensor_slices((pixels, found))
        return examples.batch(self._settings.train.embed_batch_size)

    def _pixels(self, covers: DataFrame, size: int) -> DataFrame:
        udf = make_pixels(size, self._settings.images.limits)
        return covers.select("cover_id", udf("content").alias("pixels"), "label", "fold")

    def _checkpoints(self, chosen: DataFrame, name: str) -> Path:
        """Where the state of this very training lies: same covers, labels, recipe, backbone."""
        ids = chosen.select(F.concat_ws(":", "cover_id", "label").alias("id")).orderBy("id")
        covers = hashlib.sha256("\n".join(row["id"] for row in ids.collect()).encode())
        recipe = self._settings.train.finetuning.model_dump()
        parts = [self._backbone.digest, self._labels, recipe, covers.hexdigest()]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return self._root / f"{name}-{digest[:16]}"

    def _changed(self, tuned: Tuned, name: str) -> Backbone:
        bits = self._settings.train.finetuning.bits
        before = named_weights(self._backbone.load())
        content = save(dict(differences(before, tuned.weights, bits)))
        path = self._scratch / f"{name}.safetensors"
        path.write_bytes(content)
        changes = Changes(path, hashlib.sha256(content).hexdigest(), bits)
        return replace(self._backbone, changes=changes)


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
