"""Asking Clarifai: quota, cost, wrong settings, and the token."""

from __future__ import annotations

import logging
import pickle
import traceback

import grpc
import pytest

from covergenre.errors import CostLimitError, QuotaError, TaggerError
from tests import clarifai_server as stand_in
from tests.clarifai_client import COVERS, SAID, Make, described, until_error
from tests.clarifai_server import TOKEN, ClarifaiServer, answer, broken, refusal

pytest_plugins = ("tests.clarifai_fixtures",)


# Quota and cost.


@pytest.mark.parametrize(
    "name", ["CONN_EXCEEDS_LIMITS", "CONN_EXCEED_MONTHLY_LIMIT", "CONN_ACCOUNT_ISSUES"]
)
def test_a_plan_that_is_used_up_ends_the_run_and_keeps_what_was_got(
    make_tagger: Make, clarifai: ClarifaiServer, name: str
) -> None:
    clarifai.script = [answer(), refusal(name, "monthly operations used up")]
    got, error = until_error(make_tagger(), COVERS)
    assert got == SAID[:3]
    assert isinstance(error, QuotaError)
    assert error.exit_code == 5
    assert f"{name}: {name.lower()} monthly operations used up" in str(error)
    assert clarifai.sizes == [3, 3]  # and is not asked again


def test_a_plan_used_up_within_a_batch_keeps_its_first_covers(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [answer(), answer({2: "CONN_EXCEEDS_LIMITS"})]
    got, error = until_error(make_tagger(), COVERS)
    assert got == SAID[:5]
    assert isinstance(error, QuotaError)
    # The next run asks about the others, and pays for no cover twice.
    held = dict(got)
    for batch in make_tagger().describe([one for one in COVERS if one[0] not in held]):
        held.update(batch)
    assert held == dict(SAID)
    assert clarifai.sizes == [3, 3, 2]


def test_no_more_images_are_sent_than_the_limit(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    got, error = until_error(make_tagger(max_images=5), COVERS)
    assert got == SAID[:5]
    assert isinstance(error, CostLimitError)
    assert "concepts.clarifai.max_images = 5" in str(error)
    assert clarifai.sizes == [3, 2]


def test_as_many_images_as_the_limit_are_no_error(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    assert described(make_tagger(max_images=7), COVERS) == SAID
    assert described(make_tagger(max_requests=3), COVERS) == SAID


def test_repetitions_count_as_requests_and_images(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.usual = refusal("TRY_AGAIN")
    got, error = until_error(make_tagger(max_requests=2), COVERS)
    assert (got, type(error)) == ([], CostLimitError)
    assert "concepts.clarifai.max_requests = 2" in str(error)
    _, error = until_error(make_tagger(max_images=4), COVERS)
    assert type(error) is CostLimitError
    assert clarifai.sizes == [3, 3, 3]


# What is wrong with settings, and the token.


@pytest.mark.parametrize(
    "reaction",
    [
        refusal("MODEL_DOES_NOT_EXIST"),
        answer({0: "MODEL_DOES_NOT_EXIST"}),
        broken(grpc.StatusCode.UNIMPLEMENTED, "MODEL_DOES_NOT_EXIST"),
    ],
)
def test_a_model_that_is_not_there_is_named_with_its_settings(
    make_tagger: Make, clarifai: ClarifaiServer, reaction: stand_in.Reaction
) -> None:
    clarifai.usual = reaction
    got, error = until_error(make_tagger(model="nosuch"), COVERS[:1])
    assert (got, error.exit_code) == ([], 2)
    assert "clarifai/main/nosuch@" in str(error)
    assert "MODEL_DOES_NOT_EXIST" in str(error)
    assert "concepts.clarifai.user, app, model" in str(error)
    assert clarifai.sizes == [1]


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_nothing_begins(
    make_tagger: Make, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    monkeypatch.delenv("CLARIFAI_PAT")
    if token is not None:
        monkeypatch.setenv("CLARIFAI_PAT", token)
    with pytest.raises(TaggerError, match="CLARIFAI_PAT is not set"):
        make_tagger()


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "dürfen"])
def test_what_cannot_be_a_token_is_not_sent_and_not_said(
    make_tagger: Make, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("CLARIFAI_PAT", token)
    with pytest.raises(TaggerError, match="CLARIFAI_PAT holds characters") as raised:
        make_tagger()
    assert token not in str(raised.value)


@pytest.mark.parametrize(
    "reaction",
    [
        refusal("CONN_EXCEEDS_LIMITS", f"key {TOKEN}"),
        refusal("CONN_THROTTLED", f"key {TOKEN}"),
        broken(grpc.StatusCode.UNAUTHENTICATED, f"key {TOKEN}"),
        broken(grpc.StatusCode.RESOURCE_EXHAUSTED, f"key {TOKEN}"),
        answer({0: "INPUT_UNSUPPORTED_FORMAT"}),
    ],
)
def test_the_token_is_in_no_message_log_or_pickle(
    make_tagger: Make,
    clarifai: ClarifaiServer,
    reaction: stand_in.Reaction,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    clarifai.usual = reaction
    tagger = make_tagger()
    said = [tagger.name, repr(tagger), repr(vars(tagger)), str(tagger)]
    try:
        said += [repr(tagger.tag([COVERS[0][1]]))]
    except TaggerError as error:
        said += traceback.format_exception(error)
    with pytest.raises(TypeError):
        pickle.dumps(tagger)
    said += [caplog.text, *capfd.readouterr()]
    assert TOKEN not in "".join(said)


def test_a_wrong_token_is_said_to_be_wrong_and_not_shown(
    make_tagger: Make, clarifai: ClarifaiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARIFAI_PAT", " another-secret-token\n")
    got, error = until_error(make_tagger(), COVERS)
    assert (got, error.exit_code) == ([], 2)
    assert clarifai.requests[0].authorization == "Key another-secret-token"
    assert "another-secret-token" not in "".join(traceback.format_exception(error))
    assert "no such key: Key CLARIFAI_PAT" in str(error)
    assert clarifai.sizes == [3]
