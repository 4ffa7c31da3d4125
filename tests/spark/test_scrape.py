"""Catalogues into tables: folders, CSVs, Delta tables; what is written twice, changed, broken."""

from __future__ import annotations

import datetime
import hashlib
import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from covergenre.config import Settings
from covergenre.errors import CatalogueError, LockedError, OutputError
from jobs.runtime import sink
from jobs.runtime.catalogue import ingest, locate, look
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE
from tests.covers import encoded, noise


def rows(warehouse: Warehouse, table: object, *columns: str) -> set[tuple[object, ...]]:
    read = warehouse.read(table)  # type: ignore[arg-type]
    return {tuple(row) for row in read.select(*columns).collect()}


def open_reasons(warehouse: Warehouse) -> dict[str, str]:
    open_rows = warehouse.read(QUARANTINE).where("closed_at IS NULL")
    return {row["album_id"]: row["reason"] for row in open_rows.collect()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    covers = tmp_path / "my covers"
    for genre in ("rap", "rock"):
        (covers / genre).mkdir(parents=True)
    (covers / "rap/a.jpg").write_bytes(noise(1))
    (covers / "rap/b.jpg").write_bytes(noise(2))
    (covers / "rock/a again.jpg").write_bytes(noise(1))
    (covers / "rock/page.jpg").write_bytes(b"<!DOCTYPE html><html></html>")
    (covers / "rock/notes.txt").write_text("not a cover")
    return covers


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    return Warehouse(spark, str(tmp_path / "warehouse"))


def test_folder(warehouse: Warehouse, folder: Path, settings: Settings) -> None:
    counts = ingest(warehouse, str(folder), look(str(folder)), settings)

    assert counts.albums == 4
    assert (counts.covers, counts.duplicates, counts.quarantined) == (2, 1, 1)
    first = hashlib.sha256(noise(1)).hexdigest()
    second = hashlib.sha256(noise(2)).hexdigest()
    # rock is an alias of hard rock; both albums of the shared cover keep their own genre.
    assert rows(warehouse, ALBUMS, "album_id", "genre", "cover_id") == {
        ("rap/a.jpg", "rap", first),
        ("rap/b.jpg", "rap", second),
        ("rock/a again.jpg", "hard rock", first),
        ("rock/page.jpg", "hard rock", None),
    }
    covers = warehouse.read(COVERS).collect()
    assert {bytes(row["content"]) for row in covers} == {noise(1), noise(2)}
    assert all((row["width"], row["height"], row["format"]) == (64, 64, "JPEG") for row in covers)
    assert open_reasons(warehouse) == {"rock/page.jpg": "not_an_image"}


def test_twice_changes_nothing(warehouse: Warehouse, folder: Path, settings: Settings) -> None:
    ingest(warehouse, str(folder), look(str(folder)), settings)
    versions = warehouse.versions()
    counts = ingest(warehouse, str(folder), look(str(folder)), settings)
    assert warehouse.versions() == versions
    assert (counts.albums, counts.changed, counts.removed) == (4, 0, 0)


def test_changed_added_removed_and_mended(
    warehouse: Warehouse, folder: Path, settings: Settings
) -> None:
    ingest(warehouse, str(folder), look(str(folder)), settings)
    (folder / "rap/a.jpg").write_bytes(noise(3))
    (folder / "rap/c.png").write_bytes(noise(4))
    (folder / "rap/b.jpg").unlink()
    (folder / "rock/page.jpg").write_bytes(noise(5))

    counts = ingest(warehouse, str(folder), look(str(folder)), settings)

    assert (counts.albums, counts.changed, counts.removed, counts.quarantined) == (4, 3, 1, 0)
    by_id = {row["album_id"]: row["cover_id"] for row in warehouse.read(ALBUMS).collect()}
    assert by_id == {
        "rap/a.jpg": hashlib.sha256(noise(3)).hexdigest(),
        "rap/c.png": hashlib.sha256(noise(4)).hexdigest(),
        "rock/a again.jpg": hashlib.sha256(noise(1)).hexdigest(),
        "rock/page.jpg": hashlib.sha256(noise(5)).hexdigest(),
    }
    (row,) = warehouse.read(QUARANTINE).collect()
    assert row["album_id"] == "rock/page.jpg"
    assert row["closed_at"] is not None


def test_what_was_mended_before_a_kill_is_closed_by_the_next_run(
    warehouse: Warehouse, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    ingest(warehouse, str(folder), look(str(folder)), settings)
    (folder / "rock/page.jpg").write_bytes(noise(5))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sink, "_close_mended", dies)
        ingest(warehouse, str(folder), look(str(folder)), settings)
    assert open_reasons(warehouse) == {"rock/page.jpg": "not_an_image"}
    ingest(warehouse, str(folder), look(str(folder)), settings)
    assert open_reasons(warehouse) == {}


def test_broken_again_counts_attempts(
    warehouse: Warehouse, folder: Path, settings: Settings
) -> None:
    ingest(warehouse, str(folder), look(str(folder)), settings)
    (folder / "rock/page.jpg").write_bytes(b"")
    ingest(warehouse, str(folder), look(str(folder)), settings)
    (row,) = warehouse.read(QUARANTINE).collect()
    assert (row["reason"], row["attempts"], row["closed_at"]) == ("empty_file", 2, None)
    assert row["first_seen"] < row["last_seen"]


def test_csv(warehouse: Warehouse, tmp_path: Path, settings: Settings) -> None:
    covers = tmp_path / "dated"
    covers.mkdir()
    (covers / "a.jpg").write_bytes(noise(1))
    (covers / "unnamed.jpg").write_bytes(noise(2))
    (covers / "albums.csv").write_text(
        "file,artist,title,year,genre\n"
        "a.jpg,Ø,First,1999,Rock\n"
        "a.jpg,Ø,Reissue,19xx,jazz\n"
        "gone.jpg,B,Gone,3021,\n"
        "../secret.jpg,C,Out,2001,rap\n",
        "utf-8",
    )
    counts = ingest(warehouse, str(covers), look(str(covers)), settings)
    assert counts.albums == 5
    assert rows(warehouse, ALBUMS, "artist", "title", "genre", "release_year") == {
        ("Ø", "First", "hard rock", 1999),
        ("Ø", "Reissue", "jazz", None),
        ("B", "Gone", None, None),
        ("C", "Out", "rap", 2001),
        (None, None, None, None),
    }
    assert sorted(open_reasons(warehouse).values()) == ["missing_file", "outside_folder"]


def test_what_cannot_be_read_is_quarantined_and_never_hangs(
    warehouse: Warehouse, tmp_path: Path, settings: Settings
) -> None:
    covers = tmp_path / "odd"
    covers.mkdir()
    (covers / "good.jpg").write_bytes(noise(1))
    os.mkfifo(covers / "pipe.jpg")
    (covers / "dangling.jpg").symlink_to(covers / "nowhere")
    (covers / "folder.jpg").mkdir()
    (covers / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(noise(2))
    ingest(warehouse, str(covers), look(str(covers)), settings)
    assert open_reasons(warehouse) == {"pipe.jpg": "unreadable", "dangling.jpg": "missing_file"}
    assert {row[0] for row in rows(warehouse, ALBUMS, "album_id")} == {
        "good.jpg",
        "pipe.jpg",
        "dangling.jpg",
        "latin-\\xe9.jpg",
    }


def test_delta_table(
    spark: SparkSession, warehouse: Warehouse, tmp_path: Path, settings: Settings
) -> None:
    source = str(tmp_path / "catalogue")
    data = [
        ("1", noise(1), "Hiphop", "1999-05-21"),
        ("2", noise(1), " ", "19xx"),
        ("3", b"broken", None, None),
        ("4", None, "Jazz", "2001.0"),
    ]
    spark.createDataFrame(
        data, "album_id string, content binary, genre string, year string"
    ).write.format("delta").save(source)
    counts = ingest(warehouse, source, look(source), settings)
    assert (counts.albums, counts.covers, counts.quarantined) == (4, 1, 2)
    assert rows(warehouse, ALBUMS, "album_id", "genre", "release_year") == {
        ("1", "rap", 1999),
        ("2", None, None),
        ("3", None, None),
        ("4", "jazz", 2001),
    }
    assert open_reasons(warehouse) == {"3": "not_an_image", "4": "no_cover"}
    versions = warehouse.versions()
    ingest(warehouse, source, look(source), settings)
    assert warehouse.versions() == versions


@pytest.mark.parametrize(
    ("ddl", "data", "message"),
    [
        ("album_id string", [("1",)], "content"),
        ("content binary", [(b"x",)], "album_id"),
        ("album_id string, content string", [("1", "x")], "content is string"),
        ("album_id string, content binary", [("1", b"x"), ("1", b"y")], "once"),
    ],
)
def test_delta_table_that_is_no_catalogue(
    spark: SparkSession,
    warehouse: Warehouse,
    tmp_path: Path,
    settings: Settings,
    ddl: str,
    data: list[tuple[object, ...]],
    message: str,
) -> None:
    source = str(tmp_path / "catalogue")
    spark.createDataFrame(data, ddl).write.format("delta").save(source)
    with pytest.raises(CatalogueError, match=message):
        ingest(warehouse, source, look(source), settings)


def test_a_warehouse_is_a_catalogue_too(
    spark: SparkSession, warehouse: Warehouse, folder: Path, tmp_path: Path, settings: Settings
) -> None:
    own = settings.warehouse
    ingest(warehouse, str(folder), look(str(folder)), settings)
    copy = Warehouse(spark, str(tmp_path / "copy"))
    counts = ingest(copy, warehouse.location, look(warehouse.location), settings)
    assert (counts.albums, counts.covers, counts.quarantined) == (4, 2, 1)
    assert locate(warehouse.location, None, settings) == (warehouse.location, warehouse.location)
    with copy.writing(warehouse.location, own):
        pass
    with copy.writing(copy.location, own):  # scored where it lies
        assert ingest(copy, copy.location, look(copy.location), settings).albums == 4


def test_locate(tmp_path: Path, settings: Settings) -> None:
    covers = tmp_path / "covers"
    covers.mkdir()
    (tmp_path / "file").write_bytes(b"")
    assert locate(str(covers), None, settings) == (str(covers), "warehouse/covers")
    urls = (covers.as_uri(), (tmp_path / "ü [x] out").as_uri())
    assert urls[1].startswith("file:///") and " " not in urls[1]
    assert locate(*urls, settings) == (str(covers), str(tmp_path / "ü [x] out"))
    with pytest.raises(CatalogueError, match="not there"):
        locate(str(tmp_path / "nothing"), None, settings)
    with pytest.raises(CatalogueError, match="is a file"):
        locate(str(tmp_path / "file"), None, settings)
    with pytest.raises(OutputError, match="is a file"):
        locate(str(covers), str(tmp_path / "file"), settings)
    with pytest.raises(OutputError, match="within the covers"):
        locate(str(covers), str(covers / "out"), settings)


@pytest.mark.parametrize("scheme", ["", "s3a://bucket"])
def test_a_warehouse_belongs_to_one_catalogue(
    spark: SparkSession, tmp_path: Path, settings: Settings, scheme: str
) -> None:
    warehouse, other = (Warehouse(spark, f"{scheme}{tmp_path}/warehouse") for _ in range(2))
    own = settings.warehouse.model_copy(
        update={"locks": str(tmp_path / "locks"), "lock_timeout_seconds": 0}
    )
    (tmp_path / "one").mkdir()
    with warehouse.writing(str(tmp_path / "one"), own):
        with pytest.raises(LockedError, match="another job"), other.writing("x", own):
            pass
        with Warehouse(spark, f"{warehouse.location}2").writing("x", own):
            pass
    with (
        pytest.raises(OutputError, match="holds the catalogue of"),
        warehouse.writing(str(tmp_path / "two"), own),
    ):
        pass
    # A catalogue that was moved keeps its warehouse.
    (tmp_path / "one").rename(tmp_path / "moved")
    with warehouse.writing(str(tmp_path / "moved"), own):
        pass


def test_locks_of_a_url_need_a_folder(
    spark: SparkSession, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "file").write_text("")
    own = settings.warehouse.model_copy(update={"locks": str(tmp_path / "file")})
    with (
        pytest.raises(OutputError, match=r"warehouse\.locks: .* cannot be written"),
        Warehouse(spark, "s3a://bucket/warehouse").writing("x", own),
    ):
        pass


def test_times_are_utc(warehouse: Warehouse, folder: Path, settings: Settings) -> None:
    before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    ingest(warehouse, str(folder), look(str(folder)), settings)
    text = warehouse.read(ALBUMS).selectExpr("CAST(min(scraped_at) AS string)").first()[0]
    written = datetime.datetime.fromisoformat(text)
    assert datetime.timedelta(0) <= written - before < datetime.timedelta(minutes=5)


def test_transparent_and_grey_formats_are_held(
    warehouse: Warehouse, tmp_path: Path, settings: Settings
) -> None:
    from PIL import Image

    covers = tmp_path / "formats"
    covers.mkdir()
    (covers / "a.png").write_bytes(encoded(Image.new("RGBA", (40, 30), (9, 9, 9, 0)), "PNG"))
    (covers / "b.webp").write_bytes(encoded(Image.new("RGB", (30, 40)), "WEBP"))
    (covers / "c.gif").write_bytes(encoded(Image.new("L", (20, 20), 100), "GIF"))
    ingest(warehouse, str(covers), look(str(covers)), settings)
    assert rows(warehouse, COVERS, "width", "height", "format") == {
        (40, 30, "PNG"),
        (30, 40, "WEBP"),
        (20, 20, "GIF"),
    }
