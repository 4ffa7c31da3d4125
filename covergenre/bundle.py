"""Model bundles: a folder with everything scoring needs, every file known by its digest.

manifest.json      what the model is: labels, backbone, preprocessing, training, figures
head.safetensors   the Dense layers
backbone.keras     the backbone, unless it comes with a dependency
changes.safetensors  what fine-tuning changed in it, rounded
held_out.parquet   probabilities on the covers held out: cover_id, genre, p_<label>
validation.parquet the same on the validation fold, by a network that had not seen it
out_of_fold.parquet  the same on the covers trained on, each by a network that had not seen it
MODEL_CARD.md      for people
detector.safetensors  with a detector of our own: its weights
detector/          with an exported one: its SavedModel
DETECTOR_CARD.md   with either: for people
SHA256SUMS         digest of each file above, as `sha256sum -c` reads it
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors.numpy import load_file, save_file

from covergenre.adapter import Changes
from covergenre.backbones import Backbone, Preprocessing
from covergenre.calibration import Abstention
from covergenre.classifier import HEAD_TENSORS, LINEAR_TENSORS, Classifier, Head
from covergenre.detector.stored import DetectorPart, StoredDetector
from covergenre.errors import BundleError
from covergenre.images import PIXELS_VERSION

FORMAT = 1
DEFAULT = Path(__file__).parent / "models" / "default"
SUMS = "SHA256SUMS"


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
        fitted = self.manifest.get("abstention")
        return None if fitted is None else Abstention(**fitted)

    @property
    def detector(self) -> StoredDetector | None:
        """What finds labels; None for a bundle without."""
        spec = self.manifest.get("detector")
        return None if spec is None else StoredDetector(self.path, spec)

    def files(self) -> dict[str, bytes]:
        """Name to content of all files, and the digests that prove them; see :func:`unpack`."""
        names = [*_read_sums(self.path / SUMS), SUMS]
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

    def classifier(self, batch_size: int) -> Classifier:
        """Load the networks (TensorFlow is imported here and not before)."""
        backbone = self.backbone
        return Classifier(
            backbone.load(), backbone.preprocessing, self.head(), batch_size, self.temperature
        )


def open_bundle(path: Path) -> Bundle:
    """Verify a bundle and read its manifest.

    Raises:
        BundleError: not there, incomplete, a digest differs, or made for another decoder.
    """
    sums = path / SUMS
    if not sums.is_file():
        raise BundleError(f"{path} is no model bundle: it has no {SUMS}")
    listed = _read_sums(sums)
    for name, digest in listed.items():
        file = path / name
        if not file.is_file():
            raise BundleError(f"bundle {path}: {name} is missing; copy the bundle again")
        if _sha256(file) != digest:
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
    unproven = set((manifest.get("detector") or {}).get("files", [])) - set(listed)
    if unproven:
        raise BundleError(f"bundle {path}: {SUMS} does not list {', '.join(sorted(unproven))}")
    return Bundle(path, manifest, _sha256(sums))


def write_bundle(
    path: Path,
    name: str,
    labels: list[str],
    backbone: Backbone,
    head: Head,
    details: Mapping[str, Any],
    extra_files: Mapping[str, bytes],
    detector: DetectorPart | None = None,
) -> Bundle:
    """Write a bundle whole or not at all.

    Args:
        path: the folder to make; a bundle that is there is replaced.
        name: what people call it; letters, digits, ``-``, ``_`` and ``.``.
        labels: genres, in the order of the head's outputs.
        backbone: as :meth:`Backbone.saved` gives it.
        head: trained.
        details: further entries of the manifest: training, metrics, versions.
        extra_files: file name to content, e.g. the model card.
        detector: what finds labels; None for a bundle without.

    Raises:
        BundleError: ``path`` is there and no bundle.
    """
    with _whole(path) as scratch:
        save_file(dict(head.tensors), scratch / "head.safetensors")
        manifest = {
            "format": FORMAT,
            "name": name,
            "labels": labels,
            "backbone": _write_backbone(scratch, backbone),
            "pixels_version": PIXELS_VERSION,
            **details,
        }
        unpack(extra_files, scratch)
        _write_manifest(scratch, manifest, detector)
    return open_bundle(path)


def with_detector(base: Bundle, path: Path, part: DetectorPart) -> Bundle:
    """Write a bundle of one's classifier and another detector, whole or not at all.

    Args:
        base: keeps all but its detector; may be the bundle at ``path``.
        path: the folder to make; its name is the bundle's. A bundle that is there is replaced.
        part: the detector.

    Raises:
        BundleError: ``path`` is there and no bundle.
    """
    replaced = {SUMS, *(base.manifest.get("detector") or {}).get("files", [])}
    kept = {name: content for name, content in base.files().items() if name not in replaced}
    with _whole(path) as scratch:
        unpack(kept, scratch)
        _write_manifest(scratch, {**base.manifest, "name": path.name}, part)
    return open_bundle(path)


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, and the sub-folders that their names have.

    Raises:
        BundleError: a name leads out of the folder.
    """
    for name, content in files.items():
        if not _is_inside(name):
            raise BundleError(f"{name!r} is no name of a file in a bundle")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _write_backbone(folder: Path, backbone: Backbone) -> dict[str, Any]:
    """The backbone's own files; returns what the manifest says of it."""
    spec: dict[str, Any] = {
        "name": backbone.name,
        "kind": backbone.kind,
        "weights_sha256": backbone.weights_sha256,
        "preprocessing": backbone.preprocessing.to_json(),
    }
    if backbone.kind == "file" and backbone.path is not None:
        spec["file"] = "backbone.keras"
        shutil.copy(backbone.path, folder / "backbone.keras")
    if backbone.changes is not None:
        changes = backbone.changes
        spec["changes"] = {
            "file": "changes.safetensors",
            "sha256": changes.sha256,
            "bits": changes.bits,
        }
        shutil.copy(changes.path, folder / "changes.safetensors")
    return spec


