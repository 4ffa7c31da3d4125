"""The set-up of pip's Spark: jars fetched whole or not at all, and a launcher that finds it."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from covergenre.environment import MismatchError
from deploy import spark_home
from deploy.spark_home import Jar, install_jar, write_conf, write_launcher

CONTENT = b"the jar"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
JAR = Jar("io.delta", "delta-storage", "4.4.0", SHA256)


class _Ivy:
    """Stands for the Ivy that fetches from Maven Central: writes ``content``, or nothing."""

    def __init__(self, content: bytes | None, said: str = "") -> None:
        self.content, self.said = content, said
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.content is not None:
            target = command[command.index("-retrieve") + 1]
            target = target.replace("[artifact]", "delta-storage").replace("[ext]", "jar")
            Path(target.replace("[revision]", "4.4.0")).write_bytes(self.content)
        return subprocess.CompletedProcess(command, 0 if self.content else 1, "", self.said)


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """Spark's folder of jars, with a neighbour that must stay."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "delta-kernel-1.0.jar").write_bytes(b"neighbour")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_right_jar_is_left_alone(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ivy = _Ivy(b"never")
    monkeypatch.setattr(subprocess, "run", ivy)
    (jars / "delta-storage-4.4.0.jar").write_bytes(CONTENT)
    before = (jars / "delta-storage-4.4.0.jar").stat()
    install_jar(JAR, jars, jars)
    assert ivy.commands == []
    after = (jars / "delta-storage-4.4.0.jar").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    "there", [{}, {"delta-storage-4.4.0.jar": b"half"}, {"delta-storage-3.2.0.jar": b"older"}]
)
def test_jar_is_fetched_in_place_of_a_wrong_one(
    jars: Path, monkeypatch: pytest.MonkeyPatch, there: dict[str, bytes]
) -> None:
    for name, content in there.items():
        (jars / name).write_bytes(content)
    ivy = _Ivy(CONTENT)
    monkeypatch.setattr(subprocess, "run", ivy)
    install_jar(JAR, jars, jars)
    assert _contents(jars) == {
        "delta-storage-4.4.0.jar": CONTENT,
        "delta-kernel-1.0.jar": b"neighbour",
    }
    (command,) = ivy.commands
    place = command.index("-dependency")
    assert command[place + 1 : place + 4] == ["io.delta", "delta-storage", "4.4.0"]
    # The Ivy that Spark brings is found by Java itself: no shell expands the star.
    assert command[:3] == ["java", "-cp", f"{jars}/*"]


@pytest.mark.parametrize(
    ("ivy", "said"),
    [
        (
            _Ivy(None, "trying\nUnknownHostException: jars.example\n"),
            r"\(UnknownHostExc.*example\)",
        ),
        (_Ivy(None), r"\(no answer\)"),
        (_Ivy(b"a login page"), r"is not the pinned file \(its sha256 differs\)"),
        (_Ivy(b""), r"is not the pinned file"),
    ],
)
@pytest.mark.parametrize("name", ["delta-storage-4.4.0.jar", "delta-storage-3.2.0.jar"])
def test_failure_replaces_nothing_and_names_the_file(
    jars: Path, monkeypatch: pytest.MonkeyPatch, ivy: _Ivy, said: str, name: str
) -> None:
    (jars / name).write_bytes(b"old")
    before = _contents(jars)
    monkeypatch.setattr(subprocess, "run", ivy)
    with pytest.raises(MismatchError, match=rf"delta-storage-4\.4\.0\.jar .*{said}") as raised:
        install_jar(JAR, jars, jars)
    assert _contents(jars) == before
    if ivy.content is None:
        assert f"or put the file into {jars}" in str(raised.value)


def test_command_prints_one_line_when_a_jar_cannot_be_had(
    jars: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spark_home, "check_java", lambda: None)
    monkeypatch.setattr(spark_home.pyspark, "__path__", [str(jars.parent)])
    monkeypatch.setattr(subprocess, "run", _Ivy(None, "no route to host"))
    assert spark_home.main() == 3
    error = capsys.readouterr().err
    assert error.startswith("error: delta-spark_4.0_2.13-4.4.0.jar could not be fetched")
    assert error.count("\n") == 1
    assert not (jars.parent / "conf").exists()


