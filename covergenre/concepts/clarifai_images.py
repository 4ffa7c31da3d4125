"""Covers as Clarifai's API takes them."""

from __future__ import annotations

import io

import cv2
import simplejpeg
from PIL import Image

from covergenre import images
from covergenre.config.concepts import Clarifai
from covergenre.errors import ImageError

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
_EXIF_ORIENTATION = 0x0112
_SIDE = 1024
_QUALITY = 95


def sendable(content: bytes, settings: Clarifai, limits: images.Limits) -> bytes:
    """A cover's own bytes where the API takes and understands them, else a JPEG of its pixels.

    Encoded anew are files above ``max_image_bytes`` or ``max_image_pixels``, formats that the API
    does not list, and files whose EXIF says that they lie on their side, which the API does not
    look at ("Images" in Clarifai's API guide). The longer side is then 1024 pixels at most, several
    times what recognition models look at.

    Raises:
        ImageError: the cover cannot be used, or the JPEG is still too large.
    """
    if content and _as_is(content, settings):
        return content
    pixels = images.decode(content, side=_SIDE, limits=limits)
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded = bytes(simplejpeg.encode_jpeg(pixels, _QUALITY, colorspace="RGB"))
    if len(encoded) > settings.max_image_bytes:
        raise ImageError(
            "too_many_bytes", f"{len(encoded)} bytes > concepts.clarifai.max_image_bytes"
        )
    return encoded


def _as_is(content: bytes, settings: Clarifai) -> bool:
    if len(content) > settings.max_image_bytes:
        return False
    try:
        image = Image.open(io.BytesIO(content), formats=images.FORMATS)
        upright = image.getexif().get(_EXIF_ORIENTATION, 1) == 1
    except Exception:  # the decoder says what is wrong with it
        return False
    width, height = image.size
    return image.format in _FORMATS and upright and width * height <= settings.max_image_pixels
