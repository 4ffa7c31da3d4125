"""The wheel, built and installed as anybody would, scores a folder from wherever one stands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from scraping.procedural import generate_catalogue
from tests.conftest import ROOT

PACKAGES = ("conf", "covergenre", "deploy", "jobs", "schemas", "scraping", "udfs")
ALBUMS, BROKEN = 10, 3


def _done(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its own folders beside the sources."""
    sources = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, sources / name, ignore=ignored)
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _done(*pip, "--wheel-dir", out, sources)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel, that lends this one's packages but not the project."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    _done(sys.executable, "-m", "venv", "--without-pip", folder)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    # Folders named by a .pth file have no say over further ones: the project's own stays away.
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet"]
    _done(*pip, "--no-deps", wheel)
    return folder


def test_wheel_holds_every_module_and_file_of_the_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    files = {
        str(file.relative_to(ROOT))
        for name in PACKAGES
        for file in (ROOT / name).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert files - held == set()
    assert "conf/base.yaml" in held
    assert "covergenre/models/default/manifest.json" in held


def test_installed_job_scores_a_folder(environment: Path, tmp_path: Path) -> None:
    generate_catalogue(tmp_path / "covers", albums=ALBUMS, broken=BROKEN)
    here = tmp_path / "here"
    here.mkdir()
    bare = {"PATH": os.defpath, "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    bare |= {key: os.environ[key] for key in ("HOME", "JAVA_HOME") if key in os.environ}
    words = [
        "score",
        "--covers",
        "../covers",
        "--output",
        "out",
        "--json",
        "--set",
        "score.describe=[]",
    ]
    done = _done(environment / "bin/covergenre", *words, cwd=here, env=bare)
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["covers"], said["scored"]) == (ALBUMS + BROKEN, ALBUMS)
    assert str(environment / "lib") in done.stdout  # where the bundle that scored comes from
    assert str(ROOT) not in done.stdout + done.stderr
    rows = pd.read_parquet(here / "out/predictions_parquet")
    assert len(rows) == ALBUMS
    # The Spark that was lent could not be changed: its settings lie in the user's cache.
    (conf,) = Path(os.environ["XDG_CACHE_HOME"]).glob("covergenre/spark/*/conf/spark-defaults.conf")
    assert f"spark.pyspark.python {environment}/bin/python" in conf.read_text()


def test_usage_is_told_without_spark(environment: Path, tmp_path: Path) -> None:
    command = environment / "bin/covergenre"
    bare = {"PATH": os.defpath, "JAVA_HOME": "/nowhere"}
    assert _done(command, "--version", env=bare).stdout.split()[0] == "covergenre"
    listed = _done(command, env=bare, cwd=tmp_path).stdout
    assert "\n  score " in listed
    assert "--covers" in _done(command, "score", "--help", env=bare, cwd=tmp_path).stdout
