"""What is said when Python, Java or a package cannot work with the rest."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from covergenre import environment
from covergenre.environment import MismatchError, check_java, check_packages, check_python


def _fake_java(folder: Path, first_line: str, before: str = "") -> Path:
    """A ``java`` that prints a version, to stderr as the real one does."""
    folder.mkdir(parents=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{before}{first_line}\nOpenJDK Runtime\nEND\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of the few commands that a script needs; no JAVA_HOME."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    # Only cat is linked: a real java may lie beside the system's own.
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{commands}")
    return tmp_path / "bin"


def test_python_here_is_the_right_one() -> None:
    assert check_python() is None
    assert sys.version_info[:2] == environment.PYTHON


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (2, 7), (4, 11), (3, 9, 1)])
def test_other_pythons_are_refused(version: tuple[int, ...]) -> None:
    shown = f"Python {version[0]}\\.{version[1]} is running, 3\\.11 is needed .*make env PYTHON="
    with pytest.raises(MismatchError, match=shown):
        check_python(version)


@pytest.mark.parametrize(
    "line",
    [
        'openjdk version "17.0.15" 2025-04-15',
        'openjdk version "21" 2023-09-19',
        'java version "17.0.1" 2021-10-19 LTS',
        'openjdk version "21-ea" 2023-09-19',
    ],
)
def test_java_17_and_21_work(on_path: Path, line: str) -> None:
    _fake_java(on_path, line)
    assert check_java() is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('java version "1.8.0_292"', "8"),
        ('openjdk version "11.0.20" 2023-07-18', "11"),
        ('openjdk version "24.0.1" 2025-04-15', "24"),
        ("Error: could not find libjava.so", "of an unknown version"),
    ],
)
def test_other_javas_are_refused_with_the_fix(on_path: Path, line: str, found: str) -> None:
    _fake_java(on_path, line)
    with pytest.raises(MismatchError) as raised:
        check_java()
    assert str(raised.value) == (
        f"java is Java {found}, Spark 4.0 needs 17 or 21: install Java 17 "
        "(Debian: openjdk-17-jre-headless) and put it on PATH or in JAVA_HOME"
    )


def test_remark_of_java_about_its_options_is_no_version(on_path: Path) -> None:
    _fake_java(on_path, 'openjdk version "17.0.15"', "Picked up JAVA_TOOL_OPTIONS: -Dversion=8\n")
    assert check_java() is None


def test_missing_java_is_told(on_path: Path) -> None:
    with pytest.raises(MismatchError, match="Java was not found as java: install Java 17"):
        check_java()


def test_java_home_wins_over_path(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_java(on_path, 'openjdk version "17.0.15"')
    old = _fake_java(tmp_path / "old/bin", 'java version "1.8.0_292"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    with pytest.raises(MismatchError, match=f"{old} is Java 8, Spark 4.0 needs 17 or 21"):
        check_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    with pytest.raises(MismatchError, match=r"Java was not found as .*none/bin/java"):
        check_java()


def test_installed_packages_work_together() -> None:
    assert check_packages() is None


@pytest.mark.parametrize(
    ("package", "version", "said"),
    [
        ("pyspark", "4.1.2", r"pyspark 4.1.2 is installed, pyspark~=4.0.5 is needed \(delta"),
        ("delta-spark", "4.3.0", "delta-spark==4.4.0 is needed"),
        ("pyarrow", "15.0.0", r"pyarrow>=11,<15 is needed \(petastorm"),
        ("numpy", "2.0.0", "numpy 2.0.0 is installed"),
        ("pandas", "3.0.0", "pandas>=2,<3 is needed"),
        ("petastorm", "0.12.1", "petastorm>=0.13.1 is needed"),
        ("setuptools", "70.0.0", "setuptools<70 is needed"),
        ("pyarrow", None, "pyarrow is not installed"),
    ],
)
def test_package_that_cannot_work_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, version: str | None, said: str
) -> None:
    real = metadata.version

    def reported(name: str) -> str:
        if name != package:
            return real(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", reported)
    with pytest.raises(MismatchError, match=f"{said}.*run `make env`"):
        check_packages()


def test_command_prints_one_line_and_fails(
    on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert environment.main() == 3
    error = capsys.readouterr().err
    assert error.startswith("error: Java was not found") and error.count("\n") == 1
    _fake_java(on_path, 'openjdk version "17.0.15"')
    assert environment.main() == 0
    assert capsys.readouterr().err == ""


def test_module_needs_no_package() -> None:
    # -S: no site-packages, as before anything is installed.
    code = f"import runpy; runpy.run_path({environment.__file__!r})['check_python']()"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
