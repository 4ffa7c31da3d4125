"""Write a bundle, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from safetensors.numpy import save_file

from covergenre.backbones import Backbone
from covergenre.bundle.reading import (
    FORMAT,
    PARTS,
    SUMS,
    Bundle,
    is_inside,
    open_bundle,
    part_files,
    sha256,
)
from covergenre.classifier import Head
from covergenre.errors import BundleError
from covergenre.images import PIXELS_VERSION


class Part(Protocol):
    """A part of a bundle beside its classifier.

    Attributes:
        entry: its name in the manifest, one of :data:`covergenre.bundle.reading.PARTS`.
        files: name, relative to the bundle, to content.
        spec: what the manifest says of it; ``files`` lists the names.
    """

    entry: ClassVar[str]

    @property
    def files(self) -> Mapping[str, bytes]: ...

    @property
    def spec(self) -> Mapping[str, Any]: ...


def write_bundle(
    path: Path,
    name: str,
    labels: list[str],
    backbone: Backbone,
    head: Head,
    details: Mapping[str, Any],
    extra_files: Mapping[str, bytes],
    *parts: Part,
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
        parts: what it holds beside the classifier.

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
        _write_manifest(scratch, manifest, parts)
    return open_bundle(path)


def with_part(base: Bundle, path: Path, *parts: Part) -> Bundle:
    """Write a bundle with another part, or several, whole or not at all.

    Args:
        base: keeps all but these parts and what is built on them (a combined model has learnt how
            far its detector can be trusted); may be the bundle at ``path``.
        path: the folder to make; its name is the bundle's. A bundle that is there is replaced.
        parts: a detector, say, or a combined model.

    Raises:
        BundleError: ``path`` is there and no bundle.
    """
    gone = PARTS[min(PARTS.index(part.entry) for part in parts) :]
    replaced = {SUMS, *part_files(base.manifest, gone)}
    kept = {name: content for name, content in base.files().items() if name not in replaced}
    manifest = {key: value for key, value in base.manifest.items() if key not in gone}
    with _whole(path) as scratch:
        unpack(kept, scratch)
        _write_manifest(scratch, {**manifest, "name": path.name}, parts)
    return open_bundle(path)


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, and the sub-folders that their names have.

    Raises:
        BundleError: a name leads out of the folder.
    """
    for name, content in files.items():
        if not is_inside(name):
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


def _write_manifest(folder: Path, manifest: Mapping[str, Any], parts: Iterable[Part]) -> None:
    """The manifest, and the files of parts."""
    entries = dict(manifest)
    for part in parts:
        unpack(part.files, folder)
        entries[part.entry] = dict(part.spec)
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
        lines = [f"{sha256(files[name])}  {name}\n" for name in sorted(files)]
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
