"""Signatures of covers, to confirm that two of them are copies."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import duplicates, images


def make_signature(limits: images.Limits) -> Any:
    """UDF: binary content of a cover that decodes, to array<float> (1024), see
    :func:`covergenre.duplicates.signature`."""

    def signature(contents: pd.Series) -> pd.Series:
        return contents.map(
            lambda content: duplicates.signature(images.decode(bytes(content), limits=limits))
        )

    return pandas_udf(signature, "array<float>")  # type: ignore[call-overload]
