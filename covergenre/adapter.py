"""What fine-tuning changed in a network, small enough to be kept beside the network's own weights.

A bundle does not repeat pretrained weights that come with a dependency: it holds the differences
that training made to them, rounded to a few bits. Differences are small and noisy, so few bits do:
with 4 of them a fine-tuned EfficientNet-Lite2 takes about 2.5 MB.

Kernels are rounded uniformly and symmetrically with one step per output channel (the per-channel
scheme of R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: a
whitepaper", 2018, section 3.1), the step chosen for the smallest squared error; vectors (biases,
batch norm) stay float32, they are few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from covergenre.errors import BackboneError

Floats = npt.NDArray[np.float32]
Tensors = Mapping[str, npt.NDArray[Any]]

BITS = (2, 3, 4, 5, 6, 7, 8)
_CODES, _STEPS, _PLAIN = ".codes", ".steps", ".plain"
# Steps tried for each channel, as parts of the one that reaches the largest difference.
_SHRUNK = np.linspace(0.4, 1.0, 25, dtype=np.float32)


@dataclass(frozen=True)
class Changes:
    """A file of differences to a network's own weights.

    Attributes:
        path: a safetensors file.
        sha256: of the file.
        bits: of each rounded difference.
    """

    path: Path
    sha256: str
    bits: int

    def apply_to(self, network: Any) -> None:
        """Give a Keras network the weights it had after training.

        Raises:
            BackboneError: the file is missing, changed, or of another network.
        """
        content = self.path.read_bytes() if self.path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise BackboneError(f"{self.path} is missing or not what its digest says")
        try:
            after = apply(named_weights(network), load(content), self.bits)
        except ValueError as error:
            raise BackboneError(f"{self.path} does not fit {network.name}: {error}") from error
        for weight in network.weights:
            weight.assign(after[weight.path])


def named_weights(network: Any) -> dict[str, Floats]:
    """A Keras network's weights by layer and role, e.g. ``block3_expand_conv/kernel``."""
    return {w.path: np.asarray(w.numpy(), np.float32) for w in network.weights}


def differences(before: Mapping[str, Floats], after: Mapping[str, Floats], bits: int) -> Tensors:
    """Round what training changed.

    Args:
        before, after: weights by name, of the same shapes; kernels have their output channels last.
        bits: of each rounded difference, a value of :data:`BITS`.

    Returns:
        arrays for a safetensors file: ``<name>.codes`` uint8 (packed), ``<name>.steps`` float32
        (channels,) for kernels, ``<name>.plain`` float32 for vectors; weights that did not change
        have none.
    """
    if bits not in BITS:
        raise ValueError(f"bits must be one of {BITS}, not {bits}")
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, old in before.items():
        change = after[name] - old
        if not change.any():
            continue
        if change.ndim < 2:
            tensors[name + _PLAIN] = change.astype(np.float32)
            continue
        codes, steps = _round(_channels(name, change), 2 ** (bits - 1) - 1)
        tensors[name + _CODES] = _pack(codes, bits)
        tensors[name + _STEPS] = steps
    return tensors


def apply(before: Mapping[str, Floats], tensors: Tensors, bits: int) -> dict[str, Floats]:
    """The weights after training, as :func:`differences` kept them.

    Raises:
        ValueError: the differences are not of these weights.
    """
    known = {name + kind for name in before for kind in (_CODES, _STEPS, _PLAIN)}
    unknown = sorted(set(tensors) - known)
    if unknown:
        raise ValueError(f"differences of other weights: {', '.join(unknown[:3])}")
    return {name: _applied(name, old, tensors, bits) for name, old in before.items()}


def _applied(name: str, old: Floats, tensors: Tensors, bits: int) -> Floats:
    if name + _PLAIN in tensors:
        change = tensors[name + _PLAIN]
        if change.shape != old.shape:
            raise ValueError(f"the difference of {name} is {change.shape}, not {old.shape}")
        return old + change
    if name + _CODES not in tensors:
        return old
    channels = _channels(name, old)
    steps = tensors[name + _STEPS]
    if steps.shape != (channels.shape[1],):
        raise ValueError(f"{name} has {channels.shape[1]} channels, its difference {steps.shape}")
    codes = _unpack(tensors[name + _CODES], channels.size, bits).reshape(channels.shape)
    return old + _shaped(name, codes * steps, old.shape)


def _channels(name: str, kernel: Floats) -> Floats:
    """A kernel as (weights of a channel, channels).

    Keras keeps depthwise kernels as (height, width, channels, 1).
    """
    if "depthwise" in name:
        kernel = np.swapaxes(kernel, -1, -2)
    return kernel.reshape(-1, kernel.shape[-1])


def _shaped(name: str, channels: Floats, shape: tuple[int, ...]) -> Floats:
    if "depthwise" not in name:
        return channels.reshape(shape)
    swapped = (*shape[:-2], shape[-1], shape[-2])
    return np.ascontiguousarray(np.swapaxes(channels.reshape(swapped), -1, -2))


def _round(change: Floats, largest: int) -> tuple[npt.NDArray[np.int8], Floats]:
    reach = np.abs(change).max(axis=0) / largest
    best = np.full(reach.shape, np.inf, np.float32)
    steps = np.ones_like(reach)
    for shrunk in _SHRUNK:
        step = np.where(reach > 0, reach * shrunk, 1).astype(np.float32)
        rounded = np.clip(np.rint(change / step), -largest, largest) * step
        error = np.square(rounded - change).sum(axis=0)
        better = error < best
        best[better], steps[better] = error[better], step[better]
    codes = np.clip(np.rint(change / steps), -largest, largest).astype(np.int8)
    return codes, steps


def _pack(codes: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Signed codes as a string of bits, the highest first, padded to whole bytes."""
    unsigned = (codes.reshape(-1).astype(np.int16) + 2 ** (bits - 1)).astype(np.uint8)
    return np.packbits(np.unpackbits(unsigned[:, None], axis=1)[:, 8 - bits :].reshape(-1))


def _unpack(packed: npt.NDArray[np.uint8], count: int, bits: int) -> Floats:
    if len(packed) != -(-count * bits // 8):
        raise ValueError(f"{len(packed)} bytes of differences for {count} weights of {bits} bits")
    single = np.unpackbits(packed)[: count * bits].reshape(count, bits)
    unsigned = single @ (1 << np.arange(bits - 1, -1, -1))
    return np.asarray(unsigned - 2 ** (bits - 1), np.float32)
