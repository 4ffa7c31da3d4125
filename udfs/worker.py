"""What a Python worker keeps between tasks: loaded networks.

TensorFlow is imported here, in the worker, and never in the process workers are forked from.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark import Broadcast

from covergenre import tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.bundle import open_bundle, unpack
from covergenre.classifier import Classifier


@dataclass(frozen=True)
class ShippedBundle:
    """A bundle on its way to the workers.

    Attributes:
        model_version: names it; equal versions hold equal files.
        files: name to content, broadcast, so that it reaches executors on other machines.
    """

    model_version: str
    files: Broadcast[Mapping[str, bytes]]


_classifiers: dict[tuple[str, int], Classifier] = {}


def classifier(bundle: ShippedBundle, batch_size: int, threads: int) -> Classifier:
    """The classifier of a bundle, verified and loaded once a worker."""
    key = (bundle.model_version, batch_size)
    if key not in _classifiers:
        tensorflow_runtime.start(threads)
        _classifiers.clear()  # one bundle's networks at a time
        # Workers are killed, not asked to leave: nothing they write may outlive its use.
        with tempfile.TemporaryDirectory(prefix="covergenre-bundle-") as folder:
            unpack(bundle.files.value, Path(folder))
            _classifiers[key] = open_bundle(Path(folder)).classifier(batch_size)
    return _classifiers[key]


@functools.lru_cache(maxsize=1)
def features(spec: Backbone, threads: int) -> Any:
    """A backbone's features as a compiled function, loaded and traced once a worker."""
    tensorflow_runtime.start(threads)
    return spec.compiled()
