"""How light, colourful and saturated a cover is on the whole."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from covergenre.appearance.palette import Floats
from covergenre.images import Pixels

NEAR = 15.0
"""A pixel is near black, or near white, when it is at most this far from it in CIELAB (CIE 1976,
Euclidean): black and greys up to #252525, white and greys from #d5d5d5 on."""

ACHROMATIC = 8.0
"""A pixel of less chroma C*ab (CIE 1976, the distance from grey) has no hue: what JPEG leaves in a
black-and-white picture is below."""

HUES = 12
"""Sectors of the hue circle, 30 degrees each."""


def colourfulness(pixels: Pixels) -> float:
    """How colourful a cover looks: the metric M(3) of D. Hasler, S. Suesstrunk, "Measuring
    colourfulness in natural images", 2003.

    With rg = R - G and yb = (R + G) / 2 - B, standard deviations and means over all pixels:
    sqrt(sd(rg)^2 + sd(yb)^2) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2).

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        0 for greys; its authors call 15 slightly, 45 averagely and 82 highly colourful, and 109
        extremely so.
    """
    red, green, blue = (channel.astype(np.float32) for channel in cv2.split(pixels))
    opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
    spread, centre = opponents.std(axis=1), opponents.mean(axis=1)
    return float(np.hypot(*spread) + 0.3 * np.hypot(*centre))


def brightness(grey: npt.NDArray[np.uint8]) -> float:
    """Mean grey level, 0 (black) to 1 (white).

    Args:
        grey: uint8 (height, width): luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B.
    """
    return float(grey.mean() / 255)


def contrast(grey: npt.NDArray[np.uint8]) -> float:
    """RMS contrast: standard deviation of the grey level (E. Peli, "Contrast in complex images",
    1990), 0 (plain) to 0.5 (half black, half white).

    Args:
        grey: as for :func:`brightness`.
    """
    return float(grey.std() / 255)


def saturation(pixels: Pixels, lab: Floats) -> float:
    """Mean saturation S = (max - min) / max of R, G and B (A. R. Smith, "Color gamut transform
    pairs", 1978) over the pixels that are not near black, whose saturation is chance.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        lab: the same in CIELAB.

    Returns:
        0 (greys) to 1 (no white in any colour), in steps of 1/255 a pixel; 0 if all is near black.
    """
    values = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)[..., 1]
    coloured = values[~_near(lab, 0)]
    return float(coloured.mean() / 255) if len(coloured) else 0.0


def near_black(lab: Floats) -> float:
    """Share of pixels within :data:`NEAR` of black, 0 to 1.

    Args:
        lab: float32 (height, width, 3), CIELAB.
    """
    return float(_near(lab, 0).mean())


def near_white(lab: Floats) -> float:
    """Share of pixels within :data:`NEAR` of white, 0 to 1.

    Args:
        lab: float32 (height, width, 3), CIELAB.
    """
    return float(_near(lab, 100).mean())


def achromatic(lab: Floats) -> float:
    """Share of pixels without a hue, chroma C*ab below :data:`ACHROMATIC`: 1 for black and white.

    Args:
        lab: float32 (height, width, 3), CIELAB.
    """
    return float(_without_hue(lab).mean())


def hue_entropy(lab: Floats) -> float:
    """How many hues a cover has: entropy (C. Shannon, 1948) of the shares of :data:`HUES` sectors
    of the hue angle h_ab (CIE 1976) and, as one more class, of the pixels without a hue.

    Args:
        lab: float32 (height, width, 3), CIELAB.

    Returns:
        bits, 0 (one hue, or none) to log2(13) = 3.70.
    """
    a, b = lab[..., 1], lab[..., 2]
    turn = np.arctan2(b, a) / (2 * np.pi) % 1
    # Rounding can make a whole turn of the smallest negative angle.
    sector = np.minimum((turn * HUES).astype(np.intp), HUES - 1)
    sector[_without_hue(lab)] = HUES
    return entropy(np.bincount(sector.ravel(), minlength=HUES + 1))


def entropy(counts: npt.NDArray[np.intp]) -> float:
    """Entropy (C. Shannon, "A mathematical theory of communication", 1948) of shares.

    Args:
        counts: (classes,), not all 0.

    Returns:
        bits, 0 (all in one class) to log2 of the number of classes.
    """
    shares = counts[counts > 0] / counts.sum()
    # + 0.0: a single class has entropy 0, not -0.
    return float(-(shares * np.log2(shares)).sum() + 0.0)


def _near(lab: Floats, lightness: float) -> npt.NDArray[np.bool_]:
    """Which pixels are near the grey of a lightness."""
    lightnesses, a, b = cv2.split(lab)
    near: npt.NDArray[np.bool_] = (lightnesses - lightness) ** 2 + a * a + b * b <= NEAR**2
    return near


def _without_hue(lab: Floats) -> npt.NDArray[np.bool_]:
    _, a, b = cv2.split(lab)
    grey: npt.NDArray[np.bool_] = a * a + b * b < ACHROMATIC**2
    return grey
