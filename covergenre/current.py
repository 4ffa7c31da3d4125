"""Which bundle is the current one: a pointer beside the bundles, and a copy of its own.

current.json                  names the bundle, its digest, when and why it was promoted
promoted/<model version>/     the bundles that have been current, each as it was promoted

The copy keeps a promoted bundle as it is when the next training writes to the same folder.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from covergenre.bundle import Bundle, open_bundle, unpack
from covergenre.errors import BundleError

CURRENT = "current"
POINTER = f"{CURRENT}.json"
_PROMOTED = "promoted"
_LOCK_SECONDS = 60


@dataclass(frozen=True)
class Current:
    """The promoted bundle.

    Attributes:
        bundle: verified.
        promoted_at: UTC.
        reasons: why it was promoted, in words.
    """

    bundle: Bundle
    promoted_at: datetime.datetime
    reasons: tuple[str, ...]


def read_current(bundles: Path) -> Current | None:
    """The current bundle; None if none was ever promoted.

    Args:
        bundles: the folder of bundles, which holds ``current.json``.

    Raises:
        BundleError: the pointer is damaged, or its bundle gone or changed; says the fix.
    """
    pointer = bundles / POINTER
    fix = (
        "promote a bundle (make promote BUNDLE=DIR), name one with --model, or delete "
        f"{pointer} to use the default"
    )
    try:
        noted = json.loads(pointer.read_text("utf-8"))
        path = bundles / noted["bundle"]
        digest, reasons = str(noted["digest"]), tuple(map(str, noted["reasons"]))
        promoted_at = datetime.datetime.fromisoformat(noted["promoted_at"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{pointer} is damaged: {fix}") from error
    try:
        bundle = open_bundle(path)
    except BundleError as error:
        raise BundleError(f"the current bundle cannot be used: {error}; or {fix}") from error
    if bundle.digest != digest:
        raise BundleError(f"{path} is not the bundle that {pointer} names (digest differs): {fix}")
    return Current(bundle, promoted_at, reasons)


def make_current(
    bundles: Path, bundle: Bundle, promoted_at: datetime.datetime, reasons: Sequence[str]
) -> Current:
    """Keep a copy of a bundle and point to it; readers see the old one or the new one, whole.

    Args:
        bundles: the folder of bundles; made if it is not there.
        bundle: to be current from now on.
        promoted_at: UTC.
        reasons: why, in words.
    """
    kept = _copied(bundle, bundles / _PROMOTED)
    noted = {
        "bundle": kept.path.relative_to(bundles).as_posix(),
        "model_version": kept.model_version,
        "digest": kept.digest,
        "promoted_at": promoted_at.isoformat(timespec="seconds"),
        "reasons": list(reasons),
    }
    scratch = bundles / f".{POINTER}.{os.getpid()}.part"
    with scratch.open("w", encoding="utf-8") as file:
        file.write(json.dumps(noted, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(bundles / POINTER)
    return Current(kept, promoted_at, tuple(reasons))


@contextlib.contextmanager
def changing(bundles: Path) -> Iterator[None]:
    """Hold off others: the current bundle stays the same while a decision about it is made.

    Raises:
        BundleError: another holds it for a minute.
    """
    bundles.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(bundles / f".{POINTER}.lock", timeout=_LOCK_SECONDS):
            yield
    except Timeout:
        raise BundleError(
            f"another promotion in {bundles} does not end: wait for it, then promote again"
        ) from None


def _copied(bundle: Bundle, folder: Path) -> Bundle:
    target = folder / bundle.model_version
    if target.exists():
        with contextlib.suppress(BundleError):
            there = open_bundle(target)
            if there.digest == bundle.digest:
                return there
        shutil.rmtree(target)  # damaged: the pointer's digest would refuse it, too
    scratch = folder / f".{target.name}.{os.getpid()}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    unpack(bundle.files(), scratch)
    scratch.rename(target)
    return open_bundle(target)
