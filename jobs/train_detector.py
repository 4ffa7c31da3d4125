"""Train a detector of the Parental Advisory label and put it into a bundle.

spark-submit jobs/train_detector.py --covers FOLDER
spark-submit jobs/train_detector.py --covers FOLDER --saved-model EXPORTED --label-class 1
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from covergenre import tensorflow_runtime
from covergenre.bundle import Bundle, open_bundle, with_part
from covergenre.config import Settings
from covergenre.detector.detector import Detector, LabelDetector
from covergenre.detector.exported import ExportedDetector
from covergenre.detector.marks import write_candidates
from covergenre.detector.network import Architecture, detector_graph, load
from covergenre.detector.nms import Suppression
from covergenre.detector.stored import DetectorPart, StoredDetector, rounded
from covergenre.engines import tensorflow
from covergenre.errors import BundleError, SettingError
from jobs.prepare import prepare
from jobs.runtime import arguments, model_card
from jobs.runtime.catalogue import opened
from jobs.runtime.detecting import card, pictures, training, validation
from jobs.runtime.detecting.covers import Serving, serving
from jobs.runtime.detecting.validation import Judgement, Picture
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from jobs.score import choose_bundle


@dataclass(frozen=True)
class Exported:
    """A detector that is not trained here.

    Attributes:
        folder: of a SavedModel of the TensorFlow 2 Object Detection API.
        label_classes: ids that are the label.
    """

    folder: Path
    label_classes: list[int]


def train_detector(
    warehouse: Warehouse,
    settings: Settings,
    base: Bundle,
    target: Path,
    run: Run,
    detector: Architecture | Exported,
    initial: StoredDetector | None = None,
) -> tuple[Bundle, Judgement, Path]:
    """Train a detector, or take one as it is, choose its threshold and write the bundle.

    Args:
        warehouse: with albums and covers.
        settings: of the detector and of splits.
        base: what the bundle holds beside the detector.
        target: where the bundle is written.
        run: its counts are filled in.
        detector: what is trained, or taken.
        initial: a trained detector of this architecture to go on from; None: random weights.

    Returns:
        the bundle, what the detector is worth, and the CSV of what it found on covers that nobody
        has marked.
    """
    tensorflow_runtime.start()
    run.counts.update(prepare(warehouse, settings))
    chosen = serving(warehouse, settings)
    with tempfile.TemporaryDirectory() as scratch:
        job = _Job(warehouse, settings, chosen, Path(scratch), run)
        if isinstance(detector, Architecture):
            part, judgement = job.own(detector, initial)
        else:
            part, judgement = job.exported(detector)
    hits = target.with_name(f"{target.name}-hits.csv")
    bundle = with_part(base, target, part)
    write_candidates(hits, validation.candidates(warehouse, judgement.hits))
    return bundle, judgement, hits


@dataclass(frozen=True)
class _Job:
    """What both kinds of detectors need."""

    warehouse: Warehouse
    settings: Settings
    serving: Serving
    scratch: Path
    run: Run

    def own(
        self, architecture: Architecture, initial: StoredDetector | None
    ) -> tuple[DetectorPart, Judgement]:
        """Train a network."""
        size = architecture.anchors.size
        allotments = pictures.allotted(self.serving, self.settings)
        folder = training.state(
            self.warehouse, allotments, architecture, self.settings, self.scratch, initial
        )
        composed = self._composed(size)
        start = time.perf_counter()
        found = training.trained(
            self.warehouse, allotments, composed, architecture, self.settings, folder,
            self.scratch, initial,
        )  # fmt: skip
        self.run.counts["train_seconds"] = round(time.perf_counter() - start)
        # What is judged is what the bundle holds.
        network = load(architecture, rounded(found.weights))
        shown, rule = training.preprocessing(architecture), Suppression()
        run = tensorflow.loader(self.settings.detector.batch_size)(
            detector_graph(lambda: network, shown, "in training")
        )
        judgement = self._judged(Detector(run, architecture.anchors, rule), composed)
        what = [
            f"SSD with MobileNet V2 (width {architecture.width:g}) and a light feature pyramid, "
            f"{network.count_params()} weights, from random initialisation; input {size}x{size}."
        ]
        details = {
            **self._details(what, judgement),
            "training": {
                **self._trained_on(allotments, found.history),
                "went_on_from": None if initial is None else initial.spec["details"]["training"],
            },
        }
        part = DetectorPart.of_network(
            architecture, found.weights, shown, rule, judgement.choice.threshold,
            judgement.calibration, details, card.render(details),
        )  # fmt: skip
        return part, judgement

    def exported(self, detector: Exported) -> tuple[DetectorPart, Judgement]:
        """Take a SavedModel as it is."""
        loaded = ExportedDetector(detector.folder, detector.label_classes)
        judgement = self._judged(loaded, self._composed(loaded.size))
        classes = ", ".join(map(str, detector.label_classes))
        what = [
            f"A SavedModel of the TensorFlow 2 Object Detection API, not trained here; the label "
            f"is its class {classes}."
        ]
        details = {**self._details(what, judgement), "training": None}
        part = DetectorPart.of_exported(
            detector.folder, detector.label_classes, judgement.choice.threshold, details,
            judgement.calibration, card.render(details),
        )  # fmt: skip
        return part, judgement

    def _composed(self, size: int) -> list[Picture]:
        return validation.composed(self.warehouse, self.serving, self.settings, size)

    def _judged(self, detector: LabelDetector, composed: list[Picture]) -> Judgement:
        real = validation.real(self.warehouse, self.serving, self.settings)
        return validation.judged(detector, [*composed, *real], self.settings)

    def _details(self, what: list[str], judgement: Judgement) -> dict[str, Any]:
        return {
            "what": what,
            "threshold": judgement.choice.to_json(),
            "calibration": asdict(judgement.calibration),
            "validation": judgement.figures,
            "data_versions": self.warehouse.versions(),
            "versions": model_card.versions(),
        }

    def _trained_on(
        self, allotments: list[pictures.Allotment], history: dict[str, list[float]]
    ) -> dict[str, Any]:
        own, confirmed = self.settings.detector, self.serving.confirmed
        composed = sum(one.versions for one in allotments if one.boxes is None)
        # Where files lie on somebody's machine is nobody else's business.
        files = {"marked", "confirmed", "art"}
        return {
            "recipe": {**own.model_dump(exclude=files), "art": own.art is not None},
            "splits": self.settings.splits.model_dump(),
            "pictures": sum(one.versions for one in allotments),
            "composed": composed,
            "backgrounds": len(self.serving.training),
            "confirmed": {
                "training": len(confirmed.training),
                "validation": len(confirmed.validation),
                "left_out": confirmed.left_out,
            },
            "measured": own.marked is not None,
            "passes": own.passes,
            "epochs": own.epochs,
            "history": history,
        }


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser(
        "train_detector", "Train a detector of the Parental Advisory label and put it in a bundle."
    )
    parser.add_argument(
        "--model", metavar="BUNDLE", help="whose classifier is kept; default: as score chooses"
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="where the bundle is written")
    parser.add_argument(
        "--saved-model", type=Path, metavar="DIR", help="take a detector that the TensorFlow 2 "
        "Object Detection API exported, instead of training one"
    )  # fmt: skip
    parser.add_argument(
        "--label-class", type=int, action="append", metavar="ID", help="of --saved-model: a class "
        "that is the label; may be given several times"
    )  # fmt: skip
    parser.add_argument(
        "--start", type=Path, metavar="BUNDLE", help="go on from the weights of this bundle's "
        "detector, e.g. once further labels are confirmed, instead of random ones"
    )  # fmt: skip
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, train, write the bundle, print its figures."""
    args = _parsed(argv)
    settings = arguments.settings(args)
    if (args.saved_model is None) != (args.label_class is None):
        raise SettingError("--saved-model and --label-class go together: name both, or neither")
    detector = (
        Architecture()
        if args.saved_model is None
        else Exported(args.saved_model, sorted(set(args.label_class)))
    )
    initial = None if args.start is None else _started_from(args.start, detector)
    base, why = choose_bundle(args.model, settings)
    print(f"classifier of {base.model_version} from {base.path} ({why})")
    pictures.read_pictures_of_labels(settings)  # before Spark starts: a wrong folder is told now
    target = args.bundle or Path(settings.train.bundles) / f"{base.name}-labels"
    run = Run("train_detector", settings, engine="tensorflow", precision="f32")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        bundle, judgement, hits = train_detector(
            warehouse, settings, base, target, run, detector, initial
        )
        run.model_version = bundle.model_version
    return _print_summary(bundle, judgement, hits, run, args.json)


