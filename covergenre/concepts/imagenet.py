"""ImageNet's 1000 classes, by the classifier that comes with the default backbone's weights.

Classes: ILSVRC 2012 (Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV
115, 2015), synsets of WordNet in the challenge's order, each by its first word; the two cranes and
the two maillots are told apart. Weights: EfficientNet-Lite2, see
:mod:`covergenre.backbones.efficientnet_lite`; its published top-1 accuracy is 0.776 at 260 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from covergenre.backbones import resolve
from covergenre.backbones.efficientnet_lite import WEIGHTS_SHA256, weights_path
from covergenre.backbones.torch_state import read_state_dict
from covergenre.concepts.network import Network
from covergenre.engines import Graph, Loader, rows

__all__ = ["INPUT_SIZE", "WEIGHTS_SHA256", "class_names", "imagenet_graph", "load"]

# Fewer pixels than it was trained at: what is on a cover is large, and the combined model is as
# good as with 224, at three quarters of the cost (docs/combined.md).
INPUT_SIZE = 192


def class_names() -> list[str]:
    """The 1000 names, in the order of the scores."""
    file = resources.files("covergenre.concepts").joinpath("imagenet_classes.txt")
    return file.read_text("utf-8").splitlines()


def imagenet_graph(size: int) -> Graph:
    """The classifier at an input of ``size`` pixels, as engines take it: pixels to probabilities
    (n, 1000). Building it raises BackboneError if the weights are missing or changed.
    """
    backbone = resolve("efficientnet_lite2", input_size=size)

    def build() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        network, preprocessing = backbone.load(), backbone.preprocessing
        tensors = read_state_dict(weights_path(), WEIGHTS_SHA256)
        kernel, bias = np.ascontiguousarray(tensors["_fc.weight"].T), tensors["_fc.bias"]

        def probabilities(pixels: Any) -> tuple[Any, ...]:
            features = network(preprocessing.apply(pixels), training=False)
            return (tf.nn.softmax(tf.matmul(features, kernel) + bias),)

        return probabilities

    return Graph("tagger", size, backbone.digest, build)


def load(size: int, loader: Loader) -> Network:
    """The classifier at an input of ``size`` pixels, run by an engine."""
    run = loader(imagenet_graph(size))
    return Network(size, lambda pixels: rows(run, pixels)[0])