def _write_manifest(
    folder: Path, manifest: Mapping[str, Any], detector: DetectorPart | None
) -> None:
    """The manifest, and the detector's files."""
    entries = dict(manifest)
    if detector is not None:
        unpack(detector.files, folder)
        entries["detector"] = dict(detector.spec)
    (folder / "manifest.json").write_text(json.dumps(entries, indent=2) + "\n", "utf-8")


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A folder that becomes the bundle at ``path``, with digests, once all is in it."""
    if path.exists() and not (path / SUMS).is_file():
        raise BundleError(f"{path} is there and is no model bundle: name another output")
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed run of the same process id
    scratch.mkdir(parents=True)
    try:
        yield scratch
        files = {f.relative_to(scratch).as_posix(): f for f in scratch.rglob("*") if f.is_file()}
        for file in files.values():
            file.chmod(0o644)  # safetensors writes for the owner only
        lines = [f"{_sha256(files[name])}  {name}\n" for name in sorted(files)]
        (scratch / SUMS).write_text("".join(lines), "utf-8")
        _swap(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _swap(scratch: Path, path: Path) -> None:
    """Put a finished folder into place; the old one is gone only once the new one is there."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    try:
        scratch.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _read_sums(path: Path) -> dict[str, str]:
    listed = {}
    for line in filter(None, path.read_text("utf-8", errors="replace").split("\n")):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not _is_inside(name):
            raise BundleError(f"{path} is damaged: copy the bundle again")
        listed[name] = digest
    return listed


def _is_inside(name: str) -> bool:
    """Whether a name, relative and in one spelling only, stays within a bundle's folder."""
    pure = PurePosixPath(name)
    return name == str(pure) != "." and not pure.is_absolute() and ".." not in pure.parts


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
