"""Colours of covers, as a pandas UDF."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import colour, images


def make_colour(limits: images.Limits) -> Any:
    """UDF: binary content of a cover that decodes, to array<float>, see
    :func:`covergenre.colour.colour_features`."""

    def features(contents: pd.Series) -> pd.Series:
        return contents.map(
            lambda content: colour.colour_features(images.load(bytes(content), colour.SIDE, limits))
        )

    return pandas_udf(features, "array<float>")  # type: ignore[call-overload]
