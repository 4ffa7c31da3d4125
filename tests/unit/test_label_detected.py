"""Pictures of labels found: the box is where the label is, whatever the cover's size and shape."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from covergenre.errors import ImageError
from covergenre.plots import label_detected
from tests.covers import drawn, encoded

ORANGE = (213, 94, 0)
GREY = (128, 128, 128)


def drawn_on(size: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    """A plain grey cover with the box, float (height, width, 3)."""
    content = encoded(Image.new("RGB", size, GREY), "PNG")
    with Image.open(io.BytesIO(label_detected(content, box, 0.987))) as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture).astype(float)


def is_like(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels - colour).max(axis=-1) < 60


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((400, 400), (400, 400)),
        ((64, 64), (320, 320)),
        ((3000, 2000), (853, 1280)),
        ((800, 600), (600, 800)),
        ((20, 2000), (1280, 13)),
    ],
)
def test_covers_of_any_size_are_shown_at_a_size_to_look_at(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert drawn_on(size, (0.4, 0.5, 0.6, 0.7)).shape == (*shape, 3)


@pytest.mark.parametrize(
    "box", [(0.4, 0.5, 0.7, 0.7), (0.1, 0.02, 0.4, 0.2), (0.6, 0.8, 0.9, 0.95)]
)
def test_box_is_drawn_around_the_label(box: tuple[float, float, float, float]) -> None:
    pixels = drawn_on((900, 600), box)
    left, right = (round(x * 899) for x in box[::2])
    top, bottom = (round(y * 599) for y in box[1::2])
    middle, centre = (top + bottom) // 2, (left + right) // 2
    inside = pixels[top + 6 : bottom - 6, left + 6 : right - 6]
    assert is_like(inside, GREY).all()
    rows, columns = slice(middle - 5, middle + 5), slice(centre - 5, centre + 5)
    for near in (
        pixels[rows, left - 8 : left + 1],
        pixels[rows, right : right + 9],
        pixels[top - 8 : top + 1, columns],
        pixels[bottom : bottom + 9, columns],
    ):
        assert is_like(near, ORANGE).any()
    assert is_like(pixels[rows, : left - 20], GREY).all()


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.2, 0.1), (0.0, 0.0, 1.0, 1.0), (0.9, 0.9, 1.0, 1.0)])
def test_the_score_stays_in_the_picture(box: tuple[float, float, float, float]) -> None:
    pixels = drawn_on((400, 400), box)
    orange = is_like(pixels, ORANGE)
    height, width = (int(side) for side in orange.shape)
    # A plate as high as a letter and as wide as several.
    plates = [
        (y, x)
        for y in range(0, height - 16, 2)
        for x in range(0, width - 40, 2)
        if orange[y : y + 16, x : x + 40].mean() > 0.5
    ]
    assert plates


def test_a_turned_cover_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture = Image.new("RGB", (600, 400), GREY)
    content = label_detected(encoded(picture, exif=exif), (0.1, 0.1, 0.3, 0.2), 0.5)
    assert Image.open(io.BytesIO(content)).size == (400, 600)


def test_a_cover_that_cannot_be_read_is_told() -> None:
    with pytest.raises(ImageError, match="truncated"):
        label_detected(drawn("rap", 1)[:900], (0, 0, 1, 1), 0.5)
