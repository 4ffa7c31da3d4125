"""Colour and composition of covers, as a pandas UDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.appearance import describe
from covergenre.errors import ImageError
from udfs import ddl

MEASURED = {
    "palette": "array<struct<hex:string,name:string,share:double>>",
    "colourfulness": "double",
    "brightness": "double",
    "contrast": "double",
    "saturation": "double",
    "hue_entropy": "double",
    "near_black": "double",
    "near_white": "double",
    "achromatic": "double",
    "grey_entropy": "double",
    "edge_density": "double",
    "symmetry": "double",
    "faces": "int",
    "face_area": "double",
}
"""The fields of :class:`covergenre.appearance.Appearance`."""

DESCRIBED = {**MEASURED, "reason": "string", "detail": "string"}


def make_describe(colours: int, limits: images.Limits) -> Any:
    """The UDF for palettes of so many colours, at most.

    Returns:
        A non-deterministic pandas UDF, so that Spark never evaluates it twice for a row: binary to
        :data:`DESCRIBED`. Where a cover cannot be used, all is NULL but a typed ``reason`` and a
        ``detail``.
    """

    def described(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        for contents in batches:
            # None, not pandas' NaN, where there is no palette: Arrow takes NaN for a number.
            rows = [
                dict.fromkeys(DESCRIBED) | _described(bytes(content), colours, limits)
                for content in contents
            ]
            # Integers beside missing ones would become floats.
            yield pd.DataFrame(rows, columns=list(DESCRIBED)).astype({"faces": "Int32"})

    return pandas_udf(described, ddl(DESCRIBED)).asNondeterministic()  # type: ignore[call-overload]


def _described(content: bytes, colours: int, limits: images.Limits) -> dict[str, Any]:
    try:
        return describe(images.decode(content, limits=limits), colours).row()
    except ImageError as error:
        return {"reason": error.reason, "detail": error.detail}
