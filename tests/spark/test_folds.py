"""Folds: artists kept together, and what earlier runs gave kept."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from covergenre.config import Settings, load
from jobs.prepare import prepare
from jobs.runtime import folds
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, SPLITS
from tests.covers import noise

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
Assigned = dict[str, tuple[str, int | None]]


def hashed(group_id: str) -> int:
    return int(hashlib.sha256(f"covergenre:{group_id}".encode()).hexdigest()[:15], 16) % 5


@pytest.fixture
def assign(spark: SparkSession, settings: Settings) -> Callable[..., Assigned]:
    """Covers written as ``copies: artist, artist``, to their group and fold."""

    def assigned(covers: dict[str, str], kept: Assigned | None = None) -> Assigned:
        parts = {cover: text.split(":") for cover, text in covers.items()}
        members = spark.createDataFrame(
            [(cover, copies) for cover, (copies, _) in parts.items()],
            "cover_id string, copies string",
        )
        albums = spark.createDataFrame(
            [(c, artist or None) for c, (_, names) in parts.items() for artist in names.split(",")],
            "cover_id string, artist string",
        )
        before = spark.createDataFrame(
            [(cover, *rest) for cover, rest in (kept or {}).items()],
            "cover_id string, group_id string, fold int",
        )
        credits = folds.credited(albums, members, settings)
        rows = folds.assign(members, credits, before, settings).collect()
        assert sorted(row["cover_id"] for row in rows) == sorted(covers)
        return {row["cover_id"]: (row["group_id"], row["fold"]) for row in rows}

    return assigned


def test_artists_stay_together(assign: Callable[..., Assigned]) -> None:
    found = assign(
        {
            "a": "a:Miles Davis",
            "b": "b:miles  DAVIS",  # the same, written otherwise
            "c": "c:",
            "d": "d:Various Artists",
            "e": "e:VARIOUS\u00a0artists,",
            # Copies credited to two names join what is by either.
            "f": "f:Bob",
            "g": "f:Bob & Band",
            "h": "h:Bob & Band",
            "i": "i:Bob",
            # A placeholder that four name joins none of them.
            "j": "j:one,two",
            "k": "j:three,four",
            "l": "l:one",
            "m": "m:four",
            # Three may be one artist's names.
            "n": "n:x,y,z",
            "o": "o:z",
            # An artist named like another's copies is not these.
            "p": "p:c",
        }
    )
    groups = {cover: group for cover, (group, _) in found.items()}
    together = ["ab", "c", "d", "e", "fghi", "jk", "l", "m", "no", "p"]
    assert groups == {cover: group[0] for group in together for cover in group}
    assert all(fold == hashed(group) for group, fold in found.values())


# Folds of the groups below: a and b share one, x and y have others.
A, B, X, Y = "a", "h", "b", "c"


def test_groups_of_the_test_have_these_folds() -> None:
    assert [hashed(group) for group in (A, B)] == [hashed(A)] * 2
    assert len({hashed(group) for group in (A, X, Y)}) == 3


def test_new_covers_join_what_is_there(assign: Callable[..., Assigned]) -> None:
    kept = {"r1": ("r1", hashed("r1")), "r2": ("r1", hashed("r1")), "s": ("s", hashed("s"))}
    covers = {"r1": "r1:Ann", "r2": "r2:Ann", "s": "s:"}
    new = {
        "0": "r1:",  # a copy, of smaller id
        "1": "1:Ann",  # the artist's
        "2": "2:Ann,Anne",
        "3": "3:Anne",  # by way of the one before
        "4": "s:Bea",
        "5": "5:Bea",  # by way of a new copy
        "6": "6:Cleo",
        "7": "7:Cleo",
        "8": "8:",
    }
    found = assign(covers | new, kept)
    r, s = kept["r1"], kept["s"]
    assert found == {
        **kept, "0": r, "1": r, "2": r, "3": r, "4": s, "5": s,
        "6": ("6", hashed("6")), "7": ("6", hashed("6")), "8": ("8", hashed("8")),
    }  # fmt: skip


def test_a_cover_between_two_folds_has_none(assign: Callable[..., Assigned]) -> None:
    kept = {cover: (cover, hashed(cover)) for cover in (A, B, X, Y)}
    covers = {A: f"{A}:Ann", B: f"{B}:Ben", X: f"{X}:Xan", Y: f"{X}:"}
    new = {
        "0": "0:Ann,Xan",
        "1": "1:Ann",  # not drawn in by the one before
        "2": "2:Ann,Ben",  # two groups of one fold
        "3": f"{A}:Xan",  # a copy of one, by the artist of another
        "4": f"{X}:",  # a copy of two that were kept apart
        # Neither links two folds by itself; together they would.
        "5": "5:Ann,Mia",
        "6": "6:Mia,Xan",
        "7": "7:Mia",
    }
    found = assign(covers | new, kept)
    assert found == {
        **kept,
        "0": ("0", None),
        "1": kept[A],
        "2": kept[A],
        "3": ("3", None),
        "4": ("4", None),
        **dict.fromkeys("567", ("5", None)),
    }
    without = {cover: rest for cover, rest in found.items() if rest[1] is not None}
    assert assign(covers | new, without) == found  # a third run changes nothing


def test_in_one_go_or_in_two(assign: Callable[..., Assigned]) -> None:
    first = {"b": "b:Ann", "c": "c:", "d": "d:Bea,Cleo", "e": "e:Dora"}
    then = {"f": "b:", "g": "c:Eve", "h": "h:Eve", "i": "i:Cleo", "j": "j:Finn", "k": "j:Finn"}
    assert assign(first | then, assign(first)) == assign(first | then)


Catalogue = Callable[..., Warehouse]


@pytest.fixture
def catalogue(spark: SparkSession, tmp_path: Path) -> Catalogue:
    """A warehouse with these covers: a letter to the albums' (artist, genre)."""
    content = noise(1, 16)

    def written(covers: dict[str, list[tuple[str | None, str]]]) -> Warehouse:
        warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
        warehouse.create(ALBUMS, COVERS)
        # Far from each other: no two are copies.
        hashes = {c: hashlib.sha256(c.encode()).hexdigest()[:16] for c in covers}
        held = [(c * 64, 16, 16, "JPEG", len(content), hashes[c], NOW, content) for c in covers]
        warehouse.replace(COVERS, spark.createDataFrame(held, COVERS.schema))
        empty: dict[str, Any] = dict.fromkeys(ALBUMS.names)
        albums = [
            empty | {
                "album_id": f"{c}{i}", "source": "folder", "artist": artist, "genre": genre,
                "cover_id": c * 64, "scraped_at": NOW,
            }
            for c, named in covers.items()
            for i, (artist, genre) in enumerate(named)
        ]  # fmt: skip
        warehouse.replace(ALBUMS, spark.createDataFrame(albums, ALBUMS.schema))
        return warehouse

    return written


