"""Backbones: found by name or file, with the preprocessing their weights were trained on."""

from __future__ import annotations

import hashlib
import importlib
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre import images
from covergenre.backbones import MODES, Backbone, Preprocessing, applications, resolve
from covergenre.backbones import efficientnet_lite as lite
from covergenre.backbones.applications import APPLICATIONS
from covergenre.errors import BackboneError

# Keras' own module of each network, which has the preprocessing its weights were trained with.
KERAS_MODULES = {
    "resnet50": "resnet",
    "resnet101": "resnet",
    "resnet101_v2": "resnet_v2",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3",
    "mobilenet_v3_large": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "efficientnet_v2_b2": "efficientnet_v2",
    "efficientnet_v2_s": "efficientnet_v2",
    "convnext_tiny": "convnext",
    "convnext_small": "convnext",
}


def _preprocessing(mode: str, size: int = 1) -> Preprocessing:
    return Preprocessing(size, *MODES[mode])


def _saved_network(path: Path, side: int | None = None) -> Any:
    """A small convolution in a Keras file."""
    import keras

    keras.utils.set_random_seed(4)
    pixels = keras.Input((side, side, 3))
    network = keras.Model(pixels, keras.layers.Conv2D(5, 3, strides=2)(pixels))
    network.save(path)
    return network


# Preprocessing.


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # (x - 127) / 128
        ("lite", [-0.9140625, -0.2109375, 0.5703125]),
        # x / 127.5 - 1
        ("tf", [-0.9215686, -0.2156863, 0.5686275]),
        # Blue, green, red less their means.
        ("caffe", [200 - 103.939, 100 - 116.779, 10 - 123.68]),
        # (x / 255 - mean) / std: (0.0392 - 0.485) / 0.229 and so on.
        ("torch", [-1.946656, -0.285014, 1.681394]),
        ("none", [10, 100, 200]),
    ],
)
def test_mode_on_one_pixel(mode: str, expected: list[float]) -> None:
    pixel = np.array([[[[10, 100, 200]]]], np.uint8)
    found = _preprocessing(mode).apply(pixel).numpy()
    assert found.shape == (1, 1, 1, 3) and found.dtype == np.float32
    assert found.ravel() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_modes_are_those_of_keras(mode: str) -> None:
    from keras.applications import imagenet_utils

    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    expected = imagenet_utils.preprocess_input(pixels.astype(np.float32), mode=mode)
    assert np.allclose(_preprocessing(mode, 5).apply(pixels), expected, atol=1e-3)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_network_has_the_preprocessing_keras_gives_it(name: str) -> None:
    import keras

    assert callable(getattr(keras.applications, APPLICATIONS[name][0]))
    module = importlib.import_module(f"keras.applications.{KERAS_MODULES[name]}")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    expected = module.preprocess_input(pixels.astype(np.float32))
    found = resolve(name, input_size=4).preprocessing.apply(pixels)
    assert np.allclose(found, expected, atol=1e-3)


def test_resnet101_and_the_v2_file_get_each_their_own_preprocessing(tmp_path: Path) -> None:
    from keras.applications import resnet, resnet_v2

    file = tmp_path / "resnet101v2_c4_imagenet.keras"
    file.write_bytes(b"weights")
    pixels = np.random.default_rng(3).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    by_name = resolve("resnet101", 4).preprocessing.apply(pixels).numpy()
    by_file = resolve(str(file), 4).preprocessing.apply(pixels).numpy()
    # Keras changes an array of floats in place.
    assert np.allclose(by_name, resnet.preprocess_input(pixels.astype(np.float32)), atol=1e-3)
    assert np.allclose(by_file, resnet_v2.preprocess_input(pixels.astype(np.float32)), atol=1e-5)
    assert by_name.max() > 50 and np.abs(by_file).max() <= 1


@pytest.mark.parametrize("mode", MODES)
def test_preprocessing_comes_back_from_a_manifest(mode: str) -> None:
    given = _preprocessing(mode, 224)
    channels, mean, std = MODES[mode]
    written = given.to_json()
    assert written == {"size": 224, "channels": channels, "mean": list(mean), "std": list(std)}
    assert Preprocessing.from_json(written) == given


# Names.


