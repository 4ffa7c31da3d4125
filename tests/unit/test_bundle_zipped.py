"""Bundles within a zip, as the wheel is where it travels as ``--py-files``."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from covergenre.bundle import SUMS, Bundle, open_bundle
from covergenre.errors import BundleError


def test_bundle_within_a_zip_is_the_bundle(
    make_bundle: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    written = make_bundle("mine")
    shutil.make_archive(str(tmp_path / "wheel"), "zip", tmp_path, "mine")
    first, again = (open_bundle(tmp_path / "wheel.zip/mine") for _ in range(2))
    assert first == again
    assert (first.model_version, first.manifest) == (written.model_version, written.manifest)
    assert first.path.is_relative_to(tmp_path / "cache")
    assert {file.name for file in first.path.iterdir()} == {f.name for f in written.path.iterdir()}
    assert [folder.name for folder in first.path.parent.iterdir()] == [first.digest]


def test_zip_without_the_bundle_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w") as archive:
        archive.writestr(f"other/{SUMS}", "")
    with pytest.raises(BundleError, match=f"mine is no model bundle: it has no {SUMS}"):
        open_bundle(tmp_path / "wheel.zip/mine")
