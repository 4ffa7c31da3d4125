"""ImageNet's classes on covers, by the weights that come with the default backbone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw

from covergenre import config, images
from covergenre.backbones import resolve as resolve_backbone
from covergenre.backbones.efficientnet_lite import WEIGHTS_SHA256, weights_path
from covergenre.backbones.torch_state import read_state_dict
from covergenre.concepts import local
from covergenre.concepts.local import LocalModel, LocalTagger
from covergenre.concepts.tagger import TaggerFailure
from covergenre.config.concepts import Concepts
from tests.covers import drawn, encoded


def resolved(*assignments: str) -> LocalModel:
    settings: Concepts = config.load(
        assignments=[f"concepts.{one}" for one in assignments]
    ).concepts
    return local.resolve(settings)


@pytest.fixture(scope="module")
def tagger() -> LocalTagger:
    return resolved().load()


def traffic_light() -> Image.Image:
    picture = Image.new("RGB", (224, 224), (120, 170, 220))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((77, 20, 147, 200), fill=(25, 25, 25))
    for row, colour in enumerate([(230, 20, 20), (240, 180, 0), (20, 200, 60)]):
        pen.ellipse((87, 30 + row * 57, 137, 80 + row * 57), fill=colour)
    return picture


def crossword() -> Image.Image:
    squares = np.random.default_rng(0).random((14, 14)) > 0.25
    pixels = np.kron(squares, np.ones((16, 16))).astype(np.uint8) * 255
    pixels[::16] = pixels[:, ::16] = 0
    return Image.fromarray(pixels).convert("RGB")


def test_the_thousand_classes_are_in_the_challenge_s_order() -> None:
    names = resolved().names
    assert len(names) == len({name.lower() for name in names}) == 1000
    # keras.applications' imagenet_class_index.json has the same numbers.
    told = {0: "tench", 134: "crane (bird)", 517: "crane (machine)", 917: "comic book",
            920: "traffic light", 921: "book jacket", 999: "toilet tissue"}  # fmt: skip
    assert {number: names[number] for number in told} == told


def test_drawn_things_are_recognised(tagger: LocalTagger) -> None:
    covers = [encoded(traffic_light(), "PNG"), encoded(crossword(), "PNG")]
    light, puzzle = tagger.tag(covers)
    assert not isinstance(light, TaggerFailure) and not isinstance(puzzle, TaggerFailure)
    assert (light[0].name, puzzle[0].name) == ("traffic light", "crossword puzzle")
    assert light[0].score is not None and light[0].score > 0.5


def test_scores_are_the_softmax_of_the_classifier_on_the_features(tagger: LocalTagger) -> None:
    covers = [drawn("rap", 1), drawn("folk", 2), drawn("disco", 3)]
    pixels = np.stack([images.load(cover, tagger.size) for cover in covers])
    scores = tagger.scores(pixels)
    assert (scores.shape, scores.dtype, tagger.size) == ((3, 1000), np.float32, 192)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    tensors = read_state_dict(weights_path(), WEIGHTS_SHA256)
    top = keras.layers.Dense(1000, activation="softmax")
    top.build((None, 1280))
    top.set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    features = resolve_backbone("efficientnet_lite2", input_size=192).compiled()(pixels)
    np.testing.assert_allclose(scores, top(features).numpy(), atol=1e-5)
    # How many covers a call of the network sees changes nothing.
    alone = np.concatenate([tagger.scores(cover[None]) for cover in pixels])
    np.testing.assert_allclose(scores, alone, atol=1e-5)


def test_the_most_certain_concepts_are_told(tagger: LocalTagger) -> None:
    scores = np.zeros(1000, np.float32)
    scores[[3, 5, 7]] = 0.05, 0.5, 0.25
    scores[9] = 0.0499
    told = tagger.concepts(scores)
    assert [(one.name, one.score) for one in told] == [
        (tagger.names[5], 0.5), (tagger.names[7], 0.25), (tagger.names[3], pytest.approx(0.05)),
    ]  # fmt: skip
    scores[100:120] = 0.03125
    assert (
        len(LocalTagger(resolved("local.min_score=0.01"), tagger._network).concepts(scores)) == 10
    )


def test_a_cover_that_cannot_be_used_spoils_no_other(tagger: LocalTagger) -> None:
    good = drawn("rap", 1)
    first, broken, last = tagger.tag([good, b"<html>", good])
    assert broken == TaggerFailure("not_an_image", "an HTML page")
    assert first == last and not isinstance(first, TaggerFailure)
    assert tagger.tag([b""]) == [TaggerFailure("empty_file", "0 bytes")]


def test_the_name_tells_what_changes_the_answers() -> None:
    assert resolved().name.startswith("imagenet:") and resolved().name == resolved().name
    changes = ["local.input_size=260", "local.min_score=0.1", "local.max_concepts=5"]
    assert len({resolved().name, *(resolved(change).name for change in changes)}) == 4
    assert resolved("local.batch_size=8").name == resolved().name
