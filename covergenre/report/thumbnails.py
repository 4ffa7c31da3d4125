"""Small pictures of covers."""

from __future__ import annotations

import io

from PIL import Image

from covergenre import images

_QUALITY = 78


def thumbnail(content: bytes, side: int) -> bytes:
    """A cover, small, whole and in its own proportions.

    Args:
        content: the cover's file.
        side: the longer one in pixels, at most; smaller covers stay as they are.

    Returns:
        the bytes of a JPEG without metadata.

    Raises:
        ImageError: the cover cannot be used; see :data:`covergenre.images.REASONS`.
    """
    image = Image.fromarray(images.decode(content, side=side))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()
