"""Model bundles: what is written reads back, whatever was changed since is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre.backbones import Backbone, resolve
from covergenre.bundle import Bundle, open_bundle, write_bundle
from covergenre.classifier import HEAD_TENSORS, Head
from covergenre.errors import BundleError

LABELS = ["rap", "folk", "disco"]
EXTRA = {"MODEL_CARD.md": "# Zoë's model\n".encode(), "held_out.parquet": b"\x00\x01\x02"}


def _head(seed: int = 0) -> Head:
    rng = np.random.default_rng(seed)
    shapes = ((4,), (4,), (4, 2), (2,), (2, 3), (3,))
    tensors = zip(HEAD_TENSORS, shapes, strict=True)
    return Head({name: rng.normal(size=shape).astype(np.float32) for name, shape in tensors})


def _write(path: Path, **changes: Any) -> Bundle:
    given: dict[str, Any] = {
        "name": "tiny",
        "labels": LABELS,
        "backbone": resolve("efficientnet_lite2", input_size=64),
        "head": _head(),
        "details": {"metrics": {"accuracy": 0.5}},
        "extra_files": EXTRA,
    }
    return write_bundle(path, **{**given, **changes})


def _keras_file(tmp_path: Path) -> Backbone:
    """A backbone in a file; no bundle loads it while writing."""
    file = tmp_path / "mobilenetv2_mine.keras"
    file.write_bytes(b"weights")
    return resolve(str(file))


def _seal(path: Path) -> None:
    """Write SHA256SUMS anew, as somebody who changes a bundle on purpose would."""
    files = sorted(f for f in path.iterdir() if f.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files]
    (path / "SHA256SUMS").write_text("".join(lines))


def _contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    written = _write(tmp_path / "models/tiny")
    bundle = open_bundle(tmp_path / "models/tiny")
    assert bundle == written
    assert (bundle.name, bundle.labels) == ("tiny", LABELS)
    assert bundle.manifest["metrics"] == {"accuracy": 0.5}
    assert bundle.backbone == resolve("efficientnet_lite2", input_size=64)
    tensors = bundle.head().tensors
    assert list(map(str, sorted(tensors))) == sorted(HEAD_TENSORS)
    assert all(np.array_equal(tensors[name], _head().tensors[name]) for name in HEAD_TENSORS)
    assert {name: (bundle.path / name).read_bytes() for name in EXTRA} == EXTRA
    assert not list((tmp_path / "models").glob(".*"))


def test_files_are_all_there_is_to_ship(tmp_path: Path) -> None:
    bundle = _write(tmp_path / "tiny", backbone=_keras_file(tmp_path))
    names = {"manifest.json", "head.safetensors", "backbone.keras", "SHA256SUMS", *EXTRA}
    assert bundle.files() == _contents(bundle.path)
    assert set(bundle.files()) == names
    (tmp_path / "copy").mkdir()
    for name, content in bundle.files().items():
        (tmp_path / "copy" / name).write_bytes(content)
    assert open_bundle(tmp_path / "copy").model_version == bundle.model_version


def test_backbone_in_a_file_comes_along(tmp_path: Path) -> None:
    original = _keras_file(tmp_path)
    backbone = _write(tmp_path / "tiny", backbone=original).backbone
    assert backbone.path == tmp_path / "tiny/backbone.keras"
    assert backbone.path.read_bytes() == b"weights"
    assert backbone.weights_sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (backbone.name, backbone.kind) == ("mobilenetv2_mine", "file")
    assert backbone.preprocessing == original.preprocessing
    assert backbone.digest == original.digest


def test_digests_are_what_sha256sum_checks(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiny").path
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    listed = {line.partition(":")[0] for line in done.stdout.splitlines()}
    assert listed == {"manifest.json", "head.safetensors", *EXTRA}


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiny").path
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in path.iterdir())


# Versions.


def test_version_stays_with_the_content(tmp_path: Path) -> None:
    bundle = _write(tmp_path / "tiny")
    digest = hashlib.sha256((tmp_path / "tiny/SHA256SUMS").read_bytes()).hexdigest()
    assert bundle.model_version == f"tiny-{digest[:12]}"
    again = _write(tmp_path / "again")
    assert again.model_version == bundle.model_version
    shutil.move(bundle.path, tmp_path / "elsewhere")
    assert open_bundle(tmp_path / "elsewhere").model_version == bundle.model_version


@pytest.mark.parametrize(
    "changes",
    [
        {"head": _head(1)},
        {"labels": ["folk", "rap", "disco"]},
        {"extra_files": {}},
        {"extra_files": {**EXTRA, "MODEL_CARD.md": b"# another"}},
        {"backbone": resolve("efficientnet_lite2", input_size=96)},
        {"details": {}},
    ],
)
def test_version_differs_with_the_content(tmp_path: Path, changes: dict[str, Any]) -> None:
    versions = {
        _write(tmp_path / "tiny").model_version,
        _write(tmp_path / "other", **changes).model_version,
    }
    assert len(versions) == 2 and all(version.startswith("tiny-") for version in versions)


# What is refused.


FILES = ["manifest.json", "head.safetensors", "backbone.keras", *EXTRA]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0, -1])
def test_one_changed_byte_is_refused_and_its_file_named(
    tmp_path: Path, name: str, place: int
) -> None:
    path = _write(tmp_path / "tiny", backbone=_keras_file(tmp_path)).path
    content = bytearray((path / name).read_bytes())
    content[place] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} is not what SHA256SUMS says"):
        open_bundle(path)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    path = _write(tmp_path / "tiny", backbone=_keras_file(tmp_path)).path
    (path / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        open_bundle(path)


def test_any_changed_byte_of_the_digests_is_refused(tmp_path: Path) -> None:
    sums = _write(tmp_path / "tiny").path / "SHA256SUMS"
    whole = sums.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x20
        sums.write_bytes(changed)
        with pytest.raises(BundleError):
            open_bundle(sums.parent)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not list manifest.json and head.safetensors"),
        (b"\xff\xfe\x00", "SHA256SUMS is damaged"),
        (b"manifest.json\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  ../secret\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  /etc/passwd\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  manifest.json\n", "manifest.json is not what SHA256SUMS says"),
        (b"0" * 64 + b"  ..\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  .\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  a/../../secret\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  ./manifest.json\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  a//b\n", "SHA256SUMS is damaged"),
        (b"0" * 64 + b"  a/b\n", "a/b is missing"),
        (b"0" * 64 + b"  nul\x00\n", "is missing"),
    ],
)
def test_damaged_digests_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = _write(tmp_path / "tiny").path
    (path / "SHA256SUMS").write_bytes(content)
    with pytest.raises(BundleError, match=said):
        open_bundle(path)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "folder", tmp_path / "file", tmp_path / "none"):
        with pytest.raises(BundleError, match=f"{path} is no model bundle: it has no SHA256SUMS"):
            open_bundle(path)


@pytest.mark.parametrize(
    ("entry", "value"), [("format", 2), ("format", None), ("pixels_version", "0")]
)
def test_bundle_of_another_version_is_refused(tmp_path: Path, entry: str, value: object) -> None:
    path = _write(tmp_path / "tiny").path
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    (path / "manifest.json").write_text(json.dumps({**manifest, entry: value}), "utf-8")
    _seal(path)
    with pytest.raises(BundleError, match=r"another version of the project .*train it again"):
        open_bundle(path)


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "a/../../outside", "", "a/"])
def test_names_that_lead_out_of_the_folder_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="is no name of a file in a bundle"):
        _write(tmp_path / "models/tiny", extra_files={name: b"x"})
    assert list(tmp_path.rglob("*")) == [tmp_path / "models"]


def test_head_without_a_tensor_is_refused(tmp_path: Path) -> None:
    tensors = dict(_head().tensors)
    del tensors["logits.bias"]
    bundle = _write(tmp_path / "tiny", head=Head(tensors))
    with pytest.raises(BundleError, match=r"head\.safetensors lacks logits\.bias"):
        bundle.head()


# Where it is written.


@pytest.mark.parametrize("content", [{}, {"holiday.txt": b"precious"}])
def test_folder_that_is_no_bundle_is_not_touched(tmp_path: Path, content: dict[str, bytes]) -> None:
    path = tmp_path / "mine"
    path.mkdir()
    for name, data in content.items():
        (path / name).write_bytes(data)
    with pytest.raises(BundleError, match="is there and is no model bundle: name another output"):
        _write(path)
    assert _contents(path) == content
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_older_bundle_is_replaced_whole(tmp_path: Path) -> None:
    _write(tmp_path / "tiny", backbone=_keras_file(tmp_path))
    new = _write(tmp_path / "tiny", head=_head(1), extra_files={})
    assert set(_contents(new.path)) == {"manifest.json", "head.safetensors", "SHA256SUMS"}
    assert np.array_equal(new.head().tensors["logits.bias"], _head(1).tensors["logits.bias"])
    assert not list(tmp_path.glob(".*"))


def _no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the finished folder not be put into place, as when a disk fails."""
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError("disk failure")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)


FAILURES: dict[str, Callable[[pytest.MonkeyPatch], dict[str, Any]]] = {
    "a file": lambda patch: {"extra_files": {"head.safetensors/below": b""}},
    "the manifest": lambda patch: {"details": {"accuracy": {1, 2}}},
    "the backbone": lambda patch: {
        "backbone": Backbone(
            "x", "file", resolve("resnet50").preprocessing, "0", Path("none.keras")
        )
    },
    "putting into place": lambda patch: (_no_rename(patch), {})[1],
}


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_failure_leaves_what_was_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Callable[[pytest.MonkeyPatch], dict[str, Any]],
    older: bool,
) -> None:
    before = _contents(_write(tmp_path / "tiny").path) if older else None
    with pytest.raises((OSError, TypeError)):
        _write(tmp_path / "tiny", head=_head(1), **failure(monkeypatch))
    assert [file.name for file in tmp_path.iterdir()] == (["tiny"] if older else [])
    if older:
        assert _contents(tmp_path / "tiny") == before
        assert open_bundle(tmp_path / "tiny").name == "tiny"
