"""What schedulers are given: their command lines are ones that the jobs understand."""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from covergenre.errors import AccountingError, CovergenreError, LockedError, ThresholdError
from deploy import cli
from jobs.runtime.quality import QualityError
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
DAG = DEPLOY / "airflow/covergenre_nightly.py"
SERVICE = DEPLOY / "systemd/covergenre.service"
CRONTAB = DEPLOY / "cron/covergenre.crontab"
SAYS = """#!/bin/sh
echo "$0 $# $*"
exit "${EXIT:-0}"
"""


def _parser(verb: str) -> argparse.ArgumentParser:
    assert verb in cli.verbs()
    parser = importlib.import_module(f"jobs.{verb}")._parser()
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


def _example() -> dict[str, str]:
    """The settings of the nightly run as they come, every one filled in."""
    text = (DEPLOY / "systemd/covergenre.env").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    values = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    assert values.keys() == {"COVERS", "OUTPUT", "SPARK_OPTIONS", "ARGUMENTS"}
    return values | {"COVERS": "/srv/my covers", "ARGUMENTS": "--json"}


def _understood(words: list[str]) -> argparse.Namespace:
    """The arguments of a job, of a command line of ``covergenre``."""
    place = next(at for at, word in enumerate(words) if word in cli.verbs())
    assert words[:place] == ["--master", "local[*]", "--driver-memory", "4g"]
    arguments = _parser(words[place]).parse_args(words[place + 1 :])
    assert (arguments.covers, arguments.output) == ("/srv/my covers", _example()["OUTPUT"])
    assert arguments.json
    return arguments


def test_service_runs_jobs_with_options_they_have() -> None:
    values = _example()
    starts = re.findall(r"^ExecStart=(.*)$", SERVICE.read_text(), re.MULTILINE)
    verbs = []
    for line in starts:
        words = []
        for word in line.split():  # as systemd.service(5) says: $NAME is split, ${NAME} is not
            if word.startswith("${"):
                words.append(values[word[2:-1]])
            elif word.startswith("$"):
                words += values[word[1:]].split()
            else:
                words.append(word)
        assert words[0].endswith("/bin/covergenre")
        _understood(words[1:])
        verbs += [word for word in words if word in cli.verbs()]
    assert verbs == ["score", "maintain"]
    assert f"\nSuccessExitStatus={LockedError.exit_code}\n" in SERVICE.read_text()


@pytest.fixture
def cron(tmp_path: Path) -> list[str]:
    """The crontab's commands, on folders of this test."""
    for name in ("etc", "bin", "state"):
        (tmp_path / name).mkdir()
    example = "".join(f'{name}="{value}"\n' for name, value in _example().items())
    (tmp_path / "etc/covergenre.env").write_text(example)
    (tmp_path / "etc/secrets.env").write_text("COVERGENRE_WEBHOOK=secret\n")
    (tmp_path / "bin/covergenre").write_text(SAYS)
    (tmp_path / "bin/covergenre").chmod(0o755)
    commands = []
    for line in CRONTAB.read_text().splitlines():
        if re.match(r"[0-9]", line):
            fields = line.split(maxsplit=6)
            assert "%" not in line  # a line break to cron
            assert fields[5] == "covergenre"
            moved = fields[6].replace("/etc/covergenre", str(tmp_path / "etc"))
            commands.append(moved.replace("/var/lib/covergenre", str(tmp_path / "state")))
    return commands


@pytest.mark.parametrize(("code", "mailed"), [(0, False), (LockedError.exit_code, False),
                                              (QualityError.exit_code, True)])  # fmt: skip
def test_crontab_runs_jobs_and_mails_failures(
    cron: list[str], tmp_path: Path, code: int, mailed: bool
) -> None:
    path = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}", "EXIT": str(code)}
    for command, verb in zip(cron, ("score", "maintain"), strict=True):
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=path, capture_output=True, text=True, check=False
        )
        said = (tmp_path / f"state/{verb}.log").read_text()
        program, count, rest = said.split(maxsplit=2)
        assert program == str(tmp_path / "bin/covergenre")
        assert rest.split()[4] == verb
        words = shlex.split(rest.replace("/srv/my covers", "'/srv/my covers'"))
        assert len(words) == int(count)
        _understood(words)
        assert (done.stdout, done.stderr) == (said if mailed else "", "")


def _dag() -> tuple[dict[str, ast.expr], list[dict[str, ast.expr]]]:
    """What the DAG's file calls its constants, and the jobs that it runs."""
    tree = ast.parse(DAG.read_text("utf-8"))
    compile(tree, str(DAG), "exec")
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    tasks = [
        {word.arg: word.value for word in node.keywords if word.arg}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Covergenre"
    ]
    return constants, tasks


def test_dag_runs_jobs_with_options_they_have() -> None:
    constants, tasks = _dag()
    params = constants["PARAMS"]
    assert isinstance(params, ast.Dict)
    names = {ast.literal_eval(key) for key in params.keys if key is not None}
    verbs = []
    for task in tasks:
        options = task["options"]
        if isinstance(options, ast.Name):
            options = constants[options.id]
        given = ast.literal_eval(options)
        assert set(given.values()) <= names
        verbs.append(ast.literal_eval(task["verb"]))
        words = {"--source": "musicbrainz"}
        parser = _parser(verbs[-1])
        parser.parse_args([word for option in given for word in (option, words.get(option, "x"))])
    assert set(verbs) == {"scrape", "score", "maintain"}


def test_dag_tries_again_what_may_pass() -> None:
    constants, _ = _dag()
    final = constants["FINAL"]
    assert isinstance(final, ast.Call)
    codes = ast.literal_eval(final.args[0])
    assert ast.literal_eval(constants["LOCKED"]) == LockedError.exit_code
    assert LockedError.exit_code not in codes
    known = (CovergenreError, AccountingError, ThresholdError, QualityError)
    assert {error.exit_code for error in known} | {3} == codes
