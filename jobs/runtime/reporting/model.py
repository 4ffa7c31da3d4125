"""Whose predictions a page shows."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.errors import CatalogueError
from jobs.runtime.warehouse import Warehouse
from schemas import PREDICTIONS, RUNS


@dataclass(frozen=True)
class Model:
    """A model version with predictions.

    Attributes:
        version: name and digest of the bundle.
        labels: the genres it knows, in its order.
        scored: its predictions.
        others: the other versions there.
    """

    version: str
    labels: list[str]
    scored: int
    others: list[str]


def choose(warehouse: Warehouse, asked: str | None) -> Model | None:
    """The model that was asked for, else that of the last run that scored.

    Returns:
        None if nothing is scored and no model was asked for.

    Raises:
        CatalogueError: it has no predictions there; says which have.
    """
    counted: dict[str, int] = {}
    if warehouse.exists(PREDICTIONS):
        rows = warehouse.read(PREDICTIONS).groupBy("model_version").count().collect()
        counted = {row["model_version"]: row["count"] for row in rows}
    if asked is not None and asked not in counted:
        there = f"there are those of {', '.join(sorted(counted))}" if counted else "there are none"
        raise CatalogueError(
            f"--model-version {asked} has no predictions in {warehouse.location}: {there}"
        )
    if not counted:
        return None
    version = asked or _last(warehouse, counted)
    first = predictions(warehouse, version).select(F.map_keys("probabilities")).first()
    assert first is not None
    others = sorted(set(counted) - {version})
    return Model(version, list(first[0]), counted[version], others)


def predictions(warehouse: Warehouse, version: str) -> DataFrame:
    """The rows of one model."""
    return warehouse.read(PREDICTIONS).where(F.col("model_version") == version)


def _last(warehouse: Warehouse, versions: dict[str, int]) -> str:
    if len(versions) > 1 and warehouse.exists(RUNS):
        runs = warehouse.read(RUNS).where("job = 'score' AND outcome = 'succeeded'")
        last = (
            runs.where(F.col("model_version").isin([*versions]))
            .orderBy(F.desc("finished_at"))
            .select("model_version")
            .first()
        )
        if last is not None:
            return str(last[0])
    return max(versions, key=lambda version: (versions[version], version))
