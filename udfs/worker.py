"""What a Python worker keeps between tasks: loaded networks.

An engine is imported here, in the worker, and never in the process workers are forked from;
TensorFlow only where it computes.
"""

from __future__ import annotations

import functools
import gc
import logging
import sys
import tempfile
import zipimport
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pyspark import Broadcast
from pyspark.sql import SparkSession

from covergenre import tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.bundle import Bundle, open_bundle, unpack
from covergenre.classifier import Classifier
from covergenre.detector.detector import LabelDetector
from covergenre.engines import Engine, Graph, Loader, openvino, tensorflow
from covergenre.fusion.fusion import Fusion

if TYPE_CHECKING:
    from covergenre.config import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShippedEngine:
    """An engine on its way to the workers, with the networks that it has converted.

    Attributes:
        engine: which, and how precisely.
        batch_size: covers a call, as the settings say it.
        converted: OpenVINO's networks by name, broadcast; None for TensorFlow.
    """

    engine: Engine
    batch_size: Literal["auto"] | int
    converted: Broadcast[Mapping[str, openvino.Converted]] | None

    @classmethod
    def of(
        cls, engine: Engine, graphs: Mapping[str, Graph], settings: Settings, spark: SparkSession
    ) -> ShippedEngine:
        """Convert networks, if they have to be and were not before, and send them on their way."""
        if engine.name == "tensorflow":
            return cls(engine, settings.score.batch_size, None)
        size = settings.engine.batch_size
        found = openvino.prepared(graphs, size, engine.precision)
        return cls(engine, size, spark.sparkContext.broadcast(found))

    def loader(self, threads: int) -> Loader:
        """The engine in this worker, with as many threads as a task has cores."""
        if self.converted is None:
            tensorflow_runtime.start(threads)
            return tensorflow.loader(int(self.batch_size))
        return openvino.loader(self.converted.value, self.engine.precision, threads)


@dataclass(frozen=True)
class ShippedBundle:
    """A bundle on its way to the workers.

    Attributes:
        model_version: names it; equal versions hold equal files.
        files: name to content, broadcast, so that it reaches executors on other machines.
        engine: that computes its networks.
    """

    model_version: str
    files: Broadcast[Mapping[str, bytes]]
    engine: ShippedEngine

    @classmethod
    def of(
        cls, bundle: Bundle, engine: Engine, settings: Settings, spark: SparkSession
    ) -> ShippedBundle:
        """Send a verified bundle on its way."""
        files: Mapping[str, bytes] = bundle.files()
        shipped = ShippedEngine.of(engine, bundle.graphs(), settings, spark)
        return cls(bundle.model_version, spark.sparkContext.broadcast(files), shipped)


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


_networks: dict[tuple[str, Engine, str | int], Networks] = {}


def networks(bundle: ShippedBundle, threads: int) -> Networks:
    """The networks of a bundle, verified and loaded once a worker."""
    engine = bundle.engine.engine
    key = (bundle.model_version, engine, bundle.engine.batch_size)
    if key not in _networks:
        _networks.clear()  # one bundle's networks at a time
        gc.unfreeze()
        _LOG.info("loading %s: %s, %d threads", bundle.model_version, engine, threads)
        loader = bundle.engine.loader(threads)
        # Workers are killed, not asked to leave: nothing they write may outlive its use.
        with tempfile.TemporaryDirectory(prefix="covergenre-bundle-") as folder:
            unpack(bundle.files.value, Path(folder))
            opened = open_bundle(Path(folder))
            if opened.detector is not None and opened.detector.graph is None:
                tensorflow_runtime.start(threads)
            _networks[key] = loaded(opened, loader, engine)
    return _networks[key]


def settle() -> None:
    """Spare the tasks to come what Spark does between any two of them, a tenth of a second each.

    It collects garbage among all that was ever imported, and has each zip on the path listed anew,
    its own among them.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
    for place, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[place]


def loaded(bundle: Bundle, loader: Loader, engine: Engine) -> Networks:
    """The networks of a verified bundle."""
    detector, fusion = bundle.detector, bundle.fusion
    return Networks(
        bundle.classifier(loader, engine.logit_scale),
        None if detector is None else detector.load(loader),
        None if fusion is None else fusion.load(),
    )


@functools.lru_cache(maxsize=1)
def features(spec: Backbone, threads: int) -> Any:
    """A backbone's features as a compiled function, loaded and traced once a worker."""
    tensorflow_runtime.start(threads)
    return spec.compiled()
