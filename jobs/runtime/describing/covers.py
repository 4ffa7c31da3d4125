"""Which covers have yet to be described."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS


def covers_without(warehouse: Warehouse, held: DataFrame) -> DataFrame:
    """The covers of albums that something has not been said of.

    Args:
        warehouse: with albums and covers.
        held: ``cover_id`` of those it has been said of.

    Returns:
        ``cover_id``, ``content``.
    """
    return with_content(warehouse, of_albums(warehouse).join(held, "cover_id", "left_anti"))


def of_albums(warehouse: Warehouse) -> DataFrame:
    """``cover_id`` of each cover that an album has."""
    return warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select("cover_id").distinct()


def with_content(warehouse: Warehouse, wanted: DataFrame) -> DataFrame:
    """``cover_id`` and ``content`` of the covers with an id in ``wanted``."""
    covers = warehouse.read(COVERS).select("cover_id", "content")
    return covers.join(F.broadcast(wanted), "cover_id", "left_semi")
