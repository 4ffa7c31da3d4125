"""Judge a bundle on the covers of a catalogue that were held out from its training.

spark-submit jobs/evaluate.py --covers FOLDER
spark-submit jobs/evaluate.py --covers FOLDER --model models/mine --against models/other
spark-submit jobs/evaluate.py --covers FOLDER --labels boxes.csv --only labels
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from covergenre import plots
from covergenre.bundle import Bundle, open_bundle
from covergenre.config import Settings
from covergenre.detector.marks import read_marks
from covergenre.errors import BundleError, MarksError, OutputError
from covergenre.evaluation import METRICS
from covergenre.evaluation.statistics import Probabilities
from jobs.prepare import prepare
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.detections import check_detector
from jobs.runtime.evaluation import combined, held_out, judgement, label_report, markdown, pictures
from jobs.runtime.evaluation.judgement import Judged
from jobs.runtime.runs import Run
from jobs.runtime.scoring import engine
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle

FIGURES, COVERS, REPORT = "figures.json", "held_out.parquet", "README.md"


def evaluate(
    warehouse: Warehouse,
    bundle: Bundle,
    settings: Settings,
    run: Run,
    report: Path,
    against: Bundle | None = None,
) -> dict[str, Any]:
    """Judge a bundle on the test fold of a warehouse and write the report.

    Args:
        warehouse: with albums and covers.
        bundle: to be judged.
        settings: of splits, scoring and evaluate.
        run: its counts are filled in.
        report: folder; made, or its files replaced.
        against: judged on the same covers, to compare with; of the same genres.

    Returns:
        the figures, as the report's ``figures.json`` holds them.

    Raises:
        BundleError: a bundle may have learnt the covers, or the two know other genres.
        CatalogueError: the test fold has no covers.
        OutputError: the report cannot be written.
    """
    remarks = held_out.warn(held_out.check_splits(bundle, settings))
    if against is not None:
        _check_genres(bundle, against)
        remarks += held_out.warn(held_out.check_splits(against, settings))
    _make(report)
    run.counts.update(prepare(warehouse, settings))
    covers = held_out.held_out(warehouse, settings).persist()
    try:
        said = held_out.scored(warehouse, covers, bundle, settings)
        judged = Judged.of(said, bundle.labels)
        remarks += held_out.warn(held_out.check_covers(bundle, judged.cover_ids))
        others = {}
        if judged.cover_ids:
            others = _baselines(warehouse, judged, settings)
            others |= combined.with_less(said, judged, bundle, settings)
            if against is not None:
                remarks += held_out.warn(held_out.check_covers(against, judged.cover_ids))
                others[against.model_version] = _said(
                    held_out.scored(warehouse, covers, against, settings), judged
                )
        else:
            remarks += held_out.warn(
                "no cover of the test fold has a genre the model knows: nothing is judged"
            )
    finally:
        covers.unpersist()
    figures = _figures(said, judged, others, bundle, settings, run, remarks)
    run.counts.update(figures["counts"])
    _write(report, figures, said, judged, bundle, warehouse, settings)
    return dict(judgement.plain(figures))


def _check_genres(bundle: Bundle, against: Bundle) -> None:
    if set(bundle.labels) != set(against.labels):
        raise BundleError(
            f"{against.model_version} knows {', '.join(against.labels)} and {bundle.model_version} "
            f"{', '.join(bundle.labels)}: only bundles of the same genres can be compared"
        )


def _baselines(
    warehouse: Warehouse, judged: Judged, settings: Settings
) -> dict[str, Probabilities]:
    learnable = held_out.learnable(warehouse, judged.labels, settings)
    counts = {row["genre"]: row["count"] for row in learnable.groupBy("genre").count().collect()}
    # With one genre there is nothing to tell apart.
    colours = (
        held_out.colours(warehouse, judged.cover_ids, judged.labels, settings)
        if len(counts) > 1
        else None
    )
    return judgement.baseline_probabilities(judged, counts, colours)


def _said(said: pd.DataFrame, judged: Judged) -> Probabilities:
    """Probabilities of the covers judged, genres in the order of the model's."""
    rows = said.set_index("cover_id").loc[judged.cover_ids]
    values: Probabilities = rows[[f"p_{label}" for label in judged.labels]].to_numpy(np.float64)
    return values


def _figures(
    said: pd.DataFrame,
    judged: Judged,
    others: dict[str, Probabilities],
    bundle: Bundle,
    settings: Settings,
    run: Run,
    remarks: list[str],
) -> dict[str, Any]:
    labels, splits = bundle.labels, settings.splits
    threshold = None if bundle.abstention is None else bundle.abstention.threshold
    unknown = judgement.unknown_genres(said, labels, threshold)
    counts = {
        "judged": len(judged.cover_ids),
        "unknown_genre": sum(row["covers"] for row in unknown),
        "unusable": int(said["reason"].notna().sum()),
    }
    by_itself: dict[str, Any] = dict.fromkeys(("model", "risk_coverage", "abstention"))
    by_itself["per_year"] = []
    if judged.cover_ids:
        by_itself = judgement.judge(judged, bundle, settings)
    return {
        "model_version": bundle.model_version,
        "genres": labels,
        "run_id": run.run_id,
        "evaluated_at": run.started_at.isoformat(timespec="seconds"),
        "held_out": {
            "fold": splits.test_fold,
            "folds": splits.folds,
            "salt": splits.salt,
            "listed": held_out.listed_as_held_out(bundle, judged.cover_ids),
            **counts,
        },
        "counts": counts,
        "remarks": remarks,
        "parity": held_out.parity(bundle, said),
        **by_itself,
        "beside": judgement.beside(judged, others, settings),
        "origin": judgement.against_origin(by_itself["model"], labels)
        if by_itself["model"]
        else [],
        "unknown_genres": unknown,
    }


