"""A user's own model as a tagger: a Keras file, a TFLite file or a SavedModel, with its labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from covergenre.concepts import saved_model, tflite
from covergenre.concepts.network import Network, classifier, input_size, preprocessing_of
from covergenre.config.concepts import Local
from covergenre.errors import TaggerError

_BACKGROUND = "background"


def read_labels(path: Path) -> list[str]:
    """Names of classes, one a line; a first line ``background`` is left out.

    Raises:
        TaggerError: the file cannot be read or names nothing.
    """
    try:
        lines = path.read_text("utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TaggerError(f"concepts.local.labels {path} cannot be read: {error}") from error
    names = [line.strip() for line in lines]
    if names and names[0].lower() == _BACKGROUND:
        del names[0]
    if not names:
        raise TaggerError(f"concepts.local.labels {path} names no class: one a line is needed")
    if "" in names:
        line = names.index("") + 1 + len(lines) - len(names)
        raise TaggerError(
            f"concepts.local.labels {path} line {line} is empty: each class has its line; write "
            "??? where a number has none"
        )
    return names


def read(path: Path) -> dict[str, bytes]:
    """The files of a model: name below the folder that holds ``path`` to content.

    Raises:
        TaggerError: it is not there or none of the kinds that are read.
    """
    if path.is_dir() and (path / "saved_model.pb").is_file():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    elif path.is_file() and path.suffix in (".keras", ".tflite"):
        files = [path]
    else:
        why = "is no .keras or .tflite file nor the folder of a SavedModel"
        why = why if path.exists() else "is not there"
        raise TaggerError(f"concepts.local.file {path} {why}")
    return {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in files}


def digest(files: Mapping[str, bytes]) -> str:
    """Of the contents and their names below the model; what the model itself is called does not
    count."""
    parts = [
        f"{name.partition('/')[2]} {hashlib.sha256(files[name]).hexdigest()}\n"
        for name in sorted(files)
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def load(path: Path, classes: int, settings: Local) -> Network:
    """Load a model.

    Args:
        path: as for :func:`read`.
        classes: how many there are.
        settings: ``concepts.local``.

    Raises:
        TaggerError: it cannot be loaded, or gives something else than scores of these classes.
        BackboneError: what pixels it expects cannot be told.
    """
    if path.suffix == ".tflite":
        return tflite.load(path, classes, settings)
    if path.is_dir():
        return saved_model.load(path, classes, settings)
    return _load_keras(path, classes, settings)


def _load_keras(path: Path, classes: int, settings: Local) -> Network:
    import keras
    import tensorflow as tf

    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # a damaged file makes Keras raise nearly anything
        raise TaggerError(f"{path} is no Keras model that can be loaded: {error}") from error
    if not isinstance(model.input_shape, tuple) or len(model.input_shape) != 4:
        raise TaggerError(f"{path} takes {model.input_shape}, not images")
    size = input_size(path, model.input_shape[1:], settings)
    preprocessing = preprocessing_of(path, settings, size)
    run = tf.function(
        lambda pixels: model(preprocessing.apply(pixels), training=False),
        input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
        autograph=False,
    )
    network = Network(size, lambda pixels: np.asarray(run(pixels), np.float32))
    return classifier(network, classes, settings.output, str(path))
