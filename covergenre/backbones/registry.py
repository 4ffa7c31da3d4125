"""Find a backbone by what the user calls it, and load it."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from covergenre.adapter import Changes
from covergenre.backbones import efficientnet_lite
from covergenre.backbones.preprocessing import MODES, Preprocessing
from covergenre.errors import BackboneError
from covergenre.images import DECODE_SIDE, PIXELS_VERSION

Kind = Literal["package", "applications", "file"]

# keras.applications: function, preprocessing mode, side the weights were trained at.
# EfficientNetV2, MobileNetV3 and ConvNeXt normalise within the network.
APPLICATIONS = {
    "resnet50": ("ResNet50", "caffe", 224),
    "resnet101": ("ResNet101", "caffe", 224),
    "resnet101_v2": ("ResNet101V2", "tf", 224),
    "mobilenet_v2": ("MobileNetV2", "tf", 224),
    "mobilenet_v3_small": ("MobileNetV3Small", "none", 224),
    "mobilenet_v3_large": ("MobileNetV3Large", "none", 224),
    "efficientnet_v2_b0": ("EfficientNetV2B0", "none", 224),
    "efficientnet_v2_b2": ("EfficientNetV2B2", "none", 260),
    "efficientnet_v2_s": ("EfficientNetV2S", "none", 384),
    "convnext_tiny": ("ConvNeXtTiny", "none", 224),
    "convnext_small": ("ConvNeXtSmall", "none", 224),
}
# Start of a file's name (letters and digits only) to preprocessing mode, the longest first.
_FILE_MODES = {
    "efficientnetlite": "lite",
    "efficientnetv2": "none",
    "mobilenetv3": "none",
    "convnext": "none",
    "mobilenetv2": "tf",
    "resnet50v2": "tf",
    "resnet101v2": "tf",
    "resnet152v2": "tf",
    "resnet50": "caffe",
    "resnet101": "caffe",
    "resnet152": "caffe",
}


@dataclass(frozen=True)
class Backbone:
    """A pretrained network and what it expects.

    Attributes:
        name: ``efficientnet_lite2``, a name in :data:`APPLICATIONS`, or a file's stem.
        kind: ``package`` (weights come as a dependency), ``applications`` (Keras downloads them) or
            ``file``.
        preprocessing: size, channel order, mean and standard deviation of its input.
        weights_sha256: of the weights' file; None while Keras has yet to download it.
        path: the Keras file, for ``file``.
        changes: what fine-tuning changed; None for the weights as they come.
    """

    name: str
    kind: Kind
    preprocessing: Preprocessing
    weights_sha256: str | None
    path: Path | None = None
    changes: Changes | None = None

    @property
    def digest(self) -> str:
        """Identifies the features: weights, input, decoder. 16 hexadecimal digits."""
        parts = [self.name, self.weights_sha256, self.preprocessing.to_json(), PIXELS_VERSION]
        if self.changes is not None:
            parts += [self.changes.sha256, str(self.changes.bits)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def saved(self, folder: Path) -> Backbone:
        """Itself, or, when Keras downloads the weights, a copy that reads them from ``folder``.

        Executors load from there: they need no network, and all of them see the same weights.
        """
        if self.kind != "applications":
            return self
        path = folder / f"{self.name}.keras"
        _load_application(self.name).save(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return replace(self, kind="file", weights_sha256=sha256, path=path)

    def load(self) -> Any:
        """The network: float32 (n, size, size, 3), preprocessed, to features.

        Returns:
            keras.Model: output float32 (n, features), globally average-pooled, or what the network
            itself gives when that is flat.

        Raises:
            BackboneError: the weights cannot be had; says which file to put where.
        """
        if self.kind == "package":
            network = efficientnet_lite.build_pretrained()
        elif self.kind == "applications":
            network = _load_application(self.name)
        else:
            network = _load_file(self.path, self.weights_sha256)
        if self.changes is not None:
            self.changes.apply_to(network)
        return _pooled(network, self.preprocessing.size)


def resolve(name: str, input_size: int | None = None, preprocessing: str = "auto") -> Backbone:
    """The backbone a user names.

    Args:
        name: ``efficientnet_lite2``, a name in :data:`APPLICATIONS` (as in Keras, any case,
            with or without underscores), or the path of a Keras file.
        input_size: side of the input in pixels; None for the backbone's own.
        preprocessing: a name in :data:`MODES`, or ``auto``; only a file needs one.

    Raises:
        BackboneError: not known, not there, or a file whose preprocessing cannot be told.
    """
    known = {_plain(key): key for key in APPLICATIONS}
    if _plain(name) == "efficientnetlite2":
        spec = _spec(input_size or efficientnet_lite.INPUT_SIZE, "lite")
        sha256 = efficientnet_lite.WEIGHTS_SHA256
        return Backbone("efficientnet_lite2", "package", spec, sha256)
    if _plain(name) in known:
        key = known[_plain(name)]
        _, mode, size = APPLICATIONS[key]
        return Backbone(key, "applications", _spec(input_size or size, mode), None)
    path = Path(name)
    if not path.is_file():
        names = ", ".join(["efficientnet_lite2", *APPLICATIONS])
        raise BackboneError(f"backbone {name} is neither a file nor one of {names}")
    mode = _mode_of_file(path) if preprocessing == "auto" else preprocessing
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Backbone(path.stem, "file", _spec(input_size or _own_size(path), mode), sha256, path)


def _spec(size: int, mode: str) -> Preprocessing:
    channels, mean, std = MODES[mode]
    return Preprocessing(size, channels, mean, std)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _own_size(path: Path) -> int:
    """Side of the input that a Keras file was made for; the decoder's if it takes any size.

    Read off the file's configuration (a ``.keras`` file is a zip archive holding config.json), so
    that nothing is loaded to find out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        layers = config["config"]["layers"]
        shape = next(x["config"]["batch_shape"] for x in layers if x["class_name"] == "InputLayer")
    except (zipfile.BadZipFile, KeyError, ValueError, StopIteration, TypeError):
        return DECODE_SIDE
    return int(shape[1] or DECODE_SIDE) if len(shape) == 4 else DECODE_SIDE


