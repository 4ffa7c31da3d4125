"""All that a bundle's detector finds on covers, as a pandas UDF: what it is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.errors import ImageError
from udfs import ddl

if TYPE_CHECKING:
    from covergenre.detector.detector import LabelDetector
    from udfs.worker import ShippedBundle

DETECTED = {"boxes": "array<float>", "scores": "array<float>", "reason": "string"}


def make_detect(bundle: ShippedBundle, batch_size: int, threads: int, limits: images.Limits) -> Any:
    """The UDF for one bundle, which holds a detector.

    Args:
        bundle: verified again and loaded once in each worker.
        batch_size: covers that are decoded, and then shown to the network, at a time.
        threads: cores a task has (``spark.task.cpus``).
        limits: what is accepted as a cover.

    Returns:
        A non-deterministic pandas UDF: binary to :data:`DETECTED`: ``scores`` 0-1, the highest
        first, and four numbers a score in ``boxes``: xmin, ymin, xmax, ymax in 0-1. Both are NULL,
        with a typed ``reason``, when the cover cannot be used.
    """

    def detect(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from udfs import worker

        detector = worker.networks(bundle, threads).detector
        assert detector is not None
        for contents in batches:
            rows: list[dict[str, Any]] = []
            for i in range(0, len(contents), batch_size):
                rows += _detect(detector, contents.iloc[i : i + batch_size], limits)
            yield pd.DataFrame(rows, columns=list(DETECTED))

    return pandas_udf(detect, ddl(DETECTED)).asNondeterministic()  # type: ignore[call-overload]


def _detect(
    detector: LabelDetector, contents: pd.Series, limits: images.Limits
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    pixels = []
    for content in contents:
        row: dict[str, Any] = dict.fromkeys(DETECTED)
        try:
            pixels.append(images.load(bytes(content or b""), detector.size, limits))
        except ImageError as error:
            row["reason"] = error.reason
        rows.append(row)
    if pixels:
        usable = [row for row in rows if row["reason"] is None]
        for row, found in zip(usable, detector.detect(np.stack(pixels)), strict=True):
            row["boxes"], row["scores"] = found.boxes.ravel(), found.scores
    return rows
