"""SQL over a warehouse: views, the documented queries in three engines, and the job that asks."""

from __future__ import annotations

import datetime
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from deltalake import DeltaTable, QueryBuilder
from pyspark.sql import SparkSession

from covergenre.errors import CatalogueError, OutputError, SettingError
from jobs import query
from jobs.runtime.views import for_duckdb, open_views
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, METRICS, NEIGHBOURS, PREDICTIONS, QUARANTINE, RUNS, VIEWS
from tests.conftest import ROOT
from tests.spark.test_report import write

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(days=1)
PAGE = (ROOT / "docs/sql.md").read_text("utf-8")
_SECTIONS = (section.partition("\n") for section in re.split(r"^### ", PAGE, flags=re.M)[1:])
QUERIES = {title: re.findall(r"```sql\n(.*?)```", text, re.S)[0] for title, _, text in _SECTIONS}
Rows = list[tuple[Any, ...]]
Engine = Callable[[str], Rows]
# What an analyst would count by hand in the fixture below.
ANSWERS: dict[str, Rows] = {
    "How many albums look like each genre, and how sure is the model?": [
        ("folk", 15, 0.88, 1), ("rap", 11, 0.8, 0),
    ],
    "Which albums may stand in the wrong genre?": [
        ("d0", "Artist of d0", "it's d0", "disco", "folk", 0.9),
    ],
    "How often is the model right, per genre?": [
        ("folk", 12, 12, 1.0), ("rap", 12, 11, 11 / 12), ("disco", 1, 0, 0.0),
    ],
    "What is taken for what?": [
        ("disco", "folk", 1, 1.0), ("polka", "folk", 1, 1.0), ("rap", "folk", 1, 1 / 12),
    ],
    "How has the Parental Advisory label come and gone?": [
        (1973, 12, 0, 0.0), (1979, 1, 1, 1.0), (2001, 12, 9, 0.75),
    ],
    "Which albums with the label are not filed under rap?": [
        ("d0", "Artist of d0", "it's d0", "disco", 1979, 0.95),
    ],
    "What is on a genre's covers more often than on others?": [
        ("folk", "banjo", 12, 26 / 12), ("rap", "microphone", 12, 2.0),
    ],
    "Have covers become darker?": [(1970, 12, 0.75, 0.5), (2000, 12, 0.25, 0.5)],
    "What moves the predictions?": [
        ("rap", "classifier", 11, 2.0), ("folk", "classifier", 15, 1.0),
        ("rap", "concepts", 11, 0.25),
    ],
    "Which covers could not be used, and since when?": [
        ("truncated", 2, NOW, 3), ("empty_file", 1, NOW, 1),
    ],
    "Which covers look alike, though they are of different artists?": [
        ("d0", "Artist of d0", "it's d0", "p0", "Artist of p0", "it's p0", 0.9),
        ("f0", "Artist of f0", "it's f0", "r0", "Artist of r0", "it's r0", 0.75),
    ],
}  # fmt: skip


def album(album_id: str, genre: str, year: int) -> dict[str, Any]:
    return {
        "album_id": album_id, "source": "folder", "artist": f"Artist of {album_id}",
        "title": f"it's {album_id}", "genre": genre, "release_year": year,
        "cover_id": f"{album_id:0>64}",
    }  # fmt: skip


