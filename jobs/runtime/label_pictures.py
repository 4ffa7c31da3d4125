"""Pictures of the covers whose labels are the most certain, their boxes drawn."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from covergenre.errors import BundleError, OutputError
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, PREDICTIONS
from udfs.label import make_label_detected


def check(bundle: Bundle, folder: Path) -> None:
    """Make the folder, before anything is scored for it.

    Raises:
        BundleError: the bundle finds no labels.
        OutputError: the folder cannot be made.
    """
    if bundle.detector is None:
        raise BundleError(
            f"bundle {bundle.path} holds no detector, so no label can be drawn: leave out "
            "--label-detected, or name a --model that holds one"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--label-detected {folder} cannot be made: {error.strerror}") from error


def write(warehouse: Warehouse, model_version: str, folder: Path, most: int) -> int:
    """Write ``<cover_id>.jpg`` of the covers that a model has found a label on.

    Args:
        warehouse: with predictions.
        model_version: whose labels.
        folder: is there; files of the same names are replaced, others are left alone.
        most: pictures, of the most certain labels.

    Returns:
        how many were written.

    Raises:
        OutputError: one cannot be written.
    """
    labels = warehouse.read(PREDICTIONS).where(
        (F.col("model_version") == model_version) & F.col("advisory")
    )
    # Albums can share a cover.
    chosen = (
        labels.select("cover_id", "advisory_score", "advisory_box")
        .dropDuplicates(["cover_id"])
        .orderBy(F.desc("advisory_score"), "cover_id")
        .limit(most)
    )
    # Drawn where the covers are: what comes here is small, however large their files.
    picture = make_label_detected()("content", "advisory_box", "advisory_score")
    rows = (
        warehouse.read(COVERS)
        .select("cover_id", "content")
        .join(F.broadcast(chosen), "cover_id")
        .select("cover_id", picture.alias("picture"))
        .collect()
    )
    for row in rows:
        _write(folder, row["cover_id"], bytes(row["picture"]))
    return len(rows)


def _write(folder: Path, cover_id: str, picture: bytes) -> None:
    name = re.sub(r"[^0-9A-Za-z_-]", "_", cover_id)
    scratch = folder / f".{name}.{os.getpid()}.part"
    try:
        scratch.write_bytes(picture)
        scratch.replace(folder / f"{name}.jpg")
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise OutputError(f"{folder / name}.jpg cannot be written: {error.strerror}") from error
