"""Near-duplicates: bands that miss no pair, signatures that tell copies, groups of pairs."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from covergenre import images
from covergenre.duplicates import artist_name, bands, copies, groups, signature
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
    assert signature(halves) @ signature(255 - halves) == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_copies_correlate_and_other_covers_do_not(seed: int) -> None:
    original = drawn("electronic", seed, 300)
    image = Image.open(io.BytesIO(original))
    encodings = [
        encoded(image, quality=40),
        encoded(image, "WEBP", quality=50),
        encoded(image.resize((150, 150), Image.Resampling.LANCZOS), quality=80),
    ]
    base = signature(images.decode(original))
    assert base @ base == pytest.approx(1, abs=1e-5)
    assert min(base @ signature(images.decode(again)) for again in encodings) > 0.98
    others = [signature(images.decode(noise(100 * seed + i, 300))) for i in range(5)]
    assert max(abs(base @ other) for other in others) < 0.6


def unit(*values: float) -> np.ndarray:
    """A signature that starts with these values; the rest of its length lies in the last one."""
    found = np.zeros(1024, np.float32)
    found[: len(values)] = values
    found[-1] = (1 - sum(value**2 for value in values)) ** 0.5
    return found


def test_copies_agree_in_hash_and_in_pixels() -> None:
    same, half, other = unit(1), unit(0.5), unit(0, 1)
    hashes = np.array([0, 0, 2**64 - 1, 0b111, 0b1111, 0], np.uint64)
    #         alike, alike, no hash near, 3 bits off, 4 bits off, other picture
    signatures = np.stack([same, same, same, same, half, other])
    assert copies(hashes, signatures, 3, 0.9).tolist() == [0, 0, 2, 0, 4, 5]
    # The fifth is now near the first by its hash, and half alike.
    assert copies(hashes, signatures, 4, 0.4).tolist() == [0, 0, 2, 0, 0, 5]
    assert copies(hashes[:1], signatures[:1], 3, 0.9).tolist() == [0]


def test_plain_covers_are_no_copies_of_each_other() -> None:
    plain = np.zeros((5, 1024), np.float32)
    assert copies(np.full(5, 2**63, np.uint64), plain, 6, 0.01).tolist() == [0, 1, 2, 3, 4]


def test_a_chain_of_copies_runs_through_all_blocks() -> None:
    # Neighbours are 10 degrees apart and correlate 0.985; the first and the 19th are opposites. In
    # random order links go forwards and backwards between the blocks of the comparison.
    n = 700
    angles = np.deg2rad(10 * np.arange(n) % 360)
    signatures = np.zeros((n, 1024), np.float32)
    # A plane for each 350: two chains that do not touch.
    for i, angle in enumerate(angles):
        signatures[i, 2 * (i // 350) : 2 * (i // 350) + 2] = np.cos(angle), np.sin(angle)
    order = np.random.default_rng(5).permutation(n)
    found = copies(np.zeros(n, np.uint64), signatures[order], 0, 0.98)
    chain = order // 350
    expected = np.where(chain == chain[0], 0, np.flatnonzero(chain != chain[0])[0])
    assert (found == expected).all()


def test_copies_are_the_components_of_all_pairs() -> None:
    random_ = np.random.default_rng(11)
    n = 600
    hashes = random_.integers(0, 2**64, 40, dtype=np.uint64)[random_.integers(0, 40, n)]
    hashes ^= np.uint64(1) << random_.integers(0, 64, n, dtype=np.uint64)
    pictures = random_.normal(size=(60, 1024))[random_.integers(0, 60, n)]
    pictures += random_.normal(scale=0.2, size=pictures.shape)
    signatures = (pictures / np.linalg.norm(pictures, axis=1, keepdims=True)).astype(np.float32)
    pairs = [
        (i, j)
        for i in range(n)
        for j in range(i)
        if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= 2
        and float(signatures[i] @ signatures[j]) >= 0.9
    ]
    assert len(pairs) > 20
    first = list(range(n))
    for _ in range(n):  # the smaller number wins, until nothing changes
        before = list(first)
        for i, j in pairs:
            first[i] = first[j] = min(first[i], first[j])
        if first == before:
            break
    assert copies(hashes, signatures, 2, 0.9).tolist() == first


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], {}),
        ([("c", "b")], {"b": "b", "c": "b"}),
        # A chain is one group, whichever way round its pairs are and however often they come.
        ([("e", "d"), ("c", "d"), ("d", "c")], {"c": "c", "d": "c", "e": "c"}),
        ([("a", "d"), ("b", "c"), ("c", "d")], dict.fromkeys("abcd", "a")),
        ([("a", "a")], {"a": "a"}),
        ([(7, -3), (2, 9)], {-3: -3, 7: -3, 2: 2, 9: 2}),
    ],
)
def test_groups(pairs: list[tuple[str, str]], expected: dict[str, str]) -> None:
    assert groups(pairs) == expected


def test_groups_do_not_depend_on_the_order() -> None:
    rng = random.Random(3)
    pairs = [(rng.randrange(40), rng.randrange(40)) for _ in range(25)]
    first = groups(pairs)
    assert len(set(first.values())) >= len(first) - 25
    for _ in range(3):
        rng.shuffle(pairs)
        assert groups([(b, a) for a, b in pairs]) == first


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Miles Davis", "miles davis"),
        ("  MILES\u00a0\tDavis ", "miles davis"),
        ("\uff2d\uff49\uff4c\uff45\uff53 Davis", "miles davis"),  # fullwidth letters
        ("Beyonce\u0301", "beyonc\u00e9"),  # a letter and its accent apart
        ("Stra\u00dfe", "strasse"),
        (" \u3000 ", ""),
    ],
)
def test_artist_name(name: str, expected: str) -> None:
    assert artist_name(name) == expected
