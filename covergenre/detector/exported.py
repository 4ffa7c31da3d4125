"""Detectors that the TensorFlow 2 Object Detection API exported, behind our interface.

``exporter_main_v2.py --input_type image_tensor`` writes a SavedModel whose signature
``serving_default`` takes ``input_tensor`` uint8 (1, height, width, 3) and gives ``detection_boxes``
(ymin, xmin, ymax, xmax in 0-1), ``detection_scores``, ``detection_classes`` (from 1) and
``num_detections``, after its own suppression. TensorFlow runs its graph; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from covergenre.detector.boxes import Detections
from covergenre.detector.detector import LabelDetector
from covergenre.engines import Pixels
from covergenre.errors import BundleError
from covergenre.images import DECODE_SIDE

_SIGNATURE, _INPUT = "serving_default", "input_tensor"
_OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


class ExportedDetector(LabelDetector):
    """A SavedModel of the TensorFlow 2 Object Detection API.

    One that was exported for one cover at a time is called for each.

    Args:
        path: folder that holds ``saved_model.pb``.
        label_classes: ids, as the model gives them, that are the label; others are not reported.
        least_score: lower ones are dropped.

    Raises:
        BundleError: no SavedModel, or one with another signature; says which.
    """

    def __init__(
        self,
        path: Path,
        label_classes: Collection[int],
        least_score: float = 0.0,
    ) -> None:
        self._model, self._run = _load(path)
        self._label_classes = np.array(sorted(label_classes), np.int64)
        self._least_score = least_score
        covers, height, width, channels = _input_shape(path, self._run)
        if height != width or channels != 3:
            raise BundleError(f"{path} takes images {height}x{width}x{channels}, not square RGB")
        self.size = height or DECODE_SIDE
        self._one_at_a_time = covers == 1

    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover; see :meth:`LabelDetector.detect`."""
        if not self._one_at_a_time:
            return self._detect(pixels)
        return [said for cover in pixels for said in self._detect(cover[None])]

    def _detect(self, pixels: Pixels) -> list[Detections]:
        import tensorflow as tf

        said = self._run(**{_INPUT: tf.constant(pixels)})
        boxes, scores, classes, counts = (said[name].numpy() for name in _OUTPUTS)
        return [
            self._labels(b[:count], s[:count], c[:count])
            for b, s, c, count in zip(boxes, scores, classes, counts.astype(int), strict=True)
        ]

    def _labels(self, boxes: Any, scores: Any, classes: Any) -> Detections:
        ids = classes.astype(np.int32)
        kept = np.flatnonzero(np.isin(ids, self._label_classes) & (scores >= self._least_score))
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        corners = np.clip(boxes[kept][:, [1, 0, 3, 2]], 0, 1).astype(np.float32)
        return Detections(corners, scores[kept].astype(np.float32), ids[kept])


def _load(path: Path) -> tuple[Any, Any]:
    """The model, which must be kept as long as its function is used, and its function."""
    import tensorflow as tf

    if not (path / "saved_model.pb").is_file():
        raise BundleError(f"{path} is no SavedModel: it holds no saved_model.pb")
    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise BundleError(f"{path} is no SavedModel that TensorFlow can load: {error}") from error
    if _SIGNATURE not in model.signatures:
        raise BundleError(f"{path} has no signature {_SIGNATURE}: export it with the TensorFlow 2 "
                          "Object Detection API's exporter_main_v2.py")  # fmt: skip
    run = model.signatures[_SIGNATURE]
    missing = [name for name in _OUTPUTS if name not in run.structured_outputs]
    if missing:
        raise BundleError(f"{path} gives no {missing[0]}: it is no exported detector")
    return model, run


def _input_shape(path: Path, run: Any) -> list[int | None]:
    import tensorflow as tf

    spec = run.structured_input_signature[1].get(_INPUT)
    if spec is None or spec.dtype != tf.uint8 or spec.shape.rank != 4:
        raise BundleError(f"{path} takes no {_INPUT} of uint8 images: export it with "
                          "--input_type image_tensor")  # fmt: skip
    shape: list[int | None] = spec.shape.as_list()
    return shape
