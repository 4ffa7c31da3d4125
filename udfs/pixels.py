"""Pixels of covers at one size, as a pandas UDF: what fine-tuning reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images


def make_pixels(size: int, limits: images.Limits) -> Any:
    """The UDF for one size.

    Returns:
        A non-deterministic pandas UDF: binary (covers that decode, as the covers table holds them)
        to binary of size x size x 3 bytes, rows of RGB pixels, 0-255.
    """

    def pixels(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for contents in batches:
            yield pd.Series([images.load(bytes(c), size, limits).tobytes() for c in contents])

    return pandas_udf(pixels, "binary").asNondeterministic()  # type: ignore[call-overload]