def test_installed_jars_are_the_pinned_ones() -> None:
    folder = Path(spark_home.pyspark.__path__[0]) / "jars"
    for _, module, version, sha256 in spark_home.JARS:
        content = (folder / f"{module}-{version}.jar").read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256


def written_settings(folder: Path) -> dict[str, str]:
    lines = (folder / "spark-defaults.conf").read_text().splitlines()
    entries = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    settings = dict(entries)
    assert len(settings) == len(entries)
    return settings


def test_conf_holds_the_defaults_and_this_python(tmp_path: Path) -> None:
    for _ in range(2):  # a second set-up writes the same
        write_conf(tmp_path / "conf", tmp_path / "state")
        settings = written_settings(tmp_path / "conf")
        assert settings["spark.pyspark.python"] == sys.executable
        assert settings["spark.pyspark.driver.python"] == sys.executable
        assert settings["spark.sql.extensions"] == "io.delta.sql.DeltaSparkSessionExtension"
        assert f"-Dderby.system.home={tmp_path}/state/derby" in " ".join(settings.values())
        assert "spark.jars" not in settings
    assert (tmp_path / "conf/log4j2.properties").stat().st_size > 0


def test_conf_names_the_archive_of_classes_where_there_is_one(tmp_path: Path) -> None:
    write_conf(tmp_path, tmp_path)
    before = written_settings(tmp_path)
    assert "spark.driver.extraClassPath" not in before
    assert "SharedArchiveFile" not in before["spark.driver.defaultJavaOptions"]
    (tmp_path / "classes.jsa").touch()
    write_conf(tmp_path, tmp_path)
    settings = written_settings(tmp_path)
    options = shlex.split(settings["spark.driver.defaultJavaOptions"])
    assert f"-XX:SharedArchiveFile={tmp_path}/classes.jsa" in options
    assert "-XX:+UseParallelGC" in options
    slf4j, all_jars = settings["spark.driver.extraClassPath"].split(":")
    jars = Path(spark_home.pyspark.__path__[0]) / "jars"
    assert all_jars == f"{jars}/*"
    assert Path(slf4j).parent == jars
    assert Path(slf4j).name.startswith("slf4j-api-")


def test_conf_that_was_changed_by_hand_stays_until_ours_changes(tmp_path: Path) -> None:
    write_conf(tmp_path, tmp_path)
    with (tmp_path / "spark-defaults.conf").open("a") as file:
        file.write("spark.ui.enabled false\n")
    write_conf(tmp_path, tmp_path)
    assert written_settings(tmp_path)["spark.ui.enabled"] == "false"
    write_conf(tmp_path, tmp_path, [Path("/jars/a.jar"), Path("/jars/b.jar")])
    assert "spark.ui.enabled" not in written_settings(tmp_path)
    assert written_settings(tmp_path)["spark.jars"] == "/jars/a.jar,/jars/b.jar"