@pytest.mark.parametrize(
    ("name", "key", "size"),
    [
        ("efficientnet_lite2", "efficientnet_lite2", 260),
        ("EfficientNet-Lite2", "efficientnet_lite2", 260),
        ("EFFICIENTNETLITE2", "efficientnet_lite2", 260),
        ("resnet101", "resnet101", 224),
        ("ResNet101", "resnet101", 224),
        ("ResNet101V2", "resnet101_v2", 224),
        ("resnet_101_v2", "resnet101_v2", 224),
        ("MobileNetV2", "mobilenet_v2", 224),
        ("mobilenet-v3-small", "mobilenet_v3_small", 224),
        ("EfficientNetV2B2", "efficientnet_v2_b2", 260),
        ("EfficientNetV2S", "efficientnet_v2_s", 384),
        (" convnext_tiny ", "convnext_tiny", 224),
    ],
)
def test_name_in_any_spelling(name: str, key: str, size: int) -> None:
    found = resolve(name)
    assert (found.name, found.preprocessing.size, found.path) == (key, size, None)
    assert found.kind == ("package" if key == "efficientnet_lite2" else "applications")
    assert resolve(name, input_size=96).preprocessing.size == 96


def test_resnet101_reads_bgr() -> None:
    assert resolve("resnet101").preprocessing.channels == "BGR"
    assert resolve("resnet101_v2").preprocessing.channels == "RGB"


@pytest.mark.parametrize("name", ["resnet9000", "", "models/none.keras", "efficientnet_lite0"])
def test_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    said = f"backbone {name} is neither a file nor one of efficientnet_lite2, resnet50, resnet101,"
    with pytest.raises(BackboneError, match=said):
        resolve(name)


def test_digest_tells_features_apart() -> None:
    same = resolve("efficientnet_lite2")
    others = [
        resolve("efficientnet_lite2", input_size=224),
        resolve("resnet101"),
        Backbone(same.name, "package", same.preprocessing, "another"),
        Backbone(same.name, "package", _preprocessing("tf", 260), same.weights_sha256),
    ]
    assert same.digest == resolve("EfficientNetLite2").digest
    assert len({backbone.digest for backbone in [same, *others]}) == 5
    # Where a file lies is no part of what it gives.
    moved = Backbone(same.name, same.kind, same.preprocessing, same.weights_sha256, Path("there"))
    assert moved.digest == same.digest


# Files.


@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("resnet101v2_c4_imagenet.keras", "tf"),
        ("ResNet101-V2.h5", "tf"),
        ("resnet101_mine.keras", "caffe"),
        ("resnet50.keras", "caffe"),
        ("ResNet50V2.keras", "tf"),
        ("mobilenet_v2.keras", "tf"),
        ("MobileNetV3Large.keras", "none"),
        ("efficientnet_lite0.keras", "lite"),
        ("EfficientNetV2B0.keras", "none"),
        ("ConvNeXtBase.keras", "none"),
    ],
)
def test_file_has_the_mode_of_its_own_name(tmp_path: Path, file: str, mode: str) -> None:
    path = tmp_path / file
    path.write_bytes(b"weights")
    found = resolve(str(path))
    assert (found.name, found.kind, found.path) == (path.stem, "file", path)
    assert found.weights_sha256 == hashlib.sha256(b"weights").hexdigest()
    # Nothing in the file says which input it was made for.
    assert found.preprocessing == _preprocessing(mode, 320)


@pytest.mark.parametrize(("side", "size"), [(64, 64), (None, 320)])
def test_file_says_which_input_it_was_made_for(tmp_path: Path, side: int | None, size: int) -> None:
    _saved_network(tmp_path / "mine.keras", side=side)
    path = str(tmp_path / "mine.keras")
    assert resolve(path, preprocessing="none").preprocessing.size == size
    assert resolve(path, input_size=96, preprocessing="none").preprocessing.size == 96


@pytest.mark.parametrize(
    ("file", "size"), [("resnet101v2_c4_imagenet.keras", 320), ("mobilenetv2_imagenet.keras", 224)]
)
def test_real_files_say_it_too(shared: Path, file: str, size: int) -> None:
    assert resolve(str(shared / "weights" / file)).preprocessing == _preprocessing("tf", size)


@pytest.mark.parametrize("file", ["mine.keras", "my_resnet101.keras", "efficientnetb0.keras"])
def test_file_of_an_unknown_name_needs_its_preprocessing(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"weights")
    with pytest.raises(BackboneError, match=r"set train\.preprocessing to one of lite, tf, caffe"):
        resolve(str(tmp_path / file))
    found = resolve(str(tmp_path / file), input_size=128, preprocessing="torch")
    assert found.preprocessing == _preprocessing("torch", 128)


