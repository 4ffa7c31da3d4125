"""Night after night: what changed is scored, once, whatever happened to the run before."""

from __future__ import annotations

import ctypes
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from covergenre.bundle import Bundle
from covergenre.config.quality import Bound
from covergenre.errors import CatalogueError
from jobs import score as job
from jobs.runtime import inference, sources
from jobs.runtime.dry_run import planned
from jobs.runtime.planning import Scope
from jobs.runtime.publishing import SNAPSHOT
from jobs.runtime.quality import QualityError
from jobs.runtime.runs import Run
from schemas import ALBUMS, COVERS, INFERENCES, METRICS, PREDICTIONS, QUARANTINE
from tests.covers import drawn
from tests.nights import FirstNight, Night


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def scorer(*_: object) -> None:
        raise AssertionError("a model was asked for")

    return lambda: monkeypatch.setattr(inference, "scorer", scorer)


def test_an_unchanged_catalogue_runs_no_model_and_writes_nothing(
    first_night: FirstNight, scored: Night, no_model: Callable[[], None]
) -> None:
    first = first_night.result
    before, link = scored.versions(), Path(first.snapshot).readlink()
    no_model()
    again = scored.score()
    assert (first.covers, again.covers) == (6, 0)
    assert not again.changes
    assert (again.counted.scored, again.counted.quarantined) == (6, 1)
    assert (scored.versions(), Path(again.snapshot).readlink()) == (before, link)


def test_only_what_is_new_is_looked_at(scored: Night) -> None:
    old = scored.predictions().set_index("album_id")
    scored.add("rap/new.jpg", drawn("rap", 20))
    scored.add("rap/0.jpg", drawn("rap", 21))  # another cover under the same name
    result = scored.score()
    assert (result.covers, result.changes) == (2, job.Changes(added=1, updated=1))
    new = scored.predictions().set_index("album_id")
    assert set(new.index) - set(old.index) == {"rap/new.jpg"}
    same = old.index.drop("rap/0.jpg")
    pd.testing.assert_frame_equal(old.loc[same], new.loc[same])
    assert old.loc["rap/0.jpg", "cover_id"] != new.loc["rap/0.jpg", "cover_id"]
    assert set(pd.read_parquet(result.snapshot)["album_id"]) == set(new.index)


def test_a_corrected_genre_needs_no_model(night: Night, no_model: Callable[[], None]) -> None:
    table = night.covers / "albums.csv"
    rows = [f"{genre}/{n}.jpg,{genre},2001" for genre in ("folk", "rap") for n in range(3)]
    table.write_text("\n".join(["file,genre,year", *rows, "rap/broken.jpg,rap,2001"]))
    night.score()
    no_model()
    table.write_text(table.read_text().replace("rap/0.jpg,rap,2001", "rap/0.jpg,folk,1999"))
    result = night.score()
    assert (result.covers, result.changes) == (0, job.Changes(updated=1))
    row = night.predictions().set_index("album_id").loc["rap/0.jpg"]
    assert (row["genre"], row["release_year"]) == ("folk", 1999)
    metrics = night.warehouse.read(METRICS).where("genre_basis = 'catalogue'")
    last = metrics.agg(F.max_by("run_id", "computed_at")).first()[0]
    counted = metrics.where(F.col("run_id") == last).groupBy("genre", "release_year")
    assert {tuple(r) for r in counted.agg(F.sum("albums")).collect()} == {
        ("folk", 2001, 3), ("folk", 1999, 1), ("rap", 2001, 3)
    }  # fmt: skip


def test_an_album_that_left_leaves_predictions_of_every_model(
    scored: Night, make_bundle: Callable[..., Bundle]
) -> None:
    scored.bundle = make_bundle("second", seed=5)
    scored.score()
    (scored.covers / "rap/0.jpg").unlink()
    (scored.covers / "folk/0.jpg").write_bytes(b"broken now")
    result = scored.score()
    assert result.changes == job.Changes(removed=3)  # the broken one keeps the first model's
    left = scored.predictions().groupby("album_id")["model_version"].nunique().to_dict()
    assert left == {"folk/0.jpg": 1, "folk/1.jpg": 2, "folk/2.jpg": 2, "rap/1.jpg": 2,
                    "rap/2.jpg": 2}  # fmt: skip
    assert (result.counted.scored, result.counted.quarantined) == (4, 2)


