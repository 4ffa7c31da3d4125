"""The genre classifier: a backbone, frozen or fine-tuned, and a head of Dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.backbones import Preprocessing

Floats = npt.NDArray[np.float32]
LINEAR_TENSORS = ("logits.kernel", "logits.bias")
HEAD_TENSORS = ("scale.mean", "scale.std", "hidden.kernel", "hidden.bias", *LINEAR_TENSORS)


@dataclass(frozen=True)
class HeadShape:
    """Sizes of a head: input features, units of the hidden layer, genres."""

    features: int
    hidden: int
    classes: int


def power_normalise(features: Any, power: Any = 0.5) -> Any:
    """``sign(x) |x|^power`` of features, float32 of the same shape; 1 leaves them as they are.

    Pooled ReLU features are long-tailed; a root evens them out before they are standardised
    (F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher Kernel", ECCV 2010).
    """
    import tensorflow as tf

    return tf.sign(features) * tf.pow(tf.abs(features), power)


def build_head(shape: HeadShape, feature_dropout: float = 0.0, hidden_dropout: float = 0.0) -> Any:
    """Two Dense layers over power-normalised, standardised features.

    Returns:
        keras.Model: float32 (n, features), already power-normalised and standardised, to logits
        float32 (n, classes).
    """
    from keras import Input, Model, layers

    features = Input((shape.features,), name="features")
    x = layers.Dropout(feature_dropout)(features)
    x = layers.Dense(shape.hidden, activation="relu", name="hidden")(x)
    x = layers.Dropout(hidden_dropout)(x)
    return Model(features, layers.Dense(shape.classes, name="logits")(x), name="head")


@dataclass(frozen=True)
class Head:
    """A trained head: the arrays named in :data:`HEAD_TENSORS`, float32; or, behind a backbone that
    was fine-tuned with it, those in :data:`LINEAR_TENSORS` alone, one Dense layer on the features.

    ``scale.mean`` and ``scale.std`` (features,), ``hidden.kernel`` (features, hidden),
    ``hidden.bias`` (hidden,), ``logits.kernel`` (hidden, classes), ``logits.bias`` (classes,);
    ``scale.power`` () of :func:`power_normalise`, 0.5 where it is missing.
    """

    tensors: Mapping[str, Floats]

    @classmethod
    def from_keras(cls, model: Any, mean: Floats, std: Floats, power: float = 0.5) -> Head:
        """Take the weights of a model made by :func:`build_head`."""
        weights = [
            *model.get_layer("hidden").get_weights(),
            *model.get_layer("logits").get_weights(),
        ]
        arrays = [power, mean, std, *weights]
        named = zip(("scale.power", *HEAD_TENSORS), arrays, strict=True)
        return cls({name: np.asarray(array, np.float32) for name, array in named})

    def logits(self, features: Any) -> Any:
        """Features float32 (n, features) as the backbone gives them, to logits (n, classes)."""
        import tensorflow as tf

        t, x = self.tensors, features
        if "hidden.kernel" in t:
            x = power_normalise(x, t.get("scale.power", np.float32(0.5)))
            x = (x - t["scale.mean"]) / t["scale.std"]
            x = tf.nn.relu(tf.matmul(x, t["hidden.kernel"]) + t["hidden.bias"])
        return tf.matmul(x, t["logits.kernel"]) + t["logits.bias"]


class Classifier:
    """Backbone and head as one compiled function.

    Args:
        network: the backbone as :meth:`covergenre.backbones.Backbone.load` gives it.
        preprocessing: what the backbone expects.
        head: a trained head.
        batch_size: covers a call; shorter batches are padded, so the function compiles once.
        temperature: that logits are divided by (:mod:`covergenre.calibration`).
    """

    def __init__(
        self,
        network: Any,
        preprocessing: Preprocessing,
        head: Head,
        batch_size: int,
        temperature: float = 1.0,
    ) -> None:
        import tensorflow as tf

        self.size = preprocessing.size
        self.batch_size = batch_size
        spec = tf.TensorSpec((batch_size, self.size, self.size, 3), tf.uint8)

        def run(pixels: Any) -> tuple[Any, Any]:
            logits = head.logits(network(preprocessing.apply(pixels), training=False))
            return logits, tf.nn.softmax(logits / temperature)

        self._run = tf.function(run, input_signature=[spec], autograph=False)

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Genre probabilities of covers.

        Args:
            pixels: uint8 (n, size, size, 3), RGB, n at most ``batch_size``.

        Returns:
            float32 (n, classes), rows sum to 1.
        """
        return self._both(pixels)[1]

    def logits(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """What :meth:`probabilities` are made of, before the temperature: float32 (n, classes)."""
        return self._both(pixels)[0]

    def _both(self, pixels: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        padded = np.zeros((self.batch_size, *pixels.shape[1:]), np.uint8)
        padded[: len(pixels)] = pixels
        logits, probabilities = self._run(padded)
        return logits.numpy()[: len(pixels)], probabilities.numpy()[: len(pixels)]
