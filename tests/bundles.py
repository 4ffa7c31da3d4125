"""Bundles on the default backbone with a random head: small and quick to make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from covergenre.backbones import resolve
from covergenre.bundle import Bundle, write_bundle
from covergenre.classifier import Head
from covergenre.detector.stored import DetectorPart


def write_random(
    folder: Path,
    labels: Sequence[str] = ("folk", "rap"),
    seed: int = 0,
    detector: DetectorPart | None = None,
    files: Mapping[str, bytes] | None = None,
    **details: Any,
) -> Bundle:
    """Write a bundle of that name into ``folder``."""
    random = np.random.default_rng(seed)

    def values(*shape: int) -> np.ndarray:
        return random.normal(0, 0.1, shape).astype(np.float32)

    head = Head(
        {
            "scale.mean": values(1280),
            "scale.std": np.ones(1280, np.float32),
            "hidden.kernel": values(1280, 8),
            "hidden.bias": values(8),
            "logits.kernel": values(8, len(labels)),
            "logits.bias": values(len(labels)),
        }
    )
    # A small input keeps the tests quick; the weights fit any size.
    backbone = resolve("efficientnet_lite2", input_size=64)
    return write_bundle(
        folder, folder.name, list(labels), backbone, head, details, files or {},
        *filter(None, [detector]),
    )  # fmt: skip
