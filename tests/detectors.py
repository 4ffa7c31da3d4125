"""Tiny detectors for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from covergenre.adapter import named_weights
from covergenre.backbones import Preprocessing
from covergenre.calibration import Platt
from covergenre.detector.anchors import Anchors
from covergenre.detector.detector import Detector
from covergenre.detector.network import Architecture, build, detector_graph
from covergenre.detector.nms import Suppression
from covergenre.detector.stored import DetectorPart
from covergenre.engines import tensorflow

ARCHITECTURE = Architecture(Anchors(64, (8, 16), (2.5,), (1.6,)), width=0.35, channels=8, depth=1)
PREPROCESSING = Preprocessing(64, "RGB", (127.5,) * 3, (127.5,) * 3)
SUPPRESSION = Suppression(least_score=0.0, most=3)


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of :data:`ARCHITECTURE` that see other things on other pictures."""
    random = np.random.default_rng(seed)
    found = named_weights(build(ARCHITECTURE))
    for name, value in found.items():
        if value.ndim > 1:
            fan_in = value[..., 0].size if "depthwise" not in name else value[..., 0, 0].size
            found[name] = random.normal(0, (2 / fan_in) ** 0.5, value.shape).astype(np.float32)
    return found


def running(network: Any, architecture: Architecture, preprocessing: Preprocessing) -> Detector:
    """A network of ours in TensorFlow, that gives at most three boxes."""
    run = tensorflow.loader(2)(detector_graph(lambda: network, preprocessing, ""))
    return Detector(run, architecture.anchors, SUPPRESSION)


def own(
    threshold: float = 0.5, calibration: Platt | None = None, seed: int = 0, **more: Any
) -> DetectorPart:
    """A random network of 64 pixels."""
    details = more.pop("details", {"recall": 0.5})
    return DetectorPart.of_network(
        ARCHITECTURE, weights(seed), PREPROCESSING, SUPPRESSION, threshold, calibration, details,
        **more,
    )  # fmt: skip


class Bright(tf.Module):
    """Sees one label in the upper left quarter, the surer the brighter the picture.

    Speaks as the TensorFlow 2 Object Detection API's exported models do.
    """

    def __init__(self) -> None:
        self.gain = tf.Variable(1.0)

    def say(self, input_tensor: Any) -> dict[str, Any]:
        covers = tf.shape(input_tensor)[0]
        brightness = tf.reduce_mean(tf.cast(input_tensor, tf.float32), (1, 2, 3)) / 255
        return {
            "detection_boxes": tf.tile(tf.constant([[[0.0, 0.1, 0.4, 0.5]]]), [covers, 1, 1]),
            "detection_scores": self.gain * brightness[:, None],
            "detection_classes": tf.ones([covers, 1]),
            "num_detections": tf.ones([covers]),
        }


def export(folder: Path, size: int | None = 64) -> Path:
    """:class:`Bright` as a SavedModel."""
    module = Bright()
    spec = tf.TensorSpec((1, size, size, 3), tf.uint8, "input_tensor")
    run = tf.function(module.say, input_signature=[spec])
    signatures = {"serving_default": run.get_concrete_function()}
    tf.saved_model.save(module, str(folder), signatures)
    return folder
