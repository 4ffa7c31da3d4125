"""The network's shapes, its weights, and the compiled detector around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from covergenre.adapter import named_weights
from covergenre.backbones import MODES, Preprocessing
from covergenre.detector.anchors import Anchors
from covergenre.detector.boxes import Detections
from covergenre.detector.coding import encode
from covergenre.detector.detector import Detector, most_probable
from covergenre.detector.network import Architecture, build, detector_graph, load
from covergenre.detector.nms import Suppression
from covergenre.engines import tensorflow
from covergenre.errors import BundleError

SIZE = 64
SMALL = Architecture(
    Anchors(SIZE, (4, 8, 16), (2.5, 4.0)), width=0.35, channels=8, depth=1, classes=2
)
PREPROCESSING = Preprocessing(SIZE, *MODES["tf"])


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    import keras

    keras.utils.set_random_seed(5)
    yield build(SMALL)


def covers(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_outputs_follow_the_anchors(network: Any) -> None:
    said = network(np.zeros((3, SIZE, SIZE, 3), np.float32))
    places = 16**2 + 8**2 + 4**2
    assert said["logits"].shape == (3, places * 4, 2)
    assert said["codes"].shape == (3, places * 4, 4)
    assert len(SMALL.anchors.boxes()) == places * 4


def test_an_untrained_network_expects_one_label_in_a_hundred_anchors(network: Any) -> None:
    pixels = PREPROCESSING.apply(tf.constant(covers(2)))
    chances = tf.sigmoid(network(pixels, training=False)["logits"]).numpy()
    assert chances.mean() == pytest.approx(0.01, rel=0.2)


def test_what_an_anchor_says_is_of_its_place() -> None:
    import keras

    keras.utils.set_random_seed(5)
    one = Architecture(Anchors(128, (4,), (4.0,), (1.0,)), 0.35, 8, 1)
    network = build(one)
    pixels = np.zeros((2, 128, 128, 3), np.float32)
    pixels[1, 80:84, 40:44] = 1
    codes = network(pixels, training=False)["codes"].numpy()
    changed = np.abs(codes[1] - codes[0]).sum(-1)
    xmin, ymin, xmax, ymax = one.anchors.boxes()[changed.argmax()] * 128
    assert abs((xmin + xmax) / 2 - 42) < 16
    assert abs((ymin + ymax) / 2 - 82) < 16


def test_predictor_is_shared_and_batch_norm_is_not(network: Any) -> None:
    names = set(named_weights(network))
    assert len(names) == len(network.weights)
    assert "predictor_0/depthwise_kernel" in names
    assert {f"predictor_0_bn_{stride}/gamma" for stride in (4, 8, 16)} <= names
    assert len([name for name in names if name.startswith("scores/")]) == 3
    # The backbone ends at the coarsest level.
    assert "block_12_project/kernel" in names and "block_13_expand/kernel" not in names


def test_every_part_learns(network: Any) -> None:
    with tf.GradientTape() as tape:
        said = network(tf.random.stateless_normal((2, SIZE, SIZE, 3), (1, 2)), training=True)
        loss = tf.reduce_sum(said["logits"] ** 2) + tf.reduce_sum(said["codes"] ** 2)
    gradients = tape.gradient(loss, network.trainable_weights)
    still = [
        weight.path
        for weight, gradient in zip(network.trainable_weights, gradients, strict=True)
        if gradient is None or not np.isfinite(gradient).all()
    ]
    assert still == []


def test_weights_are_kept_by_name(network: Any, tmp_path: Path) -> None:
    save_file(named_weights(network), tmp_path / "detector.safetensors")
    copy = load(SMALL, load_file(tmp_path / "detector.safetensors"))
    pixels = PREPROCESSING.apply(tf.constant(covers(2)))
    for name, values in network(pixels, training=False).items():
        np.testing.assert_array_equal(copy(pixels, training=False)[name], values)


def test_weights_of_another_architecture_are_refused(network: Any) -> None:
    weights = named_weights(network)
    with pytest.raises(BundleError, match=r"another architecture: lateral_16/kernel is .* not"):
        load(Architecture(SMALL.anchors, 0.35, 16, 1, 2), weights)
    del weights["scores/bias"]
    with pytest.raises(BundleError, match=r"scores/bias is missing, not \(8,\)"):
        load(SMALL, weights)


def test_levels_the_backbone_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="levels at 4, 8, 16, 32, not 2"):
        build(Architecture(Anchors(SIZE, (2, 4))))


def test_a_manifest_gives_an_architecture_back() -> None:
    assert Architecture.from_json(SMALL.to_json()) == SMALL


class Certain(tf.Module):
    """Says of every cover that its mean brightness is the chance of one box."""

    def __init__(self, anchors: Anchors, box: list[float], place: int) -> None:
        super().__init__()
        self.anchors = tf.constant(anchors.boxes())
        self.box, self.place = tf.constant(box), place

    def __call__(self, pixels: Any, training: bool) -> dict[str, Any]:
        assert not training
        chance = (tf.reduce_mean(pixels, (1, 2, 3)) + 1) / 2
        here = tf.one_hot(self.place, len(self.anchors))
        logits = tf.math.log(chance / (1 - chance))[:, None] * here - 9 * (1 - here)
        codes = encode(tf.broadcast_to(self.box, self.anchors.shape), self.anchors)
        return {
            "logits": logits[..., None],
            "codes": tf.broadcast_to(codes, (pixels.shape[0], *codes.shape)),
        }


def certain(box: list[float], batch_size: int = 4) -> Detector:
    network = Certain(SMALL.anchors, box, 77)
    run = tensorflow.loader(batch_size)(detector_graph(lambda: network, PREPROCESSING, ""))
    return Detector(run, SMALL.anchors, Suppression())


def test_boxes_and_scores_of_each_cover() -> None:
    pixels = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    pixels[1], pixels[2] = 51, 204  # 0, 0.2 and 0.8 of 255
    found = certain([0.1, 0.2, 0.5, 0.45]).detect(pixels)
    assert [len(detections) for detections in found] == [0, 1, 1]
    np.testing.assert_allclose(found[1].boxes, [[0.1, 0.2, 0.5, 0.45]], atol=1e-5)
    assert [float(found[n].scores[0]) for n in (1, 2)] == pytest.approx([0.2, 0.8], abs=1e-4)
    assert found[2].classes.tolist() == [0]


def test_a_box_beyond_the_border_ends_there() -> None:
    pixels = np.full((1, SIZE, SIZE, 3), 204, np.uint8)
    (found,) = certain([-0.2, 0.8, 0.3, 1.1]).detect(pixels)
    np.testing.assert_allclose(found.boxes, [[0, 0.8, 0.3, 1]], atol=1e-5)


def test_the_most_probable_of_each_cover() -> None:
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    pixels[1] = 204
    boxes, scores = certain([0.1, 0.2, 0.5, 0.45]).best(pixels)
    np.testing.assert_allclose(boxes, [[0, 0, 0, 0], [0.1, 0.2, 0.5, 0.45]], atol=1e-5)
    np.testing.assert_allclose(scores, [0, 0.8], atol=1e-4)
    two = Detections(
        np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5]], np.float32),
        np.array([0.7, 0.6], np.float32),
        np.zeros(2, np.int32),
    )
    assert most_probable([two])[0].tolist() == [[0, 0, 1, 1]]
    assert most_probable([])[0].shape == (0, 4)


def test_a_short_batch_finds_what_a_full_one_finds(network: Any) -> None:
    run = tensorflow.loader(4)(detector_graph(lambda: network, PREPROCESSING, ""))
    detector = Detector(run, SMALL.anchors, Suppression(least_score=0.0))
    pixels = covers(4)
    whole, part = detector.detect(pixels), detector.detect(pixels[:2])
    assert len(part) == 2
    for one, other in zip(part, whole, strict=False):
        assert len(one) == 20
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-5)
