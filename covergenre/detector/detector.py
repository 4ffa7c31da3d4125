"""Detectors of one interface: pixels in, labels' boxes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre.backbones import Preprocessing
from covergenre.detector.anchors import Anchors
from covergenre.detector.boxes import Boxes, Detections
from covergenre.detector.coding import decode
from covergenre.detector.nms import Suppression, suppress

Pixels = npt.NDArray[np.uint8]
# Anchors of an image that are looked at further, the most probable ones.
_CANDIDATES = 200


class LabelDetector(ABC):
    """Finds labels on covers.

    Attributes:
        size: side in pixels of the square input.
        batch_size: covers a call at most.
    """

    size: int
    batch_size: int

    @abstractmethod
    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover.

        Args:
            pixels: uint8 (n, size, size, 3), RGB, n at most ``batch_size``.
        """

    def best(self, pixels: Pixels) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """The most probable label of each cover.

        Args:
            pixels: as for :meth:`detect`.

        Returns:
            float32 (n, 4), xmin, ymin, xmax, ymax in 0-1, and its score, float32 (n,); box and
            score are 0 where nothing at all was found.
        """
        return most_probable(self.detect(pixels))


def most_probable(found: Sequence[Detections]) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """The first detection of each image, as :meth:`LabelDetector.best` gives them."""
    boxes, scores = np.zeros((len(found), 4), np.float32), np.zeros(len(found), np.float32)
    for index, detections in enumerate(found):
        if len(detections) > 0:
            boxes[index], scores[index] = detections.boxes[0], detections.scores[0]
    return boxes, scores


def candidates(network: Any, anchors: Anchors, preprocessing: Preprocessing, pixels: Any) -> Any:
    """The most probable boxes before suppression; all that a network's runtime has to compute.

    Args:
        network: as :func:`covergenre.detector.network.build` gives it.
        anchors: that it was built with.
        preprocessing: what it expects.
        pixels: uint8 tensor (n, size, size, 3), RGB.

    Returns:
        boxes float32 (n, k, 4) in 0-1 and scores float32 (n, k, classes), by their highest score.
    """
    import tensorflow as tf

    defaults = anchors.boxes()
    said = network(preprocessing.apply(pixels), training=False)
    highest = tf.reduce_max(said["logits"], -1)
    places = tf.math.top_k(highest, min(_CANDIDATES, len(defaults))).indices
    codes = tf.gather(said["codes"], places, batch_dims=1)
    boxes = decode(codes, tf.gather(tf.constant(defaults), places))
    scores = tf.sigmoid(tf.gather(said["logits"], places, batch_dims=1))
    return tf.clip_by_value(boxes, 0.0, 1.0), scores


class Detector(LabelDetector):
    """A network of :mod:`covergenre.detector.network` as one compiled function.

    Args:
        network: the trained network.
        anchors: that it was built with.
        preprocessing: what it expects.
        batch_size: covers a call; shorter batches are padded, so the function compiles once.
        suppression: what is kept of its boxes.
    """

    def __init__(
        self,
        network: Any,
        anchors: Anchors,
        preprocessing: Preprocessing,
        batch_size: int,
        suppression: Suppression,
    ) -> None:
        import tensorflow as tf

        self.size = preprocessing.size
        self.batch_size = batch_size
        self._suppression = suppression
        spec = tf.TensorSpec((batch_size, self.size, self.size, 3), tf.uint8)
        self._run = tf.function(
            lambda pixels: candidates(network, anchors, preprocessing, pixels),
            input_signature=[spec], autograph=False,
        )  # fmt: skip

    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover; see :meth:`LabelDetector.detect`."""
        padded = np.zeros((self.batch_size, *pixels.shape[1:]), np.uint8)
        padded[: len(pixels)] = pixels
        boxes, scores = (tensor.numpy()[: len(pixels)] for tensor in self._run(padded))
        return [suppress(*said, self._suppression) for said in zip(boxes, scores, strict=True)]
