"""The nearest of some embeddings to others, as a function for ``mapInPandas``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark import Broadcast

NEAREST = {"cover_id": "string", "neighbour_id": "string", "similarity": "double"}
# Embeddings that are held against all candidates at a time: bounds the memory of a worker.
_ROWS = 1024
_DECIMALS = 4


@dataclass(frozen=True)
class Candidates:
    """Covers that may be near.

    Attributes:
        cover_ids: n, in the order of the rows.
        embeddings: float32 (n, d) of length 1.
    """

    cover_ids: npt.NDArray[np.object_]
    embeddings: npt.NDArray[np.float32]


def make_nearest(
    candidates: Broadcast[Candidates], most: int
) -> Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]:
    """The function for some candidates.

    Args:
        candidates: any number.
        most: neighbours a cover.

    Returns:
        From ``cover_id``, ``embedding`` (of length 1) to :data:`NEAREST`, the ``most`` rows of
        largest cosine a cover, those of 4 decimals; a cover is no neighbour of itself.
    """

    def nearest(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        among = candidates.value
        places = {cover_id: place for place, cover_id in enumerate(among.cover_ids)}
        for batch in batches:
            for start in range(0, len(batch), _ROWS):
                yield _nearest(batch.iloc[start : start + _ROWS], among, places, most)

    return nearest


def _nearest(
    asked: pd.DataFrame, among: Candidates, places: dict[str, int], most: int
) -> pd.DataFrame:
    cosines = np.stack(asked["embedding"].to_list()) @ among.embeddings.T
    for row, cover_id in enumerate(asked["cover_id"]):
        if cover_id in places:
            cosines[row, places[cover_id]] = -np.inf
    most = min(most, cosines.shape[1])
    best = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
    found = pd.DataFrame(
        {
            "cover_id": np.repeat(asked["cover_id"].to_numpy(), most),
            "neighbour_id": among.cover_ids[best.ravel()],
            "similarity": np.take_along_axis(cosines, best, axis=1).ravel().astype(np.float64),
        }
    )
    # A cover that is a candidate is one among its own.
    others: pd.DataFrame = found.loc[np.isfinite(found["similarity"])]
    return others.round({"similarity": _DECIMALS})
