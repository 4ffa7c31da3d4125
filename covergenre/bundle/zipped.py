"""Bundles within a zip: the project's own, where it runs from the wheel (``--py-files``)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from pathlib import Path

from covergenre import user_cache


def on_disk(bundle: Path, sums: str) -> Path:
    """A bundle's folder, taken out into the user's cache if it lies within a zip.

    Args:
        bundle: its folder; one that is in no zip stays as it is.
        sums: name of the file that names it.
    """
    archive = next((place for place in bundle.parents if zipfile.is_zipfile(place)), None)
    if archive is None:
        return bundle
    inside = bundle.relative_to(archive).as_posix()
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith(f"{inside}/")]
        if f"{inside}/{sums}" not in names:
            return bundle
        digest = hashlib.sha256(opened.read(f"{inside}/{sums}")).hexdigest()
        target = user_cache.folder("bundles") / digest
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as part:
                opened.extractall(part, names)
                with contextlib.suppress(OSError):  # another run was first
                    os.rename(Path(part) / inside, target)
    return target