def _started_from(path: Path, detector: Architecture | Exported) -> StoredDetector:
    """The detector whose weights are started from.

    Raises:
        BundleError: the bundle holds none, or one of another architecture.
        SettingError: nothing is trained.
    """
    if isinstance(detector, Exported):
        raise SettingError("--start is for a detector that is trained, not for --saved-model")
    stored = open_bundle(path).detector
    if stored is None or stored.architecture != detector:
        raise BundleError(
            f"--start {path} holds no detector of the architecture that is trained here: name a "
            "bundle that train_detector has made"
        )
    return stored


def _print_summary(
    bundle: Bundle, judgement: Judgement, hits: Path, run: Run, machine: bool
) -> dict[str, Any]:
    choice = judgement.choice
    lines = {
        "bundle": bundle.path,
        "model": bundle.model_version,
        "threshold": f"{choice.threshold:.3f}"
        + ("" if choice.met else ", reached by nothing: no threshold gives what is asked for"),
        "precision, recall": f"{choice.precision:.3f}, {choice.recall:.3f} on validation pictures",
        "false labels": f"{choice.false_per_thousand:.2f} on 1000 real covers",
        **{f"AP50 {kind}": f"{row['ap50']:.3f}"
           for kind, row in judgement.figures.items() if "ap50" in row},
        "to look at": f"{len(judgement.hits)} unmarked covers in {hits}; some may carry a label: "
        "take out the rows that do not, name the file as detector.confirmed, run again",
    }  # fmt: skip
    result = {
        "bundle": str(bundle.path),
        "model_version": bundle.model_version,
        "run_id": run.run_id,
        "hits": str(hits),
        "threshold": choice.to_json(),
        "validation": judgement.figures,
    }
    arguments.summarise("trained", lines, result if machine else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
