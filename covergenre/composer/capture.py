"""What a picture goes through between the printer and the web: scaling, sharpening, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from numpy.random import Generator

from covergenre.images import Pixels, decode

_LEAST_LABEL = 16.0  # pixels a label stays wide when a cover is stored smaller than it is shown


def capture(picture: npt.NDArray[np.float32], rng: Generator, narrowest: float = 1.0) -> Pixels:
    """Take a composed cover through loss of detail, tone and noise to a real JPEG and back.

    Args:
        picture: float32 (height, width, 3), RGB 0-255; not changed.
        rng: chooses.
        narrowest: width of the narrowest label as a share of the cover's; it limits how much
            detail is lost.

    Returns:
        uint8 (height, width, 3): as :func:`covergenre.images.decode` reads the JPEG, of quality
        30 to 95, mostly 60 to 85, with chroma at half resolution four times in five.
    """
    pixels = _softened(picture, rng, narrowest)
    if rng.random() < 0.55:  # most programs sharpen what they reduce
        soft = cv2.GaussianBlur(pixels, (0, 0), 0.8)
        pixels = cv2.addWeighted(pixels, 1 + (much := rng.uniform(0.1, 0.9)), soft, -much, 0)
    if rng.random() < 0.2:
        contrast, brightness = rng.uniform(0.7, 1.2), rng.uniform(0.7, 1.1)
        mean = float(pixels[::8, ::8].mean())
        pixels = (pixels * contrast + mean * (1 - contrast)) * brightness
    if rng.random() < 0.1:
        pixels = pixels + rng.normal(0, rng.uniform(2, 10), pixels.shape[:2])[..., None]
    stored = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    quality = int(rng.integers(60, 86) if rng.random() < 0.75 else rng.integers(30, 96))
    chroma = "420" if rng.random() < 0.8 else "444"
    return decode(simplejpeg.encode_jpeg(stored, quality, "RGB", chroma))


def _softened(
    picture: npt.NDArray[np.float32], rng: Generator, narrowest: float
) -> npt.NDArray[np.float32]:
    """Blur, or reduce and enlarge again, as of covers that were smaller once."""
    height, width = picture.shape[:2]
    least = min(1.0, _LEAST_LABEL / (narrowest * width))
    chance = rng.random()
    if chance < 0.08:
        scale = rng.uniform(max(0.45, least), 1.0)
        size = (round(width * scale), round(height * scale))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    if chance < 0.14:
        sigma = rng.uniform(0.25, 1.0) * min(1.0, 0.2 + narrowest / 0.16)
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma))
    return picture
