"""Judge a bundle's detector and write the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from covergenre import plots
from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.detector.average_precision import curve, judge
from covergenre.detector.boxes import Detections
from covergenre.errors import MarksError
from covergenre.evaluation import labels as label_figures
from jobs.prepare import prepare
from jobs.runtime.detections import check_detector, detect
from jobs.runtime.evaluation import held_out, judgement, label_gallery, label_markdown, labels
from jobs.runtime.evaluation.labels import Covers, Judged
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse

FIGURES, REPORT = "labels.json", "LABELS.md"


def evaluate_labels(
    warehouse: Warehouse,
    bundle: Bundle,
    settings: Settings,
    run: Run,
    report: Path,
    marks: Path,
    against: Bundle | None = None,
) -> dict[str, Any]:
    """Judge a bundle's detector on marked covers and on the test fold, and write the report.

    Args:
        warehouse: with albums and covers.
        bundle: to be judged.
        settings: of splits, evaluate and detector.
        run: its counts are filled in.
        report: folder, is there; files of an evaluation before are replaced.
        marks: CSV of labels marked by hand.
        against: its detector, if it holds one, is judged on the same covers, to compare with.

    Returns:
        the figures, as the report's ``labels.json`` holds them.

    Raises:
        BundleError: the bundle holds no detector, or one that may have learnt the test fold.
        MarksError: the CSV cannot be used, or no marked cover can.
    """
    threshold = check_detector(bundle)
    remarks = held_out.warn(check_unseen(bundle, settings))
    run.counts.update(prepare(warehouse, settings))
    covers = labels.choose(warehouse, marks, settings)
    found = detect(warehouse, covers.all, bundle, settings).detections
    judged = Judged.of(covers, found)
    if not judged.marks:
        raise MarksError(f"none of the covers that {marks} marks can be used")
    values = labels.spread(judged, threshold, settings)
    beside = {}
    if against is not None and against.detector is not None:
        others = detect(warehouse, judged.cover_ids, against, settings).detections
        theirs = labels.spread(Judged.of(covers, others), against.detector.threshold, settings)
        beside[against.model_version] = {
            "threshold": against.detector.threshold,
            "figures": label_figures.with_intervals(theirs),
            "difference": label_figures.differences(values, theirs),
        }
    counts = {
        "covers": len(judged.marks),
        "labels": sum(len(mark.boxes) for mark in judged.marks),
        "in_doubt": covers.in_doubt,
        "unusable": len(covers.marks) - len(judged.marks),
    }
    run.counts.update(marked=counts["covers"], labels=counts["labels"])
    figures = {
        "model_version": bundle.model_version,
        "run_id": run.run_id,
        "evaluated_at": run.started_at.isoformat(timespec="seconds"),
        "threshold": threshold,
        "remarks": remarks,
        "marked": counts,
        "detector": label_figures.with_intervals(values),
        "beside": beside,
        **labels.parts(judged, covers, threshold, settings),
        "false_labels": labels.false_labels(judged, covers, found, threshold, settings),
        "says_genre": labels.says_genre(judged, covers, found, threshold, settings),
    }
    _write(report, figures, judged, covers, found, warehouse, settings)
    return dict(judgement.plain(figures))


def check_unseen(bundle: Bundle, settings: Settings) -> str | None:
    """What is not known of whether the detector has seen the covers that it is judged on.

    Raises:
        BundleError: it was trained with other folds.
    """
    assert bundle.detector is not None
    training = bundle.detector.spec["details"].get("training") or {}
    unknown = held_out.check_trained_with(bundle, training.get("splits"), settings)
    if unknown is None and not training.get("measured"):
        return (
            f"the detector of {bundle.model_version} was trained without detector.marked: it may "
            "have seen the marked covers that it is judged on"
        )
    return unknown


def summary(figures: dict[str, Any], report: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the job prints of the figures: lines for people, and values for machines."""
    own, marked = figures["detector"], figures["marked"]
    lines: dict[str, Any] = {"labels judged": f"{marked['labels']} on {marked['covers']} covers"}
    for name, title in label_figures.METRICS.items():
        if own[name]["value"] is not None:
            low, high = own[name]["interval"]
            lines[title] = f"{own[name]['value']:.3f} (95 % {low:.3f} to {high:.3f})"
    for row in figures["false_labels"]:
        lines[f"finds on {row['on']}"] = f"{row['false']} on {row['covers']} covers"
    for name, other in figures["beside"].items():
        low, high = other["difference"]["ap50"]["interval"]
        difference = other["difference"]["ap50"]["difference"]
        lines[f"AP50 over {name}"] = f"{difference:+.3f} (95 % {low:+.3f} to {high:+.3f})"
    lines["report on labels"] = report / REPORT
    false = {row["on"]: row["false"] for row in figures["false_labels"]}
    return lines, {**{name: own[name]["value"] for name in label_figures.METRICS}, "false": false}


def _write(
    report: Path,
    figures: dict[str, Any],
    judged: Judged,
    covers: Covers,
    found: Mapping[str, Detections],
    warehouse: Warehouse,
    settings: Settings,
) -> None:
    for picture in report.glob("label_*.png"):  # of an evaluation before this one
        picture.unlink()
    drawn = _plots(report, figures, judged)
    threshold = figures["threshold"]
    for name, sheet in label_gallery.draw(judged, covers, found, threshold, warehouse, settings):
        sheet.save(report / name)
        drawn.append(name)
    (report / REPORT).write_text(label_markdown.render(figures, drawn), "utf-8")
    text = json.dumps(judgement.plain(figures), indent=2, allow_nan=False)
    (report / FIGURES).write_text(text + "\n", "utf-8")


def _plots(report: Path, figures: dict[str, Any], judged: Judged) -> list[str]:
    own = figures["detector"]
    pictures = {
        "label_calibration": plots.reliability(
            label_figures.highest(judged.found),
            judged.labelled,
            own,
            title="Does the score mean what it says?",
            share="share of covers that carry a label",
            probability="score: probability that the cover carries a label",
        )
    }
    line = curve(judge(judged.truth, judged.found))
    if judged.labelled.any() and len(line.thresholds):
        pictures["label_precision_recall"] = plots.precision_recall(line, own, figures["threshold"])
    if judged.labelled.any():
        pictures["label_widths"] = plots.recall_by_width(figures["by_width"])
    for name, picture in pictures.items():
        plots.save(picture, report / f"{name}.png")
    return [f"{name}.png" for name in sorted(pictures, reverse=True)]
