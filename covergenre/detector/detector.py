"""Detectors of one interface: pixels in, labels' boxes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from covergenre.calibration import Platt
from covergenre.detector.anchors import Anchors
from covergenre.detector.boxes import Boxes, Detections
from covergenre.detector.coding import decode
from covergenre.detector.nms import Suppression, suppress
from covergenre.engines import Pixels, Run, chunks

# Anchors of an image that are looked at further, the most probable ones.
_CANDIDATES = 200


class LabelDetector(ABC):
    """Finds labels on covers.

    Attributes:
        size: side in pixels of the square input.
    """

    size: int

    @abstractmethod
    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover.

        Args:
            pixels: uint8 (n, size, size, 3), RGB.
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


def read(
    scores: npt.NDArray[np.float32], codes: Boxes, anchors: Boxes, rule: Suppression
) -> Detections:
    """The detections of one image.

    Args:
        scores: float32 (anchors, classes), 0-1.
        codes: float32 (anchors, 4).
        anchors: as :meth:`Anchors.boxes` gives them.
        rule: what is kept.
    """
    highest = scores.max(axis=-1)
    places = np.flatnonzero(highest >= rule.least_score)
    places = places[np.argsort(-highest[places], kind="stable")[:_CANDIDATES]]
    boxes = np.clip(decode(codes[places], anchors[places]), 0, 1)
    return suppress(boxes, scores[places], rule)


class Detector(LabelDetector):
    """A network of :mod:`covergenre.detector.network`.

    Args:
        run: of :func:`covergenre.detector.network.detector_graph`.
        anchors: that it was built with.
        suppression: what is kept of its boxes.
    """

    def __init__(self, run: Run, anchors: Anchors, suppression: Suppression) -> None:
        self.size = run.size
        self._run = run
        self._anchors = anchors.boxes()
        self._suppression = suppression

    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover; see :meth:`LabelDetector.detect`."""
        return [
            read(own, shifts, self._anchors, self._suppression)
            for scores, codes in chunks(self._run, pixels)
            for own, shifts in zip(scores, codes, strict=True)
        ]

    def best(self, pixels: Pixels) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """See :meth:`LabelDetector.best`: no box suppresses the most probable one."""
        boxes, chances = np.zeros((len(pixels), 4), np.float32), np.zeros(len(pixels), np.float32)
        start = 0
        for scores, codes in chunks(self._run, pixels):
            covers = slice(start, start + len(scores))
            boxes[covers], chances[covers] = self._best(scores, codes)
            start = covers.stop
        return boxes, chances

    def _best(
        self, scores: npt.NDArray[np.float32], codes: npt.NDArray[np.float32]
    ) -> tuple[Boxes, npt.NDArray[np.float32]]:
        highest = scores.max(axis=-1)
        places = highest.argmax(axis=-1)
        covers = np.arange(len(scores))
        chances = highest[covers, places]
        there = chances >= max(self._suppression.least_score, np.finfo(np.float32).tiny)
        boxes = np.clip(decode(codes[covers, places], self._anchors[places]), 0, 1)
        return np.where(there[:, None], boxes, np.float32(0)), np.where(
            there, chances, np.float32(0)
        )


class CalibratedDetector(LabelDetector):
    """A detector whose scores mean what they say.

    Args:
        detector: gives the boxes.
        calibration: of its scores; their order does not change.
    """

    def __init__(self, detector: LabelDetector, calibration: Platt) -> None:
        self.size = detector.size
        self._detector = detector
        self._calibration = calibration

    def detect(self, pixels: Pixels) -> list[Detections]:
        """What is on each cover; see :meth:`LabelDetector.detect`."""
        return [
            replace(found, scores=self._calibration.apply(found.scores))
            for found in self._detector.detect(pixels)
        ]

    def best(self, pixels: Pixels) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """The most probable label of each cover; see :meth:`LabelDetector.best`."""
        boxes, scores = self._detector.best(pixels)
        return boxes, np.where(scores > 0, self._calibration.apply(scores), np.float32(0))
