"""The genre classifier: a backbone, frozen or fine-tuned, and a head of Dense layers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from covergenre.backbones import Backbone
from covergenre.engines import Floats, Graph, Pixels, Run, rows

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


def classifier_graph(backbone: Backbone, head: Head) -> Graph:
    """Backbone and head as engines take them: pixels to logits (n, classes) and the backbone's
    features (n, d).
    """

    def build() -> Callable[[Any], tuple[Any, ...]]:
        network, preprocessing = backbone.load(), backbone.preprocessing

        def look(pixels: Any) -> tuple[Any, ...]:
            features = network(preprocessing.apply(pixels), training=False)
            return head.logits(features), features

        return look

    digest = hashlib.sha256(f"{backbone.digest} logits features".encode())
    for name in sorted(head.tensors):
        digest.update(name.encode() + np.ascontiguousarray(head.tensors[name]).tobytes())
    return Graph("classifier", backbone.preprocessing.size, digest.hexdigest(), build)


class Classifier:
    """A network that says genres.

    Args:
        run: of :func:`classifier_graph`.
        temperature: that logits are divided by (:mod:`covergenre.calibration`).
    """

    def __init__(self, run: Run, temperature: float = 1.0) -> None:
        self.size = run.size
        self._run = run
        self._temperature = temperature

    def probabilities(self, pixels: Pixels) -> Floats:
        """Genre probabilities of covers.

        Args:
            pixels: uint8 (n, size, size, 3), RGB.

        Returns:
            float32 (n, classes), rows sum to 1.
        """
        return self._probable(self.logits(pixels))

    def logits(self, pixels: Pixels) -> Floats:
        """What :meth:`probabilities` are made of, before the temperature: float32 (n, classes)."""
        return rows(self._run, pixels)[0]

    def with_embeddings(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Genre probabilities, as of :meth:`probabilities`, and what the network saw of the covers.

        Returns:
            the probabilities, and embeddings float32 (n, d) of length 1: covers that look alike to
            the network have a large inner product, the cosine of their angle. They are the
            backbone's features, power-normalised.
        """
        logits, features = rows(self._run, pixels)
        embeddings = np.sign(features) * np.sqrt(np.abs(features))
        length = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return self._probable(logits), embeddings / np.maximum(length, np.finfo(np.float32).tiny)

    def _probable(self, logits: Floats) -> Floats:
        return np.asarray(softmax(logits / self._temperature, axis=1), np.float32)
