"""Hold a bundle's fast engines against the reference, and let scoring use those that pass.

spark-submit jobs/convert.py --model BUNDLE --covers FOLDER --output DIR

The covers are those the bundle was trained on and judged by: the gate's figures are of their test
fold. They are written into the bundle; jobs/score.py computes in bfloat16 only with a bundle that
has passed. No weight changes, but the version: predictions of two precisions are told apart.

--int8 first finds, on covers of the training folds, how to compute the networks in eight-bit
integers, and writes that into the bundle, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import Bundle, with_part
from covergenre.config import Settings
from covergenre.engines import PRECISIONS, has_units
from covergenre.engines.parity import ParityPart, Said, held_against, logit_scale
from covergenre.errors import BundleError
from jobs.prepare import prepare
from jobs.runtime import arguments, model_card, quantizing
from jobs.runtime.catalogue import opened
from jobs.runtime.evaluation import held_out
from jobs.runtime.runs import Run
from jobs.runtime.session import processor
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle

_REFERENCE = {"name": "tensorflow", "precision": "f32"}


def convert(
    warehouse: Warehouse,
    bundle: Bundle,
    settings: Settings,
    run: Run,
    target: Path,
    int8: bool = False,
) -> Bundle:
    """Run the gate and write the bundle with its figures.

    Args:
        warehouse: with albums and covers.
        bundle: to be held against the reference.
        settings: of engine, splits, scoring, concepts and describe.
        run: its counts are filled in.
        target: where the bundle is written; may be where it is.
        int8: find anew how its networks are computed in integers.

    Raises:
        BundleError: the bundle may have learnt the covers of the test fold.
        CatalogueError: the test fold has no covers, or the others too few.
    """
    held_out.warn(held_out.check_splits(bundle, settings))
    run.counts.update(prepare(warehouse, settings))
    if not int8:
        return with_part(bundle, target, _gate(warehouse, bundle, settings))
    part = quantizing.int8_part(warehouse, bundle, settings)
    with tempfile.TemporaryDirectory(prefix="covergenre-int8-") as folder:
        # Nobody sees it before the gate has.
        able = with_part(bundle, Path(folder) / bundle.path.name, part)
        return with_part(bundle, target, part, _gate(warehouse, able, settings))


def _gate(warehouse: Warehouse, bundle: Bundle, settings: Settings) -> ParityPart:
    """What OpenVINO makes of the held-out covers, in each precision that the bundle can have."""
    # As it comes out of its engines, not as an earlier gate has set it right.
    plain = replace(bundle, manifest={k: v for k, v in bundle.manifest.items() if k != "parity"})
    integers = bundle.has_int8 and has_units("int8")
    precisions = [p for p in PRECISIONS if p != "int8" or integers]
    covers = _covers(warehouse, settings).persist()
    try:
        reference = _said(warehouse, covers, plain, settings, _REFERENCE)
        found: dict[str, dict[str, Any]] = {}
        for precision in precisions:
            engine = {"name": "openvino", "precision": precision}
            said = _said(warehouse, covers, plain, settings, engine)
            found[precision] = _figures(reference, said, plain, settings)
    finally:
        covers.unpersist()
    splits = settings.splits
    details = {
        "processor": processor(),
        "splits": splits.model_dump(include={"salt", "folds", "test_fold", "validation_fold"}),
        "describe": settings.score.describe,
        "versions": model_card.versions(),
    }
    return ParityPart(found, details)


def _covers(warehouse: Warehouse, settings: Settings) -> DataFrame:
    """The covers of the test fold (``tested``) and of the validation fold."""
    splits = settings.splits
    tested = held_out.held_out(warehouse, settings, splits.test_fold)
    covers = tested.withColumn("tested", F.lit(True))
    if splits.validation_fold == splits.test_fold:
        return covers
    others = held_out.held_out(warehouse, settings, splits.validation_fold)
    return covers.unionByName(others.withColumn("tested", F.lit(False)))


def _said(
    warehouse: Warehouse,
    covers: DataFrame,
    bundle: Bundle,
    settings: Settings,
    engine: dict[str, str],
) -> pd.DataFrame:
    """What an engine makes of covers, those that can be used."""
    chosen = settings.model_copy(update={"engine": settings.engine.model_copy(update=engine)})
    print(f"{engine['name']} {engine['precision']}")
    said = held_out.scored(warehouse, covers, bundle, chosen)
    return said[said["reason"].isna()]


def _figures(
    reference: pd.DataFrame, other: pd.DataFrame, bundle: Bundle, settings: Settings
) -> dict[str, Any]:
    if list(reference["cover_id"]) != list(other["cover_id"]):
        raise BundleError("two engines did not look at the same covers: please report this")
    tested = reference["tested"].to_numpy(bool)
    if not tested.any():
        raise BundleError("no cover of the test fold can be used: there is nothing to judge by")
    labels = bundle.labels
    names = pd.Index(labels).get_indexer(pd.Index(reference["genre"]))
    scale = 1.0
    if not tested.all():
        scale = logit_scale(*(_of(one[~tested], bundle) for one in (reference, other)))
    return held_against(
        _of(reference[tested], bundle),
        _of(other[tested], bundle),
        np.asarray(names[tested], np.int64),
        None if bundle.detector is None else bundle.detector.threshold,
        scale,
        samples=settings.evaluate.bootstrap_samples,
        seed=settings.evaluate.seed,
    )


def _of(said: pd.DataFrame, bundle: Bundle) -> Said:
    def probabilities(letter: str) -> Any:
        return said[[f"{letter}_{label}" for label in bundle.labels]].to_numpy(np.float64)

    scores = None if bundle.detector is None else said["advisory_score"].to_numpy(np.float64)
    return Said(probabilities("p"), probabilities("c"), scores)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, score the held-out covers with each engine, write the bundle, print its figures."""
    parser = arguments.parser(
        "convert", "Hold a bundle's fast engines against the reference; write down which pass."
    )
    parser.add_argument("--model", metavar="BUNDLE", help="default: as score chooses")
    parser.add_argument("--bundle", type=Path, metavar="DIR",
                        help="where the bundle is written; default: where it is")  # fmt: skip
    parser.add_argument("--int8", action="store_true",
                        help="find anew how to compute in eight-bit integers")  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    base, why = choose_bundle(args.model, settings)
    print(f"model {base.model_version} from {base.path} ({why})")
    run = Run("convert", settings, engine="openvino")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        bundle = convert(warehouse, base, settings, run, args.bundle or base.path, args.int8)
        run.model_version = bundle.model_version
    return _print_summary(bundle, run, args.json)


def _print_summary(bundle: Bundle, run: Run, machine: bool) -> dict[str, Any]:
    lines: dict[str, Any] = {"bundle": bundle.path, "model": bundle.model_version}
    for precision, figures in bundle.parity.items():
        error = figures["probability_error"]
        said = [
            "passed" if figures["passed"] else "refused",
            f"same genre on {figures['agreement']:.3%} of {figures['covers']} covers",
            f"probabilities within {error['max']:.2g} (mean {error['mean']:.2g})",
        ]
        if "accuracy" in figures:
            low, high = figures["accuracy"]["interval"]
            said.append(
                f"accuracy {figures['accuracy']['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
            )
        if "advisory_agreement" in figures:
            said.append(f"same label on {figures['advisory_agreement']:.3%}")
        lines[f"openvino {precision}"] = ", ".join(said)
    summary = {
        "bundle": str(bundle.path),
        "model_version": bundle.model_version,
        "parity": dict(bundle.parity),
        "run_id": run.run_id,
    }
    arguments.summarise("converted", lines, summary if machine else None)
    return summary


if __name__ == "__main__":
    arguments.run(main)
