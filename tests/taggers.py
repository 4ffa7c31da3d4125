"""Tiny models for tests of local taggers: they see how red, green or blue a picture is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

SIZE = 32
COLOURS = ["red", "green", "blue"]


def classifier(activation: str | None = None, outputs: int = 3) -> Any:
    """Mean of each channel, with ``outputs`` above 3 after constant ones of -1."""
    pixels = keras.Input((SIZE, SIZE, 3))
    means = keras.layers.GlobalAveragePooling2D()(pixels)
    dense = keras.layers.Dense(outputs, activation=activation)
    model = keras.Model(pixels, dense(means))
    more = outputs - 3
    kernel = np.concatenate([np.zeros((3, more)), np.eye(3)], axis=1)
    dense.set_weights([kernel, np.array([-1.0] * more + [0.0] * 3)])
    return model


def plain(*colour: int, size: int = SIZE) -> np.ndarray:
    """uint8 (size, size, 3) of one colour."""
    return np.full((size, size, 3), colour, np.uint8)


def write_labels(path: Path, names: list[str]) -> str:
    """A list of classes, one a line."""
    path.write_text("\n".join(names) + "\n", "utf-8")
    return str(path)


def write_tflite(path: Path, function: Any, dtype: Any) -> str:
    """A TFLite file of a function of (1, SIZE, SIZE, 3)."""
    spec = tf.TensorSpec((1, SIZE, SIZE, 3), dtype)
    concrete = tf.function(function, input_signature=[spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    path.write_bytes(converter.convert())
    return str(path)


def anchors(pixels: Any) -> dict[str, Any]:
    """What a single-shot detector of two classes gives: two anchors, of which the second sees how
    red and how green the picture is."""
    share = tf.reduce_mean(tf.cast(pixels, tf.float32), (1, 2)) / 255
    none = tf.constant([[0.75, 0.125, 0.125]])
    second = tf.stack([share[:, 2], share[:, 0], share[:, 1]], axis=1)
    return {
        "scores": tf.stack([none, second], axis=1),
        "offsets": tf.zeros((1, 2, 4)),
        "anchors": tf.ones((1, 2, 4)) * share[0, 0],
    }


class Objects(tf.Module):
    """Finds class 1 twice, as red as the picture is and half of it, and class 3, of 0.25.

    Speaks as the TensorFlow 2 Object Detection API's exported models do.
    """

    def say(self, input_tensor: Any) -> dict[str, Any]:
        red = tf.reduce_mean(tf.cast(input_tensor, tf.float32)[..., 0], (1, 2)) / 255
        scores = tf.stack([red, red * 0 + 0.25, red / 2, red * 0 + 0.9], axis=1)
        covers = tf.shape(input_tensor)[0]
        return {
            "detection_boxes": tf.zeros([covers, 4, 4]),
            "detection_scores": scores,
            # What is after num_detections does not count.
            "detection_classes": tf.tile(tf.constant([[1.0, 3.0, 1.0, 2.0]]), [covers, 1]),
            "num_detections": tf.fill([covers], 3.0),
        }

    def export(self, folder: Path) -> str:
        """As a SavedModel."""
        spec = tf.TensorSpec((1, SIZE, SIZE, 3), tf.uint8, "input_tensor")
        run = tf.function(self.say, input_signature=[spec])
        tf.saved_model.save(self, str(folder), {"serving_default": run.get_concrete_function()})
        return str(folder)
