"""SSD with MobileNet V2 and a light feature pyramid, in Keras, from random initialisation.

M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (CVPR 2018); T.-Y. Lin
et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017); W. Liu et al., "SSD" (ECCV
2016). "FPN-lite" as in the TensorFlow 2 Object Detection API's SSD MobileNet V2 FPNLite: all
convolutions of the pyramid and of the predictor are separable, and one predictor serves all
levels, with batch norm of its own at each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.adapter import named_weights
from covergenre.backbones import Preprocessing
from covergenre.detector.anchors import Anchors
from covergenre.engines import Graph
from covergenre.errors import BundleError

# The last layer of MobileNet V2 at each stride, before the next one halves it.
_LEVELS = {4: "block_2_add", 8: "block_5_add", 16: "block_12_add", 32: "block_16_project_BN"}
# Of the statistics: those of a training of a few thousand steps must not lag by a thousand.
_BATCH_NORM = {"epsilon": 1e-3, "momentum": 0.97}
# Chance of a label that an untrained detector sees at each anchor (RetinaNet, section 3.3).
_PRIOR = 0.01


@dataclass(frozen=True)
class Architecture:
    """What a detector is made of; as it is, it costs no more than EfficientNet-Lite2 at 224 pixels.

    Attributes:
        anchors: its levels and default boxes; the backbone ends at the coarsest.
        width: of MobileNet V2, its multiplier alpha.
        channels: of the pyramid and of the predictor.
        depth: separable convolutions of the predictor before its two last.
        classes: kinds of thing it tells apart, each with a score of its own.
    """

    anchors: Anchors = field(default_factory=Anchors)
    width: float = 0.5
    channels: int = 64
    depth: int = 2
    classes: int = 1

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest holds it."""
        return {**asdict(self), "anchors": self.anchors.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Architecture:
        """The inverse of :meth:`to_json`."""
        return cls(**{**value, "anchors": Anchors.from_json(value["anchors"])})


def build(architecture: Architecture) -> Any:
    """The network with random weights.

    Returns:
        keras.Model: float32 (n, size, size, 3), preprocessed, to ``logits`` float32 (n, anchors,
        classes) and ``codes`` float32 (n, anchors, 4), as :mod:`covergenre.detector.coding` reads
        them, in the order of :meth:`Anchors.boxes`.

    Raises:
        ValueError: a stride at which MobileNet V2 has no level.
    """
    from keras import Model, layers

    anchors = architecture.anchors
    backbone = _backbone(architecture)
    levels = _pyramid(backbone.outputs, anchors.strides, architecture.channels)
    logits, codes = [], []
    predict = _predictor(architecture)
    for stride, level in zip(anchors.strides, levels, strict=True):
        scores, shifts = predict(level, stride)
        logits.append(layers.Reshape((-1, architecture.classes))(scores))
        codes.append(layers.Reshape((-1, 4))(shifts))
    outputs = {
        "logits": layers.Concatenate(axis=1, name="logits")(logits),
        "codes": layers.Concatenate(axis=1, name="codes")(codes),
    }
    return Model(backbone.input, outputs, name="detector")


def load(architecture: Architecture, tensors: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The network with given weights, by the names of :func:`covergenre.adapter.named_weights`.

    Raises:
        BundleError: they are not of this architecture; names the first that does not fit.
    """
    network = build(architecture)
    own = named_weights(network)
    for name in sorted({*own, *tensors}):
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape:
            raise BundleError(
                f"the detector's weights are of another architecture: {name} is "
                f"{_shape(tensors, name)}, not {_shape(own, name)}"
            )
    for weight in network.weights:
        weight.assign(np.asarray(tensors[weight.path], np.float32))
    return network


def detector_graph(network: Callable[[], Any], preprocessing: Preprocessing, digest: str) -> Graph:
    """A detector as engines take it.

    Its outputs are scores, float32 (n, anchors, classes), 0-1, and codes, float32 (n, anchors, 4).
    The most probable anchors are not picked in it: picking a few of tens of thousands costs some
    engines (OpenVINO's TopK) several times what the network does.

    Args:
        network: gives what :func:`build` does.
        preprocessing: what it expects.
        digest: of its weights and architecture.
    """

    def build() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        loaded = network()

        def answers(pixels: Any) -> tuple[Any, ...]:
            said = loaded(preprocessing.apply(pixels), training=False)
            return tf.sigmoid(said["logits"]), said["codes"]

        return answers

    return Graph("detector", preprocessing.size, digest, build)


def _shape(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> str:
    return str(tensors[name].shape) if name in tensors else "missing"


def _backbone(architecture: Architecture) -> Any:
    """MobileNet V2 from the pixels to the last layer of each level."""
    import keras

    size, strides = architecture.anchors.size, architecture.anchors.strides
    unknown = [stride for stride in strides if stride not in _LEVELS]
    if unknown:
        raise ValueError(
            f"MobileNet V2 has levels at {', '.join(map(str, _LEVELS))}, not {unknown[0]}"
        )
    whole = keras.applications.MobileNetV2(
        (size, size, 3), alpha=architecture.width, include_top=False, weights=None
    )
    for layer in whole.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _BATCH_NORM["momentum"]
    outputs = [whole.get_layer(_LEVELS[stride]).output for stride in strides]
    return keras.Model(whole.input, outputs)


def _pyramid(features: list[Any], strides: tuple[int, ...], channels: int) -> list[Any]:
    """One map of ``channels`` a level, each with what the coarser ones saw added."""
    from keras import layers

    coarser: Any = None
    maps: list[Any] = []
    for stride, feature in reversed(list(zip(strides, features, strict=True))):
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"lateral_{stride}")(feature)
        x = layers.BatchNormalization(**_BATCH_NORM, name=f"lateral_{stride}_bn")(x)
        if coarser is not None:
            ratio = int(x.shape[1]) // int(coarser.shape[1])
            above = layers.UpSampling2D(ratio, name=f"from_above_{stride}")(coarser)
            x = layers.Add(name=f"merge_{stride}")([x, above])
        coarser = x
        if len(maps) > 0:  # the coarsest has nothing added that would have to be smoothed
            x = _separable(channels, f"smooth_{stride}")(x)
            x = layers.BatchNormalization(**_BATCH_NORM, name=f"smooth_{stride}_bn")(x)
        maps.append(layers.ReLU(6.0, name=f"pyramid_{stride}")(x))
    return maps[::-1]


def _predictor(architecture: Architecture) -> Any:
    """Layers that all levels share; a function of a level's map and stride to scores and codes."""
    from keras import layers

    names = [f"predictor_{index}" for index in range(architecture.depth)]
    tower = [_separable(architecture.channels, name) for name in names]
    per_place = architecture.anchors.per_place
    prior = -math.log((1 - _PRIOR) / _PRIOR)
    to_scores = _separable(per_place * architecture.classes, "scores", bias=prior)
    to_codes = _separable(per_place * 4, "shifts", bias=0.0)

    def predict(x: Any, stride: int) -> tuple[Any, Any]:
        for name, convolution in zip(names, tower, strict=True):
            x = convolution(x)
            x = layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_bn_{stride}")(x)
            x = layers.ReLU(6.0, name=f"{name}_relu_{stride}")(x)
        return to_scores(x), to_codes(x)

    return predict


def _separable(filters: int, name: str, bias: float | None = None) -> Any:
    """A separable 3x3 convolution, without bias where batch norm follows."""
    from keras import initializers, layers

    if bias is None:
        return layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)
    return layers.SeparableConv2D(
        filters, 3, padding="same", name=name,
        pointwise_initializer=initializers.RandomNormal(stddev=0.01),
        bias_initializer=initializers.Constant(bias),
    )  # fmt: skip
