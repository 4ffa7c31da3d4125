"""The console script: which job it becomes, with which arguments, and what it says otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import jobs
from covergenre.environment import MismatchError
from deploy import cli, spark_home

JOBS = Path(jobs.__path__[0])


class Became(BaseException):
    """Stands for the end of this process: it became another."""


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What this process became: the program, its words, its environment if it is not this one."""
    taken: list[Any] = []

    def instead(*given: Any) -> None:
        taken.extend(given)
        raise Became

    monkeypatch.setattr(os, "execve", instead)
    monkeypatch.setattr(os, "execv", instead)
    monkeypatch.setattr(spark_home, "prepare", lambda: {"SPARK_HOME": "/spark", "NEW": "1"})
    monkeypatch.setattr(cli, "check_java", lambda: None)
    return taken


def test_verbs_are_the_jobs() -> None:
    assert cli.verbs().keys() >= {"score", "scrape", "prepare", "train", "evaluate", "promote"}
    assert cli.verbs().keys() == {file.stem for file in JOBS.glob("[!_]*.py")}


def test_job_is_run_by_spark_submit(become: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "yes")
    with pytest.raises(Became):
        cli.main(["score", "--covers", "my covers", "train"])
    program, words, environment = become
    assert program == "/spark/bin/spark-submit"
    job = str(JOBS / "score.py")
    assert words == ["/spark/bin/spark-submit", job, "--covers", "my covers", "train"]
    assert (environment["KEPT"], environment["NEW"]) == ("yes", "1")


def test_what_stands_before_the_verb_is_sparks(become: list[Any]) -> None:
    with pytest.raises(Became):
        cli.main(["--master", "spark://host:7077", "--conf", "a=b", "score", "--json"])
    options = ["--master", "spark://host:7077", "--conf", "a=b"]
    assert become[1][1:] == [*options, str(JOBS / "score.py"), "--json"]


@pytest.mark.parametrize("words", [["promote", "bundle"], ["train", "--recipe", "x", "--help"]])
def test_no_java_is_started_for_nothing(become: list[Any], words: list[str]) -> None:
    with pytest.raises(Became):
        cli.main(words)
    assert become == [
        sys.executable, [sys.executable, str(JOBS / f"{words[0]}.py"), *words[1:]],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scor"], "scor is no verb: did you mean score? there are "),
        (["--covers", "x"], "--covers is no verb: there are "),
        (["frobnicate", "score"], "frobnicate is no verb: there are "),
    ],
)
def test_wrong_verb_says_which_there_are(
    become: list[Any], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert "prepare, promote, " in error
    assert become == []


def test_environment_that_cannot_work_is_one_line(
    become: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare() -> dict[str, str]:
        raise MismatchError("no jar: do this")

    monkeypatch.setattr(spark_home, "prepare", prepare)
    assert cli.main(["score"]) == 3
    assert capsys.readouterr().err == "error: no jar: do this\n"


def test_usage_says_what_each_job_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    for verb in cli.verbs():
        assert len(lines[verb].split()) > 3
    assert "Score a catalogue" in lines["score"]
