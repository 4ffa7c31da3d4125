"""Users' own models as taggers: Keras, TFLite, SavedModel; classifiers and detectors.

The classifier's logits are the means of a picture's channels, from -1 to 1: of a red picture 1, -1
and -1, so that its probability of red is e / (e + 2 / e).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from covergenre import config
from covergenre.concepts import local
from covergenre.concepts.local import LocalModel, LocalTagger
from covergenre.errors import BackboneError, SettingError, TaggerError
from tests.taggers import (
    COLOURS,
    Objects,
    anchors,
    classifier,
    plain,
    write_labels,
    write_tflite,
)

SURE = np.e / (np.e + 2 / np.e)
REST = (1 - SURE) / 2
PICTURES = np.stack([plain(255, 0, 0), plain(0, 0, 255)])


def model(file: str, labels: str, **more: Any) -> LocalModel:
    given = {"preprocessing": "tf", **more, "file": file, "labels": labels}
    assignments = [f"concepts.local.{name}={value}" for name, value in given.items()]
    return local.resolve(config.load(assignments=[*assignments, "concepts.tagger=file"]).concepts)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    logits = classifier()
    logits.save(folder / "logits.keras")
    classifier("softmax").save(folder / "softmax.keras")
    classifier(outputs=4).save(folder / "background.keras")
    logits.export(str(folder / "exported"), verbose=False)
    write_tflite(folder / "logits.tflite", lambda x: logits(x), tf.float32)
    write_tflite(folder / "ssd.tflite", anchors, tf.uint8)
    Objects().export(folder / "objects")
    for name, names in {
        "three": COLOURS,
        "four": ["background", *COLOURS],
        "two": ["red", "green"],
        "five": ["a", "b", "c", "d", "e"],
    }.items():
        write_labels(folder / f"{name}.txt", names)
    return {path.name: str(path) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("file", "labels"),
    [
        ("logits.keras", "three.txt"),
        ("softmax.keras", "four.txt"),
        ("exported", "three.txt"),
        ("logits.tflite", "three.txt"),
    ],
)
def test_classifiers_of_every_kind_say_the_same(
    files: dict[str, str], file: str, labels: str
) -> None:
    tagger = model(files[file], files[labels]).load()
    assert (tagger.size, list(tagger.names)) == (32, COLOURS)
    scores = tagger.scores(PICTURES)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [[SURE, REST, REST], [REST, REST, SURE]], rtol=1e-4)
    assert [one.name for one in tagger.concepts(scores[1])] == ["blue", "green", "red"]


def test_background_is_no_concept(files: dict[str, str]) -> None:
    tagger = model(files["background.keras"], files["four.txt"]).load()
    # Its logit is -1, as those of the colours that are not there.
    expected = np.e / (np.e + 3 / np.e)
    rest = (1 - expected) / 3
    np.testing.assert_allclose(tagger.scores(PICTURES)[0], [expected, rest, rest], rtol=1e-4)


def test_what_an_output_is_can_be_set(files: dict[str, str]) -> None:
    softmax = files["softmax.keras"]
    said = np.exp([SURE, REST, REST])
    again = model(softmax, files["three.txt"], output="logits").load()
    np.testing.assert_allclose(again.scores(PICTURES)[0], said / said.sum(), rtol=1e-4)
    raw = model(files["logits.keras"], files["three.txt"], output="probabilities").load()
    np.testing.assert_allclose(raw.scores(PICTURES)[0], [1, 0, 0])  # held within 0 and 1


def test_a_detector_s_concept_is_as_certain_as_its_highest_score(files: dict[str, str]) -> None:
    pictures = np.stack([plain(255, 51, 0), plain(0, 0, 255)])
    ssd = model(files["ssd.tflite"], files["two.txt"], preprocessing="auto").load()
    np.testing.assert_allclose(ssd.scores(pictures), [[1, 0.2], [0.125, 0.125]], rtol=1e-6)
    objects = model(files["objects"], files["three.txt"], preprocessing="auto").load()
    np.testing.assert_allclose(objects.scores(pictures), [[1, 0, 0.25], [0, 0, 0.25]])


def test_bytes_can_be_preprocessed_before_they_are_quantized(tmp_path: Path) -> None:
    from covergenre.concepts.tflite import _shown

    settings = config.load(assignments=["concepts.local.preprocessing=tf"]).concepts.local
    taken = {"dtype": np.int8, "quantization": (1 / 64, 10)}
    shown = _shown(tmp_path / "a.tflite", taken, settings, 1)(
        np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(3, axis=3)
    )
    assert (shown.dtype, shown[:, 0, 0, 0].tolist()) == (np.int8, [-54, 74])
    as_is = _shown(tmp_path / "a.tflite", taken, config.load().concepts.local, 1)
    assert as_is(np.array([0, 255], np.uint8)).tolist() == [-128, 127]


@pytest.mark.parametrize(
    ("file", "labels", "numbers"),
    [
        ("logits.keras", "five.txt", "gives 3 scores.*names 5 classes"),
        ("exported", "five.txt", "gives 3 scores.*names 5 classes"),
        ("ssd.tflite", "five.txt", "gives 3 scores.*names 5 classes"),
        ("objects", "two.txt", "found the class 3.*names 2 classes"),
    ],
)
def test_a_list_of_another_model_is_refused(
    files: dict[str, str], file: str, labels: str, numbers: str
) -> None:
    with pytest.raises(TaggerError, match=rf"{file}.*{numbers}.*name the list"):
        model(files[file], files[labels]).load().scores(PICTURES)


def test_what_is_no_model_is_told(files: dict[str, str], tmp_path: Path) -> None:
    labels = files["three.txt"]
    for name, said in {
        "gone.keras": r"gone\.keras is not there",
        "three.txt": r"is no \.keras or \.tflite file nor the folder of a SavedModel",
        ".": r"is no \.keras or \.tflite file",
    }.items():
        folder = tmp_path if name != "three.txt" else Path(labels).parent
        with pytest.raises(TaggerError, match=rf"concepts\.local\.file .*{said}"):
            model(str(folder / name), labels)
    for name in ("bad.keras", "bad.tflite"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(TaggerError, match=rf"{name} is no .* that can be loaded"):
            model(str(tmp_path / name), labels).load()
    with pytest.raises(BackboneError, match=r"set concepts\.local\.preprocessing to one of"):
        model(files["logits.keras"], labels, preprocessing="auto").load()
    with pytest.raises(TaggerError, match=r"images of 32 pixels: set concepts\.local\.input_size"):
        model(files["logits.keras"], labels, input_size=64).load()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "names no class"), (b"red\n\nblue\n", "line 2 is empty"), (b"\xff", "cannot be read")],
)
def test_a_list_that_is_none_is_refused(
    files: dict[str, str], tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(TaggerError, match=rf"concepts\.local\.labels .*{said}"):
        model(files["logits.keras"], str(tmp_path / "labels.txt"))


def test_the_name_follows_the_files(files: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    for path in Path(files["exported"]).rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(files["exported"])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    first = model(files["exported"], files["three.txt"])
    copy = model(str(folder), files["three.txt"])
    assert first.name == copy.name and first.name.startswith("exported:")
    assert copy.files().keys() == first.files().keys()
    (folder / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(TaggerError, match="changed while it was used"):
        copy.files()
    others = write_labels(tmp_path / "others.txt", ["rouge", "vert", "bleu"])
    names = {
        first.name,
        model(str(folder), files["three.txt"]).name,
        model(files["exported"], others).name,
        model(files["exported"], files["three.txt"], preprocessing="torch").name,
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("tagger=file", r"needs concepts\.local\.file and concepts\.local\.labels"),
        ("tagger=everything", "Input should be"),
        ("local.min_score=0", "greater than 0"),
        ("local.input_size=8", "greater than or equal to 32"),
        ("local.preprocessing=imagenet", "Input should be"),
    ],
)
def test_settings_that_cannot_be_are_refused(assignment: str, said: str) -> None:
    with pytest.raises(SettingError, match=rf"concepts\.{assignment.partition('=')[0]}.*{said}"):
        config.load(assignments=[f"concepts.{assignment}"])


def test_the_objects_of_a_real_detector(shared: Path) -> None:
    weights = shared / "weights"
    file = weights / "ssd_mobilenet_v2_fpnlite_256_coco_int8.tflite"
    tagger: LocalTagger = model(
        str(file), str(weights / "coco_labels_80.txt"), preprocessing="auto"
    ).load()
    scores = tagger.scores(np.zeros((1, 256, 256, 3), np.uint8))
    assert (scores.shape, tagger.names[0]) == ((1, 80), "person")
    assert scores.max() < 0.5  # nothing is on a black cover
