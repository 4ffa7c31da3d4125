"""Asking Clarifai: batches, order, retries, partial failures."""

from __future__ import annotations

import grpc
import pytest

from covergenre.concepts.tagger import TaggerFailure
from covergenre.errors import TaggingStoppedError
from tests import clarifai_server as stand_in
from tests.clarifai_client import COVERS, SAID, Make, described, said_of, until_error
from tests.clarifai_server import TOKEN, ClarifaiServer, answer, broken, late, refusal

pytest_plugins = ("tests.clarifai_fixtures",)


# Batches and order.


@pytest.mark.parametrize(
    "usual",
    [answer(), answer(backwards=True), answer(echo=False)],
    ids=["", "backwards", "own ids"],
)
def test_covers_are_described_in_order_in_batches(
    make_tagger: Make, clarifai: ClarifaiServer, usual: stand_in.Reaction
) -> None:
    clarifai.usual = usual
    batches = list(make_tagger().describe(iter(COVERS)))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [one for batch in batches for one in batch] == SAID
    assert clarifai.sizes == [3, 3, 1]
    assert [image for request in clarifai.requests for image in request.images] == [
        content for _, content in COVERS
    ]


def test_a_request_names_model_version_user_and_what_is_wanted(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    tagger = make_tagger(max_concepts=2, min_score=0.6, model="my-model", version="v7", user="me")
    assert tagger.tag([COVERS[0][1]]) == [said_of(COVERS[0][1])[:2]]
    request = clarifai.requests[0]
    assert request.authorization == f"Key {TOKEN}"
    message = request.message
    assert (message.model_id, message.version_id) == ("my-model", "v7")
    assert (message.user_app_id.user_id, message.user_app_id.app_id) == ("me", "main")
    wanted = message.model.output_info.output_config
    assert wanted.max_concepts == 2
    assert wanted.min_value == pytest.approx(0.6)


def test_concepts_below_the_threshold_are_left_out_whatever_comes(make_tagger: Make) -> None:
    first = COVERS[0][1]
    assert make_tagger(min_score=0.75).tag([first]) == [said_of(first)[:2]]


def test_the_name_holds_all_that_changes_what_is_said(make_tagger: Make) -> None:
    names = {
        make_tagger(**changes).name
        for changes in (
            {},
            {"version": None},
            {"max_concepts": 50},
            {"min_score": 0.5},
            {"model": "other"},
            {"user": "me"},
        )
    }
    assert len(names) == 6
    assert make_tagger(batch_size=1, attempts=9).name == make_tagger().name


def test_requests_stay_below_the_limit_of_bytes(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    sizes = [len(content) for _, content in COVERS[:3]]
    room = max(sizes[0] + sizes[1], sizes[1] + sizes[2], 1024)
    assert sum(sizes) > room
    tagger = make_tagger(max_request_bytes=room, max_image_bytes=1024)
    assert described(tagger, COVERS[:3]) == SAID[:3]
    assert clarifai.sizes == [2, 1]


def test_nothing_is_asked_before_the_batch_before_was_taken(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    batches = make_tagger().describe(COVERS)
    assert clarifai.requests == []
    next(batches)
    batches.close()  # a run that ends here has paid for what it got, and no more
    assert clarifai.sizes == [3]


# Retries.


@pytest.mark.parametrize(
    "trouble",
    [
        refusal("CONN_THROTTLED", "exceeded limit of 15 requests per second"),
        refusal("TRY_AGAIN"),
        refusal("MODEL_DEPLOYING"),
        refusal("INTERNAL_UNCATEGORIZED"),
        refusal("FAILURE"),
        answer(dict.fromkeys(range(3), "MODEL_BUSY_PLEASE_RETRY")),
        broken(grpc.StatusCode.RESOURCE_EXHAUSTED),
        broken(grpc.StatusCode.INTERNAL, "RST_STREAM"),
        broken(grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_trouble_that_passes_is_waited_for(
    make_tagger: Make, clarifai: ClarifaiServer, trouble: stand_in.Reaction
) -> None:
    clarifai.script = [trouble, trouble]
    assert described(make_tagger(), COVERS[:3]) == SAID[:3]
    assert clarifai.sizes == [3, 3, 3]


def test_a_service_that_comes_back_is_waited_for(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [broken(grpc.StatusCode.UNAVAILABLE)] * 2
    assert make_tagger().tag([COVERS[0][1]]) == [SAID[0][1]]


def test_an_answer_that_takes_too_long_is_asked_for_again(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [late()]
    # So many attempts because a busy machine may be late, too.
    tagger = make_tagger(timeout_seconds=1, attempts=9)
    assert tagger.tag([COVERS[0][1]]) == [SAID[0][1]]
    assert len(clarifai.requests) >= 2


def test_waits_grow_and_are_bounded(
    make_tagger: Make, clarifai: ClarifaiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    clarifai.usual = refusal("CONN_THROTTLED")
    tagger = make_tagger(attempts=6, retry_seconds=1, max_retry_seconds=8)
    until_error(tagger, COVERS[:1])
    assert len(waits) == 5
    assert all(
        low <= wait <= high
        for wait, low, high in zip(waits, [1, 2, 4, 8, 8], [2, 3, 5, 8, 8], strict=True)
    )
    assert waits[:3] != [1, 2, 4]  # never all at the same time


def test_without_any_answer_the_run_ends_and_says_so(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [answer(), *[refusal("MODEL_DEPLOYING", "wait")] * 3]
    got, error = until_error(make_tagger(), COVERS)
    assert got == SAID[:3]
    assert type(error) is TaggingStoppedError
    assert error.exit_code == 5
    assert clarifai.endpoint in str(error)
    assert "3 attempts: MODEL_DEPLOYING: model_deploying wait" in str(error)
    assert clarifai.sizes == [3, 3, 3, 3]


def test_nobody_there_is_said(make_tagger: Make, clarifai: ClarifaiServer) -> None:
    tagger = make_tagger(endpoint="127.0.0.1:1", attempts=2)
    _, error = until_error(tagger, COVERS[:1])
    assert type(error) is TaggingStoppedError
    assert "127.0.0.1:1" in str(error)
    assert "UNAVAILABLE" in str(error)


# Partial failures.


def test_a_refused_image_fails_alone(make_tagger: Make, clarifai: ClarifaiServer) -> None:
    clarifai.script = [answer({1: "INPUT_UNSUPPORTED_FORMAT"}, backwards=True)]
    got = described(make_tagger(), COVERS)
    assert got[:1] + got[2:] == SAID[:1] + SAID[2:]
    cover_id, failure = got[1]
    assert cover_id == "id-1"
    assert isinstance(failure, TaggerFailure)
    assert failure.reason == "rejected"
    assert failure.detail.startswith("INPUT_UNSUPPORTED_FORMAT")
    assert not failure.passing
    assert clarifai.sizes == [3, 3, 1]


def test_only_images_without_an_answer_are_sent_again(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [answer({0: "MODEL_LOADING", 2: "TRY_AGAIN"}), answer({1: "TRY_AGAIN"})]
    assert described(make_tagger(), COVERS[:3]) == SAID[:3]
    contents = [content for _, content in COVERS]
    assert [request.images for request in clarifai.requests] == [
        contents[:3],
        [contents[0], contents[2]],
        [contents[2]],
    ]


def test_an_image_that_is_never_answered_is_left_for_the_next_run(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.script = [
        answer({2: "INTERNAL_UNEXPECTED_TIMEOUT"}),
        *[answer({0: "INTERNAL_UNEXPECTED_TIMEOUT"})] * 2,
    ]
    got = described(make_tagger(), COVERS)
    assert got[:2] + got[3:] == SAID[:2] + SAID[3:]
    failure = got[2][1]
    assert isinstance(failure, TaggerFailure)
    assert (failure.reason, failure.passing) == ("unanswered", True)
    assert clarifai.sizes == [3, 1, 1, 3, 1]


def test_a_single_cover_that_is_never_answered_does_not_end_the_run(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.usual = answer({0: "INTERNAL_UNEXPECTED_TIMEOUT"})
    (tagged,) = make_tagger().tag([COVERS[0][1]])
    assert isinstance(tagged, TaggerFailure)
    assert tagged.passing


def test_an_image_that_spoils_its_request_is_found(
    make_tagger: Make, clarifai: ClarifaiServer
) -> None:
    clarifai.usual = stand_in.spoiled_by(COVERS[4][1])
    got = described(make_tagger(batch_size=7), COVERS)
    assert [cover_id for cover_id, tagged in got if isinstance(tagged, TaggerFailure)] == ["id-4"]
    assert got[:4] + got[5:] == SAID[:4] + SAID[5:]


def test_a_file_that_is_no_image_is_never_sent(make_tagger: Make, clarifai: ClarifaiServer) -> None:
    covers = [COVERS[0], ("id-text", b"<html>not found</html>"), ("id-empty", b""), COVERS[1]]
    got = dict(described(make_tagger(batch_size=4), covers))
    assert list(got) == ["id-0", "id-text", "id-empty", "id-1"]
    assert got["id-text"] == TaggerFailure("not_an_image", "an HTML page")
    assert got["id-empty"] == TaggerFailure("empty_file", "0 bytes")
    assert clarifai.sizes == [2]