def prediction(
    of: dict[str, Any], predicted: str, confidence: float, advisory: bool | None,
    concepts: tuple[str, ...], brightness: float | None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    reasons = [("classifier", "classifier", 2.0 if predicted == "rap" else -1.0)]
    if predicted == "rap":
        reasons.append(("concepts", "microphone", -0.25))
    names = PREDICTIONS.schema["appearance"].dataType.fieldNames()  # type: ignore[attr-defined]
    appearance = {**dict.fromkeys(names), "brightness": brightness, "saturation": 0.5}
    return {
        **{name: of[name] for name in ("album_id", "cover_id", "genre", "release_year")},
        "model_version": "new-1", "predicted_genre": predicted, "confidence": confidence,
        "probabilities": {"folk": 0.2, "rap": 0.7, "disco": 0.1}, "abstained": confidence < 0.7,
        "scored_at": NOW, "advisory": advisory,
        "advisory_score": None if advisory is None else 0.95 if advisory else 0.05,
        "concepts": [{"name": name, "score": 0.5} for name in concepts],
        "reasons": [dict(zip(("part", "input", "contribution"), r, strict=True)) for r in reasons],
        "appearance": None if brightness is None else appearance, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Twelve rap and twelve folk albums, a disco and a polka one, three that cannot be used."""
    made = Warehouse(spark, str(tmp_path_factory.mktemp("query") / "warehouse" / "demo"))
    rap = [album(f"r{k}", "rap", 2001) for k in range(12)]
    folk = [album(f"f{k}", "folk", 1973) for k in range(12)]
    disco, polka = album("d0", "disco", 1979), album("p0", "polka", 1979)
    bad = [{**album(f"x{k}", "rap", 2001), "cover_id": None} for k in range(3)]
    write(made, ALBUMS, *rap, *folk, disco, polka, *bad)
    said = [
        prediction(of, *(("rap", 0.8) if k < 11 else ("folk", 0.6)), k < 9, ("microphone",), 0.25)
        for k, of in enumerate(rap)
    ]
    for k, of in enumerate(folk):
        concepts = ("banjo", "microphone") if k == 0 else ("banjo",)
        said.append(prediction(of, "folk", 0.9, False, concepts, 0.75))
    said.append(prediction(disco, "folk", 0.9, True, (), None))
    said.append(prediction(polka, "folk", 0.9, None, (), None))
    old = prediction(disco, "rap", 0.99, True, ("banjo",), 0.1, model_version="old-1")
    write(made, PREDICTIONS, *said, old)
    counted = [("rap", 12, 12, 11), ("folk", 12, 12, 12), ("disco", 1, 1, 0), ("polka", 1, 0, 0)]
    write(made, NEIGHBOURS, *(
        {"cover_id": f"{one:0>64}", "model_version": model, "rank": 1,
         "neighbour_id": f"{other:0>64}", "similarity": cosine}
        for one, other, model, cosine in (
            ("d0", "p0", "new-1", 0.9), ("p0", "d0", "new-1", 0.9), ("f0", "r0", "new-1", 0.75),
            ("f1", "r0", "old-1", 0.95), ("f2", "left", "new-1", 0.95),
        )
    ))  # fmt: skip
    write(made, METRICS, *(
        {"run_id": "r", "model_version": model, "genre_basis": basis, "genre": genre,
         "albums": albums, "scored": albums, "labelled": labelled, "correct": correct,
         "computed_at": when}
        for model, basis, when in (
            ("new-1", "catalogue", LATER), ("new-1", "predicted", LATER),
            ("new-1", "catalogue", NOW),
            ("old-1", "catalogue", LATER + datetime.timedelta(days=1)),
        )
        for genre, albums, labelled, correct in counted
    ))  # fmt: skip
    write(made, QUARANTINE, *(
        {"album_id": album_id, "reason": reason, "first_seen": first, "last_seen": LATER,
         "attempts": attempts, "closed_at": closed}
        for album_id, reason, first, attempts, closed in (
            ("x0", "truncated", NOW, 1, None), ("x1", "truncated", LATER, 3, None),
            ("x2", "empty_file", NOW, 1, None), ("r0", "truncated", NOW, 9, LATER),
        )
    ))  # fmt: skip
    write(made, RUNS, *(
        {"run_id": model, "job": job, "outcome": outcome, "model_version": model,
         "started_at": NOW, "finished_at": NOW + datetime.timedelta(hours=hour)}
        for job, outcome, model, hour in (
            ("score", "succeeded", "old-1", 1), ("score", "succeeded", "new-1", 2),
            ("score", "failed", "bad-1", 3), ("evaluate", "succeeded", "other-1", 4),
        )
    ))  # fmt: skip
    return made


def plain(values: Any) -> Rows:
    return [
        tuple(v.replace(tzinfo=datetime.UTC) if hasattr(v, "tzinfo") else v for v in row)
        for row in values
    ]


@pytest.fixture(scope="module")
def engines(warehouse: Warehouse) -> dict[str, Engine]:
    """Each engine with the tables and views open."""
    open_views(warehouse)
    duck = duckdb.connect()
    import duckdb_extension_delta

    extension = next(Path(duckdb_extension_delta.__file__).parent.rglob("*.duckdb_extension"))
    duck.execute(f"SET TimeZone = 'UTC'; LOAD '{extension}'")
    for statement in [*for_duckdb(warehouse)][1:]:  # without LOAD delta, which is for the installed
        duck.execute(statement)
    rs = QueryBuilder()
    for table in (ALBUMS, PREDICTIONS, NEIGHBOURS, METRICS, QUARANTINE, RUNS):
        rs.register(table.name, DeltaTable(warehouse.path(table.name)))
    for view in VIEWS:
        rs.execute(f"CREATE VIEW {view.name} AS {view.sql('unnest')}")

    def in_rs(sql: str) -> Rows:
        table = rs.execute(sql).read_all()
        columns = [[v.as_py() for v in table.column(k)] for k in range(table.num_columns)]
        return plain(zip(*columns, strict=True))

    return {
        "spark": lambda sql: plain(warehouse.spark.sql(sql).collect()),
        "duckdb": lambda sql: plain(duck.execute(sql).fetchall()),
        "delta-rs": in_rs,
    }


@pytest.mark.parametrize("name", ["spark", "duckdb", "delta-rs"])
def test_the_documented_queries_answer_their_questions(
    engines: dict[str, Engine], name: str
) -> None:
    assert QUERIES.keys() == ANSWERS.keys() and len(QUERIES) == 11
    for question, sql in QUERIES.items():
        found, should = engines[name](sql), ANSWERS[question]
        assert len(found) == len(should), (question, found)
        for one, other in zip(found, should, strict=True):
            assert one == tuple(pytest.approx(v) if isinstance(v, float) else v for v in other), (
                question
            )


@pytest.mark.parametrize("name", ["spark", "duckdb", "delta-rs"])
def test_views_are_of_the_last_run_that_succeeded(engines: dict[str, Engine], name: str) -> None:
    ask = engines[name]
    assert ask("SELECT model_version FROM latest_model") == [("new-1",)]
    assert ask("SELECT count(*) FROM latest_metrics") == [(8,)]
    assert ask("SELECT genre FROM model_genres ORDER BY genre") == [("disco",), ("folk",), ("rap",)]
    known = "SELECT album_id, predicted_genre, reason FROM results"
    assert ask(f"{known} WHERE album_id IN ('r0', 'x1') ORDER BY album_id") == [
        ("r0", "rap", None), ("x1", None, "truncated"),
    ]  # fmt: skip
    assert ask("SELECT count(*), count(DISTINCT album_id) FROM results") == [(29, 29)]


def test_the_reference_tells_of_every_view() -> None:
    held = (ROOT / "docs/tables.md").read_text("utf-8")
    for view in VIEWS:
        assert f"## {view.name}\n\n{view.comment}.\n" in held


def asked(warehouse: Warehouse, *arguments: str) -> dict[str, Any]:
    return query.main([*arguments, "--output", warehouse.location])


def test_an_answer_is_written_in_each_form(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = (
        "SELECT album_id, title, advisory, probabilities FROM results JOIN predictions "
        "USING (album_id) WHERE album_id IN ('d0', 'p0') AND model_version = 'new-1' ORDER BY 1"
    )
    sql = sql.replace("advisory,", "predictions.advisory,")
    asked(warehouse, sql)
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == ["album_id", "title", "advisory", "probabilities"]
    assert "it's d0" in shown and len(shown.splitlines()) == 3

    assert asked(warehouse, sql, "--format", "csv") == {"rows": 2}
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert frame["title"].tolist() == ["it's d0", "it's p0"]
    assert json.loads(frame["probabilities"][0]) == {"folk": 0.2, "rap": 0.7, "disco": 0.1}
    assert frame["advisory"].isna().tolist() == [False, True]

    asked(warehouse, sql, "--format", "json", "--to", str(tmp_path / "a.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines[1] == {
        "album_id": "p0", "title": "it's p0", "advisory": None,
        "probabilities": {"folk": 0.2, "rap": 0.7, "disco": 0.1},
    }  # fmt: skip
    asked(warehouse, sql, "--format", "parquet", "--to", str(tmp_path / "a.parquet"))
    assert pd.read_parquet(tmp_path / "a.parquet")["album_id"].tolist() == ["d0", "p0"]


def test_a_long_table_is_cut_and_says_so(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(warehouse, "SELECT id FROM range(150)")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 102 and "first 100 rows" in lines[-1]


def test_names_that_come_twice_are_no_error(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(warehouse, "SELECT 1 AS a, array(2) AS a", "--format", "csv")
    assert capsys.readouterr().out == "a,a\r\n1,[2]\r\n"


def test_a_query_may_come_from_standard_input(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 6 * 7 AS answer"))
    asked(warehouse, "-", "--format", "csv")
    assert capsys.readouterr().out == "answer\r\n42\r\n"


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM predictions", "UPDATE predictions SET genre = 'x'", "DROP VIEW results",
     "WITH a AS (SELECT 1) INSERT INTO predictions SELECT * FROM predictions",
     "CREATE TABLE t (a INT)"],
)  # fmt: skip
def test_what_would_change_something_is_refused(warehouse: Warehouse, sql: str) -> None:
    version = warehouse.version(PREDICTIONS)
    with pytest.raises(SettingError, match="only what reads is taken"):
        asked(warehouse, sql)
    assert warehouse.version(PREDICTIONS) == version


def test_what_reads_is_not(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    asked(warehouse, "DESCRIBE results")
    assert "predicted_genre" in capsys.readouterr().out
    asked(warehouse, "SHOW VIEWS")
    assert "misfiled" in capsys.readouterr().out


def test_mistakes_are_told_in_a_line(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingError, match=r"`colour` cannot be resolved.*\nthere is: .*misfiled"):
        asked(warehouse, "SELECT colour FROM results")
    with pytest.raises(SettingError, match=r"PARSE_SYNTAX_ERROR.*\nthere is: albums"):
        asked(warehouse, "SELEC 1")
    with pytest.raises(SettingError, match="--ddl"):
        asked(warehouse)
    with pytest.raises(SettingError, match="would be replaced: name one for this warehouse"):
        asked(warehouse, "--ddl", "spark", "--database", "unity.Default")
    with pytest.raises(OutputError, match="name a new folder with --to"):
        asked(warehouse, "SELECT 1", "--format", "parquet")
    there = tmp_path / "there"
    there.touch()
    with pytest.raises(OutputError, match="is there: name a new one"):
        asked(warehouse, "SELECT 1", "--to", str(there))
    with pytest.raises(OutputError, match="cannot be written"):
        asked(warehouse, "SELECT 1", "--to", str(tmp_path / "no" / "folder"))
    with pytest.raises(CatalogueError, match="holds no albums"):
        query.main(["SELECT 1", "--output", str(tmp_path / "nowhere")])
    assert [*tmp_path.iterdir()] == [there]


@pytest.fixture
def beside(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder in which the examples of the page are run."""
    folder = Path(warehouse.location).parent.parent
    monkeypatch.chdir(folder)
    asked(warehouse, "--ddl", "duckdb", "--to", "names.sql")
    # LOAD delta is of the extension that DuckDB itself has installed.
    (folder / "names.sql").write_text((folder / "names.sql").read_text().replace("LOAD delta;", ""))
    frame = warehouse.read(PREDICTIONS).select("album_id", "predicted_genre", "confidence")
    frame.write.partitionBy("predicted_genre").parquet(warehouse.path("predictions_parquet"))
    yield


@pytest.mark.usefixtures("beside")
def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(examples) == 3
    for example in examples:
        names: dict[str, Any] = {}
        exec(example, names)
        if "table" in names:
            years = [v.as_py() for v in names["table"].column("release_year")]
            assert years == [1973, 1979, 2001]
    told = capsys.readouterr().out
    assert "it's d0" in told  # of DuckDB
    assert re.search(r"rap +0\.8", told)  # of pandas; the old model's row apart
