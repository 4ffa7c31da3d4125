"""Covers that are taken down: nothing of them is left, and they do not come back."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from covergenre.config import Settings
from covergenre.errors import LockedError
from jobs import maintain as job
from jobs.runtime.catalogue import ingest
from jobs.runtime.crawling import FOLDER
from jobs.runtime.maintenance import beside, care, erasing
from jobs.runtime.warehouse import Warehouse
from schemas import (
    ALBUMS,
    COVERS,
    EMBEDDINGS,
    INFERENCES,
    NEIGHBOURS,
    PREDICTIONS,
    QUARANTINE,
    SPLITS,
    TAKEDOWNS,
)
from scraping.journal.store import Store
from tests.covers import drawn, noise
from tests.nights import Night
from tests.spark.test_crawled import Crawled, album, digest

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
SHARED = drawn("rap", 3)  # of rap/0.jpg
NAMED = drawn("rap", 72)  # its file is named by its id
DOWN = (digest(SHARED), digest(NAMED))


def values(cell: Any) -> Iterator[Any]:
    if isinstance(cell, dict):
        cell = [*cell.values()]
    if isinstance(cell, list | tuple):
        for one in cell:
            yield from values(one)
    else:
        yield cell


def holds(file: Path, wanted: Collection[bytes]) -> bool:
    """Whether a file has one of these byte strings in its name, its bytes, or its values."""
    cells: list[Any] = [file.name, file.read_bytes()]
    if file.suffix == ".parquet" and file.stat().st_size:
        cells += values(pq.ParquetFile(file).read().to_pylist())
    raw = [c.encode() if isinstance(c, str) else c for c in cells if isinstance(c, str | bytes)]
    return any(one in cell for cell in raw for one in wanted)


def traces(warehouse: Warehouse, contents: Collection[bytes]) -> set[str]:
    """Files below a warehouse that hold covers or their ids, or as much as statistics keep."""
    wanted = [*contents, *(digest(content)[:24].encode() for content in contents)]
    root = Path(warehouse.location)
    below = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(file.relative_to(root)) for file in below if holds(file, wanted)}


def rows(warehouse: Warehouse) -> dict[str, pd.DataFrame]:
    """What is left, but for the times."""
    tables = (
        ALBUMS, COVERS, QUARANTINE, SPLITS, EMBEDDINGS, INFERENCES, NEIGHBOURS, PREDICTIONS
    )  # fmt: skip
    read = {t.name: warehouse.read(t).toPandas().sort_values(list(t.key)) for t in tables}
    copy = pd.read_parquet(Path(warehouse.location) / "predictions_parquet")
    read["copy"] = copy.sort_values("album_id")
    return {
        name: frame.drop(columns=["first_seen", "last_seen"], errors="ignore").reset_index(
            drop=True
        )
        for name, frame in read.items()
    }


def fill(warehouse: Warehouse, night: Night) -> None:
    """Much that a warehouse can hold of a cover."""
    spark = warehouse.spark
    other, third = digest(drawn("rap", 4)), digest(drawn("rap", 5))
    first = min(DOWN[0], other)
    of_splits = [
        (DOWN[0], DOWN[0], 2, "rap", True, 1, first, ["rap"]),
        (other, DOWN[0], 2, "rap", False, 1, first, ["rap"]),
        (third, third, 1, "rap", True, 2, third, ["rap"]),
    ]
    warehouse.create(SPLITS, EMBEDDINGS)
    warehouse.append(SPLITS, spark.createDataFrame(of_splits, SPLITS.schema))
    vectors = [(one, "backbone", "original", [0.5]) for one in (*DOWN, third)]
    warehouse.append(EMBEDDINGS, spark.createDataFrame(vectors, EMBEDDINGS.schema))
    alike = [
        (one, "a model", 1, another, 0.5)
        for one, another in ((DOWN[0], third), (other, DOWN[1]), (third, other))
    ]
    warehouse.create(NEIGHBOURS)
    warehouse.append(NEIGHBOURS, spark.createDataFrame(alike, NEIGHBOURS.schema))
    root = Path(warehouse.location)
    crawled = Crawled(warehouse, night.settings, root / FOLDER / "site.sqlite")
    crawled.add(album(1), album(2))
    crawled.fetch(SHARED)
    crawled.fetch(reason="unreachable")
    crawled.journal.store.close()
    for name in ("evaluation/random/report.html", "checkpoints/a/opinions.bin"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(b"pictures")
    (root / "sheet of rap.bin").write_bytes(b"before" + NAMED + b"behind")
    (root / "notes.txt").write_text("nothing of a cover")
    (root / "nothing.txt").touch()


@pytest.fixture
def night(night: Night) -> Night:
    """Scored in several versions: deletion vectors, a change feed, checkpoints."""
    night.add("folk/again.jpg", SHARED)
    night.add(f"rap/{DOWN[1]}.jpg", NAMED)
    night.score()
    warehouse = night.warehouse
    for table in (ALBUMS, COVERS, PREDICTIONS):
        features = "'delta.enableDeletionVectors' = 'true', 'delta.checkpointInterval' = '2'"
        care.alter(warehouse, table, f"SET TBLPROPERTIES ({features})")
    care.alter(warehouse, ALBUMS, "SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    (night.covers / "folk/0.jpg").unlink()
    night.add("rap/new.jpg", drawn("rap", 20))
    night.score(keep_snapshots=3)
    fill(warehouse, night)
    return night


def die(*_: object) -> None:
    raise KeyboardInterrupt


def test_nothing_of_a_cover_is_left_also_after_kills_and_it_does_not_come_back(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = traces(night.warehouse, (SHARED, NAMED))
    assert {name.split("/")[0] for name in held} == {
        "_snapshots", "albums", "covers", "embeddings", "inferences", "neighbours", "predictions",
        "splits", FOLDER, "sheet of rap.bin",
    }  # fmt: skip
    assert any("checkpoint" in name for name in held)
    assert any(name.endswith("json") for name in held)
    other = Warehouse(night.warehouse.spark, f"{night.warehouse.location} undisturbed")
    shutil.copytree(night.warehouse.location, other.location, symlinks=True)
    file = tmp_path / "cover.jpg"
    file.write_bytes(NAMED)
    words = ("--takedown", DOWN[0].upper(), str(file), "--why", "asked for")

    done = job.main(["--output", other.location, *words])
    assert done["taken_down_albums"] == 3
    assert (done["taken_down_covers"], done["taken_down_predictions"]) == (2, 3)
    assert {name.split("/")[0] for name in traces(other, (SHARED, NAMED))} == {"takedowns"}

    warehouse = night.warehouse
    for step, more in (("_rename_groups", words), ("forget_history", ())):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(erasing, step, die)
            job.main(["--output", warehouse.location, *more])
    job.main(["--output", warehouse.location, "--takedown", DOWN[0]])
    assert {name.split("/")[0] for name in traces(warehouse, (SHARED, NAMED))} == {"takedowns"}
    left, undisturbed = rows(warehouse), rows(other)
    for name, frame in left.items():
        pd.testing.assert_frame_equal(frame, undisturbed[name])
    asked = warehouse.read(TAKEDOWNS).collect()
    assert {(row["cover_id"], row["why"]) for row in asked} == {(one, "asked for") for one in DOWN}
    assert all(row["finished_at"] >= row["requested_at"] for row in asked)

    used = set(left["albums"]["cover_id"].dropna())
    assert len(used) == len(left["copy"]) == len(left["predictions"]) == 5
    assert set(left["covers"]["cover_id"]) == {*used, digest(drawn("folk", 4))}
    reasons = left["quarantine"].set_index("album_id")["reason"].to_dict()
    veiled = f"rap/{digest(DOWN[1].encode())}.jpg"
    assert reasons == {"rap/broken.jpg": "truncated", "rap/0.jpg": "taken_down",
                       "folk/again.jpg": "taken_down", veiled: "taken_down"}  # fmt: skip
    pair = left["splits"].set_index("cover_id").loc[digest(drawn("rap", 4))]
    assert (pair["group_size"], pair["representative"], pair["fold"]) == (1, True, 1)
    assert pair["duplicate_id"] == pair.name and pair["group_id"] not in DOWN
    root = Path(warehouse.location)
    assert (root / "notes.txt").exists() and (root / "nothing.txt").exists()
    assert not (root / "evaluation").exists() and not (root / "checkpoints").exists()

    refused_again(night, veiled)


def refused_again(night: Night, veiled: str) -> None:
    """The files are in the folder still; one is touched, another comes with the same bytes."""
    os.utime(night.covers / "rap/0.jpg", (0, 0))
    night.add("folk/disguised.png", SHARED)
    result = night.score()
    counted = result.counted
    assert (counted.albums, counted.scored, counted.quarantined) == (10, 5, 5)
    assert (result.covers, counted.reasons) == (0, {"taken_down": 4, "truncated": 1})
    attempts = night.warehouse.read(QUARANTINE).where("reason = 'taken_down'").collect()
    assert {row["album_id"]: row["attempts"] for row in attempts} == {
        "rap/0.jpg": 2, "folk/again.jpg": 1, "folk/disguised.png": 1, veiled: 1
    }  # fmt: skip
    found = traces(night.warehouse, (SHARED, NAMED))
    assert {name.split("/")[0] for name in found} == {"takedowns"}
    assert len(pd.read_parquet(result.snapshot)) == 5


def test_a_table_that_names_albums_by_their_covers(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    source = str(tmp_path / "source")
    contents = [noise(1), noise(2)]
    table = [(digest(one), one, "rap") for one in contents]
    made = spark.createDataFrame(table, "cover_id string, content binary, genre string")
    made.write.format("delta").save(source)
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(warehouse, source, None, settings)
    job.main(["--output", warehouse.location, "--takedown", digest(noise(1))])
    for changed in (0, 0):
        counts = ingest(warehouse, source, None, settings)
        assert (counts.albums, counts.covers, counts.quarantined) == (2, 1, 1)
        assert (counts.changed, counts.removed) == (changed, 0)
        found = traces(warehouse, contents[:1])
        assert {name.split("/")[0] for name in found} == {"takedowns"}
    assert spark.read.format("delta").load(source).count() == 2  # not ours to change


def test_a_crawl_does_not_bring_it_back(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    warehouse.create(ALBUMS, COVERS, QUARANTINE)
    file = Path(warehouse.location) / FOLDER / "site.sqlite"
    crawled = Crawled(warehouse, settings, file)
    crawled.add(album(1), album(2))
    crawled.fetch(noise(1))
    crawled.fetch(noise(2))
    crawled.commit()
    crawled.add(album(3))
    crawled.fetch(noise(1))  # not committed yet
    with beside.journals(file.parent), pytest.raises(LockedError, match="being scraped"):
        job.main(["--output", warehouse.location, "--takedown", digest(noise(1))])
    job.main(["--output", warehouse.location])  # goes on with it
    crawled.tables.reconcile()
    crawled.commit()
    assert crawled.quarantined() == {"site:1": ("taken_down", 1), "site:3": ("taken_down", 1)}
    assert crawled.journal.covers.claim() is None
    crawled.journal.searches.begin(NOW, 3, refresh=True)
    for content in (noise(1), noise(2), noise(1)):
        crawled.fetch(content)
    crawled.commit()
    assert crawled.quarantined() == {"site:1": ("taken_down", 2), "site:3": ("taken_down", 2)}
    assert crawled.albums("album_id", "cover_id") == {
        ("site:1", None), ("site:2", digest(noise(2))), ("site:3", None)
    }  # fmt: skip
    crawled.journal.searches.end()
    found = traces(warehouse, [noise(1)])
    assert {name.split("/")[0] for name in found} == {"takedowns"}
    assert Store(file).counts() == {"albums": 3, "wanted": 0, "held": 1, "failed": 2}
