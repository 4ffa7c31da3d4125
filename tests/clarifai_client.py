"""Asking the stand-in of Clarifai's API: covers, settings, and what is to come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from covergenre import config
from covergenre.concepts.clarifai import ClarifaiTagger
from covergenre.concepts.tagger import Concept, Tagged
from covergenre.config.concepts import Clarifai
from covergenre.errors import TaggerError
from tests import clarifai_server
from tests.covers import noise

COVERS = [(f"id-{seed}", noise(seed, 24)) for seed in range(7)]

Make = Callable[..., ClarifaiTagger]


def settings_for_tests(**changes: Any) -> Clarifai:
    """Three covers a request, three attempts, hardly any wait."""
    quick = {"insecure": True, "retry_seconds": 0.001, "max_retry_seconds": 0.002, "attempts": 3}
    quick |= {"timeout_seconds": 20, "batch_size": 3}
    defaults = config.load().concepts.clarifai.model_dump()
    return Clarifai.model_validate(defaults | quick | changes)


def said_of(content: bytes) -> list[Concept]:
    """What the stand-in says of an image, as a tagger is to give it."""
    own = Concept(clarifai_server.concept(content), 0.9375)
    return [own, Concept("art", 0.75), Concept("cover", 0.5), Concept("music", 0.5)]


SAID = [(cover_id, said_of(content)) for cover_id, content in COVERS]


def described(tagger: ClarifaiTagger, covers: list[tuple[str, bytes]]) -> list[tuple[str, Tagged]]:
    """All batches in one."""
    return [one for batch in tagger.describe(covers) for one in batch]


def until_error(
    tagger: ClarifaiTagger, covers: list[tuple[str, bytes]]
) -> tuple[list[tuple[str, Tagged]], TaggerError]:
    """What is got before the error, and the error."""
    got: list[tuple[str, Tagged]] = []
    with pytest.raises(TaggerError) as raised:
        for batch in tagger.describe(covers):
            got += batch
    return got, raised.value
