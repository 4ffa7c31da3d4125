"""A network as engines take it, and as they give it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from covergenre.engines.quantization import Quantization

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Graph:
    """A network from pixels to its outputs, not loaded yet.

    Attributes:
        name: what it is for: ``classifier``, ``detector`` or ``tagger``.
        size: side in pixels of the square input.
        digest: of all that decides what it computes.
        build: loads it (TensorFlow is imported there and not before): a function of TensorFlow's
            from a uint8 tensor (n, size, size, 3), RGB, to a tuple of float32 tensors (n, ...).
        quantization: how it is computed in int8; None: it is not, whatever the precision.
    """

    name: str
    size: int
    digest: str
    build: Callable[[], Callable[[Any], tuple[Any, ...]]] = field(repr=False, compare=False)
    quantization: Quantization | None = field(default=None, repr=False, compare=False)

    def traced(self, batch_size: int) -> Any:
        """As a tf.function for batches of just this many covers."""
        import tensorflow as tf

        shape = (batch_size, self.size, self.size, 3)
        return tf.function(
            self.build(),
            input_signature=[tf.TensorSpec(shape, tf.uint8, name="pixels")],
            autograph=False,
        )


class Run(Protocol):
    """A network that is ready to run.

    Called with uint8 (n, size, size, 3), RGB, n at most ``batch_size``, it gives the graph's
    outputs, float32 (n, ...) each. They may be views of memory that the next call overwrites.

    Attributes:
        size: side in pixels of the square input.
        batch_size: covers a call at most.
    """

    size: int
    batch_size: int

    def __call__(self, pixels: Pixels) -> tuple[Floats, ...]: ...


Loader = Callable[[Graph], Run]
"""An engine's way from a graph to a network that is ready to run."""


def chunks(run: Run, pixels: Pixels) -> Iterator[tuple[Floats, ...]]:
    """The outputs for any number of covers, a batch of the engine at a time.

    Raises:
        ValueError: the covers are not of the network's size.
    """
    if pixels.shape[1:] != (run.size, run.size, 3):
        raise ValueError(f"covers of {run.size}x{run.size} RGB are needed, not {pixels.shape[1:]}")
    for start in range(0, len(pixels), run.batch_size):
        yield run(pixels[start : start + run.batch_size])


def rows(run: Run, pixels: Pixels) -> tuple[Floats, ...]:
    """The outputs, copied, for any number of covers: (n, ...) each."""
    if len(pixels) == 0:
        one = run(np.zeros((1, run.size, run.size, 3), np.uint8))
        return tuple(output[:0].copy() for output in one)
    said = [tuple(output.copy() for output in outputs) for outputs in chunks(run, pixels)]
    return tuple(np.concatenate(output) for output in zip(*said, strict=True))


def padded(pixels: Pixels, batch_size: int) -> Pixels:
    """A whole batch: networks are compiled for batches of one size."""
    if len(pixels) == batch_size:
        return np.ascontiguousarray(pixels)
    whole = np.zeros((batch_size, *pixels.shape[1:]), np.uint8)
    whole[: len(pixels)] = pixels
    return whole
