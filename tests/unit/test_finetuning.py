"""Fine-tuning: what augmentation may do to a cover, what is frozen, and going on after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from covergenre import config
from covergenre.backbones import resolve
from covergenre.calibration import fit_temperature
from covergenre.config.sections import Augmentation, FineTuning
from covergenre.errors import BackboneError
from covergenre.finetuning.augmentation import augment, mix
from covergenre.finetuning.fit import finetune, freeze

SIZE = 32
PLAIN = Augmentation(least_area=1, aspect=0, mirrored=0, colour=0, mixed=0, mixing=0.4)


def seed(number: int) -> Any:
    return tf.constant([1, number], tf.int64)


def gradient(side: int = 64) -> np.ndarray:
    """Red grows to the right, green downwards."""
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    picture = np.zeros((side, side, 3), np.uint8)
    picture[..., 0], picture[..., 1] = ramp[None, :], ramp[:, None]
    return picture[None].repeat(16, 0)


def test_nothing_asked_for_changes_nothing_but_the_size() -> None:
    pixels = gradient()
    same = augment(pixels, 64, PLAIN, seed(0)).numpy()
    np.testing.assert_allclose(same, pixels, atol=1e-3)
    small = augment(pixels, SIZE, PLAIN, seed(0)).numpy()
    assert small.shape == (16, SIZE, SIZE, 3)
    assert small.dtype == np.float32


def test_crops_show_as_much_as_they_must_and_mirror_only_sideways() -> None:
    recipe = PLAIN.model_copy(update={"least_area": 0.5, "aspect": 0.2, "mirrored": 0.5})
    crops = np.concatenate([augment(gradient(), 64, recipe, seed(n)).numpy() for n in range(8)])
    right = crops[:, 32, -1, 0] - crops[:, 32, 0, 0]
    down = crops[:, -1, 32, 1] - crops[:, 0, 32, 1]
    assert (down > 0).all()
    assert 0.25 < (right < 0).mean() < 0.75
    areas = np.abs(right) * down / 255**2
    assert areas.min() > 0.48
    assert areas.max() <= 1.01
    assert len({round(float(area), 4) for area in areas}) > 100


def test_colours_stay_colours_and_same_seeds_give_same_pictures() -> None:
    recipe = PLAIN.model_copy(update={"colour": 0.3})
    one, two = (augment(gradient(), SIZE, recipe, seed(5)).numpy() for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.min() >= 0 and one.max() <= 255
    assert len({float(picture.mean()) for picture in one}) == 16
    grey = np.full((4, 8, 8, 3), 100, np.uint8)
    seen = augment(grey, 8, recipe, seed(6)).numpy()
    # Saturation and contrast leave even grey alone, brightness moves it by at most its part.
    assert np.ptp(seen, axis=(1, 2, 3)).max() < 1e-3
    assert seen.min() >= 70 and seen.max() <= 130


def test_mixtures_mix_labels_as_they_mix_pixels() -> None:
    pixels = np.zeros((64, 2, 2, 3), np.float32)
    pixels[::2] = 1
    labels = np.eye(2, dtype=np.float32)[np.arange(64) % 2]
    recipe = PLAIN.model_copy(update={"mixed": 0.5})
    mixed, soft = (t.numpy() for t in mix(pixels, labels, recipe, seed(1)))
    np.testing.assert_allclose(mixed[:, 0, 0, 0], soft[:, 0], atol=1e-6)
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
    changed = (soft.max(1) < 1).mean()
    assert 0.3 < changed < 0.7
    assert (soft.argmax(1) == labels.argmax(1)).mean() > 0.95  # a cover stays mostly itself


def test_what_is_before_the_layer_and_batch_norm_is_frozen() -> None:
    network = resolve("efficientnet_lite2", SIZE).load()
    freeze(network, "block7_expand_conv")
    trained = {weight.path for weight in network.trainable_weights}
    assert "block7_expand_conv/kernel" in trained and "head_conv/kernel" in trained
    assert "block6_project_conv/kernel" not in trained and "stem_conv/kernel" not in trained
    assert not [path for path in trained if "_bn/" in path]
    with pytest.raises(BackboneError, match=r"frozen_until.*no layer block99"):
        freeze(network, "block99")


def recipe(**changes: Any) -> FineTuning:
    small = {"epochs": 2, "batch_size": 8, "stored_size": SIZE, "learning_rate": 0.0004}
    return config.load().train.finetuning.model_copy(update={**small, **changes})


def reds_and_greens() -> tuple[Any, Any]:
    """Endless batches of noise, red for label 0 and green for 1, and a pass for validation."""
    random = np.random.default_rng(0)
    labels = np.arange(32) % 2
    pixels = random.integers(0, 80, (32, SIZE, SIZE, 3)).astype(np.uint8)
    pixels[np.arange(32), :, :, labels] += 150
    examples = tf.data.Dataset.from_tensor_slices((pixels, np.eye(2, dtype=np.float32)[labels]))
    return examples.repeat().batch(8), examples.batch(8)


def logged(folder: Path, name: str) -> list[int]:
    """Epochs that TensorBoard has a figure of, in the order they were written."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return [event.step for event in events.Tensors(name)]


