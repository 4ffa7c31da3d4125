"""Analysing: shares, lifts and tests of small warehouses that can be counted by hand."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from covergenre.appearance import version
from covergenre.config import Settings, load
from covergenre.errors import CatalogueError, TaggerError
from jobs import analyse as job
from jobs.runtime.analysis.tables import Analysis, analyse
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, APPEARANCE, CONCEPTS, COVERS, QUARANTINE, RUNS, SPLITS

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
TAGGER = "published"
Seen = list[tuple[str, float | None]]


def fill(warehouse: Warehouse, table: Any, rows: list[dict[str, Any]]) -> None:
    """Write rows, what they leave out as NULL."""
    whole = [{name: row.get(name) for name in table.names} for row in rows]
    warehouse.create(table)
    warehouse.append(table, warehouse.spark.createDataFrame(whole, table.schema))


def album(album_id: str, cover: str, genre: str | None, year: int | None) -> dict[str, Any]:
    return {"album_id": album_id, "source": "table", "genre": genre, "release_year": year,
            "cover_id": cover, "scraped_at": NOW}  # fmt: skip


def said(cover: str, concepts: Seen | None, tagger: str = TAGGER) -> dict[str, Any]:
    return {"cover_id": cover, "tagger": tagger, "concepts": concepts, "tagged_at": NOW,
            "failure": "too_small" if concepts is None else None}  # fmt: skip


def look(cover: str, palette: list[tuple[str, str, float]], brightness: float) -> dict[str, Any]:
    zeros = {c.name: 0 if c.type == "int" else 0.0 for c in APPEARANCE.columns}
    return {**zeros, "cover_id": cover, "version": version(5), "palette": palette,
            "brightness": brightness, "described_at": NOW}  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """20 covers of rap (r0-r19), 16 of folk (f0-f15), of which r19 repeats r18.

    Guitars are on 4 of rap's (r18 and its copy among them) and on 8 of folk's; of hats nothing is
    known in folk; one cover could not be tagged. Folk's first cover is on two albums.
    """
    made = Warehouse(spark, str(tmp_path_factory.mktemp("analyse") / "warehouse"))
    rap, folk = [f"r{k}" for k in range(20)], [f"f{k}" for k in range(16)]
    albums = [album(f"a-{c}", c, "rap", 1990 + k % 2) for k, c in enumerate(rap)]
    albums += [album(f"a-{c}", c, "folk", 1990) for c in folk]
    albums += [album("again", "f0", "folk", 1970), album("nameless", "n0", None, 1990)]
    fill(made, ALBUMS, albums)
    fill(made, SPLITS, [
        {"cover_id": c, "group_id": c, "group_size": 1, "representative": c != "r19", "fold": 0}
        for c in [*rap, *folk, "n0"]
    ])  # fmt: skip
    tags: dict[str, Seen | None] = {c: [("car", 0.9)] if k < 10 else [] for k, c in enumerate(rap)}
    for cover in ("r0", "r1", "r18", "r19"):
        tags[cover] = [("guitar", 0.8), *(tags[cover] or []), ("hat", 0.5)]
    for k, cover in enumerate(folk):
        tags[cover] = [("guitar", 0.7)] * (k < 8) + [("hat", None)]
    tags["r17"] = None
    fill(made, CONCEPTS, [said(cover, concepts) for cover, concepts in tags.items()])
    red, blue = ("#ff0000", "red", 1.0), ("#0000ff", "blue", 1.0)
    looks = [look(c, [red], 0.2 + 0.1 * (k % 2)) for k, c in enumerate(rap)]
    looks += [look(c, [blue], 0.8) for c in folk]
    fill(made, APPEARANCE, looks)
    return made


def found(warehouse: Warehouse, settings: Settings, *, keep: bool = False) -> Analysis:
    return analyse(warehouse, settings, TAGGER, keep)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(None, ["analyse.min_period_covers=5"])


def test_concepts_are_counted_by_cover_and_copies_left_out(
    warehouse: Warehouse, settings: Settings
) -> None:
    analysis = found(warehouse, settings)
    assert analysis.covers.to_dict() == {"rap": 19, "folk": 16}
    concepts = analysis.concepts
    assert concepts is not None
    # r17 could not be tagged, r19 is a copy.
    assert concepts.counts.covers.to_dict() == {"rap": 18, "folk": 16}
    rows = concepts.contrasts.set_index(["genre", "concept"])
    assert rows.loc[("rap", "guitar"), ["covers", "seen", "unknown"]].tolist() == [18, 3, 0]
    assert rows.loc[("folk", "guitar"), ["covers", "seen", "unknown"]].tolist() == [16, 8, 0]
    assert rows.loc[("folk", "car"), "seen"] == 0
    hat = rows.loc[("folk", "hat")]
    assert (hat["covers"], hat["unknown"]) == (16, 16)
    assert hat[["seen", "share", "lift", "p", "significant", "frequent"]].isna().all()
    # 11 of 34 covers show guitars.
    assert rows.loc[("rap", "guitar"), "lift"] == pytest.approx((3 / 18) / (11 / 34))
    assert rows.loc[("folk", "guitar"), "lift"] == pytest.approx((8 / 16) / (11 / 34))
    # n (ad - bc)^2 / (a + b)(c + d)(a + c)(b + d): 3, 15; 8, 8.
    chi2 = 34 * (3 * 8 - 15 * 8) ** 2 / (18 * 16 * 11 * 23)
    assert rows.loc[("rap", "guitar"), "chi2"] == pytest.approx(chi2)
    # Of cars chance gives less than five in folk: they are not tested.
    assert rows["significant"].sum() == 2
    assert concepts.frequent == ["guitar", "car"]


def test_copies_count_where_they_are_kept(warehouse: Warehouse, settings: Settings) -> None:
    analysis = found(warehouse, settings, keep=True)
    assert analysis.covers.to_dict() == {"rap": 20, "folk": 16}
    concepts = analysis.concepts
    assert concepts is not None
    rows = concepts.contrasts.set_index(["genre", "concept"])
    assert rows.loc[("rap", "guitar"), ["covers", "seen"]].tolist() == [19, 4]
    assert rows.loc[("rap", "hat"), "share"] == pytest.approx(4 / 19)
    assert concepts.frequent == ["guitar", "car", "hat"]


def test_colours_and_measures_are_means_over_covers(
    warehouse: Warehouse, settings: Settings
) -> None:
    appearance = found(warehouse, settings).appearance
    assert appearance is not None
    bright = appearance.means.set_index(["name", "genre"]).loc["brightness"]
    # 10 covers of 0.2 and 9 of 0.3; folk's are all alike.
    assert bright.loc["rap", "mean"] == pytest.approx((10 * 0.2 + 9 * 0.3) / 19)
    assert bright.loc["rap", "deviation"] == pytest.approx((90 / 19 / 18) ** 0.5 * 0.1)
    assert bright.loc["folk", ["mean", "low", "high"]].tolist() == pytest.approx([0.8] * 3)
    assert appearance.overall.index[0] == "brightness"
    colours = {p.group: [(c.hex, c.share) for c in p.colours] for p in appearance.palettes}
    assert colours == {"rap": [("#ff0000", 1.0)], "folk": [("#0000ff", 1.0)]}
    assert [(p.group, p.covers) for p in appearance.decades] == [("1990", 34)]


def test_years_are_the_earliest_of_a_covers_albums(
    warehouse: Warehouse, settings: Settings
) -> None:
    analysis = found(warehouse, settings)
    assert analysis.dated == 35
    # 1970 has one cover: it is looked at with the next year.
    assert [(p.first, p.last, p.covers) for p in analysis.periods] == [
        (1970, 1990, 26), (1991, 1991, 9),
    ]  # fmt: skip
    assert analysis.concepts is not None
    rows = analysis.concepts.by_period.set_index(["name", "first"])
    # Rap of 1990: r0, r2, ..., guitars on r0 and r18; of 1991 on r1; folk has eight more.
    assert rows.loc[("guitar", 1970), ["covers", "seen"]].tolist() == [26, 10]
    assert rows.loc[("guitar", 1991), ["covers", "seen"]].tolist() == [8, 1]


def test_the_tagger_has_to_be_named_where_there_are_several(
    warehouse: Warehouse, spark: SparkSession, tmp_path: Path
) -> None:
    assert job.choose_tagger(warehouse, None) == TAGGER
    with pytest.raises(TaggerError, match=r"--tagger other has no concepts .* there are published"):
        job.choose_tagger(warehouse, "other")
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    assert job.choose_tagger(made, None) is None
    fill(made, CONCEPTS, [said("a", [], "one"), said("a", [], "two"), said("b", None, "failed")])
    with pytest.raises(TaggerError, match="name one, --tagger of one, two"):
        job.choose_tagger(made, None)


def test_the_report_is_written_and_the_run_recorded(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str], shared_csvs: Path
) -> None:
    warehouse.create(COVERS, QUARANTINE)
    report = tmp_path / "report"
    report.mkdir()
    (report / "palettes_by_decade.png").write_bytes(b"of an analysis before")
    job.main([
        "--covers", warehouse.location, "--keep-duplicates", "--json", "--report", str(report),
        "--published", str(shared_csvs), "--set", "analyse.min_period_covers=5",
    ])  # fmt: skip
    summary = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (summary["covers"], summary["genres"], summary["tagger"]) == (36, 2, TAGGER)
    assert {file.name for file in report.glob("*.png")} == {
        "concepts.png", "palettes.png", "appearance.png", "concepts_by_year.png",
        "appearance_by_year.png",
    }  # fmt: skip
    seen = [10, 4, 4, 8, 0, pd.NA]
    assert pd.read_parquet(report / "concepts.parquet")["seen"].tolist() == seen
    assert pd.read_csv(report / "concepts.csv", dtype={"seen": "Int64"})["seen"].tolist() == seen
    text = (report / "analysis.md").read_text("utf-8")
    assert "| guitar | 4 | 8 |" in text and "| hat | 4 | - |" in text
    assert "1 albums have no genre and are left out" in text
    assert "| singer | 2 |" in text  # published
    assert pd.read_csv(report / "published.csv")["seen"].tolist() == [2]
    figures = json.loads((report / "analysis.json").read_text("utf-8"))
    assert figures["periods"] == ["1970-1990", "1991"]
    run = warehouse.read(RUNS).collect()[-1]
    assert (run["job"], run["outcome"], run["run_id"]) == (
        "analyse",
        "succeeded",
        figures["run_id"],
    )
    assert run["counts"]["analysed"] == 36


@pytest.fixture
def shared_csvs(tmp_path: Path) -> Path:
    folder = tmp_path / "csvs"
    folder.mkdir()
    (folder / "rap.csv").write_text("img,singer\nimage1.jpg,0.9\nimage2.jpg,0.8\nimage3.jpg,\n")
    return folder


def test_without_anything_known_there_is_nothing_to_report(
    spark: SparkSession, tmp_path: Path
) -> None:
    made = Warehouse(spark, str(tmp_path / "warehouse"))
    fill(made, ALBUMS, [album("a", "c", "rap", None)])
    made.create(COVERS, QUARANTINE)
    with pytest.raises(CatalogueError, match="run describe first"):
        job.main(["--covers", made.location, "--keep-duplicates"])
