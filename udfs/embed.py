"""Features of covers under a backbone, as a pandas UDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.backbones import Backbone
from udfs import ddl

EMBEDDED = {"original": "array<float>", "mirrored": "array<float>"}


def make_embed(
    backbone: Backbone, batch_size: int, threads: int, limits: images.Limits, mirrored: bool
) -> Any:
    """The UDF for one backbone.

    Returns:
        A non-deterministic pandas UDF: binary (covers that decode, as the covers table holds them)
        to :data:`EMBEDDED`; ``mirrored`` is NULL unless asked for.
    """

    def embed(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        from udfs import worker

        features = worker.features(backbone, threads)
        size = backbone.preprocessing.size
        for contents in batches:
            rows = []
            for i in range(0, len(contents), batch_size):
                chunk = contents.iloc[i : i + batch_size]
                pixels = np.stack([images.load(bytes(c), size, limits) for c in chunk])
                original = features(pixels).numpy()
                mirror = features(pixels[:, :, ::-1]).numpy() if mirrored else [None] * len(chunk)
                rows += list(zip(original, mirror, strict=True))
            yield pd.DataFrame(rows, columns=list(EMBEDDED))

    return pandas_udf(embed, ddl(EMBEDDED)).asNondeterministic()  # type: ignore[call-overload]
