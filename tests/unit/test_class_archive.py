"""The archive of Java's classes: in the settings when it is whole, and no reason to stop."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy import class_archive, spark_home
from tests.unit.test_spark_home import written_settings

_RUN = subprocess.run


class _Submit:
    """Stands for ``spark-submit``: leaves an archive, or says why it does not."""

    def __init__(
        self, prefix: Path, said: str = "", content: bytes | None = b"classes", code: int = 0
    ) -> None:
        self._archive, self._said = prefix / "classes.jsa", said
        self._content, self._code = content, code
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if command[0].endswith("java"):  # asked for its version
            return _RUN(command, capture_output=True, text=True, check=False)
        self.commands.append(command)
        assert not self._archive.exists()  # Java extends no archive of this kind
        assert list(Path(command[command.index("--covers") + 1]).rglob("*.jpg"))
        options = shlex.split(command[command.index("--driver-java-options") + 1])
        (made,) = (word.partition("=")[2] for word in options if "ArchiveClassesAtExit" in word)
        if self._content is not None:
            Path(made).write_bytes(self._content)
        return subprocess.CompletedProcess(command, self._code, self._said)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark without settings, in an environment at ``tmp_path``."""
    folder = tmp_path / "pyspark"
    (folder / "jars").mkdir(parents=True)
    monkeypatch.setattr(spark_home.pyspark, "__path__", [str(folder)])
    monkeypatch.setattr(spark_home, "JARS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return folder


def _options(home: Path) -> str:
    return written_settings(home / "conf")["spark.driver.defaultJavaOptions"]


def test_archive_is_made_anew_each_time(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (b"first", b"second"):
        submit = _Submit(tmp_path, content=content)
        monkeypatch.setattr(subprocess, "run", submit)
        assert class_archive.main() == 0
        assert (tmp_path / "classes.jsa").read_bytes() == content
        assert f"{tmp_path}/classes.jsa" in _options(home)
        (command,) = submit.commands
        assert command[0] == f"{tmp_path}/bin/spark-submit"
    assert {file.name for file in tmp_path.iterdir()} == {"classes.jsa", "pyspark"}


@pytest.mark.parametrize(("content", "code"), [(None, 0), (b"of a run that failed", 2)])
def test_without_an_archive_jobs_run_all_the_same(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    code: int,
) -> None:
    (tmp_path / "classes.jsa").write_bytes(b"of other jars")
    submit = _Submit(tmp_path, "a line\nno space left\n", content, code)
    monkeypatch.setattr(subprocess, "run", submit)
    assert class_archive.main() == 0
    assert capsys.readouterr().err.endswith("jobs start without archived classes: no space left\n")
    assert {file.name for file in tmp_path.iterdir()} == {"pyspark"}
    assert "SharedArchiveFile" not in _options(home)
