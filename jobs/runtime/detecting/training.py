"""Train the label detector: pictures composed on Spark, through petastorm, to Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from covergenre import dataset
from covergenre.backbones import MODES, Preprocessing
from covergenre.config import Settings
from covergenre.detector.network import Architecture
from covergenre.detector.stored import StoredDetector
from covergenre.detector.training import Recipe, Trained, train
from covergenre.fitting import EpochLog
from jobs.runtime import checkpoints
from jobs.runtime.detecting import pictures
from jobs.runtime.detecting.pictures import Allotment
from jobs.runtime.detecting.validation import Picture
from jobs.runtime.progress import shown
from jobs.runtime.warehouse import Warehouse

_WEIGHTS, _HISTORY = "weights.safetensors", "history.jsonl"


def preprocessing(architecture: Architecture) -> Preprocessing:
    """What MobileNet V2 takes: RGB, -1 to 1."""
    return Preprocessing(architecture.anchors.size, *MODES["tf"])


def recipe(settings: Settings) -> Recipe:
    """How the settings want it trained."""
    own = settings.detector
    return Recipe(
        epochs=own.epochs,
        learning_rate=own.learning_rate,
        weight_decay=own.weight_decay,
        seed=own.seed,
    )


def state(
    warehouse: Warehouse,
    allotments: Sequence[Allotment],
    architecture: Architecture,
    settings: Settings,
    scratch: Path,
    initial: StoredDetector | None,
) -> Path:
    """Where the state of a training lies: same pictures, network, recipe, initial weights."""
    own = settings.detector
    parts = [
        pictures.digest(allotments, settings, architecture.anchors.size),
        architecture.to_json(), asdict(recipe(settings)), own.passes, own.batch_size,
        *([] if initial is None else [initial.weights_sha256]),
    ]  # fmt: skip
    return checkpoints.folder(warehouse, scratch, "detector", parts)


def trained(
    warehouse: Warehouse,
    allotments: Sequence[Allotment],
    validation: Sequence[Picture],
    architecture: Architecture,
    settings: Settings,
    folder: Path,
    scratch: Path,
    initial: StoredDetector | None,
) -> Trained:
    """Train a detector, or go on where a training of the same was stopped.

    What is complete is neither composed nor trained again.

    Args:
        warehouse: with covers.
        allotments: the training pictures.
        validation: pictures whose loss is taken after each epoch.
        architecture: what is trained.
        settings: how.
        folder: as :func:`state` names it.
        scratch: folder for files that may be gone afterwards.
        initial: a detector whose weights are started from; None: random ones.
    """
    own, size = settings.detector, architecture.anchors.size
    if (folder / _WEIGHTS).is_file():
        log = EpochLog(folder / _HISTORY, "detector", own.epochs)
        return Trained(load_file(folder / _WEIGHTS), log.read())
    count = sum(one.versions for one in allotments)
    steps = max(1, round(count * own.passes / (own.batch_size * own.epochs)))
    rows = pictures.composed(warehouse, allotments, settings, size)
    with contextlib.ExitStack() as stack:
        with shown(warehouse.spark, f"composing {count} pictures"):
            converter = stack.enter_context(dataset.converted(rows, scratch))
        stream = stack.enter_context(
            dataset.examples(converter, own.batch_size, None, 8 * own.batch_size, own.seed)
        )
        found = train(
            architecture,
            preprocessing(architecture),
            stream.map(_decoded(size, pictures.most_boxes(allotments))),
            steps,
            recipe(settings),
            folder,
            _dataset(validation, size, own.batch_size),
            None if initial is None else initial.weights(),
        )
    part = folder / f".{_WEIGHTS}.part"
    save_file(found.weights, part)
    part.rename(folder / _WEIGHTS)
    return found


def _dataset(validation: Sequence[Picture], size: int, batch_size: int) -> Any:
    """Pictures as Keras validates on them."""
    import tensorflow as tf

    most = max(1, *(len(one.boxes) for one in validation))
    boxes = np.zeros((len(validation), most, 4), np.float32)
    for padded, one in zip(boxes, validation, strict=True):
        padded[: len(one.boxes)] = one.boxes
    columns = {
        "picture": [one.content for one in validation],
        "boxes": boxes,
        "labels": np.array([len(one.boxes) for one in validation], np.int32),
    }
    decode = _decoded(size, most)
    batches = tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)
    return batches.map(lambda row: decode(_Columns(row)))


class _Columns:
    """A dict's values by attribute, as petastorm's rows have them."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


def _decoded(size: int, most: int) -> Any:
    import tensorflow as tf

    def decode_one(picture: Any) -> Any:
        return tf.io.decode_jpeg(picture, 3, dct_method="INTEGER_ACCURATE")

    def decode(row: Any) -> tuple[Any, Any, Any]:
        pixels = tf.map_fn(decode_one, row.picture, fn_output_signature=tf.uint8)
        return (
            tf.ensure_shape(pixels, (None, size, size, 3)),
            tf.reshape(row.boxes, (-1, most, 4)),
            tf.ensure_shape(row.labels, (None,)),
        )

    return decode
