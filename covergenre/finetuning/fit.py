"""Fine-tune a backbone and a linear head together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.adapter import named_weights
from covergenre.backbones import Backbone
from covergenre.classifier import Head
from covergenre.config.sections import FineTuning
from covergenre.errors import BackboneError
from covergenre.finetuning.augmentation import augment, mix
from covergenre.fitting import EpochLog, adamw


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned network.

    Attributes:
        before, weights: of the backbone, by name, before and after training.
        head: the linear layer.
        history: per epoch, loss and accuracy, and, with validation covers, theirs.
    """

    before: dict[str, npt.NDArray[np.float32]]
    weights: dict[str, npt.NDArray[np.float32]]
    head: Head
    history: dict[str, list[float]]


def finetune(
    backbone: Backbone,
    examples: Any,
    count: int,
    classes: int,
    recipe: FineTuning,
    checkpoints: Path,
    validation: Any = None,
) -> Tuned:
    """Train the last blocks of a backbone together with a linear head.

    Batch norm keeps its ImageNet statistics and scale: batches of covers are few and alike. Labels
    are smoothed and mixed. A training that is stopped goes on from the last whole epoch.

    Args:
        backbone: what is tuned.
        examples: tf.data.Dataset of batches (pixels uint8 (n, side, side, 3), targets float32
            (n, classes), rows sum to 1) without end, in any order.
        count: examples that make an epoch.
        classes: number of genres.
        recipe: how.
        checkpoints: folder of the last epoch's state and TensorBoard's logs; an empty one starts
            anew.
        validation: the same of one pass, at the network's input size; judged after each epoch.
    """
    import keras

    keras.utils.set_random_seed(recipe.seed)
    network = backbone.load()
    before = named_weights(network)
    freeze(network, recipe.frozen_until)
    model = _with_head(backbone, network, classes, recipe.dropout)
    steps = max(1, count // recipe.batch_size)
    model.compile(
        adamw(recipe.learning_rate, recipe.weight_decay, steps * recipe.epochs, recipe.warm_up),
        keras.losses.CategoricalCrossentropy(True, label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
    )
    checkpoints.mkdir(parents=True, exist_ok=True)
    log = EpochLog(checkpoints / "history.jsonl", "fine-tuning", recipe.epochs)
    callbacks: list[Any] = [
        keras.callbacks.BackupAndRestore(checkpoints / "state", delete_checkpoint=False),
        # Goes on with the epochs' own numbers where a stopped training left it.
        keras.callbacks.TensorBoard(checkpoints / "tensorboard", write_graph=False),
        log.callback(),
    ]
    with warnings.catch_warnings():
        # Keras says so at the end of every full pass over a dataset of unknown length.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        model.fit(
            _prepared(examples, backbone.preprocessing.size, recipe),
            epochs=recipe.epochs, steps_per_epoch=steps, validation_data=validation,
            callbacks=callbacks, verbose=0, shuffle=False,
        )  # fmt: skip
    kernel, bias = (np.asarray(w, np.float32) for w in model.get_layer("logits").get_weights())
    head = Head({"logits.kernel": kernel, "logits.bias": bias})
    return Tuned(before, named_weights(network), head, log.read())


def _prepared(examples: Any, size: int, recipe: FineTuning) -> Any:
    """Augmented and mixed batches for Keras."""
    import tensorflow as tf

    def prepare(step: Any, batch: tuple[Any, Any]) -> tuple[Any, Any]:
        pixels, targets = batch
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), step])
        crops, mixed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        return mix(augment(pixels, size, recipe.augmentation, crops), targets,
                   recipe.augmentation, mixed)  # fmt: skip

    return examples.enumerate().map(prepare, tf.data.AUTOTUNE).prefetch(2)


def _with_head(backbone: Backbone, network: Any, classes: int, dropout: float) -> Any:
    from keras import Input, Model, layers

    size = backbone.preprocessing.size
    pixels = Input((size, size, 3))
    x = layers.Lambda(backbone.preprocessing.apply, output_shape=(size, size, 3))(pixels)
    x = layers.Dropout(dropout)(network(x))
    # From zero, so that no noise of an untrained layer runs back through pretrained ones.
    logits = layers.Dense(classes, kernel_initializer="zeros", name="logits")(x)
    return Model(pixels, logits)


def freeze(network: Any, until: str | None) -> None:
    """Keep every layer before the one named, and all batch norm, as it is.

    Raises:
        BackboneError: there is no such layer; names those that there are.
    """
    import keras

    layers = list(_flat(network))
    names = [layer.name for layer in layers]
    if until is not None and until not in names:
        raise BackboneError(
            f"train.finetuning.frozen_until: the network has no layer {until}, only "
            f"{', '.join(names)}"
        )
    first = names.index(until) if until is not None else 0
    for index, layer in enumerate(layers):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = index >= first and not norm


def _flat(network: Any) -> Iterator[Any]:
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer
