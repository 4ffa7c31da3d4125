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
from pyspark.sql import SparkSession

from covergenre import tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.bundle import Bundle, open_bundle, unpack
from covergenre.classifier import Classifier
from covergenre.detector.detector import LabelDetector
from covergenre.fusion.fusion import Fusion


@dataclass(frozen=True)
class ShippedBundle:
    """A bundle on its way to the workers.

    Attributes:
        model_version: names it; equal versions hold equal files.
        files: name to content, broadcast, so that it reaches executors on other machines.
    """

    model_version: str
    files: Broadcast[Mapping[str, bytes]]

    @classmethod
    def of(cls, bundle: Bundle, spark: SparkSession) -> ShippedBundle:
        """Send a verified bundle on its way."""
        return cls(bundle.model_version, spark.sparkContext.broadcast(bundle.files()))


@dataclass(frozen=True)
class Networks:
    """A bundle's models, loaded.

    Attributes:
        classifier: of genres.
        detector: of labels; None where the bundle holds none.
        fusion: combines what is known of a cover; None where the bundle holds none.
    """

    classifier: Classifier
    detector: LabelDetector | None
    fusion: Fusion | None


_networks: dict[tuple[str, int], Networks] = {}


def networks(bundle: ShippedBundle, batch_size: int, threads: int) -> Networks:
    """The networks of a bundle, verified and loaded once a worker."""
    key = (bundle.model_version, batch_size)
    if key not in _networks:
        tensorflow_runtime.start(threads)
        _networks.clear()  # one bundle's networks at a time
        # Workers are killed, not asked to leave: nothing they write may outlive its use.
        with tempfile.TemporaryDirectory(prefix="covergenre-bundle-") as folder:
            unpack(bundle.files.value, Path(folder))
            opened = open_bundle(Path(folder))
            detector, fusion = opened.detector, opened.fusion
            _networks[key] = Networks(
                opened.classifier(batch_size),
                None if detector is None else detector.load(batch_size),
                None if fusion is None else fusion.load(),
            )
    return _networks[key]


@functools.lru_cache(maxsize=1)
def features(spec: Backbone, threads: int) -> Any:
    """A backbone's features as a compiled function, loaded and traced once a worker."""
    tensorflow_runtime.start(threads)
    return spec.compiled()
