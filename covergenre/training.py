"""Train the classifier's head on embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.classifier import Head, HeadShape, build_head, power_normalise
from covergenre.config import Train


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
    """Train two Dense layers with Adam (decoupled weight decay) on sparse categorical cross-entropy.

    Args:
        examples: tf.data.Dataset of one pass over (features float32 (n, f), label int (n,)) batches,
            as petastorm gives it; read once and kept in memory.
        classes: number of genres.
        recipe: sizes, dropout, learning rate, batch size, seed.
        epochs: at most this many, or exactly this many without validation covers.
        validation: features and labels; training stops when their loss has not improved for
            ``recipe.patience`` epochs, and the best epoch's weights are kept.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(recipe.seed)
    kept = examples.map(lambda x, y: (power_normalise(x), y)).unbatch().cache()
    rows, scale = _standardise(kept)
    # Without a known length Keras warns at the end of the first epoch.
    counted = kept.apply(tf.data.experimental.assert_cardinality(rows))
    dataset = (
        counted.shuffle(rows, seed=recipe.seed, reshuffle_each_iteration=True)
        .batch(recipe.batch_size)
        .map(lambda x, y: (scale(x), y))
        .prefetch(tf.data.AUTOTUNE)
    )
    shape = HeadShape(int(scale.mean.shape[-1]), recipe.hidden_units, classes)
    model = build_head(shape, recipe.feature_dropout, recipe.hidden_dropout)
    model.compile(
        keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    held: dict[str, Any] = {}
    if validation is not None:
        features, labels = validation
        held["validation_data"] = (scale(power_normalise(features)), labels)
        held["callbacks"] = [
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=recipe.patience, restore_best_weights=True
            )
        ]
    history = model.fit(dataset, epochs=epochs, verbose=0, **held).history
    taken = int(np.argmin(history["val_loss"])) + 1 if validation is not None else epochs
    head = Head.from_keras(model, np.asarray(scale.mean)[0], np.sqrt(scale.variance)[0])
    return Fit(head, taken, {k: [float(v) for v in values] for k, values in history.items()})


def _standardise(dataset: Any) -> tuple[int, Any]:
    """Number of examples, and a layer that gives features zero mean and unit variance over them."""
    import keras

    features = np.stack([x for x, _ in dataset.as_numpy_iterator()])
    layer = keras.layers.Normalization()
    layer.adapt(features)
    return len(features), layer