def test_file_is_loaded_and_pooled(tmp_path: Path) -> None:
    network = _saved_network(tmp_path / "mine.keras")
    backbone = resolve(str(tmp_path / "mine.keras"), input_size=9, preprocessing="none")
    pixels = np.random.default_rng(5).normal(size=(2, 9, 9, 3)).astype(np.float32)
    features = backbone.load()(pixels).numpy()
    assert features.shape == (2, 5)
    assert np.allclose(features, network(pixels).numpy().mean(axis=(1, 2)), atol=1e-6)


def test_several_sizes_give_their_features_one_after_the_other(tmp_path: Path) -> None:
    network = _saved_network(tmp_path / "mine.keras")
    backbone = resolve(str(tmp_path / "mine.keras"), [24, 32, 20], preprocessing="tf")
    assert backbone.preprocessing.sizes == (32, 24, 20)
    assert backbone.preprocessing.to_json()["further_sizes"] == [24, 20]
    assert Preprocessing.from_json(backbone.preprocessing.to_json()) == backbone.preprocessing
    pixels = np.random.default_rng(5).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    features = backbone.load()(backbone.preprocessing.apply(pixels)).numpy()
    # The smaller ones are what the project's own resize gives, but for its rounding to a level.
    smaller = [np.stack([images.resize(p, size) for p in pixels]) for size in (24, 20)]
    for k, seen in enumerate([pixels, *smaller]):
        expected = network(seen.astype(np.float32) / 127.5 - 1).numpy().mean(axis=(1, 2))
        assert np.allclose(features[:, 5 * k : 5 * k + 5], expected, atol=2e-3)
    assert features.shape == (2, 15)
    single = resolve(str(tmp_path / "mine.keras"), 32, preprocessing="tf")
    assert backbone.digest != single.digest
    assert resolve(str(tmp_path / "mine.keras"), [32], preprocessing="tf").digest == single.digest


def test_flat_output_is_left_as_it_is(tmp_path: Path) -> None:
    import keras

    pixels = keras.Input((4, 4, 3))
    keras.Model(pixels, keras.layers.Flatten()(pixels)).save(tmp_path / "flat.keras")
    network = resolve(str(tmp_path / "flat.keras"), 4, "none").load()
    given = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)
    assert network(given).numpy().tolist() == [list(range(48))]


def test_file_for_another_input_says_which_setting(tmp_path: Path) -> None:
    _saved_network(tmp_path / "mine.keras", side=64)
    backbone = resolve(str(tmp_path / "mine.keras"), 32, "none")
    with pytest.raises(BackboneError, match=r"cannot take a 32x32 input .*64.*train\.input_size"):
        backbone.load()


def test_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.keras"
    _saved_network(path)
    backbone = resolve(str(path), 9, "none")
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(BackboneError, match=f"{path} changed since its digest was taken"):
        backbone.load()
    path.unlink()
    with pytest.raises(BackboneError, match=f"the backbone's file {path} is missing"):
        backbone.load()


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".txt", ""])
def test_what_is_no_keras_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"resnet50_mine{suffix}"
    path.write_bytes(b"PK\x03\x04 these are no weights")
    with pytest.raises(BackboneError, match="is no Keras model that can be loaded"):
        resolve(str(path)).load()


def test_damaged_keras_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet50_mine.keras"
    _saved_network(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-4], bytes(200) + whole[200:]):
        path.write_bytes(damaged)
        with pytest.raises(BackboneError, match="is no Keras model that can be loaded"):
            resolve(str(path)).load()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_failed_download_names_the_file_and_where_to_put_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.src.utils import file_utils

    asked_for = []

    def no_network(fname: str, origin: str, **_: Any) -> str:
        asked_for.append(fname)
        raise Exception(f"URL fetch failure on {origin}: 404 -- Not Found")

    monkeypatch.setattr(file_utils, "get_file", no_network)
    with pytest.raises(BackboneError) as raised:
        resolve(name).fetch()
    models = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    assert f"weights of {name}: put {asked_for[0]} into {models}, or name" in str(raised.value)


