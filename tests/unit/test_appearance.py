"""Colour and composition of drawn covers whose values are worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from covergenre import colour
from covergenre.appearance import composition, describe, tone, version
from covergenre.appearance.faces import faces
from covergenre.appearance.palette import palette

RED, LIME, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
BLACK, WHITE, GREY = (0, 0, 0), (255, 255, 255), (128, 128, 128)
NAVY, YELLOW = (0, 0, 128), (255, 255, 0)


def stripes(*colours: tuple[int, int, int], side: int = 64) -> np.ndarray:
    """Rows of colours, equally high."""
    return np.repeat(np.array(colours, np.uint8), side // len(colours), 0)[:, None].repeat(side, 1)


def palette_of(*colours: tuple[int, int, int], most: int = 5) -> list[tuple[str, str, float]]:
    found = palette(colour.cielab(stripes(*colours)), most)
    return [(c.hex, c.name, c.share) for c in found]


def columns(*levels: int, side: int = 96) -> np.ndarray:
    """Columns of grey levels, equally wide."""
    row = np.repeat(np.array(levels, np.uint8), side // len(levels))
    return np.tile(row, (len(row), 1))


def test_a_plain_cover_has_one_colour() -> None:
    assert palette_of(RED) == [("#ff0000", "red", 1)]
    assert palette_of(NAVY) == [("#000080", "navy", 1)]


def test_colours_come_by_their_share() -> None:
    assert palette_of(WHITE, RED, RED, RED) == [
        ("#ff0000", "red", 0.75),
        ("#ffffff", "white", 0.25),
    ]
    assert {c for c, _, share in palette_of(RED, LIME, BLUE, WHITE) if share == 0.25} == {
        "#ff0000", "#00ff00", "#0000ff", "#ffffff",
    }  # fmt: skip


def test_there_are_no_more_colours_than_asked_for() -> None:
    found = palette_of(RED, LIME, BLUE, WHITE, most=3)
    assert sorted(share for _, _, share in found) == [0.25, 0.25, 0.5]


def test_shades_of_one_colour_are_merged() -> None:
    # L* 46.0 and 50.0 are 4 apart, white is 50 from both.
    found = palette_of((109,) * 3, (119,) * 3, (119,) * 3, WHITE)
    assert [share for _, _, share in found] == [0.75, 0.25]
    # Between them, a third of the way from the larger: L* 48.7.
    assert int(found[0][0][1:3], 16) == pytest.approx(116, abs=1)


def test_two_pixels_have_a_palette() -> None:
    pixels = np.array([[RED, RED], [BLUE, BLUE]], np.uint8)
    assert {c.hex for c in palette(colour.cielab(pixels), 16)} == {"#ff0000", "#0000ff"}


def test_palettes_repeat_whatever_drew_random_numbers_before() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    lab = colour.cielab(pixels)
    first = palette(lab, 5)
    cv2.setRNGSeed(99)
    assert palette(lab, 5) == first
    assert len(first) == 5 and sum(c.share for c in first) == pytest.approx(1)
    assert [c.share for c in first] == sorted((c.share for c in first), reverse=True)


def test_colourfulness() -> None:
    assert tone.colourfulness(stripes(GREY, BLACK)) == 0
    # Red: rg 255, yb 127.5. Lime: rg -255, yb 127.5.
    assert tone.colourfulness(stripes(RED)) == pytest.approx(0.3 * math.hypot(255, 127.5))
    assert tone.colourfulness(stripes(RED, LIME)) == pytest.approx(255 + 0.3 * 127.5)


def test_brightness_and_contrast() -> None:
    assert tone.brightness(columns(51)) == pytest.approx(0.2)
    assert tone.contrast(columns(51)) == 0
    assert tone.brightness(columns(0, 255)) == pytest.approx(0.5)
    assert tone.contrast(columns(0, 255)) == pytest.approx(0.5)
    # A quarter white: variance 1/4 x 3/4.
    assert tone.contrast(columns(0, 0, 0, 255)) == pytest.approx(math.sqrt(3) / 4)


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        ((RED,), 1),
        ((GREY,), 0),
        ((RED, GREY), 0.5),
        (((200, 100, 100),), 0.5),
        # Near black there is none to speak of: (2, 0, 0) is black, not fully saturated.
        (((2, 0, 0), (2, 0, 0), (200, 100, 100), (200, 100, 100)), 0.5),
        (((2, 0, 0),), 0),
    ],
)
def test_saturation(colours: tuple[tuple[int, int, int], ...], expected: float) -> None:
    pixels = stripes(*colours)
    assert tone.saturation(pixels, colour.cielab(pixels)) == pytest.approx(expected, abs=1 / 255)


def test_near_black_and_near_white() -> None:
    # L* of sRGB greys: 37 has 14.7, 38 has 15.2; 212 has 84.9, 213 has 85.3.
    lab = colour.cielab(stripes(BLACK, (37,) * 3, (38,) * 3, NAVY))
    assert tone.near_black(lab) == 0.5 and tone.near_white(lab) == 0
    lab = colour.cielab(stripes(WHITE, (213,) * 3, (212,) * 3, YELLOW))
    assert tone.near_white(lab) == 0.5 and tone.near_black(lab) == 0


def test_achromatic_pixels_have_no_hue() -> None:
    # (140, 128, 122) is 6 from grey, (150, 128, 118) is 11.
    lab = colour.cielab(stripes(GREY, BLACK, WHITE, (140, 128, 122), (150, 128, 118), *3 * [RED]))
    assert tone.achromatic(lab) == 0.5


def test_hue_entropy() -> None:
    def bits(*colours: tuple[int, int, int]) -> float:
        return tone.hue_entropy(colour.cielab(stripes(*colours)))

    assert bits(GREY, WHITE) == 0
    # Hue angle 40 degrees both.
    assert bits(RED, (128, 0, 0)) == 0
    assert bits(RED, LIME) == 1
    assert bits(RED, GREY, LIME, BLUE) == 2
    # 3/4 log2(4/3) + 1/4 log2(4)
    assert bits(RED, RED, RED, BLUE) == pytest.approx(0.8113, abs=1e-4)


def test_grey_entropy() -> None:
    assert composition.grey_entropy(columns(7)) == 0
    assert composition.grey_entropy(columns(0, 255)) == 1
    assert composition.grey_entropy(columns(*range(256), side=256)) == 8


def test_edge_density() -> None:
    assert composition.edge_density(columns(128)) == 0
    # One edge, one pixel wide, from top to bottom.
    assert composition.edge_density(columns(0, 255)) == pytest.approx(1 / 96)
    assert composition.edge_density(columns(0, 255, 0)) == pytest.approx(2 / 96)
    # A step of 10 levels, 40 with Sobel's weights, is none.
    assert composition.edge_density(columns(100, 110)) == 0


def test_symmetry() -> None:
    assert composition.symmetry(columns(7)) == 1
    assert composition.symmetry(columns(9, 200, 200, 9)) == pytest.approx(1)
    assert composition.symmetry(columns(0, 255)) == pytest.approx(0)
    # 3, -1, -1, -1 around the mean: correlation with its mirror image -4 / 12.
    assert composition.symmetry(columns(4, 0, 0, 0)) == pytest.approx(1 / 3)
    assert composition.symmetry(columns(0, 255).T.copy()) == pytest.approx(1)


def drawn_face() -> np.ndarray:
    """A face as large as half the cover, in greys."""
    cover = np.full((96, 96), 90, np.uint8)
    parts = [(0, 0, 28, 36, 190), (0, -30, 28, 12, 60)]
    for side in (-1, 1):
        parts += [(12 * side, -7, 8, 4, 110), (12 * side, -7, 5, 3, 40)]
        parts += [(12 * side, -14, 9, 2, 80), (14 * side, 8, 7, 6, 205)]
    parts += [(0, 4, 3, 10, 215), (0, 12, 6, 2, 120), (0, 21, 11, 3, 90)]
    for x, y, width, height, level in parts:
        cv2.ellipse(cover, (48 + x, 48 + y), (width, height), 0, 0, 360, level, -1)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), 1.2))


def test_faces() -> None:
    found = faces(drawn_face())
    assert found.count == 1
    # Its own hull is 56 x 72 of 96 x 96.
    assert found.area == pytest.approx(0.44, abs=0.15)
    upside_down = faces(drawn_face()[::-1].copy())
    assert (upside_down.count, upside_down.area) == (0, 0)


def test_a_cover_is_described_whatever_its_size() -> None:
    cover = np.repeat(stripes(WHITE, BLUE, BLUE, BLUE, side=384), 2, axis=1)
    said = describe(cover, 5)
    assert [(c.name, c.share) for c in said.palette] == [("blue", 0.75), ("white", 0.25)]
    # Blue: rg 0, yb -255; white: 0, 0.
    assert said.colourfulness == pytest.approx(255 * math.sqrt(3) / 4 + 0.3 * 255 * 0.75)
    # Luma of blue is 29.
    assert said.brightness == pytest.approx((0.25 * 255 + 0.75 * 29) / 255)
    assert said.contrast == pytest.approx(math.sqrt(3) / 4 * (255 - 29) / 255)
    assert said.saturation == pytest.approx(0.75)
    assert (said.near_white, said.near_black, said.achromatic) == (0.25, 0, 0.25)
    assert said.hue_entropy == pytest.approx(0.8113, abs=1e-4)
    assert said.grey_entropy == pytest.approx(0.8113, abs=1e-4)
    assert said.edge_density == pytest.approx(1 / 96)
    assert said.symmetry == pytest.approx(1)
    assert (said.faces, said.face_area) == (0, 0)


def test_faces_are_found_on_a_whole_cover() -> None:
    cover = cv2.resize(np.repeat(drawn_face()[..., None], 3, axis=2), (300, 300))
    assert describe(np.asarray(cover), 5).faces == 1


def test_another_number_of_colours_is_another_version() -> None:
    assert version(5) == version(5) != version(6)
