"""A detector as a bundle holds it: its files and what the manifest says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save

from covergenre.backbones import Preprocessing
from covergenre.calibration import Platt
from covergenre.detector import network
from covergenre.detector.detector import CalibratedDetector, Detector, LabelDetector
from covergenre.detector.exported import ExportedDetector
from covergenre.detector.network import Architecture, detector_graph
from covergenre.detector.nms import Suppression
from covergenre.engines import Graph, Loader
from covergenre.errors import BundleError

if TYPE_CHECKING:
    from covergenre.bundle import Bundle

WEIGHTS, CARD, EXPORTED = "detector.safetensors", "DETECTOR_CARD.md", "detector"
# What TensorFlow needs of a SavedModel's folder.
_SAVED_MODEL = ("saved_model.pb", "fingerprint.pb", "variables/*", "assets/*")


@dataclass(frozen=True)
class DetectorPart:
    """A detector on its way into a bundle.

    Attributes:
        files: name, relative to the bundle, to content.
        spec: the manifest's entry: ``kind``, ``files``, ``threshold`` (0-1, on
            calibrated scores), ``calibration`` (``scale``, ``bias``; None: scores as they are),
            ``details`` (free), and what :meth:`StoredDetector.load` needs of its kind.
    """

    entry: ClassVar[str] = "detector"

    files: Mapping[str, bytes]
    spec: Mapping[str, Any]

    @classmethod
    def of_network(
        cls,
        architecture: Architecture,
        weights: Mapping[str, npt.NDArray[Any]],
        preprocessing: Preprocessing,
        suppression: Suppression,
        threshold: float,
        calibration: Platt | None,
        details: Mapping[str, Any],
        card: str = "",
    ) -> DetectorPart:
        """A network of :mod:`covergenre.detector.network`.

        Args:
            architecture, weights: as :func:`covergenre.detector.network.load` takes them. What is
                kept of the weights is :func:`rounded`.
            preprocessing: of the anchors' size.
            suppression: what is kept of its boxes.
            threshold: calibrated score, 0-1, from which on a cover carries the label.
            calibration: of its scores; None leaves them as they are.
            details: figures, training, whatever JSON can hold.
            card: Markdown for people; none if empty.

        Raises:
            BundleError: a size or the threshold cannot be.
        """
        if preprocessing.size != architecture.anchors.size:
            raise BundleError(
                f"the detector's anchors are for {architecture.anchors.size} pixels, its "
                f"preprocessing gives {preprocessing.size}"
            )
        needs = {
            "architecture": architecture.to_json(),
            "preprocessing": preprocessing.to_json(),
            "suppression": asdict(suppression),
        }
        files = {WEIGHTS: save(_stored(weights))}
        return cls._of("network", files, needs, threshold, calibration, details, card)

    @classmethod
    def of_exported(
        cls,
        folder: Path,
        label_classes: Collection[int],
        threshold: float,
        details: Mapping[str, Any],
        calibration: Platt | None = None,
        card: str = "",
    ) -> DetectorPart:
        """A SavedModel of the TensorFlow 2 Object Detection API.

        Args:
            folder: holds ``saved_model.pb``; it is loaded once, to see that it is a detector.
            label_classes: ids, as the model gives them, that are the label.
            threshold, calibration, details, card: as for :meth:`of_network`.

        Raises:
            BundleError: it is no such model, no class is the label, or the threshold cannot be.
        """
        if not label_classes:
            raise BundleError(f"{folder}: no class is named as the label; give at least one id")
        ExportedDetector(folder, label_classes)
        files = {
            f"{EXPORTED}/{file.relative_to(folder).as_posix()}": file.read_bytes()
            for pattern in _SAVED_MODEL
            for file in sorted(folder.glob(pattern))
        }
        needs = {"label_classes": sorted(label_classes)}
        return cls._of("exported", files, needs, threshold, calibration, details, card)

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> DetectorPart | None:
        """The detector of another bundle; None where it holds none."""
        stored = bundle.detector
        if stored is None:
            return None
        files = {name: (bundle.path / name).read_bytes() for name in stored.spec["files"]}
        return cls(files, stored.spec)

    @classmethod
    def _of(
        cls,
        kind: str,
        files: dict[str, bytes],
        needs: Mapping[str, Any],
        threshold: float,
        calibration: Platt | None,
        details: Mapping[str, Any],
        card: str,
    ) -> DetectorPart:
        if not 0 <= threshold <= 1:
            raise BundleError(f"the detector's threshold must be 0 to 1, not {threshold}")
        if card:
            files[CARD] = card.encode()
        spec = {
            "kind": kind,
            "files": sorted(files),
            **needs,
            "threshold": float(threshold),
            "calibration": None if calibration is None else asdict(calibration),
            "details": dict(details),
        }
        return cls(files, spec)


@dataclass(frozen=True)
class StoredDetector:
    """The detector of a bundle on disk.

    Attributes:
        path: the bundle's folder.
        spec: the manifest's entry, as :class:`DetectorPart` describes it.
    """

    path: Path
    spec: Mapping[str, Any]

    @property
    def threshold(self) -> float:
        """Calibrated score, 0-1, from which on a cover carries the label."""
        return float(self.spec["threshold"])

    @property
    def architecture(self) -> Architecture | None:
        """Of a network of our own; None of an exported one."""
        spec = self.spec.get("architecture")
        return None if spec is None else Architecture.from_json(spec)

    @property
    def weights_sha256(self) -> str:
        """Digest of the weights of a network of our own."""
        return hashlib.sha256((self.path / WEIGHTS).read_bytes()).hexdigest()

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """The weights of a network of our own, as :func:`covergenre.detector.network.load` takes
        them."""
        return dict(load_file(self.path / WEIGHTS))

    @property
    def graph(self) -> Graph | None:
        """As engines take it; None of an exported one, which TensorFlow alone can run.

        Raises:
            BundleError: it is of a kind that is not known.
        """
        kind = self.spec["kind"]
        if kind not in _KINDS:
            raise BundleError(
                f"bundle {self.path} holds a detector of the kind {kind}, which this version of "
                f"the project does not know ({', '.join(_KINDS)})"
            )
        if kind == "exported":
            return None
        architecture = Architecture.from_json(self.spec["architecture"])
        preprocessing = Preprocessing.from_json(self.spec["preprocessing"])
        parts = [self.weights_sha256, architecture.to_json(), preprocessing.to_json()]
        return detector_graph(
            lambda: network.load(architecture, self.weights()),
            preprocessing,
            hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        )

    def load(self, loader: Loader) -> LabelDetector:
        """The detector, its scores calibrated. The folder may be gone afterwards.

        Args:
            loader: of the engine; an exported detector is loaded by TensorFlow, whatever it is.

        Raises:
            BundleError: the files are not what the manifest says.
        """
        graph = self.graph
        detector: LabelDetector
        if graph is None:
            detector = ExportedDetector(self.path / EXPORTED, self.spec["label_classes"])
        else:
            anchors = Architecture.from_json(self.spec["architecture"]).anchors
            rule = Suppression(**self.spec["suppression"])
            detector = Detector(loader(graph), anchors, rule)
        fitted = self.spec["calibration"]
        return detector if fitted is None else CalibratedDetector(detector, Platt(**fitted))


_KINDS = ("network", "exported")


def rounded(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """Weights, float32, as they come back from a bundle: judge these, not what was trained."""
    return {name: value.astype(np.float32) for name, value in _stored(weights).items()}


def _stored(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Kernels in half precision; vectors, a hundredth of the bytes, as they are: the variances
    of batch norm may lie beyond half precision's range."""
    return {
        name: np.ascontiguousarray(value, np.float16 if value.ndim > 1 else np.float32)
        for name, value in weights.items()
    }
