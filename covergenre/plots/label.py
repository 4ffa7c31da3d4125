"""A cover with the label that was found on it."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from covergenre import images
from covergenre.plots.style import ORANGE

Box = tuple[float, float, float, float]
# Sides of the picture: smaller covers are enlarged, larger ones reduced.
_LEAST, _MOST = 320, 1280


def label_detected(content: bytes, box: Box, score: float) -> bytes:
    """Draw a label's box and its score on a cover.

    Args:
        content: the cover's file.
        box: xmin, ymin, xmax, ymax, 0-1 of its width and height.
        score: 0-1.

    Returns:
        the bytes of a JPEG, upright; sides are 320 to 1280 pixels unless the cover is very oblong.

    Raises:
        ImageError: the cover cannot be used; see :data:`covergenre.images.REASONS`.
    """
    image = _sized(Image.fromarray(images.decode(content, side=_MOST // 2)))
    line = max(2, min(image.size) // 150)
    place = draw_box(image, box, line)
    draw = ImageDraw.Draw(image)
    _caption(draw, f"{score:.3f}", place, image.size)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def draw_box(image: Image.Image, box: Box, line: int, colour: str = ORANGE) -> tuple[int, int, int]:
    """Draw a frame around a label, not over it; white beside the colour shows on covers of the
    same colour.

    Args:
        image: RGB, drawn on.
        box: xmin, ymin, xmax, ymax, 0-1 of its width and height; may reach out of it.
        line: width in pixels of each of the two.
        colour: of the inner one.

    Returns:
        left, top and bottom of the frame in pixels.
    """
    draw = ImageDraw.Draw(image)
    left, right = (round(x * (image.width - 1)) for x in box[::2])
    top, bottom = (round(y * (image.height - 1)) for y in box[1::2])
    for reach, ink in ((2 * line, "white"), (line, colour)):
        corners = (left - reach, top - reach, right + reach, bottom + reach)
        draw.rectangle(corners, outline=ink, width=line)
    return left - 2 * line, top - 2 * line, bottom + 2 * line


def _sized(image: Image.Image) -> Image.Image:
    shorter, longer = min(image.size), max(image.size)
    factor = min(max(1.0, _LEAST / shorter), _MOST / longer)
    if factor == 1.0:
        return image
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _caption(
    draw: ImageDraw.ImageDraw, text: str, place: tuple[int, int, int], size: tuple[int, int]
) -> None:
    """White on the box's colour, above the box, or below it where there is no room."""
    left, top, bottom = place
    font = ImageFont.load_default(max(12, min(size) // 24))
    width, height = (round(side) + 6 for side in draw.textbbox((0, 0), text, font)[2:])
    y = top - height if top >= height else min(bottom, size[1] - height)
    x = min(max(left, 0), size[0] - width)
    draw.rectangle((x, y, x + width, y + height), fill=ORANGE)
    draw.text((x + 3, y + 2), text, fill="white", font=font)
