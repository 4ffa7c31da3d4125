"""The fused scoring UDF: bytes in, one decode, all that is said of a cover, a small struct out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.appearance import describe
from covergenre.errors import ImageError
from covergenre.fusion.inputs import ADVISORY, APPEARANCE, CONCEPTS
from udfs import ddl
from udfs.appearance import MEASURED
from udfs.watchdog import deadline

if TYPE_CHECKING:
    from covergenre.concepts.local import LocalTagger
    from udfs.concepts import ShippedTagger
    from udfs.worker import Networks, ShippedBundle

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
SCORED = {
    "probabilities": "array<float>",
    "classifier_probabilities": "array<float>",
    "reasons": "array<struct<part:string,input:string,contribution:double>>",
    "advisory_score": "float",
    "advisory_box": f"struct<{', '.join(f'{corner}: float' for corner in _CORNERS)}>",
    "concepts": "array<struct<name:string,score:double>>",
    "appearance": f"struct<{', '.join(f'{name}:{kind}' for name, kind in MEASURED.items())}>",
    "embedding": "array<float>",
    "reason": "string",
    "detail": "string",
    "milliseconds": "double",
}


@dataclass(frozen=True)
class Describing:
    """What is said of a cover beside its genre and label.

    Attributes:
        tagger: names what is on it; None: nobody does.
        colours: of its palette, at most; None: colour and composition are not measured.
        combined: which of these the bundle's combined model reads: it knows no other tagger than
            the one that it has learnt from.
        embedding: whether the classifier's embedding is given, too.
    """

    tagger: ShippedTagger | None = None
    colours: int | None = None
    combined: frozenset[str] = frozenset()
    embedding: bool = False


@dataclass(frozen=True)
class Models:
    """All that looks at a cover, loaded.

    Attributes:
        networks: of the bundle.
        tagger, colours, combined, embedding: as of :class:`Describing`.
    """

    networks: Networks
    tagger: LocalTagger | None
    colours: int | None
    combined: frozenset[str]
    embedding: bool = False

    @property
    def sizes(self) -> list[int]:
        """Sides of the networks' inputs in pixels: classifier, detector, tagger."""
        found = (self.networks.classifier, self.networks.detector, self.tagger)
        return [network.size for network in found if network is not None]


def make_score(
    bundle: ShippedBundle,
    batch_size: int,
    threads: int,
    limits: images.Limits,
    describing: Describing | None = None,
    timeout: float = 0,
) -> Any:
    """The UDF for one bundle.

    Args:
        bundle: verified again and loaded once in each worker.
        batch_size: covers that are decoded, and then shown to the networks, at a time.
        threads: cores a task has (``spark.task.cpus``).
        limits: what is accepted as a cover.
        describing: what else is said; None: nothing.
        timeout: seconds a batch may take before the worker is ended; 0: any.

    Returns:
        A non-deterministic pandas UDF, so that Spark never evaluates it twice for a row: binary to
        :data:`SCORED`. Both ``probabilities`` are in the order of the bundle's labels: the first
        of all that is known, the second of the classifier alone; ``reasons`` is what moved the
        first, NULL if the bundle holds no combined model. ``advisory_score`` 0-1 and
        ``advisory_box`` 0-1 of the cover's sides are of the most probable label (0 where nothing
        looks like one; NULL if the bundle holds no detector). ``embedding``, if asked for,
        is as of :meth:`covergenre.classifier.Classifier.with_embeddings`. All are NULL, with a
        typed ``reason``, when the cover cannot be used. ``milliseconds`` is the cover's share of
        its batch's decoding and inference.
    """
    asked = describing or Describing()

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from udfs import concepts, worker

        tagger = asked.tagger
        models = Models(
            worker.networks(bundle, threads),
            None if tagger is None else concepts.loaded(tagger, threads, limits),
            asked.colours,
            asked.combined,
            asked.embedding,
        )
        worker.settle()
        for contents in batches:
            parts = []
            for i in range(0, len(contents), batch_size):
                with deadline(timeout):
                    parts.append(score_batch(models, contents.iloc[i : i + batch_size], limits))
            yield pd.concat(parts) if parts else pd.DataFrame(columns=list(SCORED))

    udf = pandas_udf(score, ddl(SCORED))  # type: ignore[call-overload]
    return udf.asNondeterministic()


def score_batch(models: Models, contents: pd.Series, limits: images.Limits) -> pd.DataFrame:
    """Say all that is said of some covers.

    Args:
        models: loaded.
        contents: the bytes of the files.
        limits: what is accepted as a cover.

    Returns:
        the columns of :data:`SCORED`.
    """
    start = time.perf_counter()
    rows: list[dict[str, Any]] = []
    # One array a network: its covers, at its size, one after the other.
    pixels = [np.empty((len(contents), size, size, 3), np.uint8) for size in models.sizes]
    usable: list[dict[str, Any]] = []
    for content in contents:
        row: dict[str, Any] = dict.fromkeys(SCORED)
        rows.append(row)
        try:
            cover = images.Cover(bytes(content or b""), limits)
            for covers in pixels:
                cover.into(covers[len(usable)])
            if models.colours is not None:
                row["appearance"] = describe(cover.decoded(), models.colours).row()
        except ImageError as error:
            row.update(reason=error.reason, detail=error.detail)
        else:
            usable.append(row)
    if usable:
        _say(models, usable, [covers[: len(usable)] for covers in pixels])
    frame = pd.DataFrame(rows, columns=list(SCORED))
    frame["milliseconds"] = (time.perf_counter() - start) * 1000 / len(rows)
    return frame


def _say(models: Models, rows: list[dict[str, Any]], pixels: list[images.Pixels]) -> None:
    """Write into each row what the models say of its cover."""
    shown = iter(pixels)
    networks = models.networks
    probabilities = _classify(models, rows, next(shown))
    if networks.detector is not None:
        boxes, scores = networks.detector.best(next(shown))
        for row, box, score in zip(rows, boxes.tolist(), scores.tolist(), strict=True):
            row["advisory_score"] = score
            row["advisory_box"] = dict(zip(_CORNERS, box, strict=True))
    if models.tagger is not None:
        for row, certain in zip(rows, models.tagger.scores(next(shown)), strict=True):
            row["concepts"] = [vars(concept) for concept in models.tagger.concepts(certain)]
    if networks.fusion is not None:
        _combine(models, rows, probabilities)


def _classify(models: Models, rows: list[dict[str, Any]], pixels: images.Pixels) -> Any:
    if models.embedding:
        probabilities, embeddings = models.networks.classifier.with_embeddings(pixels)
        for row, embedding in zip(rows, embeddings, strict=True):
            row["embedding"] = embedding
    else:
        probabilities = models.networks.classifier.probabilities(pixels)
    for row, values in zip(rows, probabilities, strict=True):
        row["classifier_probabilities"] = row["probabilities"] = values
    return probabilities


def _combine(models: Models, rows: list[dict[str, Any]], probabilities: Any) -> None:
    fusion = models.networks.fusion
    assert fusion is not None
    known = {
        ADVISORY: [row["advisory_score"] for row in rows],
        APPEARANCE: [row["appearance"] for row in rows],
        CONCEPTS: [
            None if row["concepts"] is None else [(c["name"], c["score"]) for c in row["concepts"]]
            for row in rows
        ],
    }
    read = {part: values for part, values in known.items() if part in models.combined}
    fused = fusion.combine(probabilities, fusion.read(read))
    for row, values, reasons in zip(rows, fused.probabilities, fused.reasons, strict=True):
        row["probabilities"] = values
        row["reasons"] = [vars(reason) for reason in reasons]