def test_after_a_kill_the_next_run_goes_on(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    night.read()
    night.add("rap/later.jpg", drawn("rap", 30))  # in a file of its own, and so in another step
    real, looked = inference.scorer, []

    def dies_at_the_second(*args: Any) -> Callable[[DataFrame], DataFrame]:
        look = real(*args)

        def count(covers: DataFrame) -> DataFrame:
            looked.append(covers.count())
            if len(looked) == 2:
                raise KeyboardInterrupt
            return look(covers)

        return count

    monkeypatch.setattr(inference, "scorer", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        night.score(step=1)
    kept = night.warehouse.read(INFERENCES).count()
    assert kept == looked[0] and 0 < kept < 7
    assert night.warehouse.read(PREDICTIONS).isEmpty()  # nobody sees half a run
    monkeypatch.setattr(inference, "scorer", real)
    result = night.score()
    assert result.covers == 7 - kept
    counts = night.warehouse.read(INFERENCES).groupBy("cover_id").count().collect()
    assert [row["count"] for row in counts] == [1] * 7

    undisturbed = Night(night.warehouse.spark, tmp_path / "other", night.settings, night.bundle)
    undisturbed.add("rap/later.jpg", drawn("rap", 30))
    undisturbed.score()
    pd.testing.assert_frame_equal(night.predictions(), undisturbed.predictions())


@pytest.mark.parametrize("last", ["publish_quarantine", "publish_state"])
def test_killed_behind_the_models_it_only_publishes(
    night: Night, monkeypatch: pytest.MonkeyPatch, no_model: Callable[[], None], last: str
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, last, dies)
        night.score()
    no_model()
    night.score()
    metrics = night.warehouse.read(METRICS)
    assert metrics.select("run_id").distinct().count() == 1
    assert metrics.where("genre_basis = 'catalogue'").agg(F.sum("albums")).first()[0] == 7
    assert len(pd.read_parquet(Path(night.warehouse.location) / SNAPSHOT)) == 6


def _lethal(column: str) -> Callable[[DataFrame], DataFrame]:
    """Covers as they are, but that a worker which meets one with this word in a column is gone."""

    def meet(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for values in batches:
            if any(b"lethal" in bytes(value) for value in values):
                ctypes.string_at(0)
            yield values

    meet.__module__ = "__main__"  # workers have no module tests
    udf = pandas_udf(meet, "binary").asNondeterministic()
    return lambda rows: rows.withColumn(column, udf(column))


def test_a_cover_that_ends_its_worker_is_a_row_in_quarantine(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.add("rap/lethal to read.jpg", drawn("rap", 40))
    night.add("rap/later.jpg", drawn("rap", 41) + b"lethal to look at")
    read, scorer = sources.read_files, inference.scorer
    met_reading, met_scoring = _lethal("path"), _lethal("content")
    with monkeypatch.context() as patch:
        patch.setattr(
            sources, "read_files", lambda rows, settings: read(met_reading(rows), settings)
        )

        def dangerous(*args: Any) -> Callable[[DataFrame], DataFrame]:
            look = scorer(*args)
            return lambda covers: look(met_scoring(covers))

        patch.setattr(inference, "scorer", dangerous)
        result = night.score()
        assert (result.counted.scored, result.counted.quarantined) == (6, 3)
        rows = {row["album_id"]: row for row in night.warehouse.read(QUARANTINE).collect()}
        for name in ("rap/lethal to read.jpg", "rap/later.jpg"):
            assert rows[name]["reason"] == "crashed_worker"
            assert "Segmentation fault" in rows[name]["detail"]
        assert night.score().covers == 0  # bounded: it is not tried every night


def test_a_run_that_is_not_as_expected_publishes_nothing(scored: Night) -> None:
    before, link = (
        scored.predictions(),
        Path(scored.warehouse.location, SNAPSHOT).readlink(),
    )
    scored.add("rap/new.jpg", drawn("rap", 20))
    strict = {"min_albums": 1, "lost_share": Bound(least=None, most=0.0, then="fail")}
    quality = scored.settings.quality.model_copy(update=strict)
    scored.settings = scored.settings.model_copy(update={"quality": quality})
    assert scored.score().changes.added == 1
    (scored.covers / "rap/0.jpg").unlink()
    with pytest.raises(QualityError, match=r"nothing was published: .*quality\.lost_share"):
        scored.score()
    assert len(scored.predictions()) == len(before) + 1
    assert Path(scored.warehouse.location, SNAPSHOT).readlink() != link
    scored.settings = scored.settings.model_copy(
        update={"quality": quality.model_copy(update={"lost_share": Bound(
            least=None, most=0.0, then="warn")})}
    )  # fmt: skip
    assert (scored.score().covers, len(scored.predictions())) == (0, len(before))


def test_a_catalogue_is_read_in_parts(night: Night) -> None:
    night.score(step=2)
    covers = night.warehouse.delta(COVERS).history().where("operation = 'WRITE'").count()
    assert covers > 1
    assert night.warehouse.read(COVERS).count() == 6
    assert night.score(step=2).counted.albums == 7


def test_part_of_a_catalogue_is_scored_and_the_rest_is_left_for_later(night: Night) -> None:
    some = night.score(Scope(where="genre = 'rap'", limit=2))
    assert (some.covers, some.counted.scored, some.counted.pending) == (2, 2, 4)
    assert set(night.predictions()["genre"]) == {"rap"}
    metrics = night.warehouse.read(METRICS).where("genre_basis = 'catalogue'")
    sums = metrics.agg(F.sum("albums"), F.sum("scored"), F.sum("quarantined")).first()
    assert tuple(sums) == (7, 2, 1)
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert night.score(Scope(since=tomorrow)).covers == 0
    rest = night.score()
    assert (rest.covers, rest.counted.scored, rest.counted.pending) == (4, 6, 0)
    with pytest.raises(CatalogueError, match="--where 'gender = 1' is no condition over"):
        night.score(Scope(where="gender = 1"))


def test_covers_are_looked_at_again_if_that_is_asked(
    first_night: FirstNight, scored: Night
) -> None:
    first = first_night.result
    again = scored.score(Scope(rescore=True))
    assert (first.covers, again.covers, again.changes) == (6, 6, job.Changes(updated=6))
    runs = {row["run_id"] for row in scored.warehouse.read(PREDICTIONS).collect()}
    assert len(runs) == 1
    some = scored.score(Scope(where="genre = 'folk'", rescore=True))
    assert (some.covers, some.changes) == (3, job.Changes(updated=3))
    # Another question makes what was said before stale, but for the covers outside the scope.
    other = scored.score(describe=["appearance"])
    assert (other.covers, other.changes.updated) == (6, 6)
    assert scored.warehouse.read(INFERENCES).count() == 6


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(night: Night) -> None:
    def dry() -> list[int]:
        words = (str(night.covers), night.warehouse.location, None)
        return list(planned(*words, night.bundle, night.settings, Scope()).values())

    assert dry() == [7, 0, 0, 0, 0]
    assert not Path(night.warehouse.location).exists()
    night.read()
    night.warehouse.create(QUARANTINE)
    assert dry() == [0, 0, 6, 0, 0]
    night.score()
    assert dry() == [0, 0, 0, 0, 0]
    night.add("rap/new.jpg", drawn("rap", 20))
    (night.covers / "folk/0.jpg").unlink()
    night.warehouse.delta(ALBUMS).update(F.col("album_id") == "rap/1.jpg", {"genre": F.lit("x")})
    before = night.versions()
    assert dry() == [1, 1, 0, 1, 0]
    assert night.versions() == before


def test_bytes_are_read_of_files_that_hold_something_new_alone(scored: Night) -> None:
    old = {Path(p).name for p in scored.warehouse.read(COVERS).inputFiles()}
    scored.add("rap/new.jpg", drawn("rap", 20))
    scored.read()
    digest = inference.Inference(
        scored.warehouse, scored.bundle, Run("score", scored.settings)
    ).question.digest
    found = inference.left(scored.warehouse, scored.bundle.model_version, digest, Scope())
    (step,) = inference.steps(found, inference.per_file(found), 100)
    assert len(step.files) == len(step.cover_ids) == 1
    assert not old & {Path(p).name for p in step.files}
    read = step.covers(scored.warehouse.spark, step.cover_ids).collect()
    assert [bytes(row["content"]) for row in read] == [drawn("rap", 20)]
