"""Bring predictions, quarantine, metrics and the Parquet copy in line with albums and inferences.

Each is compared with what it should hold and written if it differs, so that a run after a kill at
any moment ends where an undisturbed one does, and an unchanged catalogue writes nothing.
"""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from jobs.runtime import sink, snapshot
from jobs.runtime.keeping import kept
from jobs.runtime.metrics import per_genre_and_year
from jobs.runtime.planning import known
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, INFERENCES, METRICS, PREDICTIONS, QUARANTINE

SNAPSHOT = "predictions_parquet"
# A prediction is as it should be if these are; all else in it follows from them.
_DECIDE = ("cover_id", "genre", "release_year", "run_id", "scored_at")


@dataclass(frozen=True)
class Changes:
    """What became of the predictions of a bundle.

    Attributes:
        added, updated: rows of albums.
        removed: rows of albums that left the catalogue, of any model, or lost their cover.
    """

    added: int = 0
    updated: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


def own_inferences(warehouse: Warehouse, bundle: Bundle, asked: str) -> DataFrame:
    """What a bundle said of covers that were asked this."""
    version = F.col("model_version") == bundle.model_version
    return warehouse.read(INFERENCES).where(version & (F.col("asked") == asked))


def outlined(predicted: DataFrame) -> DataFrame:
    """Of predictions what they are counted and compared by, kept: a few bytes each.

    Args:
        predicted: as :func:`jobs.runtime.scoring.predict` gives them.
    """
    counted = ("predicted_genre", "confidence", "abstained", "advisory")
    return kept(predicted.select(*PREDICTIONS.key, *_DECIDE, *counted))


def failures(warehouse: Warehouse, bundle: Bundle, asked: str) -> DataFrame:
    """The covers that a bundle could not be shown: ``cover_id``, ``reason``, ``detail``."""
    failed = known(warehouse, bundle.model_version, asked).where(F.col("reason").isNotNull())
    return failed.select("cover_id", "reason", "detail")


def unusable(albums: DataFrame, failed: DataFrame) -> DataFrame:
    """The albums without a cover that can be used: ``album_id``.

    Args:
        albums: the table of that name.
        failed: as :func:`failures` gives them.
    """
    ids = albums.select("album_id", "cover_id")
    return (
        ids.where(F.col("cover_id").isNull())
        .unionByName(ids.join(failed, "cover_id", "left_semi"))
        .select("album_id")
    )


def publish_predictions(
    warehouse: Warehouse, predicted: DataFrame, outline: DataFrame, model_version: str
) -> Changes:
    """Bring the table predictions in line with what it should hold, in one commit.

    Args:
        warehouse: with all tables of scoring.
        predicted, outline: what it should hold of a bundle; see :func:`outlined`.
        model_version: of that bundle.
    """
    differing, changes = differences(warehouse, outline, model_version)
    if not changes:
        return changes
    rows = predicted.join(
        F.broadcast(differing.where("change <> 'removed'")), list(PREDICTIONS.key), "left_semi"
    )
    if not changes.updated and not changes.removed:
        warehouse.append(PREDICTIONS, rows)
        return changes
    source = differing.join(rows, list(PREDICTIONS.key), "left")
    values = {name: f"s.{name}" for name in PREDICTIONS.names}
    same = " AND ".join(f"t.{name} = s.{name}" for name in PREDICTIONS.key)
    (
        warehouse.delta(PREDICTIONS)
        .alias("t")
        .merge(source.alias("s"), same)
        .whenMatchedDelete("s.change = 'removed'")
        .whenMatchedUpdate(set=dict(values))
        .whenNotMatchedInsert("s.change = 'added'", dict(values))
        .execute()
    )
    return changes


def differences(
    warehouse: Warehouse, outline: DataFrame, model_version: str
) -> tuple[DataFrame, Changes]:
    """How the table predictions differs from what it should hold.

    Args:
        warehouse: with albums and predictions.
        outline: what it should hold of a bundle; see :func:`outlined`.
        model_version: of that bundle.

    Returns:
        the key of each row that differs and ``change`` (``added``, ``updated``, ``removed``), and
        how many there are of each.
    """
    key = [*PREDICTIONS.key]
    held = warehouse.held(PREDICTIONS, *key, *_DECIDE)
    own = F.col("model_version") == model_version
    new = outline.select(*key, F.struct(*_DECIDE).alias("should"))
    old = held.where(own).select(*key, F.struct(*_DECIDE).alias("does"))
    change = (
        F.when(F.col("does").isNull(), "added")
        .when(F.col("should").isNull(), "removed")
        .when(~F.col("should").eqNullSafe(F.col("does")), "updated")
    )
    ours = new.join(old, key, "full_outer").select(*key, change.alias("change"))
    albums = warehouse.held(ALBUMS).select("album_id")
    others = held.where(~own).select(*key).join(albums, "album_id", "left_anti")
    differing = kept(
        ours.where("change IS NOT NULL").unionByName(others.withColumn("change", F.lit("removed")))
    )
    counts = {row["change"]: row["count"] for row in differing.groupBy("change").count().collect()}
    return differing, Changes(**counts)


def publish_quarantine(
    warehouse: Warehouse, outline: DataFrame, failed: DataFrame, now: datetime.datetime
) -> None:
    """Open rows for albums whose cover failed in a worker, close those of albums it did not fail.

    Args:
        warehouse: with albums and quarantine.
        outline: of the albums that have a prediction; see :func:`outlined`.
        failed: as :func:`failures` gives them.
        now: the time written.
    """
    open_rows = warehouse.held(QUARANTINE).where("closed_at IS NULL")
    listed = open_rows.select("album_id", "cover_id", "reason")
    ids = warehouse.held(ALBUMS).select("album_id", "cover_id")
    said = ids.join(failed, "cover_id").join(listed, listed.columns, "left_anti")
    # Mostly no cover has failed and no row is open, which is known at once.
    if not failed.isEmpty():
        sink.quarantine(warehouse, said, now)
    if open_rows.isEmpty():
        return
    usable = outline.select("album_id")
    sink.close(warehouse, open_rows.select("album_id").join(usable, "album_id", "left_semi"), now)


def publish_state(warehouse: Warehouse, cells: DataFrame, bundle: Bundle, run: Run) -> str:
    """Write metrics and the Parquet copy, unless they are there for the tables as they are.

    Args:
        warehouse: with predictions and quarantine in line.
        cells: as :func:`jobs.runtime.metrics.count_cells` gives them.
        bundle: whose predictions.
        run: written to the metrics.

    Returns:
        path of the copy.
    """
    model = bundle.model_version
    versions = [warehouse.rows_version(table) for table in (ALBUMS, PREDICTIONS, QUARANTINE)]
    state = f"{model}-{'.'.join(map(str, versions))}"
    spark, location = warehouse.spark, warehouse.location
    if snapshot.version(spark, location, SNAPSHOT) == state:
        return snapshot.path(location, SNAPSHOT, state)
    predictions = warehouse.read(PREDICTIONS).where(F.col("model_version") == model)
    with ThreadPoolExecutor(1) as beside:
        copy = beside.submit(
            snapshot.write, predictions, location, SNAPSHOT, state, "predicted_genre"
        )
        # Killed behind this commit, a run is followed by one that writes the copy alone.
        warehouse.append(
            METRICS,
            per_genre_and_year(cells, run.run_id, model, run.started_at),
            transaction=(f"metrics of {state}", 1),
        )
    keep = run.settings.score.keep_snapshots
    return snapshot.switch(spark, copy.result(), location, SNAPSHOT, state, keep)
