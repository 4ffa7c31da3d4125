"""From a crawl's journal into the tables: commits, repeats, corrections, tables set back."""

from __future__ import annotations

import datetime
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from covergenre.config import Settings
from covergenre.errors import OutputError
from jobs.runtime.crawled import Tables, create
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, QUARANTINE
from scraping.journal import Journal, Outcome
from scraping.journal.store import Store
from scraping.records import Album, Page, Search
from tests.covers import encoded, noise

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=30)
IDENTITY = "crawl:site"
SEARCH = Search("site/rap/2004", "rap 2004")


@dataclass(frozen=True)
class Site:
    """What the tables write of a source."""

    name: str = "site"
    data_licence: str = "CC0-1.0"
    image_licence: str = "copyright of the label"
    states_all_genres: bool = False

    def searches(self) -> list[Search]:
        return [SEARCH]

    def pages(self, search: Search, start: int = 1) -> Iterator[Page]:
        yield from ()

    def close(self) -> None:
        pass


def album(number: int, **fields: object) -> Album:
    made = Album(
        album_id=f"site:{number}",
        source_url=f"https://site.example/{number}",
        artist="Ärtist",
        title=f"Title {number}",
        genres=("hard rock", "rap"),
        styles=("Hard Rock",),
        year="2004",
        cover_url=f"https://img.example/{number}.jpg",
        robots="allowed by robots.txt",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


class Crawled:
    """A journal and its tables."""

    def __init__(self, warehouse: Warehouse, settings: Settings, path: Path) -> None:
        self.warehouse = warehouse
        self.journal = Journal(Store(path))
        self.journal.searches.begin(NOW, 3, False)
        self.tables = Tables(warehouse, Site(), settings, self.journal, IDENTITY)

    def add(self, *albums: Album) -> None:
        page = Page(1, albums, True)
        self.journal.searches.add(SEARCH, page, False, NOW, LONG_AGO)

    def fetch(self, content: bytes | None = None, reason: str | None = None) -> None:
        wanted = self.journal.covers.claim()
        assert wanted is not None
        outcome = Outcome(content, '"etag"' if content else None, reason, reason and "detail")
        self.journal.covers.settle(wanted.url, outcome, NOW)

    def commit(self) -> None:
        pending = self.journal.commits.pending(1000, 10**9)
        self.journal.commits.done(pending, self.tables.commit(pending))

    def albums(self, *columns: str) -> set[tuple[object, ...]]:
        return {tuple(row) for row in self.warehouse.read(ALBUMS).select(*columns).collect()}

    def quarantined(self) -> dict[str, tuple[str, int]]:
        rows = self.warehouse.read(QUARANTINE).where("closed_at IS NULL").collect()
        return {row["album_id"]: (row["reason"], row["attempts"]) for row in rows}


@pytest.fixture
def crawled(spark: SparkSession, settings: Settings, tmp_path: Path) -> Crawled:
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    create(warehouse)
    return Crawled(warehouse, settings, tmp_path / "site.sqlite")


def bomb() -> bytes:
    """A PNG whose header declares 60000 x 60000 pixels."""
    small = encoded(Image.fromarray(np.zeros((1, 1), np.uint8)), "PNG")
    header = b"IHDR" + (60000).to_bytes(4, "big") * 2 + small[24:29]
    return small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_commit(crawled: Crawled) -> None:
    crawled.add(
        album(1),
        album(2, year="19xx", artist=None, genres=("rap",)),
        album(3, cover_url=None),
        album(4),
        album(5),
        album(6),
    )
    crawled.fetch(noise(1))
    crawled.fetch(noise(1))  # another address, the same bytes
    crawled.fetch(b"<!DOCTYPE html><title>Not here</title>")
    crawled.fetch(bomb())
    crawled.fetch(reason="unreachable")
    crawled.commit()

    assert crawled.albums("album_id", "genre", "release_year", "cover_id", "etag") == {
        ("site:1", "hard rock", 2004, digest(noise(1)), '"etag"'),
        ("site:2", "rap", None, digest(noise(1)), '"etag"'),
        ("site:3", "hard rock", 2004, None, None),
        ("site:4", "hard rock", 2004, None, '"etag"'),
        ("site:5", "hard rock", 2004, None, '"etag"'),
        ("site:6", "hard rock", 2004, None, None),
    }
    row = crawled.warehouse.read(ALBUMS).where("album_id = 'site:1'").first()
    assert row is not None
    assert (row["artist"], row["title"], row["source"]) == ("Ärtist", "Title 1", "site")
    assert (row["genres"], row["styles"]) == (["hard rock", "rap"], ["Hard Rock"])
    assert (row["data_licence"], row["image_licence"]) == ("CC0-1.0", "copyright of the label")
    assert row["source_url"] == "https://site.example/1"
    assert row["cover_url"] == "https://img.example/1.jpg"
    assert row["robots"] == "allowed by robots.txt"
    (cover,) = crawled.warehouse.read(COVERS).collect()
    assert (cover["cover_id"], bytes(cover["content"])) == (digest(noise(1)), noise(1))
    assert (cover["width"], cover["height"], cover["format"]) == (64, 64, "JPEG")
    assert (cover["byte_size"], len(cover["phash"])) == (len(noise(1)), 16)
    assert crawled.quarantined() == {
        "site:3": ("no_cover", 1),
        "site:4": ("not_an_image", 1),
        "site:5": ("too_many_pixels", 1),
        "site:6": ("unreachable", 1),
    }
    assert crawled.journal.store.counts() == {"albums": 6, "wanted": 0, "held": 2, "failed": 4}


def test_a_commit_repeated_after_a_kill_changes_nothing(crawled: Crawled) -> None:
    crawled.add(album(1), album(2))
    crawled.fetch(noise(1))
    crawled.fetch(b"no image")
    pending = crawled.journal.commits.pending(10, 10**9)
    crawled.tables.commit(pending)  # killed before the journal knew
    before = crawled.warehouse.versions()
    crawled.tables.commit(pending)
    assert crawled.warehouse.versions()["albums"] == before["albums"]
    assert crawled.warehouse.read(COVERS).count() == 1
    assert crawled.quarantined() == {"site:2": ("not_an_image", 1)}


def test_a_correction_reaches_the_row_and_leaves_its_cover(crawled: Crawled) -> None:
    crawled.add(album(1), album(2))
    crawled.fetch(noise(1))
    crawled.fetch(noise(2))
    crawled.commit()
    crawled.add(album(1, title="Corrected", genres=("folk",)))
    crawled.commit()
    row = crawled.warehouse.read(ALBUMS).where("album_id = 'site:1'").first()
    assert row is not None
    assert (row["title"], row["cover_id"]) == ("Corrected", digest(noise(1)))
    assert (row["genre"], row["genres"]) == ("hard rock", ["hard rock", "rap", "folk"])
    # Albums that a page does not show do not leave: no page shows them all.
    assert crawled.warehouse.read(ALBUMS).count() == 2


def test_a_cover_that_comes_later_closes_its_quarantine(crawled: Crawled) -> None:
    crawled.add(album(1))
    crawled.fetch(reason="unreachable")
    crawled.commit()
    crawled.journal.searches.end()
    crawled.journal.searches.begin(NOW, 3, False)
    crawled.fetch(noise(1))
    crawled.commit()
    assert crawled.quarantined() == {}
    assert crawled.albums("cover_id") == {(digest(noise(1)),)}


def test_a_lost_journal_is_made_again_from_the_tables(
    crawled: Crawled, settings: Settings, tmp_path: Path
) -> None:
    crawled.add(album(1), album(2))
    crawled.fetch(noise(1))
    crawled.fetch(reason="no_cover")
    crawled.commit()
    again = Crawled(crawled.warehouse, settings, tmp_path / "new.sqlite")
    again.tables.reconcile()
    again.add(album(1), album(2))
    assert again.journal.covers.claim() is None
    assert again.journal.commits.waiting() == 0
    assert again.journal.store.counts() == {"albums": 2, "wanted": 0, "held": 1, "failed": 1}


def test_tables_set_back_are_filled_again(crawled: Crawled) -> None:
    crawled.add(album(1))
    crawled.fetch(noise(1))
    crawled.commit()
    version = crawled.warehouse.versions()["albums"]
    crawled.add(album(2))
    crawled.fetch(noise(2))
    crawled.commit()
    crawled.tables.reconcile()  # the journal wrote the last version: nothing to do
    assert crawled.journal.covers.claim() is None
    crawled.warehouse.delta(ALBUMS).restoreToVersion(version)
    crawled.tables.reconcile()
    crawled.fetch(noise(2))
    crawled.commit()
    assert crawled.albums("album_id") == {("site:1",), ("site:2",)}
    assert crawled.warehouse.read(COVERS).count() == 2


def test_a_crawl_and_a_folder_do_not_share_a_warehouse(
    crawled: Crawled, tmp_path: Path, settings: Settings
) -> None:
    crawled.add(album(1))
    crawled.fetch(noise(1))
    crawled.commit()
    with (
        pytest.raises(OutputError, match="holds the catalogue of crawl:site"),
        crawled.warehouse.writing(str(tmp_path), settings.warehouse),
    ):
        pass
