"""The care of tables: compacted, cleaned, brought back to an earlier version."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from covergenre.bundle import Bundle
from covergenre.errors import CatalogueError, SettingError
from jobs import maintain as job
from jobs.runtime import inference
from jobs.runtime.maintenance import care
from jobs.runtime.maintenance.restoring import restore
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, METRICS, PREDICTIONS, QUARANTINE, RUNS, Table
from tests.covers import drawn
from tests.nights import Night

_DAY = 24 * 3600


def files(warehouse: Warehouse, table: Table) -> int:
    return int(warehouse.delta(table).detail().collect()[0]["numFiles"])


def no_model(*_: object) -> None:
    raise AssertionError("a model was asked for")


def maintained(night: Night, *words: str) -> dict[str, Any]:
    return job.main(["--output", night.warehouse.location, *words])


def test_tables_are_compacted_once_and_scoring_finds_nothing_to_do(
    scored: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored.add("rap/new.jpg", drawn("rap", 20))
    scored.score()
    (scored.covers / "folk/0.jpg").unlink()
    link = Path(scored.score().snapshot)
    warehouse, copy = scored.warehouse, link.readlink()
    orphan = Path(warehouse.path(PREDICTIONS.name)) / "part-of-a-killed-write.parquet"
    orphan.write_bytes(b"PAR1")
    long_ago = time.time() - 8 * _DAY
    os.utime(orphan, (long_ago, long_ago))
    held = {t.name: warehouse.read(t).toPandas() for t in (ALBUMS, COVERS, METRICS)}
    before = scored.predictions()

    done = maintained(scored)
    assert (done["unused_inferences"], done["files_deleted"]) == (1, 1)
    assert done["files_compacted"] > 4
    assert not orphan.exists()
    for table in (ALBUMS, COVERS, INFERENCES, PREDICTIONS, METRICS):
        assert files(warehouse, table) == 1
        properties = care.properties(warehouse, table)
        assert properties["delta.deletedFileRetentionDuration"] == "interval 168 hours"
        assert properties["delta.logRetentionDuration"] == "interval 90 days"
    last = warehouse.delta(PREDICTIONS).history(1).collect()[0]
    assert last["operationParameters"]["zOrderBy"] == '["release_year","genre"]'
    pd.testing.assert_frame_equal(scored.predictions(), before)

    versions = {**scored.versions(), RUNS.name: None}
    monkeypatch.setattr(inference, "scorer", no_model)
    assert not scored.score().changes
    assert maintained(scored)["files_compacted"] <= 3  # what runs wrote of themselves
    assert {**scored.versions(), RUNS.name: None} == versions
    assert link.readlink() == copy
    for table in (ALBUMS, COVERS, METRICS):
        key = list(table.key)
        pd.testing.assert_frame_equal(
            warehouse.read(table).toPandas().sort_values(key, ignore_index=True),
            held[table.name].sort_values(key, ignore_index=True),
        )
    # An object store's log is asked in another way, and says the same.
    remote = Warehouse(warehouse.spark, f"file://{scored.covers.parent}/elsewhere")
    (scored.covers.parent / "elsewhere").symlink_to(warehouse.location)
    tables = (ALBUMS, PREDICTIONS, QUARANTINE)
    assert [remote.rows_version(t) for t in tables] == [warehouse.rows_version(t) for t in tables]


def test_what_nothing_needs_is_dropped_if_the_settings_say_so(
    scored: Night, tmp_path: Path
) -> None:
    scored.warehouse.delta(ALBUMS).delete("album_id = 'rap/0.jpg'")
    for words in ("cluster={nothing: [genre]}", "cluster={albums: [nothing]}"):
        with pytest.raises(
            SettingError, match=r"maintain.cluster: there is no column \w+ in table"
        ):
            maintained(scored, "--set", f"maintain.{words}")
    kept = maintained(scored, "--set", "maintain.drop_unused_inferences=false")
    assert "unused_inferences" not in kept and "unused_covers" not in kept
    done = maintained(scored, "--set", "maintain.drop_unused_covers=true")
    assert (done["unused_inferences"], done["unused_covers"]) == (1, 1)
    assert scored.warehouse.read(COVERS).count() == 5

    fresh, dead = tmp_path / "cache/.fresh", tmp_path / "cache/.dead"
    for folder in (fresh, dead):
        folder.mkdir(parents=True)
    os.utime(dead, (time.time() - 2 * _DAY,) * 2)
    assert care.drop_dead_conversions(tmp_path / "cache") == 1
    assert fresh.exists() and not dead.exists()
    with pytest.raises(CatalogueError, match="holds no albums: name a warehouse with --output"):
        job.main(["--output", str(tmp_path / "nowhere")])
    with pytest.raises(CatalogueError, match="neither the sha256 of a cover"):
        maintained(scored, "--takedown", str(tmp_path / "nothing.jpg"))


def test_a_restored_table_is_brought_in_line_by_the_next_scoring(
    scored: Night, make_bundle: Callable[..., Bundle]
) -> None:
    before = scored.predictions()
    version = scored.versions()
    time.sleep(1)
    then = pd.Timestamp.now("UTC")
    scored.add("rap/new.jpg", drawn("rap", 20))
    scored.add("rap/broken.jpg", drawn("rap", 21))
    assert scored.score().counted.scored == 8
    after = scored.predictions()
    warehouse = scored.warehouse

    # Of covers, the bytes of two are gone with it: they are read again, for any model.
    lost = maintained(scored, "--restore", "covers", str(version["covers"]))
    assert lost["albums_to_read"] == 2
    assert warehouse.read(COVERS).count() == 6
    scored.bundle = make_bundle("second", seed=5)
    result = scored.score()
    assert (result.covers, result.counted.scored, result.counted.quarantined) == (8, 8, 0)

    # In the earlier version an album has no cover, and quarantine no longer says why.
    done = restore(warehouse, "albums", then.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    assert (warehouse.read(ALBUMS).count(), done["albums_to_read"]) == (7, 1)
    assert scored.score().counted.scored == 8
    assert not restore(warehouse, "inferences", str(version["inferences"]))["albums_to_read"]
    restore(warehouse, "predictions", str(version["predictions"]))
    restore(warehouse, "quarantine", str(version["quarantine"]))
    assert scored.score().counted.scored == 8
    restored = scored.predictions()
    first = restored[restored["model_version"] == before["model_version"][0]]
    pd.testing.assert_frame_equal(first.reset_index(drop=True), before)
    second = restored[restored["model_version"] == scored.bundle.model_version]
    assert list(second["cover_id"]) == list(after["cover_id"])
    copy = pd.read_parquet(Path(warehouse.location) / "predictions_parquet")
    assert set(copy["album_id"]) == set(after["album_id"])

    care.vacuum(warehouse, ALBUMS, hours=0)
    for name, to, why in (
        ("runs", "0", "name one of albums, appearance"),
        ("splits", "0", "that is there"),
        ("albums", "999", "that version is not there"),
        ("albums", "1999-01-01", "that version is not there"),
        ("albums", "yesterday", "is no version and no time"),
        ("albums", str(version["albums"]), "or its files were deleted"),
    ):
        with pytest.raises(CatalogueError, match=why):
            restore(warehouse, name, to)
    with pytest.raises(SettingError, match="one at a time"):
        maintained(scored, "--restore", "albums", "0", "--takedown", "0" * 64)
