"""Score a catalogue: each album's genre and advisory label, metrics per genre and year.

spark-submit jobs/score.py                                   the default catalogue
spark-submit jobs/score.py --covers FOLDER --output DIR      yours
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.config import Settings
from covergenre.current import read_current
from covergenre.errors import AccountingError
from jobs.runtime import arguments, label_pictures, sink, snapshot
from jobs.runtime.catalogue import opened
from jobs.runtime.metrics import count_cells, per_genre_and_year
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.scoring import engine, infer, predict
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, METRICS, PREDICTIONS, QUARANTINE
from scraping.procedural import generate_catalogue

SNAPSHOT = "predictions_parquet"
_GENRES_SHOWN = 5


def choose_bundle(named: str | None, settings: Settings) -> tuple[Bundle, str]:
    """The bundle to score with: ``--model``, ``score.bundle``, the promoted one, the default.

    Returns:
        the first of these that there is, and which of them it is, in words.

    Raises:
        BundleError: it is not there or not what its digests say.
    """
    if named or settings.score.bundle:
        path = Path(named or settings.score.bundle or "")
        return open_bundle(path), "--model" if named else "score.bundle"
    current = read_current(Path(settings.train.bundles))
    if current is not None:
        return current.bundle, f"promoted {current.promoted_at:%Y-%m-%d %H:%M} UTC"
    return open_bundle(DEFAULT), "the project's default"


@dataclass(frozen=True)
class Counted:
    """What became of a warehouse's albums.

    Attributes:
        cells: as :func:`jobs.runtime.metrics.count_cells` gives them.
        reasons: why albums are in quarantine, and how many.
    """

    cells: pd.DataFrame
    reasons: Mapping[str, int]

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
        """Those without."""
        return sum(self.reasons.values())

    @property
    def advisory(self) -> int:
        """Those with a label."""
        return int(self.cells["advisory"].sum())


@dataclass(frozen=True)
class Result:
    """What scoring a warehouse came to.

    Attributes:
        counted: its albums.
        covers: that were shown to the models.
        seconds: that this took.
        snapshot: where the Parquet copy lies.
    """

    counted: Counted
    covers: int
    seconds: float
    snapshot: str


def score(warehouse: Warehouse, bundle: Bundle, settings: Settings, run: Run) -> Result:
    """Score every album of a warehouse and write predictions, quarantine, metrics, snapshot.

    Raises:
        AccountingError: predictions and open quarantine do not add up to the albums.
    """
    warehouse.create(PREDICTIONS, METRICS, QUARANTINE)
    albums = warehouse.read(ALBUMS)
    wanted = albums.where("cover_id IS NOT NULL").select("cover_id").distinct()
    covers = warehouse.read(COVERS).select("cover_id", "content").join(
        F.broadcast(wanted), "cover_id", "left_semi"
    )  # fmt: skip
    start = time.perf_counter()
    with shown(warehouse.spark, "scoring", wanted.count()):
        # Predictions, quarantine and counts all come from this one inference.
        inferred = infer(covers, bundle, settings).localCheckpoint(
            storageLevel=StorageLevel.DISK_ONLY
        )
    seconds = time.perf_counter() - start
    version = bundle.model_version
    predictions = predict(albums, inferred, bundle, run.run_id, run.started_at)
    warehouse.replace(PREDICTIONS, predictions, f"model_version = '{version}'")
    _quarantine_failed(warehouse, albums, inferred, run.started_at)
    count = _time_per_cover(run, inferred, seconds)
    written = warehouse.read(PREDICTIONS).where(F.col("model_version") == version)
    cells = count_cells(albums, written, bundle.labels)
    counts = _account(warehouse, albums, cells.toPandas())
    metrics = per_genre_and_year(cells, run.run_id, version, run.started_at)
    warehouse.append(METRICS, metrics)
    link = snapshot.publish(
        written,
        warehouse.location,
        SNAPSHOT,
        f"{run.started_at:%Y%m%dT%H%M%S}-{run.run_id[:8]}",
        settings.score.keep_snapshots,
        by="predicted_genre",
    )
    return Result(counts, count, seconds, link)


def _quarantine_failed(
    warehouse: Warehouse, albums: DataFrame, inferred: DataFrame, now: datetime.datetime
) -> None:
    ids = albums.select("album_id", "cover_id")
    failed = inferred.where(F.col("reason").isNotNull()).join(ids, "cover_id")
    sink.quarantine(warehouse, failed, now)
    usable = inferred.where(F.col("reason").isNull()).join(ids, "cover_id")
    open_rows = warehouse.read(QUARANTINE).where("closed_at IS NULL").select("album_id")
    sink.close(warehouse, open_rows.join(usable.select("album_id"), "album_id"), now)


def _time_per_cover(run: Run, inferred: DataFrame, seconds: float) -> int:
    """Fill in the run's times; returns how many covers there were."""
    half, most = F.percentile("milliseconds", 0.5), F.percentile("milliseconds", 0.95)
    row = inferred.agg(F.count("*").alias("covers"), half.alias("p50"), most.alias("p95")).first()
    assert row is not None
    run.p50_ms, run.p95_ms = row["p50"], row["p95"]
    run.images_per_second = round(row["covers"] / seconds, 2)
    return int(row["covers"])


