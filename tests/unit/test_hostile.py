"""Files that mean no good: each is read, or has a typed reason, and nothing worse happens."""

from __future__ import annotations

import hashlib

import pytest

from covergenre import images
from covergenre.errors import ImageError
from tests.hostile import KINDS, hostile_files

ROUNDS = 2


@pytest.mark.parametrize("number", range(len(KINDS) * ROUNDS))
def test_every_kind_is_read_or_has_a_reason(number: int) -> None:
    file = FILES[number]
    try:
        facts = images.inspect(file.content)
        pixels = images.decode(file.content)
    except ImageError as error:
        assert error.reason in images.REASONS
        assert 0 < len(error.detail) <= 200
    else:
        assert pixels.ndim == 3 and pixels.shape[2] == 3
        assert facts.width * facts.height <= images.Limits().max_pixels


FILES = list(hostile_files(len(KINDS) * ROUNDS))


def test_files_are_the_same_for_a_seed_and_others_for_another() -> None:
    again = list(hostile_files(7))
    assert again == FILES[:7]
    other = list(hostile_files(7, seed=1))
    same = [a.kind for a, b in zip(again, other, strict=True) if a.content == b.content]
    assert same == ["empty"]
    digests = {hashlib.sha256(file.content).digest() for file in FILES if file.content}
    assert len(digests) == len([file for file in FILES if file.content])
