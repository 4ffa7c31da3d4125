"""Train the classifier's head on embeddings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.classifier import Head, HeadShape, build_head, power_normalise
from covergenre.config import Train

_EPOCHS_A_LINE = 10
_LEAST_STD = 1e-4
_IGNORED_STD = 1e6


@dataclass(frozen=True)
class Fit:
    """A trained head and how it came about.

    Attributes:
        head: trained.
        epochs: passes over the training covers that it took.
        history: per epoch, the loss and, with validation covers, their loss and accuracy.
    """

    head: Head
    epochs: int
    history: dict[str, list[float]]


def fit_head(
    examples: Any,
    classes: int,
    recipe: Train,
    epochs: int,
    validation: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]] | None = None,
) -> Fit:
    """Train two Dense layers: Adam with weight decay, sparse categorical cross-entropy.

    Args:
        examples: tf.data.Dataset of one pass over batches (features float32 (n, f), label int
            (n,)), as petastorm gives it; read once and kept in memory.
        classes: number of genres.
        recipe: sizes, dropout, learning rate, batch size, seed.
        epochs: at most this many, or exactly this many without validation covers.
        validation: features and labels; training stops when their loss has not improved for
            ``recipe.patience`` epochs, and the best epoch's weights are kept.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(recipe.seed)
    power = recipe.feature_power
    kept = examples.map(lambda x, y: (power_normalise(x, power), y)).unbatch().cache()
    scale = _Standardiser(kept)
    dataset = (
        kept.shuffle(scale.examples, seed=recipe.seed, reshuffle_each_iteration=True)
        .batch(recipe.batch_size)
        .map(lambda x, y: (scale(x), y))
        .prefetch(tf.data.AUTOTUNE)
    )
    shape = HeadShape(len(scale.mean), recipe.hidden_units, classes)
    model = build_head(shape, recipe.feature_dropout, recipe.hidden_dropout)
    model.compile(
        keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    progress = keras.callbacks.LambdaCallback(on_epoch_end=_tell)
    held: dict[str, Any] = {"callbacks": [progress]}
    if validation is not None:
        features, labels = validation
        held["validation_data"] = (np.asarray(scale(power_normalise(features, power))), labels)
        held["callbacks"].append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=recipe.patience, restore_best_weights=True
            )
        )
    with warnings.catch_warnings():
        # Keras says so at the end of every full pass over a dataset of unknown length.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        history = model.fit(dataset, epochs=epochs, shuffle=False, verbose=0, **held).history
    taken = int(np.argmin(history["val_loss"])) + 1 if validation is not None else epochs
    head = Head.from_keras(model, scale.mean, scale.std, power)
    return Fit(head, taken, {k: [float(v) for v in values] for k, values in history.items()})


def _tell(epoch: int, logs: Mapping[str, float]) -> None:
    if epoch % _EPOCHS_A_LINE == 0:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
        print(f"training: epoch {epoch + 1}, {figures}", file=sys.stderr, flush=True)


class _Standardiser:
    """Gives features zero mean and unit variance over the training examples.

    Attributes:
        examples: how many there are.
        mean, std: float32 (features,).
    """

    def __init__(self, dataset: Any) -> None:
        features = np.stack([x for x, _ in dataset.as_numpy_iterator()])
        self.examples = len(features)
        self.mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
        std = features.std(axis=0, dtype=np.float64)
        # A feature that never moves in training says nothing; dividing by its zero would let the
        # first cover on which it does outweigh all others.
        self.std = np.where(std > _LEAST_STD, std, _IGNORED_STD).astype(np.float32)

    def __call__(self, features: Any) -> Any:
        return (features - self.mean) / self.std
