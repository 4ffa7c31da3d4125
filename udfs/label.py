"""Pictures of covers with their label drawn, as a pandas UDF."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf


def make_label_detected() -> Any:
    """UDF: content of a cover that decodes, box (``struct<xmin,ymin,xmax,ymax>``) and score of its
    label, to the bytes of a JPEG; see :func:`covergenre.plots.label_detected`."""

    def draw(contents: pd.Series, boxes: pd.DataFrame, scores: pd.Series) -> pd.Series:
        from covergenre.plots import label_detected

        corners = boxes[["xmin", "ymin", "xmax", "ymax"]].itertuples(index=False, name=None)
        rows = zip(contents, corners, scores, strict=True)
        return pd.Series([label_detected(bytes(c), box, score) for c, box, score in rows])

    return pandas_udf(draw, "binary")  # type: ignore[call-overload]
