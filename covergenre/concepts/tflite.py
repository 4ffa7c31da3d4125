"""TFLite files: image classifiers and single-shot detectors, by TensorFlow's interpreter."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.concepts.network import (
    Network,
    Pixels,
    Scores,
    check_classes,
    classifier,
    input_size,
    preprocessing_of,
)
from covergenre.config.concepts import Local
from covergenre.errors import TaggerError

_BOX = 4


def load(path: Path, classes: int, settings: Local) -> Network:
    """Load a TFLite file; see :func:`covergenre.concepts.model_file.load`.

    Of several outputs (1, anchors, columns), those that are not of four columns are the scores; the
    first column of a detector is the background.
    """
    interpreter = _interpreter(path)
    inputs = interpreter.get_input_details()
    if len(inputs) != 1 or len(inputs[0]["shape"]) != 4:
        raise TaggerError(f"{path} takes {[list(one['shape']) for one in inputs]}, not images")
    (taken,) = inputs
    size = input_size(path, taken["shape_signature"][1:], settings)
    interpreter.resize_tensor_input(taken["index"], (1, size, size, 3))
    interpreter.allocate_tensors()
    outputs = interpreter.get_output_details()
    shown = _shown(path, taken, settings, size)

    def run(pixels: Pixels, output: dict[str, Any]) -> Scores:
        said = []
        for cover in shown(pixels):
            interpreter.set_tensor(taken["index"], cover[None])
            interpreter.invoke()
            said.append(_real(interpreter.get_tensor(output["index"]), output))
        return np.concatenate(said)

    if len(outputs) == 1:
        network = Network(size, lambda pixels: run(pixels, outputs[0]))
        return classifier(network, classes, settings.output, str(path))
    found = _scores_of(path, outputs, classes)
    return Network(size, lambda pixels: run(pixels, found)[:, :, -classes:].max(axis=1))


def _interpreter(path: Path) -> Any:
    import tensorflow as tf

    # None where no number is set: its own default.
    threads = tf.config.threading.get_intra_op_parallelism_threads() or None
    try:
        with warnings.catch_warnings():
            # Its successor is another package, which TensorFlow does not depend on.
            warnings.simplefilter("ignore", UserWarning)
            return tf.lite.Interpreter(model_content=path.read_bytes(), num_threads=threads)
    except (ValueError, RuntimeError) as error:
        raise TaggerError(f"{path} is no TFLite file that can be loaded: {error}") from error


def _shown(path: Path, taken: dict[str, Any], settings: Local, size: int) -> Any:
    """What turns pixels into the network's input: bytes as they are, unless a mode is set."""
    kind = taken["dtype"]
    if kind != np.float32 and settings.preprocessing == "auto":
        # int8 is uint8 with another zero point.
        offset = -128 if kind == np.int8 else 0
        return lambda pixels: (pixels.astype(np.int16) + offset).astype(kind)
    preprocessing = preprocessing_of(path, settings, size)
    if kind == np.float32:
        return lambda pixels: preprocessing.apply(pixels).numpy()
    scale, zero = taken["quantization"]
    bounds = np.iinfo(kind)

    def quantized(pixels: Pixels) -> npt.NDArray[Any]:
        real = preprocessing.apply(pixels).numpy()
        values: npt.NDArray[Any] = np.clip(np.round(real / scale) + zero, bounds.min, bounds.max)
        return values.astype(kind)

    return quantized


def _real(values: npt.NDArray[Any], output: dict[str, Any]) -> Scores:
    scale, zero = output["quantization"]
    if scale:
        values = (values.astype(np.float32) - zero) * scale
    return np.asarray(values, np.float32)


def _scores_of(path: Path, outputs: list[dict[str, Any]], classes: int) -> dict[str, Any]:
    shapes = [tuple(int(n) for n in one["shape"]) for one in outputs]
    if not all(len(shape) == 3 and shape[:2] == shapes[0][:2] for shape in shapes):
        raise TaggerError(f"{path} gives {shapes}: neither one row of scores nor scores of anchors")
    fitting = [i for i, shape in enumerate(shapes) if shape[2] == classes + 1]
    others = [i for i, shape in enumerate(shapes) if shape[2] != _BOX]
    if len(fitting) != 1:
        if len(others) == 1:
            check_classes(shapes[others[0]][2], classes, str(path))
        raise TaggerError(f"{path} gives {shapes}: which of them are scores cannot be told")
    return outputs[fitting[0]]
