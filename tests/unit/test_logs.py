"""What jobs say: for people, and for machines."""

from __future__ import annotations

import json

import pytest

from jobs.runtime import arguments, logs


@pytest.fixture(autouse=True)
def text_afterwards() -> object:
    yield
    logs.configure("text")


def test_people_read_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.tell("half done", covers=5)
    logs.warn("no years")
    logs.fail("no covers", exit_code=2)
    assert capsys.readouterr().err == "half done\nwarning: no years\nerror: no covers\n"


def test_machines_read_json_that_names_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    args = arguments.parser("score", "").parse_args(["--set", "log.format=json"])
    arguments.settings(args)
    with logs.within(run_id="r-1", job="score"):
        logs.warn("100 % of\nthem", share=0.5)
    logs.tell("after")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["msg"]) == ("WARNING", "100 % of\nthem")
    assert first["context"] == {"run_id": "r-1", "job": "score", "share": "0.5"}
    assert first["ts"] and second["context"] == {}


def test_errors_of_a_job_are_lines_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    with pytest.raises(SystemExit):
        arguments.run(lambda _: arguments.settings(
            arguments.parser("score", "").parse_args(["--set", "no.such=1"])
        ))  # fmt: skip
    said = json.loads(capsys.readouterr().err)
    assert (said["level"], said["context"]) == ("ERROR", {"exit_code": "2"})
    assert "unknown setting no" in said["msg"]
