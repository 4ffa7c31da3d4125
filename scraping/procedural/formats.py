"""The file formats a scraped catalogue comes in, the odd and the broken ones among them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The requested image is no longer available.</p></body></html>
"""


@dataclass(frozen=True)
class CoverFormat:
    """How a cover is stored: its measures, its file name's ending and what writes it."""

    name: str
    extension: str
    width: int
    height: int
    encode: Callable[[Image.Image, int], bytes]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _jpeg(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "JPEG", quality=quality)


def _progressive(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "JPEG", quality=quality, progressive=True)


def _grey_jpeg(image: Image.Image, quality: int) -> bytes:
    return _saved(image.convert("L"), "JPEG", quality=quality)


def _cmyk_jpeg(image: Image.Image, quality: int) -> bytes:
    return _saved(image.convert("CMYK"), "JPEG", quality=quality)


def _webp(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "WEBP", quality=quality)


def _png(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "PNG")


def _palette_png(image: Image.Image, quality: int) -> bytes:
    return _saved(image.quantize(128), "PNG")


def _rounded_png(image: Image.Image, quality: int) -> bytes:
    """RGBA with see-through corners, as shops cut their thumbnails."""
    alpha = Image.new("L", image.size, 0)
    edge = (0, 0, image.width - 1, image.height - 1)
    ImageDraw.Draw(alpha).rounded_rectangle(edge, image.width // 25, fill=255)
    cut = image.copy()
    cut.putalpha(alpha)
    return _saved(cut, "PNG")


def _deep_grey_png(image: Image.Image, quality: int) -> bytes:
    """Sixteen bits per pixel, filling the whole range."""
    grey = np.asarray(image.convert("L"), np.uint16) * 257
    return _saved(Image.fromarray(grey), "PNG")


PLAIN = CoverFormat("jpeg", "jpg", 300, 300, _jpeg)
UNUSUAL = (
    CoverFormat("png", "png", 300, 300, _png),
    CoverFormat("jpeg 640", "jpg", 640, 640, _jpeg),
    CoverFormat("grey jpeg", "jpg", 300, 300, _grey_jpeg),
    CoverFormat("webp", "webp", 300, 300, _webp),
    CoverFormat("palette png", "png", 300, 300, _palette_png),
    CoverFormat("cmyk jpeg", "jpg", 300, 300, _cmyk_jpeg),
    CoverFormat("progressive jpeg", "jpg", 300, 300, _progressive),
    CoverFormat("rgba png", "png", 300, 300, _rounded_png),
    CoverFormat("jpeg 200x180", "jpg", 200, 180, _jpeg),
    CoverFormat("16-bit grey png", "png", 300, 300, _deep_grey_png),
    CoverFormat("jpeg named png", "png", 300, 300, _jpeg),
    CoverFormat("jpeg 500", "jpg", 500, 500, _jpeg),
    CoverFormat("jpeg 299x301", "jpg", 299, 301, _jpeg),
    CoverFormat("jpeg 1000", "jpg", 1000, 1000, _jpeg),
)


def fitted(cover: Image.Image, width: int, height: int) -> Image.Image:
    """Scale a picture to the measures asked for, squeezing it where the proportions differ."""
    if cover.size == (width, height):
        return cover
    return cover.resize((width, height), Image.Resampling.LANCZOS)


def broken_file(number: int, cover: Image.Image) -> bytes:
    """Content of the `number`-th broken file: a cut-off JPEG, an HTML page, nothing, and again."""
    kind = number % 3
    if kind == 0:
        whole = _jpeg(cover, 85)
        return whole[: len(whole) * 2 // 5]
    return _PAGE if kind == 1 else b""
