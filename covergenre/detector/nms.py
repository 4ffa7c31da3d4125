"""Of boxes that show the same thing, keep the most probable.

Greedy non-maximum suppression, each class by itself, from OpenCV: it needs neither TensorFlow nor a
model's runtime.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from covergenre.detector.boxes import Boxes, Detections


@dataclass(frozen=True)
class Suppression:
    """What is kept of a detector's boxes.

    Attributes:
        least_score: lower ones are dropped.
        overlap: IoU above which the less probable of two boxes of a class is dropped.
        most: boxes an image.
    """

    least_score: float = 0.01
    overlap: float = 0.5
    most: int = 20


def suppress(boxes: Boxes, scores: npt.NDArray[np.float32], rule: Suppression) -> Detections:
    """The detections of one image.

    Of equally probable boxes the first is kept.

    Args:
        boxes: float32 (k, 4), xmin, ymin, xmax, ymax in 0-1.
        scores: float32 (k, classes), 0-1; a box is judged for every class.
        rule: what is kept.
    """
    places, classes = np.nonzero((scores >= rule.least_score) & (scores > 0))
    candidates, chances = boxes[places], scores[places, classes]
    kept = np.zeros(0, np.intp)
    if len(places) > 0:
        sides = candidates[:, 2:] - candidates[:, :2]
        kept = np.asarray(
            cv2.dnn.NMSBoxesBatched(
                np.hstack([candidates[:, :2], sides]).tolist(),
                chances.tolist(),
                classes.tolist(),
                score_threshold=0.0,
                nms_threshold=rule.overlap,
            ),
            np.intp,
        )[: rule.most]
    return Detections(candidates[kept], chances[kept], classes[kept].astype(np.int32))
