"""Networks in eight-bit integers: what is kept of a quantization is all that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre.engines import Graph, Pixels, openvino, quantization
from covergenre.engines.int8 import Int8Part, stored
from covergenre.engines.quantization import Quantization
from covergenre.errors import EngineError

SIZE, BATCH, CHANNELS = 16, 4, 6
COLOURS = np.random.default_rng(0).integers(0, 256, (64, 4, 4, 3), dtype=np.uint8)
# Smooth pictures, as covers are: activations of noise are all alike.
PICTURES: Pixels = COLOURS.repeat(4, axis=1).repeat(4, axis=2)
SHOWN = [PICTURES[start : start + BATCH] for start in range(0, 48, BATCH)]
OTHERS = PICTURES[48:]


def small(kind: str = "relu6") -> Callable[[], Callable[[Any], tuple[Any, ...]]]:
    """A network with what the project's have: convolutions, depthwise ones, a sum, a head."""

    def build() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        draw = np.random.default_rng(1)

        def weights(*shape: int) -> Any:
            fan_in = float(np.prod(shape[:-1]))
            return tf.constant(draw.normal(0, fan_in**-0.5, shape).astype(np.float32))

        first, deep, wide = (
            weights(3, 3, 3, CHANNELS),
            weights(3, 3, CHANNELS, 1),
            weights(1, 1, 6, 6),
        )
        head = weights(CHANNELS, 3)
        biases = [tf.constant(draw.normal(0, 0.1, CHANNELS).astype(np.float32)) for _ in range(3)]
        act = getattr(tf.nn, kind)

        def look(pixels: Any) -> tuple[Any, ...]:
            x = tf.cast(pixels, tf.float32) / 128 - 1
            x = act(tf.nn.conv2d(x, first, 2, "SAME") + biases[0])
            y = act(tf.nn.depthwise_conv2d(x, deep * 3, (1, 1, 1, 1), "SAME") + biases[1])
            x = tf.nn.conv2d(y, wide, 1, "SAME") + biases[2]
            x = x + tf.nn.conv2d(act(x), wide, 1, "SAME")
            features = tf.reduce_mean(x, (1, 2))
            return tf.matmul(features, head), features

        return look

    return build


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph("small", SIZE, "a", small())


@pytest.fixture(scope="module")
def found(graph: Graph, cache: Path) -> Quantization:
    return quantization.find(openvino.read(openvino.convert(graph, BATCH, cache)), SHOWN)


def logits(converted: openvino.Converted, precision: str, pixels: Pixels = OTHERS) -> Any:
    run = openvino.OpenVINORun(converted, precision, 1)
    said = [
        run(pixels[i : i + run.batch_size])[0].copy() for i in range(0, len(pixels), run.batch_size)
    ]
    return np.concatenate(said)


def test_what_is_found_of_a_network(found: Quantization) -> None:
    # Four convolutions and the head, each with a scale an output; each can get a bias.
    assert sorted(found.weights.values()) == [(0,)] * 5
    assert 0 < len(found.biases) <= 5
    assert all(len(difference) == CHANNELS for difference in found.biases.values())
    assert {len(one.least) for one in found.activations} == {1, CHANNELS}  # before depthwise ones
    for one in found.activations:
        assert one.targets and (one.least <= 0).all() and (one.largest > one.least).all()


def test_it_computes_what_nncf_would(graph: Graph, found: Quantization, cache: Path) -> None:
    import nncf
    from nncf.quantization.advanced_parameters import OverflowFix

    converted = openvino.convert(graph, BATCH, cache)
    theirs = nncf.quantize(
        openvino.read(converted), nncf.Dataset(SHOWN), subset_size=len(SHOWN),
        preset=nncf.QuantizationPreset.MIXED, fast_bias_correction=False,
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.DISABLE),
    )  # fmt: skip
    ours = openvino.read(converted)
    quantization.apply(ours, found)
    import openvino as vino

    first, second = (
        vino.Core().compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(OTHERS[:BATCH])[0]
        for m in (theirs, ours)
    )
    np.testing.assert_allclose(second, first, atol=1e-5)


def test_in_integers_it_says_nearly_the_same(
    graph: Graph, found: Quantization, cache: Path
) -> None:
    able = {"any name": replace(graph, quantization=found)}
    exact = logits(openvino.convert(graph, BATCH, cache), "f32")
    for batch_size in (BATCH, 3):  # of any size
        (converted,) = openvino.prepared(able, batch_size, "int8", cache).values()
        assert converted.batch_size == batch_size
        assert len(converted.weights) < len(openvino.convert(graph, batch_size, cache).weights)
        rounded = logits(converted, "int8")
        assert 0 < np.abs(rounded - exact).mean() < 0.02 * np.abs(exact).max()
    # It is asked for only where the precision is int8.
    (plain,) = openvino.prepared(able, BATCH, "f32", cache).values()
    assert plain == openvino.convert(graph, BATCH, cache)


def test_a_network_without_is_computed_as_it_is(graph: Graph, cache: Path) -> None:
    (converted,) = openvino.prepared({"small": graph}, BATCH, "int8", cache).values()
    assert converted == openvino.convert(graph, BATCH, cache)
    exact = logits(converted, "f32")
    np.testing.assert_allclose(logits(converted, "int8"), exact, atol=0.02 * np.abs(exact).max())


def test_it_survives_a_bundle(found: Quantization, tmp_path: Path) -> None:
    part = Int8Part({"small": found, "another": found}, {"covers": 48})
    for name, content in part.files.items():
        (tmp_path / name).write_bytes(content)
    assert sorted(part.files) == part.spec["files"]
    again = stored(tmp_path, part.spec)
    assert sorted(again) == ["another", "small"]
    for one in again.values():
        assert one.structure == found.structure and one.weights == found.weights
        assert list(one.biases) == list(found.biases)
        for place, difference in found.biases.items():
            np.testing.assert_array_equal(one.biases[place], difference)
        for left, right in zip(one.activations, found.activations, strict=True):
            assert (left.source, left.targets) == (right.source, right.targets)
            np.testing.assert_array_equal(left.least, right.least)
            np.testing.assert_array_equal(left.largest, right.largest)


def test_nothing_of_the_weights_is_kept(graph: Graph, found: Quantization) -> None:
    kept = sum(tensor.nbytes for tensor in found.tensors().values())
    floats = [t for t in found.tensors().values() if t.dtype == np.float32]
    assert sum(t.size for t in floats) < 12 * CHANNELS  # ranges and biases: a few a channel
    assert kept < 1500


def test_the_quantization_of_another_network_is_refused(found: Quantization, cache: Path) -> None:
    other = Graph("small", SIZE, "b", small("relu"), found)
    with pytest.raises(EngineError, match=r"another .*jobs/convert\.py --int8"):
        openvino.prepared({"small": other}, BATCH, "int8", cache)