def _make(report: Path) -> None:
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--report {report} cannot be made: {error.strerror}") from error


def _write(
    report: Path,
    figures: dict[str, Any],
    said: pd.DataFrame,
    judged: Judged,
    bundle: Bundle,
    warehouse: Warehouse,
    settings: Settings,
) -> None:
    for name in pictures.NAMES:  # of an evaluation before this one
        (report / f"{name}.png").unlink(missing_ok=True)
    drawn = []
    if judged.cover_ids:
        for name, picture in pictures.draw(figures, judged, bundle, warehouse, settings):
            plots.save(picture, report / f"{name}.png")
            drawn.append(f"{name}.png")
    columns = [f"p_{label}" for label in bundle.labels]
    usable = said[said["reason"].isna()].drop(columns=["reason", "appearance", "concepts"])
    confidence = usable[columns].max(axis=1)
    best = usable[columns].to_numpy().argmax(axis=1)
    usable.assign(
        release_year=usable["release_year"].astype("Int32"),
        predicted_genre=np.array(bundle.labels)[best],
        confidence=confidence,
        abstained=confidence < (bundle.abstention.threshold if bundle.abstention else 0.0),
    ).to_parquet(report / COVERS, index=False, compression="zstd")
    (report / REPORT).write_text(markdown.render(figures, drawn), "utf-8")
    text = json.dumps(judgement.plain(figures), indent=2, allow_nan=False)
    (report / FIGURES).write_text(text + "\n", "utf-8")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, judge, write the report, print the figures."""
    parser = arguments.parser("evaluate", "Judge a bundle on covers held out from its training.")
    parser.add_argument("--model", metavar="BUNDLE", help="model bundle; default: the one in use")
    parser.add_argument("--against", metavar="BUNDLE", help="another bundle, to compare with")
    parser.add_argument(
        "--labels", type=Path, metavar="CSV",
        help="labels marked by hand, to judge the bundle's detector by; default: detector.marked",
    )  # fmt: skip
    parser.add_argument("--only", choices=("genres", "labels"), help="judge nothing else")
    parser.add_argument(
        "--report", type=Path, metavar="DIR",
        help="folder for the report; default: evaluation/<model> in the warehouse",
    )  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    bundle, why = choose_bundle(args.model, settings)
    against = open_bundle(Path(args.against)) if args.against else None
    marks = _marks(args, bundle, settings)
    print(f"model {bundle.model_version} from {bundle.path} ({why})")
    run = Run("evaluate", settings, model_version=bundle.model_version)
    run.computed_by(engine(bundle, settings))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        report = args.report or _default_report(warehouse, bundle)
        lines: dict[str, Any] = {"model": bundle.model_version}
        result: dict[str, Any] = {"model_version": bundle.model_version, "run_id": run.run_id,
                                  "report": str(report)}  # fmt: skip
        if args.only != "labels":
            figures = evaluate(warehouse, bundle, settings, run, report, against)
            _summarise(figures, report, lines, result)
        if marks is not None:
            _make(report)
            found = label_report.evaluate_labels(
                warehouse, bundle, settings, run, report, marks, against
            )
            told, result["labels"] = label_report.summary(found, report)
            lines.update(told)
    arguments.summarise("evaluated", lines, result if args.json else None)
    return result


def _marks(args: argparse.Namespace, bundle: Bundle, settings: Settings) -> Path | None:
    """The CSV of labels to judge the bundle's detector by; None to judge it not.

    Raises:
        MarksError, BundleError: labels are to be judged but there is nothing to do it by, or none
            are found.
    """
    asked = args.only == "labels" or args.labels is not None
    if args.only == "genres" or (bundle.detector is None and not asked):
        return None
    named = args.labels or settings.detector.marked
    if named is None:
        if not asked:
            return None
        raise MarksError(
            "there are no labels to judge by: name a CSV of them, --labels or detector.marked"
        )
    check_detector(bundle)
    read_marks(Path(named))  # told before anything is computed
    return Path(named)


def _default_report(warehouse: Warehouse, bundle: Bundle) -> Path:
    if not warehouse.local:
        raise OutputError(
            f"{warehouse.location} is no local folder: name one for the report, --report DIR"
        )
    return Path(warehouse.path("evaluation")) / bundle.model_version


def _summarise(
    figures: dict[str, Any], report: Path, lines: dict[str, Any], result: dict[str, Any]
) -> None:
    """Add what is told of the figures: lines for people, values for machines."""
    model, held = figures["model"] or {}, figures["held_out"]
    lines["covers judged"] = f"{held['judged']} of fold {held['fold']}"
    lines["genre unknown"] = held["unknown_genre"]
    lines["cannot be used"] = held["unusable"]
    for name, title in METRICS.items():
        if model and model[name]["value"] is not None:
            low, high = model[name]["interval"]
            lines[title] = f"{model[name]['value']:.3f} (95 % {low:.3f} to {high:.3f})"
    for name, other in figures["beside"].items():
        low, high = other["difference"]["accuracy"]["interval"]
        difference = other["difference"]["accuracy"]["difference"]
        lines[f"accuracy over {name}"] = f"{difference:+.3f} (95 % {low:+.3f} to {high:+.3f})"
    lines["report"] = report / REPORT
    result.update({name: held[name] for name in ("judged", "unknown_genre", "unusable")})
    result.update({name: model[name]["value"] for name in METRICS if model})


if __name__ == "__main__":
    arguments.run(main)
