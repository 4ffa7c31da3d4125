"""Small pictures for tests, encoded as files hold them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from scraping.procedural import draw_cover


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(seed: int, size: int = 64) -> bytes:
    """A JPEG of large random blocks: every seed another picture to any hash."""
    blocks = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return encoded(Image.fromarray(blocks).resize((size, size), Image.Resampling.BICUBIC))


def drawn(genre: str, seed: int, size: int = 96) -> bytes:
    """A JPEG of a procedural cover."""
    random = np.random.default_rng(seed)
    return encoded(draw_cover(genre, 2010, f"Artist {seed}", f"Title {seed}", random, size))
