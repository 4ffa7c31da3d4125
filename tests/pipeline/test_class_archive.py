"""Java starts with the classes that ``make env`` archived, unless they do not fit."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.test_jobs import submit


def _loaded(log: Path, *options: str) -> tuple[str, str]:
    """What Spark's launcher says, and where Java had its main class from."""
    done = submit("--driver-java-options", f"-Xlog:class+load:file={log}", *options, "--version")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in log.read_text().splitlines() if "deploy.SparkSubmit source" in line)
    return done.stdout, line.partition("source: ")[2]


def test_java_starts_with_archived_classes(tmp_path: Path) -> None:
    assert _loaded(tmp_path / "log")[1] == "shared objects file (top)"


def test_other_jars_are_no_news(tmp_path: Path) -> None:
    said, source = _loaded(tmp_path / "log", "--driver-class-path", str(tmp_path))
    assert source.startswith("file:")
    assert said == ""
