"""The head and the compiled classifier, against the same arithmetic in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from covergenre.backbones import MODES, Preprocessing
from covergenre.classifier import Classifier, Head, HeadShape, build_head, power_normalise
from covergenre.engines import Graph, tensorflow

Floats = np.ndarray[Any, Any]
SIZE = 8
FEATURES = 6
CLASSES = 5


def _head(seed: int = 0, features: int = FEATURES, hidden: int = 4, classes: int = CLASSES) -> Head:
    rng = np.random.default_rng(seed)
    shapes = {
        "scale.mean": (features,),
        "hidden.kernel": (features, hidden),
        "hidden.bias": (hidden,),
        "logits.kernel": (hidden, classes),
        "logits.bias": (classes,),
    }
    tensors = {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["scale.std"] = rng.uniform(0.5, 2, features).astype(np.float32)
    return Head(tensors)


def _logits(head: Head, features: Floats) -> Floats:
    """What a head should give, in double precision."""
    t = {name: np.asarray(values, np.float64) for name, values in head.tensors.items()}
    x = np.sign(features) * np.abs(features.astype(np.float64)) ** 0.5
    x = (x - t["scale.mean"]) / t["scale.std"]
    x = np.maximum(x @ t["hidden.kernel"] + t["hidden.bias"], 0)
    return x @ t["logits.kernel"] + t["logits.bias"]


@pytest.fixture(scope="module")
def network() -> Any:
    """A small network with random weights, pooled to a few features."""
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(FEATURES, 3, strides=2, activation="relu")(pixels)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))


def _classifier(network: Any, batch_size: int, mode: str = "tf") -> Classifier:
    preprocessing, head = Preprocessing(SIZE, *MODES[mode]), _head()

    def build() -> Any:
        return lambda x: (head.logits(network(preprocessing.apply(x), training=False)),)

    return Classifier(tensorflow.loader(batch_size)(Graph("classifier", SIZE, "", build)))


def _covers(count: int, seed: int = 2) -> Floats:
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_power_normalisation_is_a_signed_root() -> None:
    given = np.array([[-4.0, 0.0, 9.0, 0.25]], np.float32)
    assert power_normalise(given).numpy().tolist() == [[-2.0, 0.0, 3.0, 0.5]]
    assert power_normalise(given, 1.0).numpy().tolist() == given.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_logits(seed: int) -> None:
    head = _head(seed)
    features = np.random.default_rng(seed).normal(0, 3, (7, FEATURES)).astype(np.float32)
    assert np.allclose(head.logits(features), _logits(head, features), atol=1e-4)


def test_logits_by_hand() -> None:
    head = Head(
        {
            "scale.mean": np.array([1, 0], np.float32),
            "scale.std": np.array([2, 1], np.float32),
            "hidden.kernel": np.array([[1, -1], [2, 1]], np.float32),
            "hidden.bias": np.array([0.5, 0], np.float32),
            "logits.kernel": np.array([[1, 0, 2], [3, 1, 0]], np.float32),
            "logits.bias": np.array([0, 0, 1], np.float32),
        }
    )
    # Roots (3, 2), standardised (1, 2), hidden (1 + 4 + 0.5, -1 + 2) = (5.5, 1).
    assert head.logits(np.array([[9, 4]], np.float32)).numpy().tolist() == [[8.5, 1, 12]]
    # Roots (1, -1), standardised (0, -1), hidden (-1.5, -1), both cut to 0.
    assert head.logits(np.array([[1, -1]], np.float32)).numpy().tolist() == [[0, 0, 1]]


def test_a_head_says_which_power_its_features_are_raised_to() -> None:
    head = _head()
    plain = Head({**head.tensors, "scale.power": np.float32(1)})
    squares = np.array([[4, 9, 0, 16, 1, 25]], np.float32)
    roots = np.sqrt(squares)
    assert np.allclose(plain.logits(roots), head.logits(squares), atol=1e-5)
    assert not np.allclose(plain.logits(squares), head.logits(squares), atol=1e-2)


def test_one_layer_takes_the_features_as_they_are() -> None:
    head = Head(
        {
            "logits.kernel": np.array([[1, 0, 2], [3, 1, 0]], np.float32),
            "logits.bias": np.array([0, 0, 1], np.float32),
        }
    )
    assert head.logits(np.array([[9, -4]], np.float32)).numpy().tolist() == [[-3, -4, 19]]


def test_head_takes_the_weights_of_the_trained_layers() -> None:
    model = build_head(HeadShape(FEATURES, 4, CLASSES), 0.7, 0.5)
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    mean, std = rng.normal(size=FEATURES), rng.uniform(0.5, 2, FEATURES)
    head = Head.from_keras(model, mean, std)
    assert head.tensors["hidden.kernel"].shape == (FEATURES, 4)
    assert head.tensors["logits.kernel"].shape == (4, CLASSES)
    assert {values.dtype for values in head.tensors.values()} == {np.dtype(np.float32)}
    features = rng.normal(0, 3, (5, FEATURES)).astype(np.float32)
    given = (np.sign(features) * np.sqrt(np.abs(features)) - mean) / std
    trained = model(given.astype(np.float32), training=False)
    assert np.allclose(head.logits(features), trained, atol=1e-4)


def test_probabilities_are_those_of_network_and_head(network: Any) -> None:
    covers = _covers(4)
    kernel, bias = (np.asarray(w, np.float64) for w in network.get_weights())
    pixels = covers / 127.5 - 1
    # 3x3 windows at every second pixel, then ReLU and the mean over the 3x3 places.
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(1, 2))[:, ::2, ::2]
    features = np.maximum(np.einsum("nijchw,hwcf->nijf", windows, kernel) + bias, 0).mean((1, 2))
    exponents = np.exp(_logits(_head(), features))
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    found = _classifier(network, 4).probabilities(covers)
    assert found.shape == (4, CLASSES) and found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)


def test_channel_order_of_the_mode_is_followed(network: Any) -> None:
    covers = _covers(2)
    mean = np.array([103.939, 116.779, 123.68])
    features = network((covers[..., ::-1] - mean).astype(np.float32)).numpy()
    exponents = np.exp(_logits(_head(), features))
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    assert np.allclose(_classifier(network, 2, "caffe").probabilities(covers), expected, atol=1e-4)


def test_a_cover_has_the_same_probabilities_alone_and_in_company(network: Any) -> None:
    covers = _covers(8)
    classifier = _classifier(network, 8)
    together = classifier.probabilities(covers)
    alone = np.concatenate([classifier.probabilities(cover[None]) for cover in covers])
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(together[:5] - classifier.probabilities(covers[:5])).max() <= 1e-6
    other_size = _classifier(network, 3).probabilities(covers[:3])
    assert np.abs(together[:3] - other_size).max() <= 1e-6
    assert np.abs(together[::-1] - classifier.probabilities(covers[::-1])).max() <= 1e-6


def test_rows_sum_to_one_and_tell_covers_apart(network: Any) -> None:
    found = _classifier(network, 16).probabilities(_covers(16))
    assert np.allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found > 0).all()
    assert len(np.unique(found.round(6), axis=0)) == 16


def test_no_covers_have_no_probabilities(network: Any) -> None:
    assert _classifier(network, 2).probabilities(_covers(0)).shape == (0, CLASSES)


def test_any_number_of_covers_are_taken_in_batches(network: Any) -> None:
    covers = _covers(7)
    assert np.allclose(
        _classifier(network, 3).probabilities(covers),
        _classifier(network, 7).probabilities(covers), atol=1e-6,
    )  # fmt: skip


def test_covers_that_do_not_fit_are_refused(network: Any) -> None:
    with pytest.raises(ValueError, match=f"covers of {SIZE}x{SIZE} RGB are needed"):
        _classifier(network, 2).probabilities(np.zeros((1, SIZE + 1, SIZE + 1, 3), np.uint8))
