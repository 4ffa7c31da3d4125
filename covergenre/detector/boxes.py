"""Boxes, and what a detector says of an image."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Detections:
    """What a detector found on one image, the most probable first.

    Attributes:
        boxes: float32 (k, 4), xmin, ymin, xmax, ymax in 0-1 of the image's sides.
        scores: float32 (k,), 0-1.
        classes: int32 (k,), which kind of thing, as the detector counts them.
    """

    boxes: Boxes
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.scores)


def iou(first: Any, second: Any, arrays: ModuleType = np) -> Any:
    """Intersection over union of every box of one set with every box of another.

    Args:
        first: float (..., a, 4), xmin, ymin, xmax, ymax.
        second: float (..., b, 4).
        arrays: whose arrays they are, numpy or tensorflow.

    Returns:
        float (..., a, b), 0-1; 0 where a box has no area.
    """
    low = arrays.maximum(first[..., :, None, :2], second[..., None, :, :2])
    high = arrays.minimum(first[..., :, None, 2:], second[..., None, :, 2:])
    sides = arrays.maximum(high - low, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    union = _areas(first)[..., :, None] + _areas(second)[..., None, :] - shared
    return shared / arrays.maximum(union, 1e-12)


def _areas(boxes: Any) -> Any:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