def test_download_that_is_never_answered_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from keras.src.applications import resnet

    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(applications, "_SILENT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        host, port = silent.getsockname()
        monkeypatch.setattr(resnet, "BASE_WEIGHTS_PATH", f"http://{host}:{port}/")
        with pytest.raises(BackboneError, match=rf"put resnet50_\w+\.h5 into {tmp_path}/models,"):
            resolve("resnet50").fetch()
    assert not list((tmp_path / "models").iterdir())
    assert socket.getdefaulttimeout() is None


def test_only_what_keras_downloads_is_fetched(tmp_path: Path) -> None:
    resolve("efficientnet_lite2").fetch()
    (tmp_path / "resnet50.keras").write_bytes(b"weights")
    resolve(str(tmp_path / "resnet50.keras")).fetch()


def test_what_is_saved_for_executors_needs_no_download(tmp_path: Path) -> None:
    backbone = resolve("efficientnet_lite2")
    assert backbone.saved(tmp_path) is backbone
    (tmp_path / "resnet50.keras").write_bytes(b"weights")
    by_file = resolve(str(tmp_path / "resnet50.keras"))
    assert by_file.saved(tmp_path) is by_file


# EfficientNet-Lite2.


@pytest.fixture(scope="module")
def lite2() -> Any:
    return lite.build_pretrained()


def test_lite2_equals_the_reference(lite2: Any, shared: Path) -> None:
    import keras

    reference = keras.models.load_model(
        shared / "weights/efficientnet_lite2_imagenet.keras", compile=False
    )
    pixels = np.random.default_rng(6).uniform(-1, 1, (2, 96, 96, 3)).astype(np.float32)
    expected = reference(pixels, training=False).numpy()
    found = lite2(pixels, training=False).numpy()
    if expected.ndim == 2:
        found = found.mean(axis=(1, 2))
    assert found.shape == expected.shape and expected.std() > 0.01
    assert np.abs(found - expected).max() <= 1e-4


def test_lite2_gives_what_the_reference_gave_for_a_ramp(lite2: Any) -> None:
    # Taken from another conversion of the same weights, so that it is checked everywhere.
    ramp = np.linspace(-1, 1, 64 * 64 * 3, dtype=np.float32).reshape(1, 64, 64, 3)
    features = lite2(ramp, training=False).numpy().mean(axis=(1, 2))[0]
    assert features.argsort()[-4:][::-1].tolist() == [966, 84, 87, 295]
    assert features[[966, 84, 87, 295]] == pytest.approx([4.76681, 3.67620, 2.87346, 2.79376], 1e-4)
    assert (features.mean(), features.std()) == pytest.approx((0.086392, 0.342462), rel=1e-4)


def test_lite2_has_the_published_shape(lite2: Any) -> None:
    # Parameters of Lite2 (6.09 million) less its classifier of 1280 x 1000 + 1000.
    trainable = sum(int(np.prod(w.shape)) for w in lite2.trainable_weights)
    assert trainable == pytest.approx(6.09e6 - 1_281_000, rel=0.01)
    # Blocks of the seven stages: 1, 1.2 x (2, 2, 3, 3, 4) rounded up, 1.
    blocks = sum(layer.name.endswith("depthwise_conv") for layer in lite2.layers)
    assert blocks == 1 + 3 + 3 + 4 + 4 + 5 + 1
    assert lite2.output_shape == (None, None, None, 1280)
    # Nothing that a plain mobile accelerator lacks: no gates, no swish.
    kinds = {type(layer).__name__ for layer in lite2.layers}
    plain = {"InputLayer", "Conv2D", "DepthwiseConv2D", "BatchNormalization", "ReLU", "Add"}
    assert kinds == plain


def test_lite2_by_name_gives_pooled_features(lite2: Any) -> None:
    backbone = resolve("efficientnet_lite2", input_size=64)
    pixels = np.random.default_rng(7).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    features = backbone.load()(pixels).numpy()
    assert features.shape == (2, 1280)
    assert np.allclose(features, lite2(pixels).numpy().mean(axis=(1, 2)), atol=1e-5)


def test_lite2_weights_are_the_pinned_file() -> None:
    content = lite.weights_path().read_bytes()
    assert hashlib.sha256(content).hexdigest() == lite.WEIGHTS_SHA256
    assert resolve("efficientnet_lite2").weights_sha256 == lite.WEIGHTS_SHA256


def test_weights_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = lite.read_state_dict(lite.weights_path(), lite.WEIGHTS_SHA256)
    tensors["_conv_stem.weight"] = tensors["_conv_stem.weight"][:-1]
    monkeypatch.setattr(lite, "read_state_dict", lambda path, sha256: tensors)
    with pytest.raises(BackboneError, match="the weights of stem_conv do not fit"):
        lite.build_pretrained()


def test_resnet_file_is_read_with_its_own_mode(shared: Path) -> None:
    backbone = resolve(str(shared / "weights/resnet101v2_c4_imagenet.keras"), input_size=64)
    assert backbone.preprocessing == _preprocessing("tf", 64)
    pixels = np.random.default_rng(8).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    features = backbone.load()(backbone.preprocessing.apply(pixels)).numpy()
    assert features.shape == (1, 1024) and np.isfinite(features).all()
