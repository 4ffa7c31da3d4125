"""A warehouse of earlier layouts is scored by this version."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from covergenre.bundle import Bundle
from jobs import quarantine, score
from jobs.runtime.warehouse import Warehouse
from schemas import (
    ALBUMS,
    COVERS,
    INFERENCES,
    METRICS,
    PREDICTIONS,
    QUARANTINE,
    RUNS,
    TABLES,
)
from schemas.table import SchemaError
from scraping.folder import list_folder
from tests.covers import drawn
from tests.spark.test_crawled import digest

THEN = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
_APPEARANCE = (
    "appearance STRUCT<palette:ARRAY<STRUCT<hex:STRING,name:STRING,share:DOUBLE>>,"
    "colourfulness:DOUBLE,brightness:DOUBLE,contrast:DOUBLE,saturation:DOUBLE,"
    "hue_entropy:DOUBLE,near_black:DOUBLE,near_white:DOUBLE,achromatic:DOUBLE,"
    "grey_entropy:DOUBLE,edge_density:DOUBLE,symmetry:DOUBLE,faces:INT,face_area:DOUBLE>"
)
# As the tables were made then, column comments apart.
LAYOUTS = {
    "albums": (
        "album_id STRING NOT NULL COMMENT 'key', source STRING NOT NULL, source_url STRING, "
        "artist STRING, title STRING, genre STRING, genres ARRAY<STRING>, styles ARRAY<STRING>, "
        "release_year INT, cover_url STRING, cover_id STRING, etag STRING, data_licence STRING, "
        "image_licence STRING, robots STRING, scraped_at TIMESTAMP NOT NULL",
        {
            "covergenre.schema_version": "1",
            "delta.constraints.year": "release_year IS NULL OR release_year BETWEEN 1000 AND 9999",
        },
    ),
    "covers": (
        "cover_id STRING NOT NULL, width INT NOT NULL, height INT NOT NULL, "
        "format STRING NOT NULL, byte_size BIGINT NOT NULL, phash STRING NOT NULL, "
        "fetched_at TIMESTAMP NOT NULL, content BINARY NOT NULL",
        {
            "covergenre.schema_version": "1",
            "delta.constraints.cover_id": "length(cover_id) = 64",
            "delta.constraints.size": "width > 0 AND height > 0",
            "delta.dataSkippingStatsColumns": "cover_id,width,height,byte_size,fetched_at",
        },
    ),
    "quarantine": (
        "album_id STRING NOT NULL, cover_id STRING, reason STRING NOT NULL, detail STRING, "
        "first_seen TIMESTAMP NOT NULL, last_seen TIMESTAMP NOT NULL, attempts INT NOT NULL, "
        "closed_at TIMESTAMP",
        {"covergenre.schema_version": "1", "delta.constraints.attempts": "attempts > 0"},
    ),
    "predictions": (
        "album_id STRING NOT NULL, model_version STRING NOT NULL, cover_id STRING NOT NULL, "
        "genre STRING, release_year INT, predicted_genre STRING NOT NULL, "
        "probabilities MAP<STRING,DOUBLE> NOT NULL, confidence DOUBLE NOT NULL, "
        "run_id STRING NOT NULL, scored_at TIMESTAMP NOT NULL, abstained BOOLEAN, "
        "advisory BOOLEAN, advisory_score DOUBLE, "
        "advisory_box STRUCT<xmin:DOUBLE,ymin:DOUBLE,xmax:DOUBLE,ymax:DOUBLE>, "
        "classifier_probabilities MAP<STRING,DOUBLE>, "
        "reasons ARRAY<STRUCT<part:STRING,input:STRING,contribution:DOUBLE>>, "
        f"concepts ARRAY<STRUCT<name:STRING,score:DOUBLE>>, {_APPEARANCE}",
        {
            "covergenre.schema_version": "4",
            "delta.constraints.confidence": "confidence BETWEEN 0 AND 1",
        },
    ),
    # That came with incremental scoring, before embeddings.
    "inferences": (
        "cover_id STRING NOT NULL, model_version STRING NOT NULL, asked STRING NOT NULL, "
        "run_id STRING NOT NULL, inferred_at TIMESTAMP NOT NULL, probabilities ARRAY<FLOAT>, "
        "classifier_probabilities ARRAY<FLOAT>, "
        "reasons ARRAY<STRUCT<part:STRING,input:STRING,contribution:DOUBLE>>, "
        "advisory_score FLOAT, "
        "advisory_box STRUCT<xmin:FLOAT,ymin:FLOAT,xmax:FLOAT,ymax:FLOAT>, "
        f"concepts ARRAY<STRUCT<name:STRING,score:DOUBLE>>, {_APPEARANCE}, "
        "reason STRING, detail STRING, milliseconds DOUBLE",
        {"covergenre.schema_version": "1"},
    ),
    "runs": (
        "run_id STRING NOT NULL, job STRING NOT NULL, outcome STRING NOT NULL, error STRING, "
        "started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP NOT NULL, "
        "input_versions MAP<STRING,BIGINT> NOT NULL, output_versions MAP<STRING,BIGINT> NOT NULL, "
        "model_version STRING, engine STRING, precision STRING, processor STRING, "
        "settings STRING NOT NULL, counts MAP<STRING,BIGINT> NOT NULL, images_per_second DOUBLE, "
        "p50_ms DOUBLE, p95_ms DOUBLE",
        {
            "covergenre.schema_version": "1",
            "delta.constraints.outcome": "outcome IN ('succeeded', 'failed')",
        },
    ),
}
OLDER = "older-0123456789ab"


def write(spark: SparkSession, location: str, name: str, rows: list[tuple[Any, ...]]) -> None:
    columns, properties = LAYOUTS[name]
    quoted = ", ".join(
        "'{}' = '{}'".format(key, value.replace("'", "\\'")) for key, value in properties.items()
    )
    path = f"{location}/{name}"
    spark.sql(f"CREATE TABLE delta.`{path}` ({columns}) USING delta TBLPROPERTIES ({quoted})")
    schema = spark.read.format("delta").load(path).schema
    spark.createDataFrame(rows, schema).write.format("delta").mode("append").save(path)


def prediction(album_id: str, model: str, content: bytes) -> tuple[Any, ...]:
    return (
        album_id, model, digest(content), "rap", None, "folk", {"folk": 0.75, "rap": 0.25}, 0.75,
        "a run", THEN, False, None, None, None, None, None, None, None,
    )  # fmt: skip


@pytest.fixture
def old(
    spark: SparkSession, tmp_path: Path, make_bundle: Callable[..., Bundle]
) -> tuple[Warehouse, Bundle, Path]:
    """Two albums and a broken one, scored by the bundle of today and one before."""
    bundle, folder = make_bundle(), tmp_path / "covers"
    contents = {f"rap/{n}.jpg": drawn("rap", n) for n in range(2)}
    (folder / "rap").mkdir(parents=True)
    for name, content in {**contents, "rap/broken.jpg": b"broken"}.items():
        (folder / name).write_bytes(content)
    location = str(tmp_path / "warehouse")
    albums, covers = [], []
    for item in list_folder(folder).items:
        content = contents.get(item.album_id)
        cover_id = content and digest(content)
        about = (None, None, None, "rap", ["rap"], None, None, str(folder / item.album_id))
        ends = (cover_id, item.etag, None, None, None, THEN)
        albums.append((item.album_id, "folder", *about, *ends))
        if content:
            covers.append((cover_id, 96, 96, "JPEG", len(content), "0" * 16, THEN, content))
    write(spark, location, "albums", albums)
    write(spark, location, "covers", covers)
    why = ("rap/broken.jpg", digest(b"broken"), "not_an_image", "text", THEN, THEN, 4, None)
    write(spark, location, "quarantine", [why])
    models = (OLDER, bundle.model_version)
    predictions = [prediction(n, model, c) for n, c in contents.items() for model in models]
    write(spark, location, "predictions", predictions)
    seen = (digest(contents["rap/0.jpg"]), OLDER, "asked", "a run", THEN, [0.75, 0.25])
    said = (*seen, [0.75, 0.25], None, None, None, None, None, None, None, 5.0)
    write(spark, location, "inferences", [said])
    run = ("a run", "score", "succeeded", None, THEN, THEN, {}, {}, bundle.model_version, None,
           None, None, "{}", {}, None, None, None)  # fmt: skip
    write(spark, location, "runs", [run])
    return Warehouse(spark, location), bundle, folder


def test_it_is_brought_to_this_layout_and_its_rows_stay(
    old: tuple[Warehouse, Bundle, Path],
) -> None:
    warehouse, bundle, folder = old
    before = {t.name: warehouse.read(t).toPandas() for t in (ALBUMS, COVERS, QUARANTINE)}
    earlier = warehouse.read(PREDICTIONS).where(f"model_version = '{OLDER}'").orderBy("album_id")
    earlier_rows = earlier.toPandas()
    listed = quarantine.main(["list", "--output", warehouse.location])  # leaves it as it is
    assert listed["reasons"] == {"not_an_image": 1}
    words = ["--covers", str(folder), "--output", warehouse.location, "--model", str(bundle.path),
             "--set", "score.describe=[]"]  # fmt: skip
    first = score.main(words)
    # Nothing is known of what the bundle said then: its covers are looked at once more.
    assert (first["inferred"], first["scored"], first["quarantined"]) == (2, 2, 1)
    assert score.main(words)["inferred"] == 0

    for table, frame in before.items():
        read = warehouse.read(TABLES[table]).select(*frame.columns)
        key = list(TABLES[table].key)
        pd.testing.assert_frame_equal(
            read.toPandas().sort_values(key, ignore_index=True),
            frame.sort_values(key, ignore_index=True),
        )
    kept = warehouse.read(PREDICTIONS).where(f"model_version = '{OLDER}'").orderBy("album_id")
    pd.testing.assert_frame_equal(kept.select(*earlier_rows.columns).toPandas(), earlier_rows)
    assert kept.where("reasons IS NULL AND concepts IS NULL").count() == 2
    said = warehouse.read(INFERENCES).where(f"model_version = '{OLDER}'").collect()
    assert [(row["milliseconds"], row["embedding"]) for row in said] == [(5.0, None)]
    own = warehouse.read(PREDICTIONS).where(f"model_version = '{bundle.model_version}'").collect()
    assert {row["run_id"] for row in own} == {first["run_id"]}
    assert {row["outcome"] for row in warehouse.read(RUNS).collect()} == {"succeeded"}
    assert warehouse.read(RUNS).count() == 3
    for table in (ALBUMS, COVERS, QUARANTINE, PREDICTIONS, RUNS, INFERENCES, METRICS):
        detail = warehouse.delta(table).detail().collect()[0]["properties"]
        assert detail["covergenre.schema_version"] == str(table.version)
        held = {name for name in detail if name.startswith("delta.constraints.")}
        assert held == {f"delta.constraints.{name}" for name in table.constraints}
        assert warehouse.read(table).columns == table.names
    assert "killed" in warehouse.delta(RUNS).detail().collect()[0]["properties"][
        "delta.constraints.outcome"
    ]  # fmt: skip


def test_what_cannot_be_brought_to_this_layout_is_told(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = Warehouse(spark, str(tmp_path / "it's [mine]"))
    why = ("a", None, "corrupt", None, THEN, THEN, 1, None)
    write(spark, warehouse.location, "quarantine", [why])
    path = f"delta.`{warehouse.path('quarantine')}`"
    spark.sql(f"ALTER TABLE {path} DROP CONSTRAINT attempts")
    spark.sql(f"UPDATE {path} SET attempts = 0")
    with pytest.raises(SchemaError) as error:
        warehouse.create(QUARANTINE)
    text = str(error.value)
    assert (
        f"table quarantine at {warehouse.path('quarantine')} cannot be brought to layout 2" in text
    )
    assert "ADD CONSTRAINT attempts CHECK (attempts > 0)" in text and "\n" not in text
    spark.sql(f"UPDATE {path} SET attempts = 1")
    warehouse.create(QUARANTINE)  # what was done before that is not done twice
    assert warehouse.read(QUARANTINE).columns == QUARANTINE.names

    spark.sql(f"ALTER TABLE {path} SET TBLPROPERTIES ('covergenre.schema_version' = '99')")
    with pytest.raises(SchemaError, match=r"has layout 99; covergenre .* update covergenre"):
        warehouse.create(QUARANTINE)
    other = f"delta.`{warehouse.path('runs')}`"
    spark.sql(f"CREATE TABLE {other} (run_id INT, counts STRING) USING delta")
    with pytest.raises(
        SchemaError, match=r"runs at .* is another one: run_id is int, not string; "
    ):
        warehouse.create(RUNS)