def _account(warehouse: Warehouse, albums: DataFrame, cells: pd.DataFrame) -> Counted:
    # A scrape that was killed can leave rows of albums that it did not get to write.
    open_rows = warehouse.read(QUARANTINE).where("closed_at IS NULL").join(
        albums.select("album_id"), "album_id", "left_semi"
    )  # fmt: skip
    reasons = {r["reason"]: r["count"] for r in open_rows.groupBy("reason").count().collect()}
    counted = Counted(cells, reasons)
    if counted.scored + counted.quarantined != counted.albums:
        raise AccountingError(
            f"{counted.scored} predictions + {counted.quarantined} in quarantine are not the "
            f"{counted.albums} albums of {warehouse.location}: please report this"
        )
    return counted


def _print_summary(
    warehouse: Warehouse, bundle: Bundle, run: Run, result: Result, machine: bool
) -> dict[str, Any]:
    counted = result.counted
    summary = {
        "covers": counted.albums,
        "scored": counted.scored,
        "quarantined": counted.quarantined,
        "duplicates": run.counts["duplicates"],
        "images_per_second": run.images_per_second,
        "output": warehouse.location,
        "run_id": run.run_id,
        "model_version": bundle.model_version,
    }
    if "advisory" in run.counts:
        summary["advisory"] = run.counts["advisory"]
    per_genre = counted.cells.groupby("predicted_genre")["scored"].sum()
    lines = {
        "covers in": f"{counted.albums} ({result.covers} distinct)",
        "scored": counted.scored,
        "quarantined": ", ".join(
            [str(counted.quarantined), *(f"{r}: {n}" for r, n in counted.reasons.items())]
        ),
        "looks like": ", ".join(
            f"{genre} {n}" for genre, n in per_genre.sort_values(ascending=False).items()
        ),
        **_label_lines(counted, run),
        "speed": f"{run.images_per_second} images/s with start-up, {result.seconds:.1f} s in all, "
        f"{run.engine} {run.precision}",
        "model": f"{bundle.model_version} ({bundle.path})",
        "tables": f"{warehouse.location}/{{predictions,metrics,quarantine,runs}} (Delta)",
        "parquet": result.snapshot,
        # In single quotes, or the shell would run what stands between the backticks.
        "try": f".venv/bin/spark-sql -e '{_query(warehouse)}'",
    }
    arguments.summarise("scored", lines, summary if machine else None)
    return summary


def _label_lines(counted: Counted, run: Run) -> dict[str, str]:
    """What the summary says of labels; nothing where none were looked for."""
    if "advisory" not in run.counts:
        return {}
    genres = counted.cells.groupby("genre")[["advisory", "scored"]].sum().query("advisory > 0")
    most = genres.sort_values("advisory", ascending=False, kind="stable").head(_GENRES_SHOWN)
    rates = ", ".join(
        f"{genre} {100 * row['advisory'] / row['scored']:.0f} %" for genre, row in most.iterrows()
    )
    lines = {"advisory label": f"on {run.counts['advisory']} albums{rates and f' ({rates})'}"}
    if "label_pictures" in run.counts:
        lines["label pictures"] = str(run.counts["label_pictures"])
    return lines


def _query(warehouse: Warehouse) -> str:
    table = f"delta.`{warehouse.path('metrics')}`"
    return (
        "SELECT genre, release_year, albums, predicted_share, accuracy, mean_confidence, "
        f'advisory_rate FROM {table} WHERE genre_basis = "catalogue" '
        f"AND computed_at = (SELECT max(computed_at) FROM {table}) ORDER BY genre, release_year"
    )


def _draw_default(settings: Settings) -> None:
    """Draw the demo catalogue on the first run without a catalogue of one's own."""
    folder = Path(settings.catalogue.default)
    if not folder.exists():
        print(f"drawing {settings.catalogue.demo_albums} demo covers into {folder}")
        generate_catalogue(folder, albums=settings.catalogue.demo_albums)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, score it, print a summary."""
    parser = arguments.parser("score", "Say which genre each cover of a catalogue looks like, "
                              "and where it carries an advisory label.")  # fmt: skip
    parser.add_argument(
        "--model", metavar="BUNDLE", help="default: the promoted one, or the project's"
    )
    parser.add_argument(
        "--label-detected", type=Path, metavar="FOLDER",
        help="write pictures of the covers with the most certain labels, their boxes drawn",
    )  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    bundle, why = choose_bundle(args.model, settings)
    print(f"model {bundle.model_version} from {bundle.path} ({why})")
    if args.label_detected is not None:
        label_pictures.check(bundle, args.label_detected)
    if args.covers is None:
        _draw_default(settings)
    run = Run("score", settings, model_version=bundle.model_version)
    run.computed_by(engine(bundle, settings))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        result = score(warehouse, bundle, settings, run)
        counted = result.counted
        run.counts.update(scored=counted.scored, quarantined=counted.quarantined)
        if bundle.detector is not None:
            run.counts["advisory"] = counted.advisory
        if args.label_detected is not None:
            run.counts["label_pictures"] = label_pictures.write(
                warehouse, bundle.model_version, args.label_detected, settings.score.label_pictures
            )
    return _print_summary(warehouse, bundle, run, result, args.json)


if __name__ == "__main__":
    arguments.run(main)
