"""What a local tagger sees on covers, as a pandas UDF."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark import Broadcast
from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images, tensorflow_runtime
from covergenre.bundle import unpack
from covergenre.concepts.local import LocalModel, LocalTagger
from covergenre.concepts.tagger import Tagged, TaggerFailure
from covergenre.engines import Engine
from udfs import ddl
from udfs.worker import ShippedEngine

if TYPE_CHECKING:
    from covergenre.config import Settings

TAGGED = {
    "concepts": "array<struct<name:string,score:double>>",
    "failure": "string",
    "detail": "string",
}


@dataclass(frozen=True)
class ShippedTagger:
    """A local tagger on its way to the workers.

    Attributes:
        model: what it is.
        files: of the user's model, broadcast, so that they reach executors on other machines.
        engine: that computes ImageNet's.
    """

    model: LocalModel
    files: Broadcast[Mapping[str, bytes]]
    engine: ShippedEngine

    @classmethod
    def of(
        cls, model: LocalModel, engine: Engine, settings: Settings, spark: SparkSession
    ) -> ShippedTagger:
        """Send a tagger on its way.

        Raises:
            TaggerError: its files are missing, or others than before.
        """
        graph = model.graph
        graphs = {} if graph is None else {graph.name: graph}
        files: Mapping[str, bytes] = model.files()
        shipped = ShippedEngine.of(engine, graphs, settings, spark)
        return cls(model, spark.sparkContext.broadcast(files), shipped)


_taggers: dict[tuple[str, Engine, images.Limits], LocalTagger] = {}


def loaded(tagger: ShippedTagger, threads: int, limits: images.Limits) -> LocalTagger:
    """The tagger, loaded once a worker."""
    key = (tagger.model.name, tagger.engine.engine, limits)
    if key not in _taggers:
        loader = tagger.engine.loader(threads)
        if tagger.model.graph is None:
            tensorflow_runtime.start(threads)
        _taggers.clear()  # one at a time
        # Workers are killed, not asked to leave: nothing they write may outlive its use.
        with tempfile.TemporaryDirectory(prefix="covergenre-tagger-") as folder:
            unpack(tagger.files.value, Path(folder))
            path = tagger.model.path
            model = replace(tagger.model, path=path and Path(folder) / path.name)
            _taggers[key] = model.load(limits, loader)
    return _taggers[key]


def make_tag(tagger: ShippedTagger, threads: int, limits: images.Limits) -> Any:
    """The UDF for one tagger.

    Args:
        tagger: loaded once in each worker.
        threads: cores a task has (``spark.task.cpus``).
        limits: what is accepted as a cover.

    Returns:
        A non-deterministic pandas UDF, so that Spark never evaluates it twice for a row: binary to
        :data:`TAGGED`. ``concepts`` is NULL, with a typed ``failure`` and a ``detail``, when the
        cover cannot be used.
    """

    def tag(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        network = loaded(tagger, threads, limits)
        for contents in batches:
            tagged = network.tag([bytes(content) for content in contents])
            yield pd.DataFrame([row(one) for one in tagged], columns=list(TAGGED))

    return pandas_udf(tag, ddl(TAGGED)).asNondeterministic()  # type: ignore[call-overload]


def row(tagged: Tagged) -> dict[str, Any]:
    """What a tagger said of a cover, as the columns of :data:`TAGGED`."""
    if isinstance(tagged, TaggerFailure):
        return {"concepts": None, "failure": tagged.reason, "detail": tagged.detail}
    named = [{"name": concept.name, "score": concept.score} for concept in tagged]
    return {"concepts": named, "failure": None, "detail": None}
