"""Look for labels on covers that nobody has marked, for a person to confirm.

spark-submit jobs/mine_labels.py --covers FOLDER --model models/mine
spark-submit jobs/mine_labels.py --covers FOLDER --genres rap,metal --least-score 0.05

Writes contact sheets of what the detector takes for labels, numbered, and candidates.csv. Look at
the sheets and take the rows out of the CSV whose numbers show no label; what remains is what
detector.confirmed names.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.detector.marks import Candidate, write_candidates
from covergenre.errors import CatalogueError, OutputError, SettingError
from jobs.prepare import prepare
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.detections import check_detector, detect
from jobs.runtime.evaluation.label_gallery import Sight, sheets
from jobs.runtime.evaluation.labels import labelled_genres
from jobs.runtime.marks import album_of, marked
from jobs.runtime.runs import Run
from jobs.runtime.scoring import engine
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle
from schemas import SPLITS

CANDIDATES = "candidates.csv"
# Boxes that are narrower or lower have no sides once they are rounded.
_LEAST_SIDE = 0.001


def mine(
    warehouse: Warehouse,
    bundle: Bundle,
    settings: Settings,
    run: Run,
    folder: Path,
    genres: Collection[str],
    least_score: float,
) -> list[Candidate]:
    """Run a bundle's detector over covers that nobody has marked and write what it finds.

    Covers of the test fold are left out, and those that ``detector.marked`` or
    ``detector.confirmed`` name, with all that shares a group with them. Of near-duplicates one is
    looked at.

    Args:
        warehouse: with albums and covers.
        bundle: holds a detector.
        settings: of the detector, splits and scoring.
        run: its counts are filled in.
        folder: made; of an earlier run its sheets and candidates are replaced.
        genres: that the covers are filed under, one at least.
        least_score: what is less probable is not written.

    Returns:
        what was found, the most probable first: the rows of :data:`CANDIDATES`.

    Raises:
        BundleError: the bundle holds no detector.
        CatalogueError: there is no cover to look at.
        MarksError: a CSV of marks cannot be used.
        OutputError: the folder cannot be written.
    """
    check_detector(bundle)
    run.counts.update(prepare(warehouse, settings))
    cover_ids = unmarked(warehouse, genres, settings)
    found = detect(warehouse, cover_ids, bundle, settings).detections
    hits = [
        (float(score), cover_id, box)
        for cover_id, said in found.items()
        for box, score in zip(said.boxes, said.scores, strict=True)
        if score >= least_score and (box[2:] - box[:2]).min() >= _LEAST_SIDE
    ]
    hits.sort(key=lambda hit: (-hit[0], hit[1]))
    albums = album_of(warehouse, {cover_id for _, cover_id, _ in hits})
    candidates = [Candidate(i, albums[i], box, score) for score, i, box in hits]
    run.counts.update(looked_at=len(cover_ids), candidates=len(candidates))
    _write(folder, candidates, bundle, warehouse, settings)
    return candidates


def unmarked(warehouse: Warehouse, genres: Collection[str], settings: Settings) -> list[str]:
    """``cover_id`` of the covers that :func:`mine` looks at.

    Raises:
        CatalogueError: there are none.
        MarksError: a CSV of marks cannot be used.
    """
    named = [settings.detector.marked, settings.detector.confirmed]
    known = {cover_id for path in named if path for cover_id in marked(warehouse, Path(path))}
    splits = warehouse.read(SPLITS)
    groups = warehouse.of_covers(SPLITS, known).select("group_id").distinct()
    chosen = (
        splits.where(F.col("representative") & (F.col("fold") != settings.splits.test_fold))
        .where(F.arrays_overlap("genres", F.array(*(F.lit(genre) for genre in genres))))
        .join(F.broadcast(groups), "group_id", "left_anti")
        .select("cover_id")
        .orderBy("cover_id")
    )
    found = [row["cover_id"] for row in chosen.collect()]
    if not found:
        raise CatalogueError(
            f"{warehouse.location} has no covers of {', '.join(sorted(genres))} outside the test "
            "fold that nobody has marked: name other --genres"
        )
    return found


def _write(
    folder: Path,
    candidates: Sequence[Candidate],
    bundle: Bundle,
    warehouse: Warehouse,
    settings: Settings,
) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--report {folder} cannot be made: {error.strerror}") from error
    for before in folder.glob("candidates*.png"):
        before.unlink()
    none = np.zeros((0, 4), np.float32)
    sights = [
        Sight(
            one.cover_id, none, one.box[None], one.box,
            (f"#{number}   {one.score:.3f}", f"{one.box[2] - one.box[0]:.1%} wide, {one.album}"),
        )
        for number, one in enumerate(candidates, 1)
    ]  # fmt: skip
    title = f"Taken for labels by {bundle.model_version}"
    for name, sheet in sheets("candidates", title, sights, warehouse, settings):
        sheet.save(folder / name)
    write_candidates(folder / CANDIDATES, candidates)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, look, write candidates and sheets."""
    parser = arguments.parser(
        "mine_labels", "Look for labels on covers that nobody has marked, to be confirmed by eye."
    )
    parser.add_argument("--model", metavar="BUNDLE", help="model bundle; default: the one in use")
    parser.add_argument(
        "--genres", type=_names, metavar="GENRE[,GENRE]",
        help="of the covers to look at; default: detector.labelled_genres",
    )  # fmt: skip
    parser.add_argument(
        "--least-score", type=float, default=0.1, metavar="SCORE",
        help="what is less probable is not shown",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="DIR",
        help="folder for sheets and CSV; default: candidates/<model> in the warehouse",
    )  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    bundle, why = choose_bundle(args.model, settings)
    check_detector(bundle)
    print(f"model {bundle.model_version} from {bundle.path} ({why})")
    genres = {settings.catalogue.genre(g) or g for g in args.genres or labelled_genres(settings)}
    if not genres:
        raise SettingError("detector.labelled_genres names no genre: name some with --genres")
    run = Run("mine_labels", settings, model_version=bundle.model_version)
    run.computed_by(engine(bundle, settings))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        folder = args.report or _default_folder(warehouse, bundle)
        found = mine(warehouse, bundle, settings, run, folder, genres, args.least_score)
    summary = {
        "model_version": bundle.model_version,
        "looked_at": run.counts["looked_at"],
        "candidates": len(found),
        "report": str(folder),
    }
    lines = {
        "covers looked at": summary["looked_at"],
        "taken for labels": len(found),
        "look at": folder / "candidates.png",
        "then take out of": f"{folder / CANDIDATES} what is no label, and name it: "
        "--set detector.confirmed=FILE",
    }
    arguments.summarise("mined", lines, summary if args.json else None)
    return summary


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("names no genre")
    return names


def _default_folder(warehouse: Warehouse, bundle: Bundle) -> Path:
    if not warehouse.local:
        raise OutputError(
            f"{warehouse.location} is no local folder: name one for the sheets, --report DIR"
        )
    return Path(warehouse.path("candidates")) / bundle.model_version


if __name__ == "__main__":
    arguments.run(main)
