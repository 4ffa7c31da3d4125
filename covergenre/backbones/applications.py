"""Networks of keras.applications by name, with the ImageNet weights that Keras downloads."""

from __future__ import annotations

import contextlib
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from covergenre.errors import BackboneError

_SILENT_SECONDS = 20.0  # until a download without an answer is given up


class Application(NamedTuple):
    """A network of keras.applications.

    Attributes:
        function: that builds it.
        mode: of preprocessing, in :data:`covergenre.backbones.MODES`.
        size: side in pixels that the weights were trained at.
        file: what Keras calls the weights without the top.
    """

    function: str
    mode: str
    size: int
    file: str


def _resnet(name: str) -> str:
    return f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _mobilenet_v3(name: str) -> str:
    return f"weights_mobilenet_v3_{name}_224_1.0_float_no_top_v2.h5"


_MOBILENET_V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"

# EfficientNetV2, MobileNetV3 and ConvNeXt normalise within the network.
APPLICATIONS = {
    "resnet50": Application("ResNet50", "caffe", 224, _resnet("resnet50")),
    "resnet101": Application("ResNet101", "caffe", 224, _resnet("resnet101")),
    "resnet101_v2": Application("ResNet101V2", "tf", 224, _resnet("resnet101v2")),
    "mobilenet_v2": Application("MobileNetV2", "tf", 224, _MOBILENET_V2),
    "mobilenet_v3_small": Application("MobileNetV3Small", "none", 224, _mobilenet_v3("small")),
    "mobilenet_v3_large": Application("MobileNetV3Large", "none", 224, _mobilenet_v3("large")),
    "efficientnet_v2_b0": Application(
        "EfficientNetV2B0", "none", 224, "efficientnetv2-b0_notop.h5"
    ),
    "efficientnet_v2_b2": Application(
        "EfficientNetV2B2", "none", 260, "efficientnetv2-b2_notop.h5"
    ),
    "efficientnet_v2_s": Application("EfficientNetV2S", "none", 384, "efficientnetv2-s_notop.h5"),
    "convnext_tiny": Application("ConvNeXtTiny", "none", 224, "convnext_tiny_notop.h5"),
    "convnext_small": Application("ConvNeXtSmall", "none", 224, "convnext_small_notop.h5"),
}


def load(name: str) -> Any:
    """The network without its top, from Keras' cache or downloaded into it.

    Args:
        name: in :data:`APPLICATIONS`.

    Raises:
        BackboneError: the weights cannot be had; says which file to put where.
    """
    import keras
    from keras.src.backend.config import keras_home  # Keras offers no public one

    application = APPLICATIONS[name]
    build = getattr(keras.applications, application.function)
    try:
        with _time_limit(_SILENT_SECONDS), warnings.catch_warnings():
            # Any size will do: the features are pooled.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            return build(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise BackboneError(
            f"Keras could not download the weights of {name}: put {application.file} into "
            f"{Path(keras_home()) / 'models'}, or name a Keras file as the backbone"
        ) from error


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Give up on a server that does not answer; Keras by itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
