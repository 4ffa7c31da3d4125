"""Find a backbone by what the user calls it, and load it."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from covergenre import tensorflow_runtime
from covergenre.adapter import Changes
from covergenre.backbones import applications, efficientnet_lite
from covergenre.backbones.applications import APPLICATIONS
from covergenre.backbones.preprocessing import MODES, Preprocessing
from covergenre.errors import BackboneError
from covergenre.images import DECODE_SIDE, PIXELS_VERSION

Kind = Literal["package", "applications", "file"]

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

    def fetch(self) -> None:
        """Let Keras download the weights now, if it has to and has not yet.

        Raises:
            BackboneError: they cannot be had; says which file to put where.
        """
        if self.kind == "applications":
            tensorflow_runtime.start()
            applications.load(self.name)

    def saved(self, folder: Path) -> Backbone:
        """Itself, or, when Keras downloads the weights, a copy that reads them from ``folder``.

        Executors load from there: they need no network, and all of them see the same weights.
        """
        if self.kind != "applications":
            return self
        path = folder / f"{self.name}.keras"
        applications.load(self.name).save(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return replace(self, kind="file", weights_sha256=sha256, path=path)

    def load(self) -> Any:
        """The network: float32 (n, size, size, 3), preprocessed, to features.

        Returns:
            keras.Model: output float32 (n, features), globally average-pooled, or what the network
            itself gives when that is flat; of several sizes one after the other.

        Raises:
            BackboneError: the weights cannot be had; says which file to put where.
        """
        if self.kind == "package":
            network = efficientnet_lite.build_pretrained()
        elif self.kind == "applications":
            network = applications.load(self.name)
        else:
            network = _load_file(self.path, self.weights_sha256)
        if self.changes is not None:
            self.changes.apply_to(network)
        return _pooled(network, self.preprocessing)

    def compiled(self) -> Any:
        """The network behind its preprocessing, as one function.

        Returns:
            a tf.function: uint8 (n, size, size, 3), RGB, to float32 (n, features).
        """
        import tensorflow as tf

        network, size = self.load(), self.preprocessing.size
        return tf.function(
            lambda pixels: network(self.preprocessing.apply(pixels), training=False),
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
            autograph=False,
        )


def resolve(
    name: str, input_size: int | Sequence[int] | None = None, preprocessing: str = "auto"
) -> Backbone:
    """The backbone a user names.

    Args:
        name: ``efficientnet_lite2``, a name in :data:`APPLICATIONS` (as in Keras, any case,
            with or without underscores), or the path of a Keras file.
        input_size: side of the input in pixels; None for the backbone's own; several for a network
            that looks at a cover at each of them.
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
        spec = _spec(input_size or APPLICATIONS[key].size, APPLICATIONS[key].mode)
        return Backbone(key, "applications", spec, None)
    path = Path(name)
    if not path.is_file():
        names = ", ".join(["efficientnet_lite2", *APPLICATIONS])
        raise BackboneError(f"backbone {name} is neither a file nor one of {names}")
    mode = mode_of_file(path) if preprocessing == "auto" else preprocessing
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Backbone(path.stem, "file", _spec(input_size or _own_size(path), mode), sha256, path)


def _spec(input_size: int | Sequence[int], mode: str) -> Preprocessing:
    sizes = [input_size] if isinstance(input_size, int) else input_size
    size, *further = sorted(set(sizes), reverse=True)
    return Preprocessing(size, *MODES[mode], tuple(further))


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


def mode_of_file(path: Path, setting: str = "train.preprocessing") -> str:
    """What pixels a network expects, a key of :data:`MODES`, by its file's name.

    Raises:
        BackboneError: the name does not tell; names the setting that does.
    """
    for start in sorted(_FILE_MODES, key=len, reverse=True):
        if _plain(path.stem).startswith(start):
            return _FILE_MODES[start]
    raise BackboneError(
        f"what pixels {path} expects cannot be told from its name: "
        f"set {setting} to one of {', '.join(MODES)}"
    )


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


def _pooled(network: Any, preprocessing: Preprocessing) -> Any:
    from keras import Input, Model, layers

    pixels = Input((preprocessing.size, preprocessing.size, 3))
    features = [_features(network, pixels)]
    for size in preprocessing.further_sizes:
        # Bilinear without antialiasing, as covergenre.images resizes by less than two.
        features.append(_features(network, layers.Resizing(size, size)(pixels)))
    joined = layers.Concatenate()(features) if len(features) > 1 else features[0]
    return Model(pixels, joined, name="features")


def _features(network: Any, pixels: Any) -> Any:
    from keras import layers

    try:
        features = network(pixels, training=False)
    except ValueError as error:
        raise BackboneError(
            f"{network.name} cannot take a {pixels.shape[1]}x{pixels.shape[2]} input (it wants "
            f"{network.input_shape}): set train.input_size"
        ) from error
    if len(features.shape) == 4:
        features = layers.GlobalAveragePooling2D()(features)
    return features
