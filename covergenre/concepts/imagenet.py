"""ImageNet's 1000 classes, by the classifier that comes with the default backbone's weights.

Classes: ILSVRC 2012 (Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV
115, 2015), synsets of WordNet in the challenge's order, each by its first word; the two cranes and
the two maillots are told apart. Weights: EfficientNet-Lite2, see
:mod:`covergenre.backbones.efficientnet_lite`; its published top-1 accuracy is 0.776 at 260 pixels.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
from scipy.special import softmax

from covergenre.backbones import resolve
from covergenre.backbones.efficientnet_lite import WEIGHTS_SHA256, weights_path
from covergenre.backbones.torch_state import read_state_dict
from covergenre.concepts.network import Network, Pixels, Scores

__all__ = ["INPUT_SIZE", "WEIGHTS_SHA256", "class_names", "load"]

INPUT_SIZE = 224


def class_names() -> list[str]:
    """The 1000 names, in the order of the scores."""
    file = resources.files("covergenre.concepts").joinpath("imagenet_classes.txt")
    return file.read_text("utf-8").splitlines()


def load(size: int) -> Network:
    """The classifier at an input of ``size`` pixels.

    Raises:
        BackboneError: the weights are missing or changed.
    """
    features = resolve("efficientnet_lite2", input_size=size).compiled()
    tensors = read_state_dict(weights_path(), WEIGHTS_SHA256)
    kernel, bias = np.ascontiguousarray(tensors["_fc.weight"].T), tensors["_fc.bias"]

    def scores(pixels: Pixels) -> Scores:
        probabilities: Scores = softmax(features(pixels).numpy() @ kernel + bias, axis=1)
        return probabilities

    return Network(size, scores)
