"""Combine classifier, label, colour and concepts in one model and put it into a bundle.

spark-submit jobs/train_fusion.py --covers FOLDER --model models/mine
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from covergenre import tensorflow_runtime
from covergenre.appearance import version
from covergenre.bundle import Bundle, with_part
from covergenre.calibration import fit_abstention
from covergenre.concepts import local
from covergenre.config import Settings
from covergenre.errors import BundleError, SettingError
from covergenre.fusion.fitting import fit
from covergenre.fusion.fusion import Fusion
from covergenre.fusion.inputs import ADVISORY, APPEARANCE, CONCEPTS
from covergenre.fusion.stored import FusionPart
from jobs.prepare import prepare
from jobs.runtime import arguments, fusing, fusion_card, model_card
from jobs.runtime.catalogue import opened
from jobs.runtime.evaluation.held_out import check_splits
from jobs.runtime.fusing import Learnt
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle


def train_fusion(
    warehouse: Warehouse, settings: Settings, base: Bundle, target: Path, run: Run
) -> Bundle:
    """Fit a combined model and write the bundle.

    Args:
        warehouse: with albums and covers: those that the bundle's classifier was trained on.
        settings: of fusion, splits, scoring, concepts and describe.
        base: what the bundle holds beside the combined model.
        target: where the bundle is written.
        run: its counts are filled in.

    Raises:
        BundleError: it was trained with other splits, or does not say what its classifier makes of
            covers it had not seen.
        TrainingDataError: too few covers.
    """
    check(base, settings)
    check_splits(base, settings)
    tensorflow_runtime.start()
    run.counts.update(prepare(warehouse, settings))
    recipe = fusing.recipe(settings)
    learnt = fusing.learnt(warehouse, base, settings)
    weighed = sorted(set(learnt.folds[learnt.validated].tolist()))
    fusion = fit(learnt.covers, learnt.folds, recipe, weighed)
    run.counts.update(covers=len(learnt.cover_ids), weighed=int(learnt.validated.sum()))
    part = _part(fusion, learnt, settings, warehouse)
    return with_part(base, target, part)


def check(base: Bundle, settings: Settings) -> None:
    """Refuse, before anything runs, parts that nobody could give.

    Raises:
        BundleError: the label is to be a part, and the bundle holds no detector.
        SettingError: concepts are to be a part, and no local tagger is chosen.
    """
    parts = settings.fusion.parts
    if ADVISORY in parts and base.detector is None:
        raise BundleError(
            f"bundle {base.path} holds no detector: name a --model with one, or leave advisory out "
            "of fusion.parts"
        )
    if CONCEPTS in parts and not settings.concepts.tagger_is_local:
        raise SettingError(
            f"concepts.tagger is {settings.concepts.tagger}: concepts can be a part of "
            "fusion.parts if they come from a local tagger (imagenet, file), as scoring asks no "
            "service"
        )


def _part(fusion: Fusion, learnt: Learnt, settings: Settings, warehouse: Warehouse) -> FusionPart:
    """The model with its figures, threshold of abstention and card."""
    covers, parts = learnt.covers, settings.fusion.parts
    # Opinions have learnt from these covers, too, but each is a few numbers; the weights are few.
    seen = covers.where(learnt.validated)
    said = fusion.combine(seen.probabilities, fusion.read(seen.known)).probabilities
    correct = said.argmax(axis=1) == seen.labels
    abstention = fit_abstention(
        said.max(axis=1).astype(np.float64), correct, settings.train.abstain_accuracy
    )
    details = {
        "recipe": settings.fusion.model_dump(),
        "splits": settings.splits.model_dump(),
        "covers": len(covers),
        "weighed": len(seen),
        "ablation": fusing.ablation(learnt, fusing.recipe(settings), settings),
        "data_versions": warehouse.versions(),
        "versions": model_card.versions(),
    }
    weights = [dict(one) for one in fusion.weights.values()]
    return FusionPart.of(
        fusion,
        abstention,
        local.resolve(settings.concepts).name if CONCEPTS in parts else None,
        version(settings.describe.colours) if APPEARANCE in parts else None,
        details,
        fusion_card.render(details, weights, abstention),
    )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, fit, write the bundle, print its figures."""
    parser = arguments.parser(
        "train_fusion", "Combine classifier, label, colour and concepts in one model."
    )
    parser.add_argument(
        "--model", metavar="BUNDLE", help="whose models are combined; default: as score chooses"
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="where the bundle is written")
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    base, why = choose_bundle(args.model, settings)
    print(f"models of {base.model_version} from {base.path} ({why})")
    check(base, settings)
    target = args.bundle or Path(settings.train.bundles) / f"{base.name}-combined"
    run = Run("train_fusion", settings, engine="tensorflow", precision="f32")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        bundle = train_fusion(warehouse, settings, base, target, run)
        run.model_version = bundle.model_version
    return _print_summary(bundle, run, args.json)


def _print_summary(bundle: Bundle, run: Run, machine: bool) -> dict[str, Any]:
    assert bundle.fusion is not None
    spec = bundle.fusion.spec
    everything = spec["weights"][-1]
    lines = {
        "bundle": bundle.path,
        "model": bundle.model_version,
        "covers": f"{run.counts['covers']}, weighed on {run.counts['weighed']}",
        "weights": ", ".join(f"{part} {weight:.2f}" for part, weight in everything.items()),
    }
    ablation = spec["details"]["ablation"]
    for row in ablation:
        name = " + ".join(["classifier", *row["parts"]])
        figures = row["figures"]
        lines[name] = (
            f"accuracy {figures['accuracy']['value']:.3f}, "
            f"AUC {figures['macro_auc']['value']:.3f} (cross-fitted)"
        )
    result = {
        "bundle": str(bundle.path),
        "model_version": bundle.model_version,
        "run_id": run.run_id,
        "weights": everything,
    }
    arguments.summarise("combined", lines, result if machine else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
