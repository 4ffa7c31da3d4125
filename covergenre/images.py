"""From the bytes of a cover to pixels: the one decoder and resizer of the whole system.

Embedding, training, evaluation and scoring all call :func:`decode` and :func:`resize`. Their exact
arithmetic is part of every bundle, because another decoder or filter alone changes predictions;
:data:`PIXELS_VERSION` names it and a bundle made with another version is refused.

JPEG is read by libjpeg-turbo, everything it cannot read (CMYK, PNG, WebP, GIF, ...) by Pillow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, ImageFile

from covergenre.errors import ImageError

Pixels = npt.NDArray[np.uint8]

PIXELS_VERSION = "1"
"""Version of the arithmetic in :func:`decode` and :func:`resize`."""

DECODE_SIDE = 320
"""A JPEG is halved while decoding as long as its shorter side stays at least this long, so every
network with an input of at most this size sees the same pixels whatever else reads the cover."""

REASONS = {
    "empty_file": "the file holds no bytes",
    "not_an_image": "the bytes are no image format that is read",
    "truncated": "the image ends before its pixels do",
    "corrupt": "the image cannot be decoded",
    "too_many_pixels": "width x height is above images.max_pixels",
    "too_many_bytes": "the file is larger than images.max_bytes",
    "too_small": "a side is shorter than images.min_side",
    "missing_file": "the CSV names a file that is not there",
    "unreadable": "the file cannot be opened",
    "outside_folder": "the CSV names a file outside the folder",
    "no_cover": "the album has no cover",
    "address_refused": "the cover's address leads to a host or scheme that is not allowed",
    "robots_disallowed": "robots.txt of the cover's host forbids to fetch it",
    "http_error": "the cover's host answered with an error",
    "unreachable": "the cover's host did not answer, or not to the end",
    "crashed_worker": "the cover ended the process that looked at it",
    "timed_out": "the cover took longer than workers.timeout_seconds",
    "out_of_memory": "the cover took more memory than there is",
    "taken_down": "the cover was taken down (maintain --takedown)",
}
"""Why a cover can be in quarantine."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".mpo",
     ".avif", ".jp2", ".j2k")
)  # fmt: skip
_JPEG_MAGIC = b"\xff\xd8\xff"
_MAGICS = (
    _JPEG_MAGIC, b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*",
    b"\x00\x00\x00\x0cjP  ",
)  # fmt: skip
_EXIF_ORIENTATION = 0x0112

