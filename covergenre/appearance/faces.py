"""Faces on a cover, found by what OpenCV brings along."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from cv2.data import haarcascades

_CASCADE = "haarcascade_frontalface_alt2.xml"
# Coarse steps between sizes keep it cheap; each face is then hit less often, so that one neighbour
# must do.
_STEP, _NEIGHBOURS = 1.3, 1


@dataclass(frozen=True)
class Faces:
    """Faces on a cover.

    Attributes:
        count: how many were found.
        area: of the largest one's box, as a share of the cover's, 0 to 1.
    """

    count: int
    area: float


def faces(grey: npt.NDArray[np.uint8]) -> Faces:
    """Find upright faces that look at the viewer.

    A cascade of boosted Haar features (P. Viola, M. Jones, "Rapid object detection using a boosted
    cascade of simple features", 2001; the cascade is R. Lienhart's, part of OpenCV). It sees a
    face from about a fifth of a cover's width on, and hardly one in profile, under a hat or behind
    sunglasses: what it finds mostly is one, what it does not find says little.

    Args:
        grey: uint8 (height, width); what the cascade's 20 x 20 pixels are of it is the smallest
            face.
    """
    boxes = _cascade().detectMultiScale(grey, _STEP, _NEIGHBOURS)
    areas = [int(width) * int(height) / grey.size for _, _, width, height in boxes]
    return Faces(len(areas), max(areas, default=0.0))


@functools.lru_cache(maxsize=1)
def _cascade() -> Any:
    return cv2.CascadeClassifier(str(Path(haarcascades) / _CASCADE))
