"""Albums without a usable cover: listed, looked at again, left to rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.errors import SettingError
from jobs import quarantine as job
from jobs.runtime.crawling import FOLDER
from jobs.runtime.planning import Scope
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, QUARANTINE
from tests.covers import drawn
from tests.nights import Night
from tests.spark.test_crawled import Crawled, album, digest

BROKEN = "rap/broken.jpg"
GOOD = drawn("rap", 50)


def listed(night: Night, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    capsys.readouterr()
    job.main(["list", "--output", night.warehouse.location, "--format", "json", *words])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return {row["album_id"]: row["reason"] for row in map(json.loads, lines)}


def row(night: Night, album_id: str) -> Row:
    (found,) = night.warehouse.read(QUARANTINE).where(F.col("album_id") == album_id).collect()
    return found


def replace(night: Night, content: bytes, at: int) -> None:
    night.add(BROKEN, content)
    os.utime(night.covers / BROKEN, (at, at))


def fail_in_scoring(night: Night, content: bytes) -> None:
    night.warehouse.delta(INFERENCES).update(
        F.col("cover_id") == digest(content),
        {"reason": F.lit("timed_out"), "probabilities": F.lit(None)},
    )


def test_a_cleared_row_rests_until_its_cover_fails_in_another_way(
    scored: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ("--output", scored.warehouse.location)
    assert listed(scored, capsys) == {BROKEN: "truncated"}
    assert listed(scored, capsys, "--reason", "empty_file") == {}
    for what in ("retry", "clear"):
        with pytest.raises(SettingError, match=f"{what}: name --reason, --album or --all"):
            job.main([what, *output])
    job.main(["clear", *output, "--album", BROKEN, "--note", "no better one"])
    assert listed(scored, capsys) == {}
    os.utime(scored.covers / BROKEN, (1, 1))
    assert scored.score().counted.quarantined == 1  # open still: every album is accounted for
    same = row(scored, BROKEN)
    assert (same["attempts"], same["note"], same["closed_at"]) == (2, "no better one", None)
    assert listed(scored, capsys) == {}
    replace(scored, b"\0" * len(GOOD), 2)
    assert scored.score().counted.quarantined == 1
    other = row(scored, BROKEN)
    assert (other["cleared_at"], other["note"], other["attempts"]) == (None, None, 3)
    assert listed(scored, capsys, "--album", BROKEN) == {BROKEN: "not_an_image"}


def test_covers_are_looked_at_again_if_that_is_asked(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(night, b"\0" * len(GOOD), 2)
    night.score()
    fail_in_scoring(night, drawn("rap", 3))
    assert night.score().counted.reasons == {"not_an_image": 1, "timed_out": 1}
    replace(night, GOOD, 2)  # mended, but nothing of the file tells
    assert night.score().counted.quarantined == 2
    done = job.main(["retry", "--output", night.warehouse.location, "--all"])
    assert (done["albums"], done["inferences_forgotten"], done["to_read"]) == (2, 1, 1)
    some = night.score(Scope(where="genre = 'folk'")).counted
    assert (some.albums, some.scored, some.quarantined, some.pending) == (7, 5, 1, 1)
    result = night.score()
    assert (result.covers, result.counted.scored, result.counted.quarantined) == (2, 7, 0)
    assert row(night, BROKEN)["closed_at"] is not None
    assert row(night, "rap/0.jpg")["closed_at"] is not None
    assert listed(night, capsys) == {}


def test_the_next_crawl_fetches_what_is_to_be_looked_at_again(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    warehouse.create(ALBUMS, COVERS, QUARANTINE)
    crawled = Crawled(warehouse, settings, Path(warehouse.location) / FOLDER / "site.sqlite")
    crawled.add(album(1), album(2, cover_url=None), album(3))
    crawled.fetch(b"no image")
    crawled.fetch(reason="not_found")
    crawled.commit()
    job.main(["retry", "--output", warehouse.location, "--album", "site:1", "site:2"])
    crawled.tables.reconcile()
    crawled.fetch(GOOD)
    assert crawled.journal.covers.claim() is None  # site:2 has no address
    crawled.commit()
    assert crawled.quarantined() == {"site:2": ("no_cover", 1), "site:3": ("not_found", 1)}
    assert crawled.albums("album_id", "cover_id") == {
        ("site:1", digest(GOOD)), ("site:2", None), ("site:3", None)
    }  # fmt: skip
