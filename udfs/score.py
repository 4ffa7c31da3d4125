"""The fused scoring UDF: bytes in, one decode, genre and label, a small struct out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.errors import ImageError
from udfs import ddl

if TYPE_CHECKING:
    from udfs.worker import Networks, ShippedBundle

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
SCORED = {
    "probabilities": "array<float>",
    "advisory_score": "float",
    "advisory_box": f"struct<{', '.join(f'{corner}: float' for corner in _CORNERS)}>",
    "reason": "string",
    "detail": "string",
    "milliseconds": "double",
}


def make_score(bundle: ShippedBundle, batch_size: int, threads: int, limits: images.Limits) -> Any:
    """The UDF for one bundle.

    Args:
        bundle: verified again and loaded once in each worker.
        batch_size: covers a call of the networks.
        threads: cores a task has (``spark.task.cpus``).
        limits: what is accepted as a cover.

    Returns:
        A non-deterministic pandas UDF, so that Spark never evaluates it twice for a row: binary to
        :data:`SCORED`. ``probabilities`` is in the order of the bundle's labels, ``advisory_score``
        0-1 and ``advisory_box`` 0-1 of the cover's sides are of the most probable label (0 where
        nothing looks like one; NULL if the bundle holds no detector). All are NULL, with a typed
        ``reason``, when the cover cannot be used. ``milliseconds`` is the cover's share of its
        batch's decoding and inference.
    """

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from udfs import worker

        networks = worker.networks(bundle, batch_size, threads)
        for contents in batches:
            parts = [
                _score(networks, contents.iloc[i : i + batch_size], limits)
                for i in range(0, len(contents), batch_size)
            ]
            yield pd.concat(parts) if parts else pd.DataFrame(columns=list(SCORED))

    udf = pandas_udf(score, ddl(SCORED))  # type: ignore[call-overload]
    return udf.asNondeterministic()


def _score(networks: Networks, contents: pd.Series, limits: images.Limits) -> pd.DataFrame:
    start = time.perf_counter()
    rows: list[dict[str, Any]] = []
    pixels: list[list[images.Pixels]] = []
    for content in contents:
        row: dict[str, Any] = dict.fromkeys(SCORED)
        try:
            pixels.append(images.load_sizes(bytes(content or b""), networks.sizes, limits))
        except ImageError as error:
            row.update(reason=error.reason, detail=error.detail)
        rows.append(row)
    if pixels:
        usable = [row for row in rows if row["reason"] is None]
        # One array a network: its covers, at its size.
        _say(networks, usable, [np.stack(covers) for covers in zip(*pixels, strict=True)])
    frame = pd.DataFrame(rows, columns=list(SCORED))
    frame["milliseconds"] = (time.perf_counter() - start) * 1000 / len(rows)
    return frame


def _say(networks: Networks, rows: list[dict[str, Any]], pixels: list[images.Pixels]) -> None:
    """Write into each row what the networks say of its cover."""
    for row, probabilities in zip(rows, networks.classifier.probabilities(pixels[0]), strict=True):
        row["probabilities"] = probabilities
    if networks.detector is None:
        return
    boxes, scores = networks.detector.best(pixels[1])
    for row, box, score in zip(rows, boxes.tolist(), scores.tolist(), strict=True):
        row["advisory_score"] = score
        row["advisory_box"] = dict(zip(_CORNERS, box, strict=True))
