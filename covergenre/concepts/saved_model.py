"""SavedModels: image classifiers, and detectors of the TensorFlow 2 Object Detection API.

A detector's signature is told in :mod:`covergenre.detector.exported`. TensorFlow runs the graph;
nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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

_SIGNATURE = "serving_default"
_SCORES, _CLASSES, _COUNT = "detection_scores", "detection_classes", "num_detections"
# Of a detector: a column a class, before its suppression. Not every export has it.
_RAW_SCORES = "raw_detection_scores"


def load(path: Path, classes: int, settings: Local) -> Network:
    """Load a SavedModel; see :func:`covergenre.concepts.model_file.load`."""
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise TaggerError(f"{path} is no SavedModel that TensorFlow can load: {error}") from error
    if _SIGNATURE not in model.signatures:
        raise TaggerError(f"{path} has no signature {_SIGNATURE}")
    signature = model.signatures[_SIGNATURE]
    inputs = signature.structured_input_signature[1]
    (name, spec), *others = inputs.items()
    if others or spec.shape.rank != 4:
        raise TaggerError(f"{path} takes {', '.join(map(str, inputs.values()))}, not images")
    size = input_size(path, spec.shape.as_list()[1:], settings)
    as_bytes = spec.dtype == tf.uint8
    shown = None if as_bytes else preprocessing_of(path, settings, size)

    def run(pixels: Pixels) -> dict[str, Any]:
        _ = model  # lives as long as its function is used
        given = tf.constant(pixels)
        said = signature(**{name: given if shown is None else shown.apply(given)})
        return {key: value.numpy() for key, value in said.items()}

    if spec.shape[0] == 1:
        run = _one_by_one(run)
    if _SCORES in signature.structured_outputs:
        return _detector(run, size, classes, signature, path)
    if len(signature.structured_outputs) != 1:
        given = ", ".join(signature.structured_outputs)
        raise TaggerError(f"{path} gives {given}: neither one row of scores nor detections")
    (output,) = signature.structured_outputs
    network = Network(size, lambda pixels: np.asarray(run(pixels)[output], np.float32))
    return classifier(network, classes, settings.output, str(path))


def _one_by_one(run: Any) -> Any:
    def each(pixels: Pixels) -> dict[str, Any]:
        said = [run(cover[None]) for cover in pixels]
        return {key: np.concatenate([one[key] for one in said]) for key in said[0]}

    return each


def _detector(run: Any, size: int, classes: int, signature: Any, path: Path) -> Network:
    raw = signature.structured_outputs.get(_RAW_SCORES)
    if raw is not None and raw.shape[-1]:
        check_classes(raw.shape[-1], classes, str(path))

    def scores(pixels: Pixels) -> Scores:
        said = run(pixels)
        highest = np.zeros((len(pixels), classes), np.float32)
        for row, found, ids, count in zip(
            highest, said[_SCORES], said[_CLASSES], said[_COUNT], strict=True
        ):
            ids = ids[: int(count)].astype(int)
            if ids.size and ids.max() > classes:
                raise TaggerError(
                    f"{path} found the class {ids.max()}, but the list of concepts.local.labels "
                    f"names {classes} classes: name the list that came with the file (line 1 is "
                    "class 1; ??? where a number has none)"
                )
            np.maximum.at(row, ids - 1, found[: int(count)])
        return highest

    return Network(size, scores)
