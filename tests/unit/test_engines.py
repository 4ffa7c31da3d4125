"""Engines: OpenVINO says what Keras says, and what it said is not overwritten later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre.backbones import resolve
from covergenre.backbones.efficientnet_lite import WEIGHTS_SHA256, weights_path
from covergenre.backbones.torch_state import read_state_dict
from covergenre.bundle import Bundle
from covergenre.classifier import Classifier
from covergenre.concepts import imagenet
from covergenre.detector.detector import Detector
from covergenre.detector.network import detector_graph, load
from covergenre.detector.stored import DetectorPart
from covergenre.engines import Floats, Graph, Loader, Pixels, Run, openvino, tensorflow
from covergenre.engines.choice import processor_flags
from tests import detectors

SIZE, CLASSES, BATCH = 16, 5, 4
ENGINES = ("tensorflow", "openvino")


@pytest.fixture(scope="module")
def network() -> Any:
    """A small network with random weights and two outputs: for the cover, and for its places."""
    import keras

    keras.utils.set_random_seed(3)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(pixels)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    places = keras.layers.Conv2D(4, 1)(x)
    logits = keras.layers.Dense(CLASSES)(keras.layers.GlobalAveragePooling2D()(x))
    made = keras.Model(pixels, [logits, places])
    random = np.random.default_rng(0)
    norm = next(layer for layer in made.layers if "batch" in layer.name)
    norm.set_weights([random.uniform(0.5, 1.5, 8) for _ in range(4)])
    return made


@pytest.fixture(scope="module")
def graph(network: Any) -> Graph:
    def built() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        return lambda x: tuple(network(tf.cast(x, tf.float32) / 127.5 - 1, training=False))

    return Graph("small", SIZE, "test_engines", built)


@pytest.fixture(scope="module")
def converted(
    graph: Graph, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, openvino.Converted]:
    return {graph.name: openvino.convert(graph, BATCH, tmp_path_factory.mktemp("converted"))}


@pytest.fixture(scope="module")
def runs(graph: Graph, converted: dict[str, openvino.Converted]) -> dict[str, Run]:
    loaders = {
        "tensorflow": tensorflow.loader(BATCH),
        "openvino": openvino.loader(converted, "f32", 1),
        "bf16": openvino.loader(converted, "bf16", 1),
    }
    return {name: loader(graph) for name, loader in loaders.items()}


def pictures(count: int, size: int = SIZE, seed: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def expected(network: Any, pixels: Pixels) -> list[Floats]:
    """What Keras itself says of covers."""
    said: list[Floats] = network.predict(pixels.astype(np.float32) / 127.5 - 1, verbose=0)
    return said


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 3, BATCH])
def test_an_engine_says_what_keras_says(
    network: Any, runs: dict[str, Run], engine: str, count: int
) -> None:
    run, pixels = runs[engine], pictures(count)
    assert (run.size, run.batch_size) == (SIZE, BATCH)
    said = run(pixels)
    assert [output.shape for output in said] == [(count, CLASSES), (count, 8, 8, 4)]
    for found, wanted in zip(said, expected(network, pixels), strict=True):
        assert found.dtype == np.float32
        assert np.ptp(wanted) > 0.1  # they do differ from cover to cover
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_bfloat16_says_nearly_what_keras_says(network: Any, runs: dict[str, Run]) -> None:
    pixels = pictures(BATCH)
    wanted = expected(network, pixels)
    for found, exact in zip(runs["bf16"](pixels), wanted, strict=True):
        np.testing.assert_allclose(found, exact, atol=2e-2)
    if processor_flags() & {"avx512_bf16", "amx_bf16"}:
        assert np.abs(runs["bf16"](pixels)[0] - wanted[0]).max() > 1e-5  # it was asked for


@pytest.mark.parametrize("engine", ENGINES)
def test_covers_may_lie_anywhere_in_memory(network: Any, runs: dict[str, Run], engine: str) -> None:
    pixels = pictures(2 * BATCH)[::2, :, ::-1]
    pixels.setflags(write=False)
    (wanted, _), (found, _) = expected(network, pixels), runs[engine](pixels)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    before = pixels.copy()
    runs[engine](np.ascontiguousarray(pixels))
    assert (pixels == before).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_more_covers_than_a_batch_holds_are_refused(runs: dict[str, Run], engine: str) -> None:
    with pytest.raises(ValueError):
        runs[engine](pictures(BATCH + 1))


# What is made of it: any number of covers, and nothing is overwritten.


class Overwriting:
    """Gives views of its memory, as engines may, and always overwrites what it gave before."""

    def __init__(self, run: Run) -> None:
        self.size, self.batch_size = run.size, run.batch_size
        self._run = run
        self._given: tuple[Floats, ...] = ()

    def __call__(self, pixels: Pixels) -> tuple[Floats, ...]:
        for view in self._given:
            view.fill(np.nan)
        self._given = tuple(np.array(output) for output in self._run(pixels))
        return self._given


def overwriting(loader: Loader) -> Loader:
    return lambda graph: Overwriting(loader(graph))


@pytest.fixture(scope="module", params=[*ENGINES, "overwriting"])
def loader(request: pytest.FixtureRequest) -> Callable[[Graph], Loader]:
    """Loads one graph, converted first where the engine is OpenVINO."""

    def of(graph: Graph) -> Loader:
        if request.param == "openvino":
            return openvino.loader({graph.name: openvino.convert(graph, BATCH)}, "f32", 1)
        plain = tensorflow.loader(BATCH)
        return overwriting(plain) if request.param == "overwriting" else plain

    return of


def test_a_classifier_takes_any_number_of_covers(
    network: Any, graph: Graph, loader: Callable[[Graph], Loader]
) -> None:
    def logits_only() -> Callable[[Any], tuple[Any, ...]]:
        whole = graph.build()
        return lambda x: whole(x)[:1]

    alone = Graph("small", SIZE, "test_engines, logits", logits_only)
    classifier = Classifier(loader(alone)(alone), temperature=2.0)
    pixels = pictures(2 * BATCH + 1)
    wanted, _ = expected(network, pixels)
    logits, first = classifier.logits(pixels), classifier.logits(pixels[:1])
    probabilities = classifier.probabilities(pixels)
    classifier.logits(pictures(BATCH, seed=2))
    np.testing.assert_allclose(logits, wanted, atol=1e-5)
    np.testing.assert_allclose(first, wanted[:1], atol=1e-5)
    odds = np.exp(wanted.astype(np.float64) / 2)
    np.testing.assert_allclose(probabilities, odds / odds.sum(1, keepdims=True), atol=1e-5)
    assert classifier.logits(pixels[:0]).shape == (0, CLASSES)
    with pytest.raises(ValueError, match="covers of 16x16 RGB are needed, not "):
        classifier.logits(pictures(1, SIZE + 1))


def test_a_detector_takes_any_number_of_covers(loader: Callable[[Graph], Loader]) -> None:
    """Scores are those of Keras; boxes, read from the same codes, are as far from its as those."""
    network = load(detectors.ARCHITECTURE, detectors.weights())
    graph = detector_graph(lambda: network, detectors.PREPROCESSING, "test_engines")
    detector = Detector(loader(graph)(graph), detectors.ARCHITECTURE.anchors, detectors.SUPPRESSION)
    pixels = pictures(BATCH + 2, 64)
    found, first = detector.detect(pixels), detector.detect(pixels[:1])
    kept = [(one.boxes.copy(), one.scores.copy()) for one in found]
    detector.detect(pictures(BATCH, 64, seed=2))
    logits = network.predict(pixels / np.float32(127.5) - 1, verbose=0)["logits"]
    surest = 1 / (1 + np.exp(-logits.max((1, 2))))
    assert len({round(float(score), 4) for score in surest}) == len(pixels)
    np.testing.assert_allclose([one.scores[0] for one in found], surest, atol=1e-4)
    np.testing.assert_allclose(first[0].boxes, found[0].boxes, atol=1e-4)
    for one, (boxes, scores) in zip(found, kept, strict=True):
        assert (one.boxes == boxes).all() and (one.scores == scores).all()
    assert detector.detect(pictures(0, 64)) == []
    with pytest.raises(ValueError, match="covers of 64x64 RGB are needed, not "):
        detector.detect(pictures(1))


def test_the_tagger_takes_any_number_of_covers(loader: Callable[[Graph], Loader]) -> None:
    graph = imagenet.imagenet_graph(64)
    tagger = imagenet.load(64, loader(graph))
    pixels = pictures(BATCH + 2, 64)
    scores = tagger.scores(pixels)
    again = scores.copy()
    tagger.scores(pictures(BATCH, 64, seed=2))
    assert scores.shape == (BATCH + 2, 1000) and (scores == again).all()
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(tagger.scores(pixels[-1:]), scores[-1:], atol=1e-5)
    alone = resolve("efficientnet_lite2", input_size=64).load()
    tensors = read_state_dict(weights_path(), WEIGHTS_SHA256)
    features = alone.predict((pixels - np.float32(127)) / 128, verbose=0)
    logits = features @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(scores, odds / odds.sum(1, keepdims=True), atol=1e-4)


# What a bundle gives to engines.


class Saying:
    """A run that says the same logits of every cover."""

    size, batch_size = 64, 8

    def __init__(self, logits: list[float]) -> None:
        self._logits = np.array([logits], np.float32)

    def __call__(self, pixels: Pixels) -> tuple[Floats, ...]:
        return (np.repeat(self._logits, len(pixels), axis=0),)


def test_a_temperature_is_for_logits_as_large_as_the_references(
    make_bundle: Callable[..., Bundle],
) -> None:
    bundle, run = make_bundle(temperature=2.0), Saying([0.0, 5.0])
    # 5 / 2 for the reference; an engine whose logits are 1.25 times larger means 4 by its 5.
    for scale, odds in ((1.0, 2.5), (1.25, 2.0)):
        classifier = bundle.classifier(lambda _: run, scale)
        share = 1 / (1 + np.exp(-odds))
        np.testing.assert_allclose(
            classifier.probabilities(pictures(3, 64)), [[1 - share, share]] * 3, rtol=1e-6
        )


def test_the_networks_of_a_bundle_are_told_apart(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    exported = DetectorPart.of_exported(detectors.export(tmp_path / "saved_model"), {1}, 0.5, {})
    plain = make_bundle("plain", detector=detectors.own()).graphs()
    assert {name: graph.size for name, graph in plain.items()} == {"classifier": 64, "detector": 64}
    warmer = make_bundle("warmer", temperature=2.0, detector=detectors.own(threshold=0.9)).graphs()
    assert warmer == plain  # all that is computed is the same
    other = make_bundle("other", seed=1, detector=detectors.own(seed=1)).graphs()
    for name in plain:
        assert other[name].digest != plain[name].digest
    assert list(make_bundle("exported", detector=exported).graphs()) == ["classifier"]
