"""Exported detectors: real SavedModels with the Object Detection API's signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from covergenre.detector.exported import ExportedDetector
from covergenre.errors import BundleError

# What every image shows, as the API gives it: ymin, xmin, ymax, xmax.
BOXES = [[0.1, 0.2, 0.3, 0.6], [0.5, 0.5, 0.7, 0.8], [-0.1, 0.9, 0.05, 1.2], [0, 0, 0, 0]]
CLASSES = [1, 2, 3, 1]


class Exported(tf.Module):
    """Gives fixed boxes; their scores fall from the image's mean brightness."""

    def say(self, input_tensor: Any) -> dict[str, Any]:
        covers = tf.shape(input_tensor)[0]
        brightness = tf.reduce_mean(tf.cast(input_tensor, tf.float32), (1, 2, 3)) / 255
        return {
            "detection_boxes": tf.tile(tf.constant([BOXES], tf.float32), [covers, 1, 1]),
            "detection_scores": brightness[:, None] * tf.constant([[1, 0.75, 0.5, 0.0]]),
            "detection_classes": tf.tile(tf.constant([CLASSES], tf.float32), [covers, 1]),
            "num_detections": tf.fill([covers], 3.0),
        }


def export(path: Path, shape: list[int | None], dtype: Any = tf.uint8, name: str = "input_tensor",
           drop: str = "", signature: str = "serving_default") -> Path:  # fmt: skip
    module = Exported()

    def say(tensor: Any) -> dict[str, Any]:
        return {key: value for key, value in module.say(tensor).items() if key != drop}

    run = tf.function(say, input_signature=[tf.TensorSpec(shape, dtype, name)])
    tf.saved_model.save(module, str(path), {signature: run.get_concrete_function()})
    return path


def covers() -> Any:
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    pixels[0], pixels[1] = 204, 102  # 0.8 and 0.4 of 255
    return pixels


@pytest.mark.parametrize("batch", [1, None])
def test_labels_of_each_cover(tmp_path: Path, batch: int | None) -> None:
    detector = ExportedDetector(export(tmp_path, [batch, None, None, 3]), {1, 3})
    assert detector.size == 320
    first, second = detector.detect(covers())
    corners = [[0.2, 0.1, 0.6, 0.3], [0.9, 0, 1, 0.05]]
    np.testing.assert_allclose(first.boxes, corners, atol=1e-6)
    np.testing.assert_allclose(first.scores, [0.8, 0.4], atol=1e-6)
    assert first.classes.tolist() == [1, 3]
    np.testing.assert_allclose(second.scores, [0.4, 0.2], atol=1e-6)
    boxes, scores = detector.best(covers())
    np.testing.assert_allclose(boxes, [corners[0]] * 2, atol=1e-6)
    np.testing.assert_allclose(scores, [0.8, 0.4], atol=1e-6)
    assert detector.detect(covers()[:0]) == []


def test_improbable_labels_and_other_classes_are_not_reported(tmp_path: Path) -> None:
    path = export(tmp_path, [1, 16, 16, 3])
    detector = ExportedDetector(path, {2}, least_score=0.5)
    assert detector.size == 16
    first, second = detector.detect(covers())
    np.testing.assert_allclose(first.boxes, [[0.5, 0.5, 0.8, 0.7]], atol=1e-6)
    assert len(second) == 0
    assert detector.best(covers())[1].tolist() == [pytest.approx(0.6), 0]


def test_what_is_no_exported_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="it holds no saved_model"):
        ExportedDetector(tmp_path, {1})
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(BundleError, match="no SavedModel that TensorFlow can load"):
        ExportedDetector(tmp_path, {1})
    other = export(tmp_path / "a", [1, None, None, 3], signature="other")
    with pytest.raises(BundleError, match="no signature serving_default"):
        ExportedDetector(other, {1})
    silent = export(tmp_path / "b", [1, None, None, 3], drop="num_detections")
    with pytest.raises(BundleError, match="gives no num_detections"):
        ExportedDetector(silent, {1})
    floats = export(tmp_path / "c", [1, None, None, 3], tf.float32)
    with pytest.raises(BundleError, match="takes no input_tensor of uint8"):
        ExportedDetector(floats, {1})
    oblong = export(tmp_path / "d", [1, 16, 32, 3])
    with pytest.raises(BundleError, match="16x32x3, not square RGB"):
        ExportedDetector(oblong, {1})
