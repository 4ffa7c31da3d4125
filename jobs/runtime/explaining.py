"""What a bundle says of one cover, and why: without Spark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pandas as pd

from covergenre import images, tensorflow_runtime
from covergenre.activation import activation_map
from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.engines import (
    Engine,
    Floats,
    Graph,
    Loader,
    openvino,
    tensorflow,
)
from covergenre.errors import CatalogueError
from jobs.runtime.scoring import Asked, asked, engine
from udfs.score import Models, score_batch
from udfs.worker import loaded


@dataclass(frozen=True)
class Explanation:
    """One cover.

    Attributes:
        said: the columns of :data:`udfs.score.SCORED`, as scoring a catalogue would give them.
        labels: genres, in the order of the probabilities.
        genre: that it looks like.
        abstained: whether the model is too unsure to say so.
        threshold: of the detector: a label is found where the score is at least that; None: the
            bundle finds none.
        heat: what speaks for the genre, place by place, 0-1; None: this network cannot tell.
    """

    said: dict[str, Any]
    labels: list[str]
    genre: str
    abstained: bool
    threshold: float | None
    heat: Floats | None

    @property
    def advisory(self) -> bool | None:
        """Whether it carries a label; None: nothing has looked."""
        if self.threshold is None:
            return None
        return bool(self.said["advisory_score"] >= self.threshold)


def explain(content: bytes, bundle: Bundle, settings: Settings) -> Explanation:
    """Show a cover to a bundle.

    Args:
        content: the bytes of the file.
        bundle: verified.
        settings: of scoring and engine.

    Raises:
        CatalogueError: the cover cannot be used; says why.
    """
    limits = settings.images.limits
    frame = score_batch(_models(bundle, settings), pd.Series([content]), limits)
    said = {str(name): value for name, value in frame.iloc[0].items()}
    if said["reason"] is not None:
        raise CatalogueError(f"{said['reason']}: {said['detail']}")
    probabilities = [float(p) for p in said["probabilities"]]
    best = probabilities.index(max(probabilities))
    abstention, detector = bundle.abstention, bundle.detector
    tensorflow_runtime.start()
    pixels = images.load(content, bundle.backbone.preprocessing.size, limits)
    return Explanation(
        said,
        bundle.labels,
        bundle.labels[best],
        abstention is not None and probabilities[best] < abstention.threshold,
        None if detector is None else detector.threshold,
        activation_map(bundle.backbone, bundle.head(), pixels, best),
    )


def _models(bundle: Bundle, settings: Settings) -> Models:
    question: Asked = asked(bundle, settings)
    chosen, threads = engine(bundle, settings), os.cpu_count() or 1
    tensorflow_runtime.start()  # it converts, and computes the map
    tagger, graphs = question.tagger, bundle.graphs()
    if tagger is not None and tagger.graph is not None:
        graphs[tagger.graph.name] = tagger.graph
    loader = _loader(chosen, graphs, settings, threads)
    return Models(
        loaded(bundle, loader, chosen),
        None if tagger is None else tagger.load(settings.images.limits, loader),
        question.colours,
        question.combined,
    )


def _loader(engine: Engine, graphs: dict[str, Graph], settings: Settings, threads: int) -> Loader:
    if engine.name == "tensorflow":
        return tensorflow.loader(1)
    # The batches of the scoring job, so that what it has converted is not converted again.
    converted = openvino.prepared(graphs, settings.engine.batch_size, engine.precision)
    return openvino.loader(converted, engine.precision, threads)
