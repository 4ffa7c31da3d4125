"""Small pictures of covers, as a pandas UDF."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf


def make_thumbnail(side: int) -> Any:
    """UDF: content of a cover that decodes, to the bytes of a JPEG; see
    :func:`covergenre.report.thumbnails.thumbnail`.

    Args:
        side: the longer one, in pixels.
    """

    def shrink(contents: pd.Series) -> pd.Series:
        from covergenre.report.thumbnails import thumbnail

        return pd.Series([thumbnail(bytes(content), side) for content in contents])

    return pandas_udf(shrink, "binary")  # type: ignore[call-overload]
