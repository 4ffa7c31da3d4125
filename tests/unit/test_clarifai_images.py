"""Covers as Clarifai takes them: as they are, or encoded anew."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from covergenre import config
from covergenre.concepts.clarifai_images import sendable
from covergenre.config.concepts import Clarifai
from covergenre.errors import ImageError
from covergenre.images import Limits
from tests.covers import encoded, noise


def _settings(**changes: Any) -> Clarifai:
    defaults = config.load().concepts.clarifai.model_dump()
    return Clarifai.model_validate(defaults | changes)


def _halves(width: int = 60, height: int = 40) -> Image.Image:
    """Red above, blue below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 0] = 255
    pixels[height // 2 :, :, 2] = 255
    return Image.fromarray(pixels)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_what_the_service_takes_is_sent_as_it_is(kind: str) -> None:
    content = encoded(_halves(), kind)
    assert sendable(content, _settings(), Limits()) is content


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_formats_that_the_service_does_not_take_become_jpeg(kind: str) -> None:
    sent = _opened(sendable(encoded(_halves(), kind), _settings(), Limits()))
    assert (sent.format, sent.size) == ("JPEG", (60, 40))
    assert sent.getpixel((30, 5)) == pytest.approx((255, 0, 0), abs=12)
    assert sent.getpixel((30, 35)) == pytest.approx((0, 0, 255), abs=12)


def test_a_cover_on_its_side_is_sent_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right
    sent = _opened(sendable(encoded(_halves(), exif=exif), _settings(), Limits()))
    assert sent.size == (40, 60)
    assert sent.getexif().get(0x0112, 1) == 1
    assert sent.getpixel((35, 30)) == pytest.approx((255, 0, 0), abs=12)
    assert sent.getpixel((5, 30)) == pytest.approx((0, 0, 255), abs=12)


def test_a_file_above_the_limit_of_bytes_is_made_smaller() -> None:
    random = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(random).resize((400, 200)), "BMP")
    settings = _settings(max_image_bytes=100_000)
    assert len(content) > 100_000
    sent = sendable(content, settings, Limits())
    assert len(sent) <= 100_000
    assert _opened(sent).size == (400, 200)


def test_more_pixels_than_the_limit_become_fewer() -> None:
    content = encoded(_halves(1200, 800), "PNG")
    sent = _opened(sendable(content, _settings(max_image_pixels=500_000), Limits()))
    assert sent.size == (1024, 683)


def test_what_is_still_too_large_says_so() -> None:
    content = noise(0, 300)
    with pytest.raises(ImageError, match=r"too_many_bytes: .*concepts\.clarifai\.max_image_bytes"):
        sendable(content, _settings(max_image_bytes=1024), Limits())


def test_the_limits_of_covers_hold_where_one_is_decoded() -> None:
    content = encoded(_halves(), "AVIF")
    with pytest.raises(ImageError, match="too_many_pixels"):
        sendable(content, _settings(), Limits(max_pixels=2000))
