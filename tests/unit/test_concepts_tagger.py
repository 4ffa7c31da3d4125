"""What every tagger does with covers, and what the settings of concepts may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from covergenre import config
from covergenre.concepts.tagger import Concept, Tagged, Tagger, TaggerFailure, ranked
from covergenre.errors import SettingError


class _Lengths(Tagger):
    """Says how many bytes a cover has; refuses empty ones."""

    name = "lengths"
    batch_size = 2

    def __init__(self) -> None:
        self.calls: list[int] = []

    def tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        self.calls.append(len(contents))
        return [
            [Concept(str(len(one)), 1.0)] if one else TaggerFailure("empty_file", "0 bytes")
            for one in contents
        ]


def test_covers_are_described_in_order_batch_by_batch() -> None:
    tagger, read = _Lengths(), []

    def covers() -> Iterator[tuple[str, bytes]]:
        for size in (3, 1, 0, 2, 5):
            read.append(size)
            yield f"id-{size}", b"x" * size

    batches = tagger.describe(covers())
    assert next(batches) == [("id-3", [Concept("3", 1.0)]), ("id-1", [Concept("1", 1.0)])]
    assert (read, tagger.calls) == ([3, 1], [2])  # no more than is needed
    assert [len(batch) for batch in batches] == [2, 1]
    assert tagger.calls == [2, 2, 1]


def test_concepts_are_ranked_by_score_then_name() -> None:
    assert ranked([("b", 0.5), ("c", 0.25), ("a", 0.5), ("d", 1.0), ("e", 0.0)]) == [
        Concept("d", 1.0),
        Concept("a", 0.5),
        Concept("b", 0.5),
        Concept("c", 0.25),
    ]
    assert ranked([("a", 0.5), ("b", 0.25)], least=0.5) == [Concept("a", 0.5)]
    assert ranked([("a", 0.5), ("a", 0.75), ("a", 0.25)]) == [Concept("a", 0.75)]


def test_only_what_was_not_answered_is_asked_again() -> None:
    assert TaggerFailure("unanswered", "").passing
    assert not TaggerFailure("rejected", "").passing
    assert not TaggerFailure("not_an_image", "").passing


# Settings.


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:99", "localhost:99", "[::1]:99"])
def test_an_endpoint_on_this_machine_may_be_insecure(host: str) -> None:
    settings = config.load(
        assignments=[f'concepts.clarifai.endpoint="{host}"', "concepts.clarifai.insecure=true"]
    )
    assert settings.concepts.clarifai.endpoint == host


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("endpoint=https://api.clarifai.com", "must be host or host:port"),
        ("endpoint=api.clarifai.com/v2", "must be host or host:port"),
        ("endpoint=me:secret@api.clarifai.com", "must be host or host:port"),
        ('endpoint=""', "must be host or host:port"),
        ("endpoint=api.clarifai.com:port", "Port could not be cast"),
        ("insecure=true", "on this machine"),
        ("batch_size=129", "less than or equal to 128"),
        ("max_concepts=201", "less than or equal to 200"),
        ("max_request_bytes=10000000", "max_image_bytes must not be above"),
        ("model=../other", "should match pattern"),
    ],
)
def test_a_setting_that_cannot_be_is_named(assignment: str, said: str) -> None:
    with pytest.raises(SettingError, match=r"concepts\.clarifai") as raised:
        config.load(assignments=[f"concepts.clarifai.{assignment}"])
    assert said in str(raised.value)


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "localhost.example.org", "0.0.0.0"])
def test_no_other_machine_is_asked_without_tls(host: str) -> None:
    with pytest.raises(SettingError, match="on this machine"):
        config.load(
            assignments=[f"concepts.clarifai.endpoint={host}", "concepts.clarifai.insecure=true"]
        )
