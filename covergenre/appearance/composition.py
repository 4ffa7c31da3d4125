"""How a cover is laid out: plain or busy, symmetric or not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from covergenre.appearance.tone import entropy

SIDE = 96
"""Composition is looked at in this size; what an edge is depends on it."""

# Gradients of the Sobel operator, 3 x 3, L2; those above the upper start an edge, those above the
# lower go on with it.
_LOWER, _UPPER = 100, 200


def grey_entropy(grey: npt.NDArray[np.uint8]) -> float:
    """Entropy of the 256 grey levels: how evenly they are used (C. Shannon, 1948).

    Args:
        grey: uint8 (height, width).

    Returns:
        bits, 0 (plain) to 8.
    """
    return entropy(np.bincount(grey.ravel(), minlength=256))


def edge_density(grey: npt.NDArray[np.uint8]) -> float:
    """Share of pixels on an edge (J. Canny, "A computational approach to edge detection", 1986):
    how busy a cover is.

    Args:
        grey: uint8 (SIDE, SIDE).

    Returns:
        0 to 1; nine covers in ten have 0.02 to 0.26.
    """
    edges = cv2.Canny(grey, _LOWER, _UPPER, L2gradient=True)
    return float(np.count_nonzero(edges) / grey.size)


def symmetry(grey: npt.NDArray[np.uint8]) -> float:
    """How alike a cover and its mirror image are, left to right.

    A picture is the sum of an even and an odd part, which the mirror keeps and turns round; this is
    the even part's share of the variance, (1 + r) / 2 with r the correlation of picture and mirror
    image (G. Marola, "On the detection of the axes of symmetry of symmetric and almost symmetric
    planar images", 1989, for the correlation).

    Args:
        grey: uint8 (height, width).

    Returns:
        0 (its own negative) to 1 (symmetric, or plain); 0.5 where both sides have nothing in
        common.
    """
    centred = grey - grey.mean(dtype=np.float64)
    power = float(np.square(centred).sum())
    if power == 0:
        return 1.0
    return float((1 + (centred * centred[:, ::-1]).sum() / power) / 2)