def test_it_learns_and_leaves_the_frozen_part_alone(tmp_path: Path) -> None:
    stream, validation = reds_and_greens()
    backbone = resolve("efficientnet_lite2", SIZE)
    calm = recipe(epochs=8, augmentation=PLAIN, dropout=0)
    tuned = finetune(backbone, stream, 32, 2, calm, tmp_path, validation)
    assert list(tuned.head.tensors) == ["logits.kernel", "logits.bias"]
    assert tuned.head.tensors["logits.kernel"].shape == (1280, 2)
    assert len(tuned.history["loss"]) == 8
    assert tuned.history["val_accuracy"][-1] > 0.9
    curves = tmp_path / "tensorboard"
    assert logged(curves / "train", "epoch_accuracy") == list(range(8))
    assert logged(curves / "train", "epoch_learning_rate") == list(range(8))
    assert logged(curves / "validation", "epoch_loss") == list(range(8))
    before = {w.path: w.numpy() for w in backbone.load().weights}
    changed = {name for name in before if not np.array_equal(before[name], tuned.weights[name])}
    assert "head_conv/kernel" in changed
    assert not [name for name in changed if "_bn/" in name or name.startswith("stem")]


def test_a_training_that_was_stopped_goes_on_with_the_next_epoch(tmp_path: Path) -> None:
    stream, _ = reds_and_greens()
    backbone = resolve("efficientnet_lite2", SIZE)

    class StopError(Exception):
        pass

    taken = 0

    def stop(*batch: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken > 10:  # four steps an epoch: within the third
            raise StopError
        return batch

    breaking = tf.data.Dataset.from_generator(
        lambda: (stop(*batch) for batch in stream), output_signature=stream.element_spec
    )
    with pytest.raises(Exception, match="StopError"):
        finetune(backbone, breaking, 32, 2, recipe(epochs=4), tmp_path)
    done = len((tmp_path / "history.jsonl").read_text().splitlines())
    assert 1 <= done < 4
    tuned = finetune(backbone, stream, 32, 2, recipe(epochs=4), tmp_path)
    assert len(tuned.history["loss"]) == 4
    assert logged(tmp_path / "tensorboard/train", "epoch_loss") == [0, 1, 2, 3]


def test_temperature_of_logits_that_are_too_sure() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 1, (4000, 5))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([random.choice(5, p=p) for p in chances])
    assert fit_temperature(logits * 2.5, labels) == pytest.approx(2.5, rel=0.1)
    assert fit_temperature(logits / 2, labels) == pytest.approx(0.5, rel=0.1)
