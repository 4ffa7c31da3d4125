"""What fine-tuning changed, rounded to few bits and put back."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load, save

from covergenre.adapter import BITS, apply, differences

Weights = dict[str, np.ndarray]


def weights(seed: int) -> Weights:
    random = np.random.default_rng(seed)
    shapes = {
        "stem_conv/kernel": (3, 3, 3, 8),
        "block0_depthwise_conv/kernel": (3, 3, 8, 1),
        "head/kernel": (7, 5),
        "stem_bn/gamma": (8,),
    }
    return {n: random.normal(0, 1, s).astype(np.float32) for n, s in shapes.items()}


def tuned(before: Weights, seed: int = 9) -> Weights:
    random = np.random.default_rng(seed)
    return {
        name: (old + random.normal(0, 0.05, old.shape)).astype(np.float32)
        for name, old in before.items()
    }


@pytest.mark.parametrize("bits", BITS)
def test_differences_come_back_within_half_a_step(bits: int) -> None:
    before = weights(1)
    after = tuned(before)
    tensors = load(save(dict(differences(before, after, bits))))
    back = apply(before, tensors, bits)
    assert {name: value.shape for name, value in back.items()} == {
        name: value.shape for name, value in after.items()
    }
    # The largest change of a channel sets the coarsest step that can be chosen for it.
    for name, kernel in after.items():
        change = np.abs(kernel - before[name])
        step = change.max() / (2 ** (bits - 1) - 1)
        tolerance = 1e-6 if kernel.ndim == 1 else change.max() * 0.6 + step / 2
        np.testing.assert_allclose(back[name], kernel, rtol=0, atol=tolerance)
    error = np.mean([np.square(back[n] - after[n]).mean() for n in after if after[n].ndim > 1])
    nothing = np.mean([np.square(before[n] - after[n]).mean() for n in after if after[n].ndim > 1])
    assert error < nothing * {2: 0.5, 3: 0.12, 4: 0.03}.get(bits, 0.01)


def test_whole_steps_come_back_exactly() -> None:
    before = weights(2)
    steps = np.arange(1, 9, dtype=np.float32) / 64
    codes = np.random.default_rng(0).integers(-7, 8, (3, 3, 8, 1)).astype(np.float32)
    codes[0, 0] = 7  # every channel reaches the largest code
    after = dict(before)
    name = "block0_depthwise_conv/kernel"
    before[name] = np.zeros((3, 3, 8, 1), np.float32)
    after[name] = codes * steps[:, None]
    back = apply(before, differences(before, after, 4), 4)
    np.testing.assert_array_equal(back[name], after[name])


def test_four_bits_take_half_a_byte_a_weight() -> None:
    before = {"a/kernel": np.zeros((64, 100), np.float32)}
    after = tuned(before)
    tensors = differences(before, after, 4)
    assert tensors["a/kernel.codes"].nbytes == 3200
    assert tensors["a/kernel.steps"].shape == (100,)


def test_what_did_not_change_is_not_kept() -> None:
    before = weights(3)
    after = dict(before)
    after["stem_bn/gamma"] = before["stem_bn/gamma"] + 1
    tensors = differences(before, after, 4)
    assert list(tensors) == ["stem_bn/gamma.plain"]
    back = apply(before, tensors, 4)
    np.testing.assert_array_equal(back["head/kernel"], before["head/kernel"])
    np.testing.assert_allclose(back["stem_bn/gamma"], after["stem_bn/gamma"], atol=1e-6)


def test_differences_of_other_weights_are_refused() -> None:
    before = weights(4)
    tensors = dict(differences(before, tuned(before), 4))
    with pytest.raises(ValueError, match="other weights"):
        apply({"another": before["head/kernel"]}, tensors, 4)
    with pytest.raises(ValueError, match="channels"):
        apply({**before, "head/kernel": np.zeros((7, 6), np.float32)}, tensors, 4)
    with pytest.raises(ValueError, match="bytes of differences"):
        apply({**before, "head/kernel": np.zeros((8, 5), np.float32)}, tensors, 4)
    with pytest.raises(ValueError, match="bits"):
        differences(before, before, 1)
