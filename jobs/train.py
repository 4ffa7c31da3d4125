"""Train a genre classifier and write it as a bundle.

spark-submit jobs/train.py --covers FOLDER [--set train.backbone=resnet101]
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covergenre import backbones, evaluation, tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.bundle import DEFAULT, Bundle, open_bundle, write_bundle
from covergenre.calibration import fit_abstention
from covergenre.config import Settings
from covergenre.detector.stored import DetectorPart
from covergenre.errors import BundleError
from jobs.prepare import prepare
from jobs.promote import promote
from jobs.runtime import arguments, logs, model_card, tracking
from jobs.runtime.catalogue import opened
from jobs.runtime.recipes import RECIPES, Trained
from jobs.runtime.recipes.trained import Judged, Training, genres
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle


def train_bundle(
    warehouse: Warehouse,
    settings: Settings,
    backbone: Backbone,
    target: Path,
    run: Run,
    detector: DetectorPart | None = None,
) -> tuple[Bundle, dict[str, Any]]:
    """Train, judge on the test fold and write the bundle; returns it and the figures."""
    tensorflow_runtime.start()
    run.counts.update(prepare(warehouse, settings))
    labels = genres(warehouse)
    with tempfile.TemporaryDirectory() as scratch:
        training = Training(warehouse, backbone, labels, settings, Path(scratch), run)
        trained = RECIPES[settings.train.recipe](training)
        probabilities = trained.test.probabilities(trained.temperature)
        figures = evaluation.evaluate(trained.test.labels, probabilities, labels)
        details = _details(training, trained, figures)
        card = model_card.render(target.name, labels, trained.backbone, details)
        files = {**_judged_files(trained, labels), "MODEL_CARD.md": card.encode()}
        bundle = write_bundle(
            target,
            target.name,
            labels,
            trained.backbone,
            trained.head,
            details,
            files,
            *filter(None, [detector]),
        )
    return bundle, figures


def detector_taken_along(settings: Settings) -> DetectorPart | None:
    """The detector of the bundle that ``train.detector`` names, else of the one score would use.

    Raises:
        BundleError: the bundle named is none, or holds no detector.
    """
    if settings.train.detector is not None:
        part = DetectorPart.of_bundle(open_bundle(Path(settings.train.detector)))
        if part is None:
            raise BundleError(
                f"train.detector: bundle {settings.train.detector} holds no detector; name another "
                "or leave it null"
            )
        return part
    try:
        bundle, _ = choose_bundle(None, settings)
    except BundleError as error:
        # score.bundle may name what this training is going to write.
        logs.warn(f"{error}; the default's detector is taken along")
        bundle = open_bundle(DEFAULT)
    return DetectorPart.of_bundle(bundle)


def _details(training: Training, trained: Trained, figures: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says beside labels and backbone."""
    settings, labels = training.settings, training.labels
    held = trained.validation.probabilities(trained.temperature)
    return {
        "temperature": trained.temperature,
        "abstention": fit_abstention(
            held.max(axis=1),
            held.argmax(axis=1) == trained.validation.labels,
            settings.train.abstain_accuracy,
        ).to_json(),
        "training": {
            "recipe": settings.train.model_dump(exclude={"bundles", "detector"}),
            "splits": settings.splits.model_dump(),
            "data_versions": training.warehouse.versions(),
            "covers_per_genre": _covers_per_genre(training),
            "refit": settings.train.refit,
            "validation": evaluation.evaluate(trained.validation.labels, held, labels),
            **trained.notes,
        },
        "test": figures,
        "versions": model_card.versions(),
    }


def _judged_files(trained: Trained, labels: list[str]) -> dict[str, bytes]:
    """Calibrated probabilities of the covers that were judged, as Parquet files."""
    judged = {"held_out": trained.test, "validation": trained.validation}
    temperatures = dict.fromkeys(judged, trained.temperature)
    if trained.out_of_fold is not None:
        # Said by other networks than the one that is shipped: a temperature of their own.
        judged["out_of_fold"] = trained.out_of_fold
        temperatures["out_of_fold"] = trained.out_of_fold.temperature
    return {
        f"{name}.parquet": _parquet(rows, rows.probabilities(temperatures[name]), labels)
        for name, rows in judged.items()
    }


