"""The fused scoring UDF: bytes in, decode, classify, a small struct out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.errors import ImageError
from udfs import ddl
from udfs.worker import ShippedBundle

CLASSIFIED = {
    "probabilities": "array<float>",
    "reason": "string",
    "detail": "string",
    "milliseconds": "double",
}


def make_classify(
    bundle: ShippedBundle, batch_size: int, threads: int, limits: images.Limits
) -> Any:
    """The UDF for one bundle.

    Args:
        bundle: verified again and loaded once in each worker.
        batch_size: covers a call of the network.
        threads: cores a task has (``spark.task.cpus``).
        limits: what is accepted as a cover.

    Returns:
        A non-deterministic pandas UDF, so that Spark never evaluates it twice for a row: binary to
        :data:`CLASSIFIED`. ``probabilities`` is in the order of the bundle's labels; NULL with a
        typed ``reason`` when the cover cannot be used; ``milliseconds`` is the cover's share of its
        batch's decoding and inference.
    """

    def classify(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from udfs import worker

        model = worker.classifier(bundle, batch_size, threads)
        for contents in batches:
            parts = [
                _classify(model, contents.iloc[i : i + batch_size], limits)
                for i in range(0, len(contents), batch_size)
            ]
            yield pd.concat(parts) if parts else pd.DataFrame(columns=list(CLASSIFIED))

    udf = pandas_udf(classify, ddl(CLASSIFIED))  # type: ignore[call-overload]
    return udf.asNondeterministic()


def _classify(model: Any, contents: pd.Series, limits: images.Limits) -> pd.DataFrame:
    start = time.perf_counter()
    rows: list[dict[str, Any]] = []
    pixels = []
    for content in contents:
        row: dict[str, Any] = {"probabilities": None, "reason": None, "detail": None}
        try:
            pixels.append(images.load(bytes(content or b""), model.size, limits))
        except ImageError as error:
            row.update(reason=error.reason, detail=error.detail)
        rows.append(row)
    if pixels:
        probabilities = iter(model.probabilities(np.stack(pixels)))
        for row in rows:
            if row["reason"] is None:
                row["probabilities"] = next(probabilities)
    frame = pd.DataFrame(rows, columns=list(CLASSIFIED))
    frame["milliseconds"] = (time.perf_counter() - start) * 1000 / len(rows)
    return frame
