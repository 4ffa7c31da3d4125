"""Copies of covers for benchmarks: other files of the same pixels, as many as are asked for."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.contenders.covers import copies, distinct, first, usable, write_parquet
from covergenre import images
from covergenre.errors import CatalogueError
from tests.covers import drawn, encoded, noise

ORIGINALS = [drawn("folk", 1), drawn("rap", 2), noise(3)]
TURNED = 6  # EXIF orientation: a quarter


def _turned() -> bytes:
    """A JPEG whose EXIF says that it lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    picture = Image.open(io.BytesIO(drawn("disco", 4))).resize((96, 64))
    return encoded(picture, exif=exif)


@pytest.mark.parametrize(
    "original", [*ORIGINALS, _turned()], ids=["drawn", "other", "noise", "exif"]
)
def test_a_copy_is_another_file_of_the_same_picture(original: bytes) -> None:
    copy = distinct(original, 7)

    assert copy != original
    assert np.array_equal(images.decode(copy), images.decode(original))
    # Another decoder agrees, and reads the comment.
    ours, theirs = (Image.open(io.BytesIO(content)) for content in (copy, original))
    assert ours.info["comment"] == b"copy 7"
    assert ours.tobytes() == theirs.tobytes()


def test_what_is_no_jpeg_is_not_copied() -> None:
    with pytest.raises(ValueError, match="no JPEG"):
        distinct(encoded(Image.new("RGB", (32, 32)), "PNG"), 0)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_as_many_distinct_copies_as_asked_for(count: int) -> None:
    found = list(copies(ORIGINALS, count))

    assert len({copy for own in found for copy in own}) == count
    assert sum(len(own) for own in found) == count
    for own, original in zip(found, ORIGINALS, strict=False):
        for copy in own:
            assert np.array_equal(images.decode(copy), images.decode(original))


def test_originals_that_are_the_same_file_become_distinct() -> None:
    (one,), (other,) = copies([ORIGINALS[0]] * 2, 2)

    assert one != other


def test_a_copy_with_other_pixels_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.contenders.covers.distinct", lambda *_: ORIGINALS[1])

    with pytest.raises(AssertionError, match="changed the pixels"):
        list(copies(ORIGINALS[:1], 1))


def test_only_jpegs_that_decode_are_used() -> None:
    png, cut = encoded(Image.new("RGB", (32, 32)), "PNG"), ORIGINALS[0][:200]

    assert usable([png, ORIGINALS[0], cut, b"", ORIGINALS[1]]) == ORIGINALS[:2]
    with pytest.raises(CatalogueError):
        usable([png, cut])


def test_parquet_holds_every_copy_under_its_own_digest(tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    write_parquet(ORIGINALS, 1300, folder)

    rows = pq.read_table(folder).to_pylist()
    assert len({row["cover_id"] for row in rows}) == len(rows) == 1300
    assert all(hashlib.sha256(row["content"]).hexdigest() == row["cover_id"] for row in rows)
    assert len(list(folder.iterdir())) > 1  # or nothing could read them side by side
    assert first(str(folder), 600) == [row["content"] for row in rows[:600]]
