"""The jobs as people run them: plain spark-submit, no flags, no environment, and their errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from covergenre.bundle import DEFAULT, Bundle
from scraping.procedural import generate_catalogue
from tests.conftest import ROOT
from tests.covers import noise

BIN = Path(sys.prefix) / "bin"
ALBUMS, BROKEN = 40, 3


def submit(
    *words: str, cwd: Path = ROOT, tool: str = "spark-submit"
) -> subprocess.CompletedProcess:
    """Run a tool of the environment that is not activated, as a scheduler would."""
    bare = {"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")}
    bare |= {key: os.environ[key] for key in ("JAVA_HOME",) if key in os.environ}
    command = [str(BIN / tool), *words]
    return subprocess.run(
        command, cwd=cwd, env=bare, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue") / "drawn covers"
    generate_catalogue(folder, albums=ALBUMS, broken=BROKEN)
    return folder


@pytest.fixture(scope="module")
def scored(catalogue: Path) -> dict[str, object]:
    """What ``score`` says of the drawn catalogue with the default bundle."""
    output = catalogue.parent / "out"
    done = submit("jobs/score.py", "--covers", str(catalogue), "--output", str(output), "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    assert "covers in" in done.stdout
    assert f"model {result['model_version']}" in done.stdout
    return result


def test_score(scored: dict[str, object], catalogue: Path) -> None:
    assert scored["covers"] == ALBUMS + BROKEN
    assert scored["scored"] == ALBUMS
    assert scored["quarantined"] == BROKEN
    table = pd.read_csv(catalogue / "albums.csv")
    shared = [(catalogue / f).read_bytes() for f in table["file"][:ALBUMS]]
    assert scored["duplicates"] == len(shared) - len(set(shared))
    assert scored["images_per_second"] > 0  # type: ignore[operator]
    rows = pd.read_parquet(Path(str(scored["output"])) / "predictions_parquet")
    assert len(rows) == ALBUMS
    assert set(rows["run_id"]) == {scored["run_id"]}


def test_sql_over_metrics(scored: dict[str, object], catalogue: Path) -> None:
    query = (
        "SELECT genre, release_year, albums, quarantined "
        f"FROM delta.`{scored['output']}/metrics` WHERE genre_basis = 'catalogue'"
    )
    # The shell keeps its embedded metastore where it stands.
    done = submit("-e", query, cwd=catalogue.parent, tool="spark-sql")
    assert done.returncode == 0, done.stderr
    header, *cells = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    assert header == ["genre", "release_year", "albums", "quarantined"]
    assert sum(int(cell[2]) for cell in cells) == ALBUMS + BROKEN
    assert sum(int(cell[3]) for cell in cells) == BROKEN
    table = pd.read_csv(catalogue / "albums.csv", dtype=str)
    years = {year for year in table["year"].dropna() if year.isdigit()}
    assert {cell[1] for cell in cells} == years | {"NULL"}


def test_default_bundle_is_the_projects(scored: dict[str, object]) -> None:
    assert str(scored["model_version"]).startswith("default-")
    assert sum(f.stat().st_size for f in DEFAULT.rglob("*")) <= 10_000_000
    assert {f.suffix for f in DEFAULT.iterdir()} <= {".json", ".safetensors", ".parquet", ".md", ""}


def test_help() -> None:
    for job in ("scrape", "prepare", "train", "score"):
        done = submit(f"jobs/{job}.py", "--help", tool="python")
        assert done.returncode == 0
        assert "--config" in done.stdout
        assert "--set" in done.stdout


def changed_byte(make: Callable[..., Bundle]) -> Path:
    path = make().path
    content = bytearray((path / "head.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "head.safetensors").write_bytes(content)
    return path


def test_errors_are_one_line_and_write_nothing(
    tmp_path: Path, make_bundle: Callable[..., Bundle]
) -> None:
    covers = tmp_path / "covers"
    covers.mkdir()
    (covers / "a.jpg").write_bytes(noise(1))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    good = ["--covers", str(covers)]
    cases = {
        "unknown setting score.bach_size; did you mean score.batch_size?": [
            *good, "--set", "score.bach_size=3",
        ],
        "setting score.batch_size:": [*good, "--set", "score.batch_size=none"],
        "cannot be read": [*good, "--config", str(tmp_path / "gone.yaml")],
        "head.safetensors is not what SHA256SUMS says": [
            *good, "--model", str(changed_byte(make_bundle)),
        ],
        "is no model bundle": [*good, "--model", str(covers)],
        "--output": [*good, "--output", str(tmp_path / "file")],
        "is not there": ["--covers", str(tmp_path / "gone")],
        "holds no images": ["--covers", str(tmp_path / "empty")],
    }  # fmt: skip
    for message, words in cases.items():
        done = submit(str(ROOT / "jobs/score.py"), *words, cwd=tmp_path, tool="python")
        assert done.returncode == 2, (message, done.stderr)
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert message in line
        assert not (tmp_path / "warehouse").exists()
    assert (tmp_path / "file").read_text() == "mine"


def test_error_reaches_the_caller_of_spark_submit(tmp_path: Path) -> None:
    done = submit(str(ROOT / "jobs/score.py"), "--covers", str(tmp_path / "gone"), cwd=tmp_path)
    assert done.returncode == 2
    said = done.stdout + done.stderr  # spark-submit hands both on as one
    assert "error: --covers" in said
    assert "Traceback" not in said


def test_missing_java_is_one_line(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "env"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        [str(BIN / "spark-submit"), "jobs/score.py"],
        cwd=ROOT, env={"PATH": str(tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "Java was not found" in line
    assert "install Java 17" in line
