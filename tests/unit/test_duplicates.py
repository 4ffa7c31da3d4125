"""Near-duplicates: bands that miss no pair, signatures that tell copies, groups of pairs."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from covergenre import images
from covergenre.duplicates import bands, correlation, groups, signature
from tests.covers import drawn, encoded, noise


@pytest.mark.parametrize("radius", range(16))
def test_bands_cover_every_bit_once(radius: int) -> None:
    cut = bands(radius)
    bits = [bit for start, length in cut for bit in range(start, start + length)]
    assert bits == list(range(64))
    assert len(cut) == radius + 1
    # As even as can be: a short band would match too many covers.
    assert min(length for _, length in cut) == 64 // (radius + 1)


def test_bands_of_the_default_radius() -> None:
    assert bands(6) == [(0, 9), (9, 9), (18, 9), (27, 9), (36, 9), (45, 9), (54, 10)]
    assert bands(0) == [(0, 64)]


@pytest.mark.parametrize("radius", [1, 6, 15])
def test_hashes_within_the_radius_agree_on_a_band(radius: int) -> None:
    rng = random.Random(radius)
    cut = bands(radius)
    for _ in range(500):
        a = rng.getrandbits(64)
        b = a
        for bit in rng.sample(range(64), rng.randint(0, radius)):
            b ^= 1 << bit
        parts = [((a >> start) ^ (b >> start)) & (2**length - 1) for start, length in cut]
        assert 0 in parts


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
def test_signature_of_a_plain_cover_is_zero(colour: tuple[int, int, int]) -> None:
    plain = Image.new("RGB", (300, 280), colour)
    for content in (encoded(plain, "PNG"), encoded(plain, quality=30)):
        found = signature(images.decode(content))
        assert found.shape == (1024,) and not found.any()
        assert correlation(found, signature(images.decode(noise(1)))) == 0


def test_what_compression_leaves_on_a_plain_cover_is_no_picture() -> None:
    halves = np.full((32, 32, 3), 100, np.uint8)
    halves[:, 16:] += 2  # one level from the mean either way
    assert not signature(halves).any()
    halves[:, 16:] += 2
    assert signature(halves).any()


def test_signature_has_zero_mean_and_unit_length() -> None:
    found = signature(images.decode(noise(2, 200)))
    assert found.shape == (1024,) and found.dtype == np.float32
    assert abs(float(found.mean())) < 1e-6
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_signature_by_hand() -> None:
    # Left half 0, right half 255: -127.5 and 127.5, over sqrt(1024) * 127.5.
    halves = np.zeros((32, 32, 3), np.uint8)
    halves[:, 16:] = 255
    expected = np.where(np.arange(1024) % 32 < 16, -1 / 32, 1 / 32)
    assert np.allclose(signature(halves), expected, atol=1e-6)
    assert correlation(signature(halves), signature(255 - halves)) == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_copies_correlate_and_other_covers_do_not(seed: int) -> None:
    original = drawn("electronic", seed, 300)
    image = Image.open(io.BytesIO(original))
    copies = [
        encoded(image, quality=40),
        encoded(image, "WEBP", quality=50),
        encoded(image.resize((150, 150), Image.Resampling.LANCZOS), quality=80),
    ]
    base = signature(images.decode(original))
    assert correlation(base, base) == pytest.approx(1, abs=1e-5)
    assert min(correlation(base, signature(images.decode(copy))) for copy in copies) > 0.98
    others = [signature(images.decode(noise(100 * seed + i, 300))) for i in range(5)]
    assert max(abs(correlation(base, other)) for other in others) < 0.6


@pytest.mark.parametrize(
    ("ids", "pairs", "expected"),
    [
        ([], [], {}),
        (["b", "a"], [], {"a": "a", "b": "b"}),
        (["c", "b", "a"], [("c", "b")], {"a": "a", "b": "b", "c": "b"}),
        # A chain is one group, whichever way round its pairs are and however often they come.
        ("edca", [("e", "d"), ("c", "d"), ("d", "c")], {"a": "a", "c": "c", "d": "c", "e": "c"}),
        ("abcd", [("a", "d"), ("b", "c"), ("c", "d")], dict.fromkeys("abcd", "a")),
        ("aab", [("a", "a")], {"a": "a", "b": "b"}),
    ],
)  # fmt: skip
def test_groups(ids: list[str], pairs: list[tuple[str, str]], expected: dict[str, str]) -> None:
    assert groups(ids, pairs) == expected


def test_groups_do_not_depend_on_the_order() -> None:
    rng = random.Random(3)
    ids = [f"{i:02}" for i in range(40)]
    pairs = [(rng.choice(ids), rng.choice(ids)) for _ in range(25)]
    first = groups(ids, pairs)
    assert len(set(first.values())) >= 40 - 25
    for _ in range(3):
        rng.shuffle(ids)
        rng.shuffle(pairs)
        assert groups(ids, [(b, a) for a, b in pairs]) == first