# Limits are ours and checked on the header, before any pixel is decoded; Pillow's own would raise
# or warn at other sizes.
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False
# Several tasks run side by side, each on its own core: a thread pool in each would fight.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class Limits:
    """What is accepted as a cover.

    Attributes:
        max_bytes: largest file, in bytes.
        max_pixels: largest width x height.
        min_side: shortest side, in pixels.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 100_000_000
    min_side: int = 16


@dataclass(frozen=True)
class Facts:
    """What is stored about a cover beside its bytes.

    Attributes:
        width, height: in pixels, as stored (before an EXIF rotation).
        format: Pillow's name of the format, e.g. ``JPEG``.
        phash: 64-bit perceptual hash (DCT of the 32x32 grey image; Zauner 2010, "Implementation
            and Benchmarking of Perceptual Image Hash Functions"), 16 hexadecimal digits.
    """

    width: int
    height: int
    format: str
    phash: str


def looks_like_image(header: bytes) -> bool:
    """Whether the first 16 bytes of a file are those of an image format that is read."""
    if header.startswith(_MAGICS):
        return True
    return (header[:4] == b"RIFF" and header[8:12] == b"WEBP") or header[4:12] == b"ftypavif"


def inspect(content: bytes, limits: Limits | None = None) -> Facts:
    """Decode a cover whole and return what is stored about it.

    Raises:
        ImageError: the cover cannot be used; see :data:`REASONS`.
    """
    header = _header(content, limits or Limits())
    pixels = _decode(content, header, header.halvings(DECODE_SIDE))
    phash = str(imagehash.phash(Image.fromarray(pixels)))
    return Facts(header.width, header.height, header.format, phash)


def decode(content: bytes, side: int = DECODE_SIDE, limits: Limits | None = None) -> Pixels:
    """Decode a cover to RGB, upright as its EXIF orientation says.

    Args:
        content: the bytes of the file.
        side: JPEGs are decoded at 1, 1/2, 1/4 or 1/8 of their size, the smallest whose shorter
            side is at least this long. Networks up to ``DECODE_SIDE`` pixels share the default.
        limits: what is accepted.

    Returns:
        uint8 array (height, width, 3), RGB, 0-255. The first frame of an animation; 16-bit grey
        scaled to 8; transparency over white; colour profiles are not applied.

    Raises:
        ImageError: the cover cannot be used; see :data:`REASONS`.
    """
    return Cover(content, limits).decoded(side)


def _decode(content: bytes, header: _Header, halvings: int) -> Pixels:
    try:
        if header.format == "JPEG":
            pixels = _decode_jpeg(content, header.width >> halvings, header.height >> halvings)
            if pixels is not None:
                return _upright(pixels, _jpeg_orientation(content))
        image = header.image or Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = _to_rgb(image)
    except ImageError:
        raise
    except Exception as error:  # whatever a file holds, it is a row in quarantine
        raise _as_image_error(error) from error
    return _upright(pixels, _orientation(image))


def resize(pixels: Pixels, size: int) -> Pixels:
    """Resize to a square, whatever the aspect (covers are nearly square).

    A side at least twice too long is first halved by area averaging; the last step, a factor
    below two, is bilinear in fixed-point arithmetic, the same on every processor.

    Args:
        pixels: uint8 (height, width, 3).
        size: side of the result in pixels.

    Returns:
        uint8 array (size, size, 3).
    """
    place = np.empty((size, size, 3), np.uint8)
    _resize_into(pixels, place)
    return place


def _resize_into(pixels: Pixels, place: Pixels) -> None:
    size = place.shape[0]
    height, width = pixels.shape[:2]
    while width >= 2 * size or height >= 2 * size:
        width = width // 2 if width >= 2 * size else width
        height = height // 2 if height >= 2 * size else height
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
    if (width, height) == (size, size):
        place[...] = pixels
    else:
        cv2.resize(pixels, (size, size), dst=place, interpolation=cv2.INTER_LINEAR_EXACT)


def load(content: bytes, size: int, limits: Limits | None = None) -> Pixels:
    """``resize(decode(content, size), size)``: uint8 array (size, size, 3), RGB.

    Raises:
        ImageError: the cover cannot be used; see :data:`REASONS`.
    """
    return Cover(content, limits).at(size)


class Cover:
    """A cover that is decoded once for all who look at it.

    Once more only for a size above ``DECODE_SIDE``, if it is a JPEG so large that it is halved less
    often for that.

    Args:
        content: the bytes of the file.
        limits: what is accepted.

    Raises:
        ImageError: the cover cannot be used, here or when it is looked at; see :data:`REASONS`.
    """

    def __init__(self, content: bytes, limits: Limits | None = None) -> None:
        self._content = content
        self._header = _header(content, limits or Limits())
        self._decoded: dict[int, Pixels] = {}

    def decoded(self, side: int = DECODE_SIDE) -> Pixels:
        """What :func:`decode` gives."""
        halvings = self._header.halvings(side)
        if halvings not in self._decoded:
            self._decoded[halvings] = _decode(self._content, self._header, halvings)
        return self._decoded[halvings]

    def at(self, size: int) -> Pixels:
        """What :func:`load` gives, to the bit."""
        return resize(self.decoded(size), size)

    def into(self, place: Pixels) -> None:
        """Write :meth:`at` the side of ``place``, uint8 (size, size, 3), into it."""
        _resize_into(self.decoded(place.shape[0]), place)


class _Header(NamedTuple):
    """What is known before any pixel is decoded; ``image`` is Pillow's, unread, if it looked."""

    width: int
    height: int
    format: str
    image: Image.Image | None

    def halvings(self, side: int) -> int:
        """How often the decoder halves the cover for a network of this size."""
        least, shift = max(side, DECODE_SIDE), 0
        if self.format == "JPEG":
            while shift < 3 and min(self.width, self.height) >> (shift + 1) >= least:
                shift += 1
        return shift


def _header(content: bytes, limits: Limits) -> _Header:
    """The header, held against the limits."""
    if not content:
        raise ImageError("empty_file", "0 bytes")
    if len(content) > limits.max_bytes:
        raise ImageError("too_many_bytes", f"{len(content)} bytes > {limits.max_bytes}")
    image = None
    try:
        if content.startswith(_JPEG_MAGIC):
            height, width, _, _ = simplejpeg.decode_jpeg_header(content, strict=False)
            format_name = "JPEG"
        else:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            (width, height), format_name = image.size, str(image.format)
    except Exception as error:  # the header decides: nothing that can be read as an image
        raise ImageError("not_an_image", _describe(content, error)) from error
    if width * height > limits.max_pixels:
        raise ImageError("too_many_pixels", f"{width}x{height} > {limits.max_pixels} pixels")
    if min(width, height) < limits.min_side:
        raise ImageError("too_small", f"{width}x{height}, shorter than {limits.min_side}")
    return _Header(width, height, format_name, image)


def _decode_jpeg(content: bytes, width: int, height: int) -> Pixels | None:
    """Decode by libjpeg-turbo, or None for what Pillow must read or judge."""
    try:
        # Only powers of two: libjpeg-turbo has SIMD for these, and 7/8 etc. cost more than 1.
        pixels: Pixels = simplejpeg.decode_jpeg(
            content, "RGB", min_height=height, min_width=width, strict=True
        )
    except ValueError:
        return None
    return pixels


def _to_rgb(image: Image.Image) -> Pixels:
    """uint8 (height, width, 3) from any mode Pillow reads; transparency over white."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64).clip(0, 65535)
        return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image.alpha_composite(layer)
    return np.asarray(image.convert("RGB"))


def _jpeg_orientation(content: bytes) -> int:
    # Few covers carry EXIF: look for its marker before paying for a parser.
    if content.find(b"Exif\x00\x00", 0, 65536) < 0:
        return 1
    try:
        return _orientation(Image.open(io.BytesIO(content), formats=("JPEG",)))
    except Exception:  # pixels are fine, only their note is not
        return 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # a broken EXIF block does not spoil the pixels
        return 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation, 1-8 (CIPA DC-008, tag 0x0112); others are taken as 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1] if orientation in (4, 8) else pixels[::-1, ::-1]
    elif orientation in (2, 6):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _as_image_error(error: Exception) -> ImageError:
    text = str(error) or type(error).__name__
    cut = "truncated" in text.lower() or isinstance(error, EOFError)
    return ImageError("truncated" if cut else "corrupt", text)


def _describe(content: bytes, error: Exception) -> str:
    head = content[:256].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if content.startswith(_JPEG_MAGIC):
        return f"a JPEG whose header cannot be read ({error})"
    return f"starts with {content[:8]!r}"
