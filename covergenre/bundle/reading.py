"""Open a bundle: nothing is loaded that its digest does not prove."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors.numpy import load_file

from covergenre.adapter import Changes
from covergenre.backbones import Backbone, Preprocessing
from covergenre.bundle import zipped
from covergenre.calibration import Abstention
from covergenre.classifier import (
    HEAD_TENSORS,
    LINEAR_TENSORS,
    Classifier,
    Head,
    classifier_graph,
)
from covergenre.detector.stored import StoredDetector
from covergenre.engines import Graph, Loader, int8
from covergenre.errors import BundleError
from covergenre.fusion.stored import StoredFusion
from covergenre.images import PIXELS_VERSION

FORMAT = 1
DEFAULT = Path(__file__).parents[1] / "models" / "default"
SUMS = "SHA256SUMS"
PARTS = ("detector", "fusion", "int8", "parity")
"""Entries of the manifest that stand for a part with ``files`` of its own, each built on those
before it."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk.

    Attributes:
        path: its folder.
        manifest: what ``manifest.json`` holds.
        digest: sha256 of ``SHA256SUMS``, which names the digest of every other file.
    """

    path: Path
    manifest: Mapping[str, Any]
    digest: str

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.manifest["name"])

    @property
    def model_version(self) -> str:
        """Name and twelve digits of the digest: the same wherever the folder lies."""
        return f"{self.name}-{self.digest[:12]}"

    @property
    def labels(self) -> list[str]:
        """Genres, in the order of the probabilities."""
        return list(self.manifest["labels"])

    @property
    def backbone(self) -> Backbone:
        """The backbone, from the bundle's own file unless it comes with a dependency."""
        spec = self.manifest["backbone"]
        path = self.path / spec["file"] if spec["kind"] == "file" else None
        preprocessing = Preprocessing.from_json(spec["preprocessing"])
        changes = None
        if spec.get("changes"):
            about = spec["changes"]
            changes = Changes(self.path / about["file"], about["sha256"], int(about["bits"]))
        return Backbone(
            spec["name"], spec["kind"], preprocessing, spec["weights_sha256"], path, changes
        )

    @property
    def temperature(self) -> float:
        """What logits are divided by."""
        return float(self.manifest.get("temperature", 1.0))

    @property
    def abstention(self) -> Abstention | None:
        """When it does not know; None for a bundle that always says a genre."""
        fusion = self.fusion
        fitted = self.manifest.get("abstention") if fusion is None else fusion.spec["abstention"]
        return None if fitted is None else Abstention(**fitted)

    @property
    def detector(self) -> StoredDetector | None:
        """What finds labels; None for a bundle without."""
        spec = self.manifest.get("detector")
        return None if spec is None else StoredDetector(self.path, spec)

    @property
    def fusion(self) -> StoredFusion | None:
        """What combines all that is known of a cover; None: the classifier has the last word."""
        spec = self.manifest.get("fusion")
        return None if spec is None else StoredFusion(self.path, spec)

    def files(self) -> dict[str, bytes]:
        """Name to content of all files, and the digests that prove them; see :func:`unpack`."""
        names = [*read_sums(self.path / SUMS), SUMS]
        return {name: (self.path / name).read_bytes() for name in names}

    def head(self) -> Head:
        """The Dense layers."""
        tensors = load_file(self.path / "head.safetensors")
        # A head has both of its layers, or the last alone.
        needed = HEAD_TENSORS if set(tensors) - set(LINEAR_TENSORS) else LINEAR_TENSORS
        missing = [name for name in needed if name not in tensors]
        if missing:
            raise BundleError(f"bundle {self.path}: head.safetensors lacks {', '.join(missing)}")
        return Head(tensors)

    @property
    def has_int8(self) -> bool:
        """Whether some of its networks can be computed in eight-bit integers."""
        return "int8" in self.manifest

    @property
    def parity(self) -> Mapping[str, Any]:
        """What the gate found of OpenVINO, by precision; see :mod:`covergenre.engines.parity`."""
        found: Mapping[str, Any] = (self.manifest.get("parity") or {}).get("precisions", {})
        return found

    def graphs(self) -> dict[str, Graph]:
        """Its networks as engines take them, by name; a detector that TensorFlow alone can run is
        not among them."""
        detector = None if self.detector is None else self.detector.graph
        found = (classifier_graph(self.backbone, self.head()), detector)
        spec = self.manifest.get("int8")
        integers = {} if spec is None else int8.stored(self.path, spec)
        return {
            graph.name: replace(graph, quantization=integers.get(graph.name))
            for graph in found
            if graph is not None
        }

    def classifier(self, loader: Loader, logit_scale: float = 1.0) -> Classifier:
        """The classifier, its probabilities calibrated.

        Args:
            loader: of the engine.
            logit_scale: of the engine, see :class:`covergenre.engines.Engine`.
        """
        graph = classifier_graph(self.backbone, self.head())
        return Classifier(loader(graph), self.temperature * logit_scale)


def open_bundle(path: Path) -> Bundle:
    """Verify a bundle and read its manifest.

    Raises:
        BundleError: not there, incomplete, a digest differs, or made for another decoder.
    """
    path = zipped.on_disk(path, SUMS)
    sums = path / SUMS
    if not sums.is_file():
        raise BundleError(f"{path} is no model bundle: it has no {SUMS}")
    listed = read_sums(sums)
    for name, digest in listed.items():
        file = path / name
        if not file.is_file():
            raise BundleError(f"bundle {path}: {name} is missing; copy the bundle again")
        if sha256(file) != digest:
            raise BundleError(
                f"bundle {path}: {name} is not what {SUMS} says (changed or damaged); "
                "copy the bundle again or train a new one"
            )
    if not {"manifest.json", "head.safetensors"} <= set(listed):
        raise BundleError(f"bundle {path}: {SUMS} does not list manifest.json and head.safetensors")
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    if manifest.get("format") != FORMAT or manifest.get("pixels_version") != PIXELS_VERSION:
        raise BundleError(
            f"bundle {path} was made by another version of the project (format "
            f"{manifest.get('format')}, pixels {manifest.get('pixels_version')}; this one reads "
            f"{FORMAT} and {PIXELS_VERSION}): train it again"
        )
    unproven = set(part_files(manifest, PARTS)) - set(listed)
    if unproven:
        raise BundleError(f"bundle {path}: {SUMS} does not list {', '.join(sorted(unproven))}")
    return Bundle(path, manifest, sha256(sums))


def part_files(manifest: Mapping[str, Any], parts: Iterable[str]) -> list[str]:
    """The files that a manifest says its parts have."""
    return [name for part in parts for name in (manifest.get(part) or {}).get("files", [])]


def read_sums(path: Path) -> dict[str, str]:
    """Name to digest, as ``SHA256SUMS`` holds them.

    Raises:
        BundleError: it is damaged, or a name leads out of the bundle.
    """
    listed = {}
    for line in filter(None, path.read_text("utf-8", errors="replace").split("\n")):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not is_inside(name):
            raise BundleError(f"{path} is damaged: copy the bundle again")
        listed[name] = digest
    return listed


def is_inside(name: str) -> bool:
    """Whether a name, relative and in one spelling only, stays within a bundle's folder."""
    pure = PurePosixPath(name)
    return name == str(pure) != "." and not pure.is_absolute() and ".." not in pure.parts


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
