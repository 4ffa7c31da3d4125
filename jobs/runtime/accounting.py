"""Every album is scored, in quarantine, or known to be left for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import functions as F

from covergenre.errors import AccountingError
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, PREDICTIONS, QUARANTINE


@dataclass(frozen=True)
class Counted:
    """What became of a warehouse's albums.

    Attributes:
        cells: as :func:`jobs.runtime.metrics.count_cells` gives them.
        reasons: why albums are in quarantine, and how many.
        pending: albums whose cover is still to be shown to the models: outside a run's scope.
    """

    cells: pd.DataFrame
    reasons: Mapping[str, int]
    pending: int = 0

    @property
    def albums(self) -> int:
        """All of them."""
        return int(self.cells["albums"].sum())

    @property
    def scored(self) -> int:
        """Those with a prediction."""
        return int(self.cells["scored"].sum())

    @property
    def quarantined(self) -> int:
        """Those without a usable cover."""
        return sum(self.reasons.values())

    @property
    def advisory(self) -> int:
        """Those with a label."""
        return int(self.cells["advisory"].sum())


def account(warehouse: Warehouse, cells: pd.DataFrame, pending: int, model_version: str) -> Counted:
    """Count, and see whether nothing is lost.

    Args:
        warehouse: with albums, predictions and quarantine in line.
        cells, pending: see :class:`Counted`.
        model_version: whose predictions are counted.

    Raises:
        AccountingError: predictions and open quarantine do not add up to the albums.
    """
    counted = Counted(cells, _reasons(warehouse), pending)
    own = F.col("model_version") == model_version
    held = warehouse.read(PREDICTIONS).where(own).count()
    if held + counted.quarantined + pending != counted.albums or held != counted.scored:
        left = f" + {pending} still to be scored" if pending else ""
        raise AccountingError(
            f"{held} predictions + {counted.quarantined} in quarantine{left} are not the "
            f"{counted.albums} albums of {warehouse.location}: please report this"
        )
    return counted


def _reasons(warehouse: Warehouse) -> dict[str, int]:
    open_rows = warehouse.held(QUARANTINE).where("closed_at IS NULL")
    if open_rows.isEmpty():
        return {}
    # A scrape that was killed can leave rows of albums that it did not get to write.
    albums = warehouse.held(ALBUMS).select("album_id")
    counted = open_rows.join(albums, "album_id", "left_semi").groupBy("reason").count()
    return {row["reason"]: row["count"] for row in counted.collect()}
