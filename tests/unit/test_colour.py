"""Colours of a cover as numbers, and what a baseline can do with them."""

from __future__ import annotations

import numpy as np
import pytest

from covergenre.colour import FEATURES, colour_features
from covergenre.evaluation import baselines


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((8, 8, 3), (red, green, blue), np.uint8)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        # CIELAB of sRGB's primaries under D65 (B. Lindbloom's tables).
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_a_plain_cover_is_one_bin_and_its_colour(
    rgb: tuple[int, int, int], lab: tuple[float, float, float]
) -> None:
    features = colour_features(plain(*rgb))
    assert features.shape == (FEATURES,) and features.dtype == np.float32
    assert sorted(features[:-6])[-2:] == [0, 1]
    assert features[-6:-3] == pytest.approx(lab, abs=0.7)
    assert features[-3:] == pytest.approx(0, abs=1e-3)


def test_two_colours_share_the_cover() -> None:
    features = colour_features(np.concatenate([plain(255, 0, 0)] * 3 + [plain(255, 255, 255)]))
    shares = np.sort(features[:-6] ** 2)[-2:]
    assert shares == pytest.approx([0.25, 0.75])
    # Lightness: three quarters at 53.24, one at 100.
    assert features[-6] == pytest.approx(0.75 * 53.24 + 25, abs=0.5)
    assert features[-3] == pytest.approx(np.sqrt(0.75 * 0.25) * (100 - 53.24), abs=0.5)


def test_mirroring_changes_no_colour() -> None:
    cover = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        colour_features(cover[:, ::-1].copy()), colour_features(cover), atol=1e-3
    )


def test_majority_is_the_most_frequent_genre_with_its_share() -> None:
    probabilities = baselines.majority(np.array([2, 2, 0, 2]), 4, 3)
    assert probabilities.shape == (3, 4)
    assert probabilities[1] == pytest.approx([0.25, 0, 0.75, 0], abs=1e-5)
    assert (probabilities > 0).all()


def test_colours_are_learnt() -> None:
    random = np.random.default_rng(1)

    def covers(centre: tuple[int, int, int], count: int) -> list[np.ndarray]:
        noise = random.normal(0, 20, (count, 8, 8, 3))
        pixels = np.clip(np.array(centre) + noise, 0, 255).astype(np.uint8)
        return [colour_features(cover) for cover in pixels]

    red, blue = covers((180, 60, 60), 40), covers((60, 60, 180), 40)
    # Genre 1 is never seen.
    learnt = np.array([0] * 30 + [2] * 30)
    judged = np.array(red[30:] + blue[30:])
    probabilities = baselines.colour(np.array(red[:30] + blue[:30]), learnt, judged, 3)
    assert (probabilities.argmax(axis=1) == [0] * 10 + [2] * 10).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert 0 < probabilities[:, 1].max() < 0.01
