"""Signatures of covers and groups of copies; artists' names in one form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import duplicates, images

COPIES = "cover_id string, duplicate_id string"
"""Schema of what :func:`make_copies` gives."""


def make_signature(limits: images.Limits) -> Any:
    """UDF: binary content of a cover that decodes, to its signature as the bytes of float32 (1024,)
    in little-endian order; NULL for a plain cover. See :func:`covergenre.duplicates.signature`."""

    def signature(content: bytes) -> bytes | None:
        found = duplicates.signature(images.decode(bytes(content), limits=limits))
        return found.astype("<f4").tobytes() if found.any() else None

    def signatures(contents: pd.Series) -> pd.Series:
        return contents.map(signature)

    return pandas_udf(signatures, "binary")  # type: ignore[call-overload]


def make_copies(radius: int, min_correlation: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """For ``applyInPandas``: covers (``cover_id``, ``hash`` bigint, ``signature`` as above), to
    those that have a copy among them, with the smallest id of their copies: :data:`COPIES`."""

    def copies(covers: pd.DataFrame) -> pd.DataFrame:
        covers = covers.sort_values("cover_id")
        ids = covers["cover_id"].to_numpy()
        first = duplicates.copies(
            covers["hash"].to_numpy(np.int64).view(np.uint64),
            np.stack([np.frombuffer(row, "<f4") for row in covers["signature"]]),
            radius,
            min_correlation,
        )
        copied = np.bincount(first, minlength=len(first))[first] > 1
        return pd.DataFrame({"cover_id": ids[copied], "duplicate_id": ids[first[copied]]})

    return copies


def make_artist_name() -> Any:
    """UDF: a name, not NULL, to the form of :func:`covergenre.duplicates.artist_name`."""
    return pandas_udf(lambda names: names.map(duplicates.artist_name), "string")  # type: ignore[call-overload]
