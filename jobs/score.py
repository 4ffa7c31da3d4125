"""Score a catalogue: each album's genre and advisory label, metrics per genre and year.

spark-submit jobs/score.py                                   the default catalogue
spark-submit jobs/score.py --covers FOLDER --output DIR      yours
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from covergenre.bundle import DEFAULT, Bundle, open_bundle
from covergenre.config import Settings
from covergenre.current import read_current
from jobs.runtime import arguments, label_pictures, quality, similar
from jobs.runtime.accounting import Counted, account
from jobs.runtime.catalogue import opened
from jobs.runtime.dry_run import planned
from jobs.runtime.inference import Inference
from jobs.runtime.metrics import count_cells
from jobs.runtime.planning import Scope
from jobs.runtime.publishing import (
    Changes,
    failures,
    outlined,
    own_inferences,
    publish_predictions,
    publish_quarantine,
    publish_state,
    unusable,
)
from jobs.runtime.runs import Run
from jobs.runtime.scoring import engine, predict
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, METRICS, PREDICTIONS, QUARANTINE
from scraping.procedural import generate_catalogue

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
class Result:
    """What scoring a warehouse came to.

    Attributes:
        counted: its albums.
        covers: that were shown to the models.
        changes: of predictions.
        seconds: that all of it took.
        snapshot: where the Parquet copy lies.
    """

    counted: Counted
    covers: int
    changes: Changes
    seconds: float
    snapshot: str


def score(
    warehouse: Warehouse, bundle: Bundle, settings: Settings, run: Run, scope: Scope | None = None
) -> Result:
    """Score what of a warehouse is not scored, and bring all that people read in line with it.

    Args:
        warehouse: open for writing, in line with its catalogue.
        bundle: verified.
        settings: of scoring.
        run: written to what is written.
        scope: what the run is about; None: everything.

    Raises:
        AccountingError: predictions and open quarantine do not add up to the albums.
        CatalogueError: the scope's condition is none over the table albums.
        QualityError: the run is not what the settings expect; nothing is published.
    """
    start = time.perf_counter()
    scope = scope or Scope()
    warehouse.create(INFERENCES, PREDICTIONS, METRICS)
    inference = Inference(warehouse, bundle, run)
    covers = inference.bring_up_to_date(scope)
    asked = inference.question.digest
    albums = warehouse.held(ALBUMS)
    predicted = predict(albums, own_inferences(warehouse, bundle, asked), bundle)
    outline = outlined(predicted)
    failed = failures(warehouse, bundle, asked)
    cells = count_cells(albums, outline, unusable(albums, failed), bundle.labels)
    figures = cells.toPandas()
    quality.check(warehouse, figures, run, settings)
    changes = publish_predictions(warehouse, predicted, outline, bundle.model_version)
    publish_quarantine(warehouse, outline, failed, run.started_at)
    similar.publish(warehouse, bundle, inference.question, settings.score.similar)
    pending = 0 if scope.whole else _pending(warehouse, outline, failed)
    counted = account(warehouse, figures, pending, bundle.model_version)
    link = publish_state(warehouse, cells, bundle, run)
    return Result(counted, covers, changes, time.perf_counter() - start, link)


def _pending(warehouse: Warehouse, outline: DataFrame, failed: DataFrame) -> int:
    held = warehouse.read(COVERS).select("cover_id")
    albums = warehouse.held(ALBUMS).join(held, "cover_id", "left_semi")
    # Another bundle may have put it there, or a retry may have been asked for.
    told = warehouse.held(QUARANTINE).where("closed_at IS NULL").select("album_id")
    done = told.unionByName(outline.select("album_id"))
    albums = albums.join(done, "album_id", "left_anti")
    return albums.join(failed.select("cover_id"), "cover_id", "left_anti").count()


def _print_summary(
    warehouse: Warehouse, bundle: Bundle, run: Run, result: Result, machine: bool
) -> dict[str, Any]:
    counted, changes = result.counted, result.changes
    summary = {
        "covers": counted.albums,
        "scored": counted.scored,
        "quarantined": counted.quarantined,
        "pending": counted.pending,
        "duplicates": run.counts["duplicates"],
        "inferred": result.covers,
        "images_per_second": run.images_per_second,
        "output": warehouse.location,
        "run_id": run.run_id,
        "model_version": bundle.model_version,
    }
    if "advisory" in run.counts:
        summary["advisory"] = run.counts["advisory"]
    per_genre = counted.cells.groupby("predicted_genre")["scored"].sum()
    speed = f"{result.seconds:.1f} s in all, {run.engine} {run.precision}"
    if run.images_per_second is not None:
        speed = f"{run.images_per_second} images/s with start-up, {speed}"
    lines = {
        "covers in": f"{counted.albums} ({run.counts['covers']} distinct)",
        "looked at": f"{result.covers} covers; predictions {changes.added} new, "
        f"{changes.updated} changed, {changes.removed} removed",
        "scored": counted.scored,
        **({"left for later": counted.pending} if counted.pending else {}),
        "quarantined": ", ".join(
            [str(counted.quarantined), *(f"{r}: {n}" for r, n in counted.reasons.items())]
        ),
        "looks like": ", ".join(
            f"{genre} {n}" for genre, n in per_genre.sort_values(ascending=False).items()
        ),
        **_label_lines(counted, run),
        "speed": speed,
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


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser("score", "Say which genre each cover of a catalogue looks like, "
                              "and where it carries an advisory label.")  # fmt: skip
    parser.add_argument(
        "--model", metavar="BUNDLE", help="default: the promoted one, or the project's"
    )
    parser.add_argument(
        "--where", metavar="SQL", help="only albums of which this is true, "
        "e.g. \"release_year >= 2020 AND genre = 'rap'\"",
    )  # fmt: skip
    parser.add_argument(
        "--since", metavar="TIME", type=_time, help="only covers that came at this time (UTC, "
        "2026-01-31 or 2026-01-31T04:00) or later",
    )  # fmt: skip
    parser.add_argument("--limit", metavar="N", type=_count, help="look at N covers at most")
    parser.add_argument(
        "--rescore", action="store_true", help="look again at covers that were looked at before"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be done; write nothing"
    )
    parser.add_argument(
        "--label-detected", type=Path, metavar="FOLDER",
        help="write pictures of the covers with the most certain labels, their boxes drawn",
    )  # fmt: skip
    return parser


def _time(text: str) -> datetime.datetime:
    read = datetime.datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)


def _count(text: str) -> int:
    if int(text) < 1:
        raise ValueError("at least 1")
    return int(text)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, score it, print a summary."""
    args = _parser().parse_args(argv)
    settings = arguments.settings(args)
    bundle, why = choose_bundle(args.model, settings)
    print(f"model {bundle.model_version} from {bundle.path} ({why})")
    if args.label_detected is not None:
        label_pictures.check(bundle, args.label_detected)
    if args.covers is None:
        _draw_default(settings)
    scope = Scope(args.where, args.since, args.limit, args.rescore)
    if args.dry_run:
        counts = planned(args.covers, args.output, args.csv, bundle, settings, scope)
        lines = {name.replace("_", " "): count for name, count in counts.items()}
        arguments.summarise("would do", lines, counts if args.json else None)
        return dict(counts)
    run = Run("score", settings, model_version=bundle.model_version)
    run.computed_by(engine(bundle, settings))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        result = score(warehouse, bundle, settings, run, scope)
        _note(run, bundle, result)
        if args.label_detected is not None:
            run.counts["label_pictures"] = label_pictures.write(
                warehouse, bundle.model_version, args.label_detected, settings.score.label_pictures
            )
    return _print_summary(warehouse, bundle, run, result, args.json)


def _note(run: Run, bundle: Bundle, result: Result) -> None:
    counted, changes = result.counted, result.changes
    run.counts.update(
        scored=counted.scored, quarantined=counted.quarantined, pending=counted.pending,
        inferred=result.covers, predictions_added=changes.added,
        predictions_updated=changes.updated, predictions_removed=changes.removed,
    )  # fmt: skip
    if bundle.detector is not None:
        run.counts["advisory"] = counted.advisory


if __name__ == "__main__":
    arguments.run(main)
