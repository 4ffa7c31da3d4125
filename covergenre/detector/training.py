"""Train a detector from random weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.adapter import named_weights
from covergenre.backbones import Preprocessing
from covergenre.detector.losses import box_loss, focal_loss, targets
from covergenre.detector.network import Architecture, build, load
from covergenre.fitting import EpochLog, adamw


@dataclass(frozen=True)
class Recipe:
    """How a detector is trained.

    Attributes:
        epochs: passes, or what is called so.
        learning_rate: of AdamW after the warm-up.
        weight_decay: of AdamW, kernels alone.
        warm_up: part of the steps.
        average: momentum of the moving average of the weights that is kept.
        positive, negative: overlaps (IoU) from which an anchor has a box, below which none.
        box_weight: of the boxes' loss beside the scores'.
        seed: of the initial weights.
    """

    epochs: int = 20
    learning_rate: float = 0.002
    weight_decay: float = 0.0005
    warm_up: float = 0.05
    average: float = 0.99
    positive: float = 0.5
    negative: float = 0.4
    box_weight: float = 2.0
    seed: int = 1


@dataclass(frozen=True)
class Trained:
    """A trained detector.

    Attributes:
        weights: by the names of :func:`covergenre.adapter.named_weights`, averaged over the last
            steps.
        history: per epoch, ``loss``, ``logits_loss``, ``codes_loss``, and, with validation covers,
            the same after ``val_``.
    """

    weights: dict[str, npt.NDArray[np.float32]]
    history: dict[str, list[float]]


def train(
    architecture: Architecture,
    preprocessing: Preprocessing,
    examples: Any,
    steps: int,
    recipe: Recipe,
    checkpoints: Path,
    validation: Any = None,
    initial: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Trained:
    """Train a detector of one class.

    A training that is stopped goes on from the last whole epoch.

    Args:
        architecture: what is trained.
        preprocessing: what the network is to expect.
        examples: tf.data.Dataset of batches without end: pixels uint8 (n, size, size, 3), RGB;
            boxes float32 (n, most, 4), xmin, ymin, xmax, ymax in 0-1, padded, ``most`` known and at
            least 1; count int (n,), how many of the boxes are meant.
        steps: batches that make an epoch.
        recipe: how.
        checkpoints: folder of the last epoch's state; an empty one starts anew.
        validation: the same of one pass; its loss is taken after each epoch, of averaged weights.
        initial: weights to start from, by the names of
            :func:`covergenre.adapter.named_weights`; None: random ones.

    Raises:
        BundleError: the initial weights are of another architecture.
        ValueError: the architecture has several classes.
    """
    import keras

    if architecture.classes != 1:
        raise ValueError(f"one class can be trained, not {architecture.classes}")
    keras.utils.set_random_seed(recipe.seed)
    model = build(architecture) if initial is None else load(architecture, initial)
    model.compile(
        adamw(recipe.learning_rate, recipe.weight_decay, steps * recipe.epochs, recipe.warm_up,
              recipe.average),
        loss={"logits": focal_loss(), "codes": box_loss()},
        loss_weights={"logits": 1.0, "codes": recipe.box_weight},
    )  # fmt: skip
    checkpoints.mkdir(parents=True, exist_ok=True)
    log = EpochLog(checkpoints / "history.jsonl", "detector", recipe.epochs)
    held = (
        None if validation is None else _prepared(validation, architecture, preprocessing, recipe)
    )
    with warnings.catch_warnings():
        # Keras says so at the end of every full pass over a dataset of unknown length.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        model.fit(
            _prepared(examples, architecture, preprocessing, recipe),
            epochs=recipe.epochs, steps_per_epoch=steps, validation_data=held,
            callbacks=[
                keras.callbacks.SwapEMAWeights(),
                keras.callbacks.BackupAndRestore(checkpoints / "state", delete_checkpoint=False),
                log.callback(),
            ],
            verbose=0, shuffle=False,
        )  # fmt: skip
    return Trained(named_weights(model), log.read())


def _prepared(
    examples: Any, architecture: Architecture, preprocessing: Preprocessing, recipe: Recipe
) -> Any:
    """Batches as the network and its losses take them."""
    import tensorflow as tf

    anchors = architecture.anchors.boxes()

    def prepare(pixels: Any, boxes: Any, count: Any) -> tuple[Any, Any, Any]:
        meant = tf.sequence_mask(count, boxes.shape[1])
        boxes = tf.where(meant[..., None], boxes, 0.0)
        wanted = targets(anchors, boxes, recipe.positive, recipe.negative)
        return preprocessing.apply(pixels), wanted.values, wanted.weights

    return examples.map(prepare, tf.data.AUTOTUNE).prefetch(2)
