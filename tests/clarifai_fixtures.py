"""Fixtures of the tests that ask Clarifai, for their ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from covergenre.concepts.clarifai import ClarifaiTagger
from tests import clarifai_server
from tests.clarifai_client import Make, settings_for_tests
from tests.clarifai_server import TOKEN, ClarifaiServer


@pytest.fixture(scope="module")
def clarifai_running() -> Iterator[ClarifaiServer]:
    with clarifai_server.running() as server:
        yield server


@pytest.fixture
def clarifai(clarifai_running: ClarifaiServer, monkeypatch: pytest.MonkeyPatch) -> ClarifaiServer:
    """The stand-in, as new, and its token in the environment."""
    server = clarifai_running
    server.requests, server.script, server.usual = [], [], clarifai_server.answer()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("CLARIFAI_PAT", TOKEN)
    return server


@pytest.fixture
def make_tagger(clarifai: ClarifaiServer) -> Make:
    """Makes a tagger that asks the stand-in, with settings of ``concepts.clarifai``."""
    return lambda **changes: ClarifaiTagger(
        settings_for_tests(**{"endpoint": clarifai.endpoint, **changes})
    )
