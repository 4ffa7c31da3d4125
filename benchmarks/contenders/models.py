"""Models for a benchmark: bundles, and their networks as OpenVINO has them."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contenders import covers
from covergenre import backbones, tensorflow_runtime
from covergenre.bundle import DEFAULT, open_bundle, with_part, write_bundle
from covergenre.classifier import Classifier, Head
from covergenre.detector.detector import LabelDetector
from covergenre.detector.stored import DetectorPart
from covergenre.engines import choose, openvino
from covergenre.engines.int8 import Int8Part
from covergenre.images import Cover

if TYPE_CHECKING:
    from benchmarks.contenders.task import Task

_SHOWN = 128  # covers that a network is shown to prepare it for int8


@dataclass(frozen=True)
class Model:
    """A bundle that contenders run.

    Attributes:
        name: in the table.
        bundle: its folder.
        converted: folder of its networks in OpenVINO's format, for :func:`converted`.
    """

    name: str
    bundle: str
    converted: str


def prepare(
    bundles: Mapping[str, Path],
    files: Mapping[str, tuple[str, int]],
    alone: bool,
    batch_sizes: Collection[str | int],
    int8: Path | None,
    scratch: Path,
) -> list[Model]:
    """Make bundles of what is named, and convert their networks (TensorFlow is imported).

    Args:
        bundles: name to folder.
        files: name to a Keras file (or what :func:`covergenre.backbones.resolve` takes) and the
            side of its input. It gets a random head, which costs what a trained one does, and the
            default bundle's detector.
        alone: each once more, as ``NAME-classifier``, without its detector.
        batch_sizes: covers a call, each to be had from :func:`converted`.
        int8: Parquet of covers, to prepare for int8 what is not; None: it is not asked for.
        scratch: folder for them; must outlive the contenders.
    """
    found = dict(bundles)
    for name, (file, size) in files.items():
        found[name] = _with_random_head(name, file, size, scratch / name)
    if alone:
        for name, path in list(found.items()):
            named = f"{name}-classifier"
            found[named] = _without_detector(path, scratch / named)
    if int8 is not None:
        for name, path in list(found.items()):
            found[name] = _able_of_int8(path, int8, scratch / "int8" / path.name)
    return [
        Model(name, str(path), _convert(path, batch_sizes, scratch / f"{name}-converted"))
        for name, path in found.items()
    ]


def _with_random_head(name: str, file: str, size: int, path: Path) -> Path:
    tensorflow_runtime.start()
    default = open_bundle(DEFAULT)
    backbone = backbones.resolve(file, size).saved(path.parent)
    shape = (backbone.load().output_shape[-1], len(default.labels))
    kernel = np.random.default_rng(0).normal(0, 0.01, shape).astype(np.float32)
    head = Head({"logits.kernel": kernel, "logits.bias": np.zeros(shape[1], np.float32)})
    part = DetectorPart.of_bundle(default)
    parts = [] if part is None else [part]
    write_bundle(path, name, default.labels, backbone, head, {}, {}, *parts)
    return path


def _without_detector(bundle: Path, path: Path) -> Path:
    whole = open_bundle(bundle)
    kept = ("temperature", "abstention", "parity")
    details = {key: whole.manifest[key] for key in kept if key in whole.manifest}
    write_bundle(path, path.name, whole.labels, whole.backbone, whole.head(), details, {})
    return path


def _able_of_int8(path: Path, parquet: Path, target: Path) -> Path:
    # The environment of Ray Data and Daft, which load models by this module, has no Spark.
    from jobs.runtime import quantizing

    bundle = open_bundle(path)
    if bundle.has_int8:
        return path
    shown = [Cover(content) for content in covers.first(str(parquet), _SHOWN)]
    return with_part(bundle, target, Int8Part(quantizing.found(bundle.graphs(), shown), {})).path


def _convert(bundle: Path, batch_sizes: Collection[str | int], folder: Path) -> str:
    opened = open_bundle(bundle)
    graphs, kinds = opened.graphs(), ["int8"] * opened.has_int8
    folder.mkdir()
    with tempfile.TemporaryDirectory() as cache:  # the user's holds what jobs convert
        for size in batch_sizes:
            for kind in ["f32", *kinds]:
                found = openvino.prepared(graphs, size, kind, Path(cache))  # type: ignore[arg-type]
                (folder / f"{kind}-{size}").write_bytes(pickle.dumps(found))
    return str(folder)


def converted(task: Task, batch_size: int | None = None) -> dict[str, openvino.Converted]:
    """The networks of a task's bundle, by name, for batches of the task's or another size."""
    kind = "int8" if task.precision == "int8" else "f32"  # weights are rounded to bf16 later
    file = Path(task.converted) / f"{kind}-{batch_size or task.batch_size}"
    found: dict[str, openvino.Converted] = pickle.loads(file.read_bytes())
    return found


def load(task: Task) -> tuple[Classifier, LabelDetector | None]:
    """The classifier and the detector of a task's bundle, on OpenVINO with one thread."""
    bundle = open_bundle(Path(task.bundle))
    loader = openvino.loader(converted(task), task.precision, threads=1)
    scale = choose("openvino", task.precision, bundle.parity).logit_scale  # type: ignore[arg-type]
    detector = bundle.detector
    return bundle.classifier(loader, scale), None if detector is None else detector.load(loader)
