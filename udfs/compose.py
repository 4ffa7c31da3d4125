"""Training pictures of the label detector: a pandas UDF from a cover and a seed to a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import simplejpeg
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.composer.compose import compose
from covergenre.composer.mark import Mark
from covergenre.composer.variation import vary
from udfs import ddl

COMPOSED = {"picture": "binary", "boxes": "array<float>", "labels": "int"}

# Raw pixels are four times the bytes; at this quality, chroma in full, nobody sees a difference.
_QUALITY = 98


def make_compose(art: Sequence[Mark], size: int, most: int, limits: images.Limits) -> Any:
    """The UDF for one size.

    Args:
        art: pictures of the label beside our own drawing.
        size: side of the pictures in pixels.
        most: labels a picture, at least two.
        limits: what is accepted as a cover.

    Returns:
        A non-deterministic pandas UDF, so that Spark never composes a picture twice: content
        binary (covers that decode, as the covers table holds them), seed bigint, real boxes
        array<float> of four numbers each, or NULL, to :data:`COMPOSED`: ``picture`` a JPEG,
        ``boxes`` 4 * most numbers, those beyond ``labels`` of them zero. A cover with
        real boxes, even none, is varied as it is; on any other labels are laid.
    """

    def composed(
        batches: Iterator[tuple[pd.Series, pd.Series, pd.Series]],
    ) -> Iterator[pd.DataFrame]:
        for contents, seeds, known in batches:
            rows = [
                _composed(images.decode(bytes(content), limits=limits), int(seed), real)
                for content, seed, real in zip(contents, seeds, known, strict=True)
            ]
            yield pd.DataFrame(rows, columns=list(COMPOSED))

    def _composed(cover: images.Pixels, seed: int, real: Any) -> dict[str, Any]:
        if real is None:
            pixels, boxes = compose(cover, seed, art=art, size=size)
        else:
            pixels, boxes = vary(cover, np.asarray(real, np.float32).reshape(-1, 4), seed, size)
        return {"picture": _stored(pixels), "boxes": _padded(boxes, most), "labels": len(boxes)}

    return pandas_udf(composed, ddl(COMPOSED)).asNondeterministic()  # type: ignore[call-overload]


def _stored(pixels: images.Pixels) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), _QUALITY, "RGB", "444"))


def _padded(boxes: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    padded = np.zeros((most, 4), np.float32)
    padded[: len(boxes)] = boxes
    return padded.ravel()
