"""Expectations of a run: what is found, what is said, who is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest

from covergenre.config import Settings, load
from jobs.runtime.quality import Finding, Summary, findings, post, summary

CELLS = pd.DataFrame(
    # 10 albums: 8 scored (6 rap, 2 folk), 2 in quarantine, one of unknown genre, five without year.
    [
        ("rap", "rap", 2001, 5, 5, 0, 4.0, 3, 5),
        ("folk", "folk", None, 2, 2, 0, 1.0, 0, 2),
        (None, "rap", None, 1, 1, 0, 0.4, 1, 1),
        ("folk", None, None, 2, 0, 2, 0.0, 0, 0),
    ],
    columns=["genre", "predicted_genre", "release_year", "albums", "scored", "quarantined",
             "confidence", "advisory", "looked_for_advisory"],
)  # fmt: skip
FIGURES = Summary(
    albums=1000, quarantined_share=0.02, unknown_genre_share=0.0, unknown_year_share=0.0,
    genre_shares={"folk": 0.4, "rap": 0.6}, mean_confidence=0.6, advisory_rate=0.1,
)  # fmt: skip


def _with(**changed: Any) -> Summary:
    return Summary(**{**vars(FIGURES), **changed})


def _settings(*assignments: str) -> Any:
    return load(assignments=[f"quality.{one}" for one in assignments]).quality


def test_summary_is_of_shares_and_means() -> None:
    found = summary(CELLS)
    assert found == Summary(
        albums=10,
        quarantined_share=0.2,
        unknown_genre_share=0.1,
        unknown_year_share=0.5,
        genre_shares={"folk": 0.25, "rap": 0.75},
        mean_confidence=pytest.approx(5.4 / 8),
        advisory_rate=0.5,
    )
    nothing = summary(CELLS[:0])
    assert (nothing.albums, nothing.quarantined_share, nothing.mean_confidence) == (0, None, None)


def test_a_run_as_any_other_has_no_findings() -> None:
    assert findings(FIGURES, FIGURES, _settings()) == []


@pytest.mark.parametrize(
    ("now", "settings", "expected"),
    [
        (
            {"quarantined_share": 0.3},
            (),
            [("quarantined_share", "warn"), ("quarantined_drift", "warn")],
        ),
        (
            {"mean_confidence": 0.5},
            ("confidence_drift={least: null, most: 0.05, then: fail}",),
            [("confidence_drift", "fail")],
        ),
        ({"albums": 899}, (), [("lost_share", "warn")]),
        ({"albums": 901}, (), []),
        ({"albums": 99, "quarantined_share": 0.9}, (), []),  # too few to judge
        # A genre that is gone altogether is a change as well.
        (
            {"genre_shares": {"rap": 1.0}},
            (),
            [("genre_share", "warn"), *[("genre_drift", "warn")] * 2],
        ),
        ({"advisory_rate": None}, (), []),
        (
            {"quarantined_share": 0.3},
            ("quarantined_share.then=ignore", "quarantined_drift.then=ignore"),
            [],
        ),
    ],
)
def test_findings(now: dict[str, Any], settings: tuple[str, ...], expected: list[Any]) -> None:
    found = findings(_with(**now), FIGURES, _settings(*settings))
    assert [(one.expectation, one.level) for one in found] == expected


def test_failures_come_first_and_say_figure_bound_and_setting() -> None:
    settings = _settings("unknown_year_share={least: null, most: 0.5, then: fail}")
    found = findings(_with(quarantined_share=0.5, unknown_year_share=0.9), None, settings)
    assert [one.level for one in found] == ["fail", "warn"]
    assert found[0].text == (
        "share of albums of unknown year: 0.9, expected at most 0.5 (quality.unknown_year_share)"
    )


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(Exception, match="least is more than most"):
        _settings("genre_share={least: 0.9, most: 0.1, then: warn}")


class Receiver:
    """A webhook on loopback that answers as it is told, and keeps what it got."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.got = list(answers), []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.got.append(json.loads(self.rfile.read(length)))
                self.send_response(receiver.answers.pop(0))
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hooks/a-secret"


@pytest.fixture
def quick() -> Settings:
    return load(assignments=["quality.webhook_timeout_seconds=2"])


@pytest.fixture
def receiving() -> Iterator[Any]:
    started: list[Receiver] = []

    def receive(*answers: int) -> Receiver:
        started.append(Receiver(*answers))
        return started[-1]

    yield receive
    for receiver in started:
        receiver.server.shutdown()
        receiver.server.server_close()


def test_a_webhook_that_is_busy_is_told_again(receiving: Any, quick: Settings) -> None:
    receiver = receiving(503, 429, 200)
    body = {"findings": [vars(Finding("lost_share", "warn", 0.5, "half is gone"))]}
    assert post(receiver.address, body, quick.quality)
    assert receiver.got == [body] * 3


def test_a_webhook_that_refuses_costs_a_warning_without_its_address(
    receiving: Any, quick: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = receiving(404)
    assert not post(receiver.address, {}, quick.quality)
    assert not post("not an address", {}, quick.quality)
    said = capsys.readouterr().err
    assert said.splitlines()[0] == "warning: the webhook at 127.0.0.1 was not told: answered 404"
    assert "secret" not in said and len(receiver.got) == 1
