"""The SQL shell that ``make sql`` opens, and a run of scoring meanwhile."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraping.procedural import generate_catalogue
from tests.conftest import ROOT
from tests.pipeline.test_jobs import submit

_SECONDS = 600


class Shell:
    """``make sql`` of a warehouse, with an embedded metastore of its own."""

    def __init__(self, warehouse: Path, state: Path) -> None:
        self._process = subprocess.Popen(
            ["make", "-s", "sql", f"OUTPUT={warehouse}",
             f"ARGS=--driver-java-options -Dderby.system.home={state}"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []
        # A shell that says nothing more is ended, so that no test waits for ever.
        self._timer = threading.Timer(_SECONDS, self._kill)
        self._timer.start()

    def ask(self, sql: str) -> str:
        """What a query that gives one text says."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"SELECT concat('said: ', ({sql}));\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            self.said.append(line)
            if found := re.match(r"said: (.*)", line):
                return found[1]
        raise AssertionError("".join(self.said))

    def close(self) -> None:
        self._timer.cancel()
        self._kill()
        self._process.communicate()

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    generate_catalogue(tmp_path / "covers", albums=8)
    made = tmp_path / "it's [mine]"
    score(tmp_path, made)
    return made


def score(folder: Path, output: Path) -> None:
    done = submit("jobs/score.py", "--covers", str(folder / "covers"), "--output", str(output),
                  "--set", "score.describe=[]")  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def shell(warehouse: Path, tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(warehouse, tmp_path / "derby")
    yield opened
    opened.close()


def test_a_run_of_scoring_and_an_open_shell_do_not_know_of_each_other(
    shell: Shell, warehouse: Path, tmp_path: Path
) -> None:
    assert shell.ask("SELECT count(predicted_genre) FROM results") == "8"
    assert shell.ask("SELECT count(*) FROM runs") == "1"
    assert (tmp_path / "derby").is_dir()
    score(tmp_path, warehouse)
    assert shell.ask("SELECT count(*) FROM runs") == "2"
    said = [line for line in shell.said if "incubator modules" not in line]  # Java says that always
    assert not [line for line in said if "WARN" in line or "rror" in line]
