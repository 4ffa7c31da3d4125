"""Naming what is on covers: by a model in the workers, by Clarifai's API, from published CSVs."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyspark.sql import SparkSession

from covergenre import config
from covergenre.config import Settings
from covergenre.errors import ConceptsError, QuotaError, TaggerError
from jobs import describe as job
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.describing.concepts import Described, chosen, describe_concepts
from jobs.runtime.warehouse import Warehouse
from schemas import APPEARANCE, CONCEPTS, RUNS
from tests import clarifai_server
from tests.clarifai_client import said_of
from tests.clarifai_server import ClarifaiServer
from tests.covers import encoded
from tests.taggers import COLOURS, classifier, plain, write_labels

pytest_plugins = ("tests.clarifai_fixtures",)

FIRST = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
LATER = datetime.datetime(2026, 1, 3, tzinfo=datetime.UTC)
CONTENTS = {
    "rap/0_1.png": encoded(Image.fromarray(plain(255, 0, 0, size=64)), "PNG"),
    "rap/0_2.png": encoded(Image.fromarray(plain(0, 255, 0, size=64)), "PNG"),
    "folk/1_1.png": encoded(Image.fromarray(plain(0, 0, 255, size=32)), "PNG"),
}


@pytest.fixture
def covers(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        path = tmp_path / "covers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "covers"


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path, covers: Path, settings: Settings) -> Warehouse:
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    ingest(made, str(covers), look(str(covers)), settings)
    return made


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Settings of a tagger that sees colours."""
    folder = tmp_path_factory.mktemp("tagger")
    classifier().save(folder / "colours.keras")
    labels = write_labels(folder / "colours.txt", COLOURS)
    return [
        "concepts.tagger=file", f"concepts.local.file={folder / 'colours.keras'}",
        f"concepts.local.labels={labels}", "concepts.local.preprocessing=tf",
        "concepts.local.max_concepts=1",
    ]  # fmt: skip


def describe(
    warehouse: Warehouse, settings: Settings, now: datetime.datetime, csv: Path | None = None
) -> Described:
    source = chosen(settings, csv)
    assert source is not None
    return describe_concepts(warehouse, settings, source, now)


def rows(warehouse: Warehouse) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in warehouse.read(CONCEPTS).collect()]