def _parquet(judged: Judged, probabilities: npt.NDArray[np.float64], labels: list[str]) -> bytes:
    """``cover_id``, ``genre`` (the truth), ``p_<label>``."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "cover_id": judged.cover_ids,
            "genre": [labels[index] for index in judged.labels],
            **{f"p_{label}": probabilities[:, k].astype(np.float32)
               for k, label in enumerate(labels)},
        }
    )  # fmt: skip
    return bytes(frame.to_parquet(index=False, compression="zstd"))


def _covers_per_genre(training: Training) -> dict[str, int]:
    learnt = training.learnt(training.covers(), validated=not training.settings.train.refit)
    counted = {r["label"]: r["count"] for r in learnt.groupBy("label").count().collect()}
    return {label: counted.get(index, 0) for index, label in enumerate(training.labels)}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, train, write the bundle, print its figures."""
    parser = arguments.parser("train", "Train a genre classifier on a catalogue with genres.")
    parser.add_argument("--recipe", choices=sorted(RECIPES), help="as train.recipe")
    parser.add_argument("--backbone", help="as train.backbone: a name, or a Keras file")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="where the bundle is written")
    parser.add_argument("--promote", action="store_true", help="use it from now on, if it reaches "
                        "the thresholds of promotion")  # fmt: skip
    args = parser.parse_args(argv)
    if args.recipe:
        args.set.append(f"train.recipe={args.recipe}")
    if args.backbone:
        args.set.append(f"train.backbone={args.backbone}")
    settings = arguments.settings(args)
    recipe = settings.train
    backbone = backbones.resolve(recipe.backbone, recipe.input_size, recipe.preprocessing)
    # Before Spark starts: weights that cannot be had are told at once, and nothing is written.
    backbone.fetch()
    detector = detector_taken_along(settings)
    parts = [backbone.name, *map(str, backbone.preprocessing.sizes)]
    default_name = "-".join(parts).replace("_", "-")
    target = args.bundle or Path(recipe.bundles) / default_name
    run = Run("train", settings, engine="tensorflow", precision="f32")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        bundle, figures = train_bundle(warehouse, settings, backbone, target, run, detector)
        run.model_version = bundle.model_version
        tags = {"run_id": run.run_id, "warehouse": warehouse.location}
        run.counts["tracked"] = int(tracking.note(bundle, settings, tags))
        decision = promote(bundle, settings) if args.promote else None
        run.counts["promoted"] = int(decision is not None and decision.accepted)
    result = _print_summary(bundle, figures, run, args.json)
    if decision is not None:
        decision.check()
    return result


def _print_summary(
    bundle: Bundle, figures: dict[str, Any], run: Run, machine: bool
) -> dict[str, Any]:
    lines: dict[str, Any] = {
        "bundle": bundle.path,
        "model": bundle.model_version,
        "genres": ", ".join(bundle.labels),
        "finds labels": "no" if bundle.detector is None else "yes",
        "embedded now": run.counts.get("embedded", 0),
        "held-out covers": figures["covers"],
        "tracked": "yes" if run.counts["tracked"] else "no",
        "promoted": "yes" if run.counts["promoted"] else "no",
    }
    for name in evaluation.METRICS:
        low, high = figures[name]["interval"]
        lines[f"held-out {name}"] = f"{figures[name]['value']:.3f} (95 % {low:.3f} to {high:.3f})"
    result = {
        "bundle": str(bundle.path),
        "model_version": bundle.model_version,
        "run_id": run.run_id,
        "tracked": bool(run.counts["tracked"]),
        "promoted": bool(run.counts["promoted"]),
        **{name: figures[name]["value"] for name in evaluation.METRICS},
    }
    arguments.summarise("trained", lines, result if machine else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
