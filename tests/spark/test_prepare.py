"""Near-duplicates and folds."""

from __future__ import annotations

import hashlib
import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from covergenre import images
from covergenre.config import Settings
from jobs.prepare import prepare
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.copies import hash_pairs, near_duplicates
from jobs.runtime.warehouse import Warehouse
from schemas import SPLITS
from tests.covers import drawn, encoded, noise


@pytest.mark.parametrize("radius", [0, 3, 6])
def test_hash_pairs_are_all_within_the_radius(spark: SparkSession, radius: int) -> None:
    random = np.random.default_rng(radius)
    numbers = [int(n) for n in random.integers(-(2**63), 2**63, 20, dtype=np.int64)]
    numbers += [0, -1, -(2**63), 2**63 - 1]
    for number in numbers[:20]:  # neighbours at every distance up to eight bits
        bits = random.choice(64, random.integers(1, 9), replace=False)
        flipped = (number ^ sum(1 << int(bit) for bit in bits)) & (2**64 - 1)
        numbers.append(flipped - 2**64 * (flipped >> 63))
    hashes = spark.createDataFrame([(number,) for number in numbers], "hash bigint")
    found = [tuple(row) for row in hash_pairs(hashes, radius).collect()]
    assert sorted(found) == sorted(
        (min(a, b), max(a, b))
        for a, b in combinations(numbers, 2)
        if ((a ^ b) & (2**64 - 1)).bit_count() <= radius
    )


def test_thousands_of_covers_of_one_hash(spark: SparkSession, settings: Settings) -> None:
    """Plain covers of 2,000 colours hash alike, and 60 encodings of three pictures with them."""
    contents = [
        encoded(Image.new("RGB", (16, 16), (i % 50, i // 50, 30)), "PNG") for i in range(2000)
    ]
    assert {images.inspect(content).phash for content in contents[::100]} == {"8000000000000000"}
    pictures = [Image.open(io.BytesIO(noise(seed))) for seed in range(3)]
    contents += [encoded(pictures[i % 3], quality=40 + i) for i in range(60)]
    rows = [(f"{i:04}", "8000000000000000", content) for i, content in enumerate(contents)]
    covers = spark.createDataFrame(rows, "cover_id string, phash string, content binary")
    found = {
        row["cover_id"]: row["duplicate_id"] for row in near_duplicates(covers, settings).collect()
    }
    assert found == {f"{2000 + i:04}": f"{2000 + i % 3:04}" for i in range(60)}


def recompressed(cover: bytes, quality: int) -> bytes:
    return encoded(Image.open(io.BytesIO(cover)), quality=quality)


def plain(value: int) -> bytes:
    return encoded(Image.new("RGB", (96, 96), (value, value, value)))


@pytest.fixture(scope="module")
def splits(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> dict[str, dict[str, object]]:
    scratch = tmp_path_factory.mktemp("prepare")
    covers = scratch / "covers"
    files = {
        "rap/a.jpg": drawn("rap", 1),
        "rap/a-again.jpg": recompressed(drawn("rap", 1), 40),
        "rap/b.jpg": drawn("rap", 2),
        "folk/c.jpg": drawn("folk", 3),
        # Filed under rap too: two against one.
        "folk/d.jpg": drawn("folk", 4),
        "folk/d-again.jpg": recompressed(drawn("folk", 4), 50),
        "rap/d.jpg": drawn("folk", 4),
        # One against one.
        "folk/e.jpg": drawn("folk", 5),
        "rap/e.jpg": recompressed(drawn("folk", 5), 60),
        # Plain covers hash alike, and are no copies of each other.
        "disco/black.jpg": plain(0),
        "disco/grey.jpg": plain(20),
    }
    for name, content in files.items():
        (covers / name).parent.mkdir(parents=True, exist_ok=True)
        (covers / name).write_bytes(content)
    warehouse = Warehouse(spark, str(scratch / "warehouse"))
    ingest(warehouse, str(covers), look(str(covers)), settings)
    prepare(warehouse, settings)
    rows = {row["cover_id"]: row.asDict() for row in warehouse.read(SPLITS).collect()}
    return {name: rows[hashlib.sha256(content).hexdigest()] for name, content in files.items()}


def test_groups(splits: dict[str, dict[str, object]]) -> None:
    def same(a: str, b: str) -> bool:
        return splits[a]["group_id"] == splits[b]["group_id"]

    assert same("rap/a.jpg", "rap/a-again.jpg")
    assert same("folk/d.jpg", "folk/d-again.jpg")
    assert not same("rap/a.jpg", "rap/b.jpg")
    assert not same("disco/black.jpg", "disco/grey.jpg")
    assert splits["rap/a.jpg"]["group_size"] == 2
    assert splits["rap/b.jpg"]["group_size"] == 1
    members = {splits[name]["cover_id"] for name in ("rap/a.jpg", "rap/a-again.jpg")}
    assert splits["rap/a.jpg"]["group_id"] == min(str(m) for m in members)
    for pair in (("rap/a.jpg", "rap/a-again.jpg"), ("folk/d.jpg", "folk/d-again.jpg")):
        assert sum(bool(splits[name]["representative"]) for name in pair) == 1


def test_genre_of_a_group_is_the_majority(splits: dict[str, dict[str, object]]) -> None:
    assert splits["rap/d.jpg"]["genre"] == "folk"
    assert splits["rap/e.jpg"]["genre"] is None
    assert splits["rap/b.jpg"]["genre"] == "rap"


def test_fold_is_the_salted_hash_of_the_group(splits: dict[str, dict[str, object]]) -> None:
    for row in splits.values():
        digest = hashlib.sha256(f"covergenre:{row['group_id']}".encode()).hexdigest()
        assert row["fold"] == int(digest[:15], 16) % 5