def test_covers_are_tagged_once_by_each_tagger(
    warehouse: Warehouse, covers: Path, colours: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # The smaller cover cannot be used.
    strict = config.load(assignments=[*colours, "images.min_side=50"])
    first = describe(warehouse, strict, FIRST)
    assert (first.described, first.failed, first.left) == (2, 1, 0)
    assert "1 covers have no concepts: too_small" in capsys.readouterr().err
    found = rows(warehouse)
    assert {row["tagger"] for row in found} == {first.tagger}
    (failed,) = (row for row in found if row["failure"])
    assert (failed["concepts"], failed["failure"]) == (None, "too_small")
    assert failed["detail"].startswith("32x32")
    told = sorted(row["concepts"][0]["name"] for row in found if row["concepts"])
    assert told == ["green", "red"] and all(len(row["concepts"] or [0]) == 1 for row in found)
    # Allowed now, it is tagged; the others are left as they are.
    settings = config.load(assignments=colours)
    assert describe(warehouse, settings, LATER) == Described(first.tagger, 1, 0, 0)
    days = {row["concepts"][0]["name"]: row["tagged_at"].day for row in rows(warehouse)}
    assert days == {"green": 2, "red": 2, "blue": 3}
    # Nothing left to do, nothing is written.
    versions = warehouse.versions()
    assert describe(warehouse, settings, LATER).described == 0
    assert warehouse.versions() == versions
    # Another tagger, beside the first.
    other = config.load(assignments=[*colours, "concepts.local.max_concepts=2"])
    assert describe(warehouse, other, LATER).described == 3
    assert len(rows(warehouse)) == 6


def test_a_list_of_another_model_is_told_before_any_worker_starts(
    warehouse: Warehouse, colours: list[str], tmp_path: Path
) -> None:
    labels = write_labels(tmp_path / "five.txt", ["a", "b", "c", "d", "e"])
    wrong = config.load(assignments=[*colours, f"concepts.local.labels={labels}"])
    with pytest.raises(TaggerError, match=r"gives 3 scores.*names 5 classes"):
        describe(warehouse, wrong, FIRST)
    assert rows(warehouse) == []


def asking(server: ClarifaiServer, **changes: Any) -> Settings:
    """Settings that ask the stand-in, one cover a request."""
    given = {"endpoint": server.endpoint, "insecure": "true", "batch_size": 1, "attempts": 2,
             "retry_seconds": 0.001, "max_retry_seconds": 0.002, **changes}  # fmt: skip
    assignments = [f"concepts.clarifai.{name}={value}" for name, value in given.items()]
    return config.load(assignments=["concepts.tagger=clarifai", *assignments])


def test_a_limit_of_cost_ends_the_run_and_the_next_goes_on(
    warehouse: Warehouse, clarifai: ClarifaiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    first = describe(warehouse, asking(clarifai, max_images=2), FIRST)
    assert (first.described, first.failed, first.left) == (2, 0, 1)
    assert "max_images = 2 is used up" in capsys.readouterr().err
    assert (len(rows(warehouse)), clarifai.sizes) == (2, [1, 1])
    second = describe(warehouse, asking(clarifai, max_images=2), LATER)
    assert second == Described(first.tagger, 1, 0, 0)
    # No cover was paid for twice.
    asked = sorted(image for request in clarifai.requests for image in request.images)
    assert asked == sorted(CONTENTS.values())
    names = {row["concepts"][0]["name"] for row in rows(warehouse)}
    assert names == {said_of(content)[0].name for content in CONTENTS.values()}
    assert describe(warehouse, asking(clarifai, max_images=2), LATER).left == 0
    assert len(clarifai.requests) == 3


def test_what_clarifai_refuses_is_kept_and_what_it_leaves_out_is_not(
    warehouse: Warehouse, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [
        clarifai_server.answer({0: "INPUT_UNSUPPORTED_FORMAT"}),
        *[clarifai_server.answer({0: "TRY_AGAIN"})] * 2,
    ]
    first = describe(warehouse, asking(clarifai), FIRST)
    assert (first.described, first.failed, first.left) == (1, 1, 1)
    assert {row["failure"] for row in rows(warehouse)} == {None, "rejected"}
    asked = len(clarifai.requests)
    assert describe(warehouse, asking(clarifai), LATER).described == 1
    assert len(clarifai.requests) == asked + 1
    assert len(rows(warehouse)) == 3


def test_what_was_paid_for_is_stored_when_the_plan_ends(
    warehouse: Warehouse, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [
        clarifai_server.answer(),
        clarifai_server.refusal("CONN_EXCEED_MONTHLY_LIMIT"),
    ]
    with pytest.raises(QuotaError):
        describe(warehouse, asking(clarifai), FIRST)
    assert len(rows(warehouse)) == 1


def test_published_concepts_are_imported(
    spark: SparkSession, tmp_path: Path, covers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = tmp_path / "published"
    published.mkdir()
    (published / "rap.csv").write_text("img,people,art\nimage1.jpg,0.875,\nimage9.jpg,0.5,0.75\n")
    (published / "folk.csv").write_text("img,people\nimage1.jpg,0.625\n")
    output = tmp_path / "imported"
    arguments = ["--covers", str(covers), "--output", str(output), "--json"]
    job.main([*arguments, "--only", "concepts", "--clarifai-csv", str(published)])
    told = capsys.readouterr().out.strip().splitlines()
    summary = json.loads(told[-1])["concepts"]
    assert (summary["tagged"], summary["failed"], summary["left"]) == (2, 0, 1)
    assert summary["most_often"] == {"people": 1.0}
    assert any("people 100%" in line for line in told)
    made = Warehouse(spark, str(output))
    assert not made.exists(APPEARANCE)
    named = {tuple((c["name"], c["score"]) for c in row["concepts"]) for row in rows(made)}
    # Folk's CSV has no column art: whether it is there is not known.
    assert named == {(("people", 0.875),), (("people", 0.625), ("art", None))}
    (run,) = made.read(RUNS).collect()
    assert run["counts"]["tagged"] == 2
    assert describe(made, config.load(), LATER, published).described == 0


def test_csvs_of_another_catalogue_are_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "jazz.csv").write_text("img,people\nimage1.jpg,0.5\n")
    with pytest.raises(ConceptsError, match=r"no cover of .* is in the published CSVs"):
        describe(warehouse, config.load(), FIRST, tmp_path)


def test_the_default_tagger_names_the_classes_of_imagenet(
    spark: SparkSession, tmp_path: Path, covers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "default"
    small = "concepts.local.input_size=64"
    job.main(["--covers", str(covers), "--output", str(output), "--json", "--set", small])
    summary = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (summary["described"], summary["concepts"]["tagged"]) == (3, 3)
    assert summary["concepts"]["tagger"].startswith("imagenet:")
    made = Warehouse(spark, str(output))
    assert (made.read(APPEARANCE).count(), len(rows(made))) == (3, 3)


def test_a_missing_token_is_told_before_anything_is_read(
    tmp_path: Path, covers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLARIFAI_PAT", raising=False)
    output = tmp_path / "untouched"
    arguments = ["--covers", str(covers), "--output", str(output)]
    with pytest.raises(TaggerError, match="CLARIFAI_PAT is not set"):
        job.main([*arguments, "--set", "concepts.tagger=clarifai"])
    assert not output.exists()