# What the console script asks for.


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with a new Spark and the scripts that pip writes, and a user's cache."""
    prefix = tmp_path / "env"
    home = prefix / "lib/python3.11/site-packages/pyspark"
    (home / "jars").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin/find-spark-home").write_text("as pip writes it")
    monkeypatch.setattr(spark_home.pyspark, "__path__", [str(home)])
    monkeypatch.setattr(spark_home, "JARS", (JAR,))
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(subprocess, "run", _Ivy(CONTENT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("SPARK_HOME", "SPARK_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home


def _close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may write there; tests may run as root, who may write anywhere."""
    allowed = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: not Path(path).is_relative_to(folder) and allowed(path, mode),
    )


def test_environment_of_ones_own_is_made_ready_where_it_lies(installed: Path) -> None:
    for _ in range(2):
        assert spark_home.prepare() == {"SPARK_HOME": str(installed)}
    assert _contents(installed / "jars") == {"delta-storage-4.4.0.jar": CONTENT}
    assert "spark.jars" not in written_settings(installed / "conf")
    assert "Written by" in (installed.parents[3] / "bin/find-spark-home").read_text()
    assert not Path(os.environ["XDG_CACHE_HOME"]).exists()


def test_closed_environment_is_made_ready_in_the_users_cache(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _close(installed, monkeypatch)
    before = sorted(installed.rglob("*"))
    variables = spark_home.prepare()
    assert sorted(installed.rglob("*")) == before
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "covergenre/spark"
    conf = Path(variables["SPARK_CONF_DIR"])
    assert conf.is_relative_to(cache)
    jar = cache / "jars/delta-storage-4.4.0.jar"
    assert jar.read_bytes() == CONTENT
    assert written_settings(conf)["spark.jars"] == str(jar)


def test_closed_environment_that_is_ready_needs_nothing(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spark_home.prepare()  # by whoever may write it
    _close(installed, monkeypatch)
    assert spark_home.prepare() == {"SPARK_HOME": str(installed)}
    # Its settings were made for another Python: that one's are not ours.
    monkeypatch.setattr(sys, "executable", "/other/bin/python")
    conf = Path(spark_home.prepare()["SPARK_CONF_DIR"])
    assert written_settings(conf)["spark.pyspark.python"] == "/other/bin/python"
    assert "spark.jars" not in written_settings(conf)


def test_spark_of_somebody_else_is_used_as_it_is(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_HOME", "/opt/spark")
    assert spark_home.prepare() == {}
    assert list((installed / "jars").iterdir()) == []


# The launcher.


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with a Spark and a ``python`` that only says that it was asked."""
    folder = tmp_path / "my env"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib/python3.11/site-packages/pyspark").mkdir(parents=True)
    _script(folder / "bin/python", 'echo "$@" >> "$(dirname "$0")/asked"; exit ${CHECK:-0}')
    # As pip writes it: asks the first python3 on PATH.
    (folder / "bin/find-spark-home").write_text("#!/bin/sh\nexport SPARK_HOME=$(python3 -c x)\n")
    write_launcher(folder / "bin", folder / "lib/python3.11/site-packages/pyspark")
    return folder


def _script(path: Path, body: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def _sourced(environment: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What ``spark-submit`` does first, with another python3 in front of all others."""
    wrong = environment.parent / "wrong/python3"
    _script(wrong, "echo /wrong/pyspark")
    script = '. "$1"; echo "$SPARK_HOME"'
    return subprocess.run(
        ["bash", "-c", script, "bash", str(environment / "bin/find-spark-home")],
        env={"PATH": f"{wrong.parent}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
        cwd=environment.parent,
    )


def test_launcher_finds_the_spark_of_its_environment(environment: Path) -> None:
    done = _sourced(environment)
    assert (done.returncode, done.stderr) == (0, "")
    home = environment / "lib/python3.11/site-packages/pyspark"
    assert done.stdout == f"{home}\n"
    # The environment's own Python looked whether everything fits.
    assert (environment / "bin/asked").read_text() == "-m covergenre.environment\n"


def test_launcher_finds_it_after_the_environment_is_moved(environment: Path) -> None:
    moved = environment.rename(environment.with_name("moved"))
    assert _sourced(moved).stdout == f"{moved / 'lib/python3.11/site-packages/pyspark'}\n"


def test_launcher_keeps_a_spark_home_that_is_set(environment: Path) -> None:
    assert _sourced(environment, SPARK_HOME="/opt/spark").stdout == "/opt/spark\n"


def test_launcher_stops_when_the_environment_cannot_work(environment: Path) -> None:
    done = _sourced(environment, CHECK="3")
    assert (done.returncode, done.stdout) == (3, "")


def test_launcher_can_be_run(environment: Path) -> None:
    assert os.access(environment / "bin/find-spark-home", os.X_OK)
    command = [str(environment / "bin/find-spark-home")]
    assert subprocess.run(command, check=False).returncode == 0
