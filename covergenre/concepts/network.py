"""Networks that look for classes: pixels in, a score a class out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from covergenre.backbones import MODES, Preprocessing
from covergenre.backbones.registry import mode_of_file
from covergenre.config.concepts import Local
from covergenre.errors import TaggerError

Pixels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]

ANY_SIZE = 224
"""Side in pixels of the input of networks that take any."""


@dataclass(frozen=True)
class Network:
    """A loaded network.

    Attributes:
        size: side of the input in pixels.
        scores: uint8 (n, size, size, 3), RGB, to (n, classes), 0-1.
    """

    size: int
    scores: Callable[[Pixels], Scores]


def classifier(
    network: Network, classes: int, output: Literal["auto", "probabilities", "logits"], what: str
) -> Network:
    """A classifier whose output is held against its classes, as probabilities without background.

    Args:
        network: gives what the network itself gives: (n, outputs).
        classes: how many there are; one output more is the background, the first.
        output: what it gives; ``auto``: logits if some lie outside 0-1.
        what: the network's name in errors.

    Raises:
        TaggerError: it gives another number of scores, or none.
    """
    random = np.random.default_rng(0)
    shape = (2, network.size, network.size, 3)
    said = network.scores(random.integers(0, 256, shape, dtype=np.uint8))
    if said.ndim != 2:
        raise TaggerError(f"{what} gives {said.shape[1:]} for a cover: a row of scores is needed")
    check_classes(said.shape[1], classes, what)
    logits = output == "logits" or (output == "auto" and (said.min() < 0 or said.max() > 1))

    def scores(pixels: Pixels) -> Scores:
        said = network.scores(pixels)
        kept: Scores = (softmax(said, axis=1) if logits else said)[:, -classes:]
        return kept

    return Network(network.size, scores)


def check_classes(outputs: int, classes: int, what: str) -> None:
    """Hold a network's number of scores against the list of its classes.

    Raises:
        TaggerError: it is neither the number of classes nor, with the background, one more.
    """
    if outputs not in (classes, classes + 1):
        raise TaggerError(
            f"{what} gives {outputs} scores, but the list of concepts.local.labels names "
            f"{classes} classes: name the list that came with the file"
        )


def input_size(path: Path, shape: Sequence[int | None], settings: Local) -> int:
    """Side of a network's square input in pixels.

    Args:
        path: of the network, for errors.
        shape: height, width, channels; None (or -1) where it takes any.
        settings: ``concepts.local``.

    Raises:
        TaggerError: it takes no square RGB images, or not of the size that is set.
    """
    height, width, channels = (None if n is None or n < 0 else int(n) for n in shape)
    if height != width or channels != 3:
        raise TaggerError(f"{path} takes images {height}x{width}x{channels}, not square RGB")
    if height is not None and settings.input_size not in (None, height):
        raise TaggerError(
            f"{path} takes images of {height} pixels: set concepts.local.input_size to null"
        )
    return height or settings.input_size or ANY_SIZE


def preprocessing_of(path: Path, settings: Local, size: int) -> Preprocessing:
    """What a network that takes numbers, not bytes, expects.

    Raises:
        BackboneError: that cannot be told by its name.
    """
    mode: str = settings.preprocessing
    if mode == "auto":
        mode = mode_of_file(path, "concepts.local.preprocessing")
    return Preprocessing(size, *MODES[mode])