def _mode_of_file(path: Path) -> str:
    for start in sorted(_FILE_MODES, key=len, reverse=True):
        if _plain(path.stem).startswith(start):
            return _FILE_MODES[start]
    raise BackboneError(
        f"what pixels {path} expects cannot be told from its name: "
        f"set train.preprocessing to one of {', '.join(MODES)}"
    )


def _load_application(name: str) -> Any:
    import keras
    from keras.src.backend.config import keras_home  # Keras offers no public one

    function = APPLICATIONS[name][0]
    try:
        return getattr(keras.applications, function)(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception when a download fails
        match = re.search(r"/([^/\s]+\.(?:h5|keras))", str(error))
        file = match[1] if match else f"the ImageNet weights of {function} (no top)"
        raise BackboneError(
            f"Keras could not download the weights of {name}: put {file} into "
            f"{Path(keras_home()) / 'models'}, or name a Keras file as the backbone"
        ) from error


def _load_file(path: Path | None, sha256: str | None) -> Any:
    import keras

    if path is None or not path.is_file():
        raise BackboneError(f"the backbone's file {path} is missing")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise BackboneError(f"{path} changed since its digest was taken; name the backbone again")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # a damaged file makes Keras raise nearly anything
        raise BackboneError(f"{path} is no Keras model that can be loaded: {error}") from error


def _pooled(network: Any, size: int) -> Any:
    from keras import Input, Model, layers

    pixels = Input((size, size, 3))
    try:
        features = network(pixels, training=False)
    except ValueError as error:
        raise BackboneError(
            f"{network.name} cannot take a {size}x{size} input (it wants {network.input_shape}): "
            "set train.input_size"
        ) from error
    if len(features.shape) == 4:
        features = layers.GlobalAveragePooling2D()(features)
    return Model(pixels, features, name="features")
