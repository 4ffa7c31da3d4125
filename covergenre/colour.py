"""The colours of a cover, as a few numbers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 64
"""Covers are looked at in this size: colours need no more."""

_BINS = [4, 8, 8]
# Lightness as it is; a* and b* to where few colours are left. OpenCV leaves the upper end out.
_LOW = np.array([0, -80, -80], np.float32)
_HIGH = np.array([100, 80, 80], np.float32)
_RANGES = [0, 100.01, -80, 80.01, -80, 80.01]
FEATURES = 4 * 8 * 8 + 6


def cielab(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """sRGB to CIELAB (CIE 1976, D65), where equal distances look about equally far apart.

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        float32 (height, width, 3): L* 0 to 100, a* and b* within about -110 to 100.
    """
    lab: npt.NDArray[np.float32] = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab


def colour_features(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Which colours a cover has, and how light and colourful it is on the whole.

    In CIELAB (:func:`cielab`): the joint histogram of 4 x 8 x 8 bins (M. Swain, D. Ballard, "Color
    indexing", 1991), its square root so that distances are Hellinger's, then mean and standard
    deviation of each channel (M. Stricker, M. Orengo, "Similarity of color images", 1995).

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        float32 (FEATURES,): the histogram's roots, 0 to 1, then the moments in CIELAB units.
    """
    lab = cielab(pixels)
    inside = np.clip(lab, _LOW, _HIGH)
    histogram = cv2.calcHist([inside], [0, 1, 2], None, _BINS, _RANGES)
    shares = histogram.ravel() / (lab.shape[0] * lab.shape[1])
    moments = [lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))]
    features: npt.NDArray[np.float32] = np.concatenate([np.sqrt(shares), *moments])
    return features.astype(np.float32)
