"""A tiny detector learns drawn plates; a training that was stopped goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from covergenre.backbones import MODES, Preprocessing
from covergenre.detector.anchors import Anchors
from covergenre.detector.average_precision import average_precision, judge
from covergenre.detector.detector import Detector
from covergenre.detector.network import Architecture, detector_graph, load
from covergenre.detector.nms import Suppression
from covergenre.detector.training import Recipe, train
from covergenre.engines import tensorflow

SIZE = 64
MOST = 2
TINY = Architecture(Anchors(SIZE, (4, 8), (2.5, 4.0), (1.6,)), width=0.35, channels=16, depth=1)
PREPROCESSING = Preprocessing(SIZE, *MODES["tf"])
Batch = tuple[Any, Any, Any]


def plates(count: int, seed: int) -> Batch:
    """Noise with none to two plates, black with a white bar; a square without the bar is none."""
    random = np.random.default_rng(seed)
    pixels = random.integers(90, 200, (count, SIZE, SIZE, 3)).astype(np.uint8)
    boxes = np.zeros((count, MOST, 4), np.float32)
    present = random.integers(0, MOST + 1, count).astype(np.int32)
    for picture, own, number in zip(pixels, boxes, present, strict=True):
        for half in range(MOST):
            width = int(random.integers(14, 30))
            height = round(width / 1.6)
            x = int(random.integers(0, SIZE - width + 1))
            y = half * SIZE // 2 + int(random.integers(0, SIZE // 2 - height + 1))
            picture[y : y + height, x : x + width] = 0
            if half < number:
                third = height // 3
                picture[y + third : y + height - third, x : x + width] = 255
                own[half] = np.array([x, y, x + width, y + height]) / SIZE
    return pixels, boxes, present


def stream(batch: Batch) -> Any:
    return tf.data.Dataset.from_tensor_slices(batch).repeat().batch(16)


def test_it_learns_to_find_plates(tmp_path: Path) -> None:
    validation = tf.data.Dataset.from_tensor_slices(plates(32, 2)).batch(16)
    recipe = Recipe(epochs=6, learning_rate=0.01, average=0.9)
    trained = train(TINY, PREPROCESSING, stream(plates(512, 1)), 32, recipe, tmp_path, validation)
    history = trained.history
    assert all(len(values) == 6 for values in history.values())
    assert history["loss"][-1] < history["loss"][0] / 3
    assert history["val_logits_loss"][-1] < 0.3
    network = load(TINY, trained.weights)
    run = tensorflow.loader(64)(detector_graph(lambda: network, PREPROCESSING, ""))
    detector = Detector(run, TINY.anchors, Suppression())
    pixels, boxes, present = plates(64, 3)
    truth = [own[:number] for own, number in zip(boxes, present, strict=True)]
    assert average_precision(judge(truth, detector.detect(pixels))) > 0.9


def test_a_training_that_was_stopped_goes_on_with_the_next_epoch(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    taken = 0
    whole = stream(plates(16, 1))

    def stopping() -> Any:
        nonlocal taken
        for batch in whole:
            taken += 1
            if taken > 8:  # two steps an epoch, some read ahead: within the third or the fourth
                raise StopError
            yield batch

    breaking = tf.data.Dataset.from_generator(stopping, output_signature=whole.element_spec)
    breaking = breaking.map(lambda p, b, c: (p, tf.ensure_shape(b, (None, MOST, 4)), c))
    recipe = Recipe(epochs=6)
    with pytest.raises(Exception, match="StopError"):
        train(TINY, PREPROCESSING, breaking, 2, recipe, tmp_path)
    done = len((tmp_path / "history.jsonl").read_text().splitlines())
    assert 1 <= done < 6
    trained = train(TINY, PREPROCESSING, whole, 2, recipe, tmp_path)
    assert len(trained.history["loss"]) == 6
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 6
    # What is complete is not trained again.
    again = train(TINY, PREPROCESSING, whole, 2, recipe, tmp_path)
    for name, values in trained.weights.items():
        np.testing.assert_array_equal(again.weights[name], values, err_msg=name)


def test_covers_without_labels_teach_no_boxes(tmp_path: Path) -> None:
    pixels, boxes, present = plates(16, 1)
    nothing = stream((pixels, boxes, present * 0))  # boxes beyond the count are not meant
    history = train(TINY, PREPROCESSING, nothing, 1, Recipe(epochs=1), tmp_path).history
    assert history["codes_loss"] == [0]
    assert np.isfinite(history["loss"][0])


def test_only_one_class_can_be_trained(tmp_path: Path) -> None:
    two = Architecture(TINY.anchors, classes=2)
    with pytest.raises(ValueError, match="one class can be trained, not 2"):
        train(two, PREPROCESSING, stream(plates(16, 1)), 1, Recipe(), tmp_path)