def held(warehouse: Warehouse) -> dict[str, Any]:
    """Rows of splits by the letter of their cover."""
    return {row["cover_id"][0]: row for row in warehouse.read(SPLITS).collect()}


def test_a_second_run_keeps_what_the_first_gave(
    catalogue: Catalogue, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {"d": [("Ann", "rap")], "e": [("Ann", "folk")], "f": [("Xan", "rap")]}
    warehouse = catalogue(old)
    counts = prepare(warehouse, settings)
    assert (counts["groups"], counts["groups_of_2"], counts["largest_groups"]) == (2, 1, 2)
    assert counts["duplicates_of_1"] == counts["covers"] == 3
    before = held(warehouse)
    assert before["d"]["group_id"] == before["e"]["group_id"] == "d" * 64
    # One artist is no near-duplicate: each cover has its genre and is used.
    assert [before[c]["genre"] for c in "def"] == ["rap", "folk", "rap"]
    assert all(row["representative"] and row["group_size"] == 1 for row in before.values())
    assert hashed("d" * 64) != hashed("f" * 64)

    del old["d"]  # its group keeps its name
    new = {
        "a": [("ann", "rap"), (None, "rap"), (None, "folk")],
        "b": [("Ann", "rap"), ("Xan", "rap")],
        "c": [(None, "rap"), (None, "folk")],
    }
    counts = prepare(catalogue(old | new), settings)
    rows = held(warehouse)
    assert (rows["e"], rows["f"]) == (before["e"], before["f"])
    assert (rows["a"]["group_id"], rows["a"]["fold"]) == ("d" * 64, hashed("d" * 64))
    assert (rows["b"]["fold"], rows["b"]["representative"]) == (None, False)
    assert (rows["a"]["genre"], rows["a"]["genres"]) == ("rap", ["folk", "rap"])
    assert (rows["c"]["genre"], rows["c"]["genres"]) == (None, ["folk", "rap"])
    assert counts["without_fold"] == counts["without_genre"] == 1
    assert counts["several_genres_by_majority"] == counts["several_genres_tied"] == 1
    assert "anew" not in capsys.readouterr().err

    prepare(warehouse, load(None, ["splits.salt=other"]))
    rows = held(warehouse)
    assert len({rows[c]["group_id"] for c in "abef"}) == 1  # b links no folds any more
    assert rows["b"]["group_id"] == "a" * 64
    digest = hashlib.sha256(b"other:" + b"a" * 64).hexdigest()
    assert rows["b"]["fold"] == int(digest[:15], 16) % 5
    assert "salt or number of folds has changed" in capsys.readouterr().err


def test_a_table_of_version_1_is_upgraded_and_keeps_its_folds(
    spark: SparkSession, catalogue: Catalogue, settings: Settings
) -> None:
    warehouse = catalogue({c: [("Ann", "rap")] for c in "abcd"})
    first = tuple(replace(c, nullable=c.name == "genre") for c in SPLITS.columns[:6])
    version_1 = replace(SPLITS, version=1, columns=first, constraints={"fold": "fold >= 0"})
    warehouse.create(version_1)
    # As version 1 gave it: artists were not looked at.
    rows = [(c * 64, c * 64, 1, "rap", True, hashed(c * 64)) for c in "bc"]
    warehouse.append(version_1, spark.createDataFrame(rows, version_1.schema))
    assert hashed("b" * 64) != hashed("c" * 64)
    prepare(warehouse, settings)
    found = held(warehouse)
    assert warehouse.read(SPLITS).columns == SPLITS.names
    assert [found[c]["fold"] for c in "bc"] == [hashed("b" * 64), hashed("c" * 64)]
    # The artist is in two folds already.
    assert [found[c]["fold"] for c in "ad"] == [None, None]
    properties = warehouse.delta(SPLITS).detail().collect()[0]["properties"]
    assert properties["covergenre.schema_version"] == "2"


def test_one_artist_with_most_covers_is_told_of(
    catalogue: Catalogue, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [chr(ord("0") + i) for i in range(110)]
    mostly = {c: [("Nobody Inc." if i < 12 else None, "rap")] for i, c in enumerate(letters)}
    counts = prepare(catalogue(mostly), settings)
    assert counts["largest_groups"] == 12
    told = capsys.readouterr().err
    assert "one group holds 12 of 110 covers, most of them by 'Nobody Inc.'" in told
    assert "splits.no_artist" in told
