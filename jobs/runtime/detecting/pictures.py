"""Pictures that the label detector learns from and is validated on, composed on Spark."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.composer.compose import compose
from covergenre.composer.label import read_art
from covergenre.composer.mark import Mark
from covergenre.config import Settings
from covergenre.detector.marks import Marked
from jobs.runtime.detecting.covers import Serving
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS
from udfs.compose import make_compose

# Two labels are laid on a picture at most.
_LEAST_MOST = 2
# Pictures a task: some seconds of work.
_A_TASK = 500
# Pictures that show whether composing still draws what it drew.
_SAMPLES = 16


@dataclass(frozen=True)
class Allotment:
    """How many pictures a cover gives.

    Attributes:
        cover_id: of the cover.
        versions: pictures, each of a seed of its own.
        boxes: of its real labels, four numbers each; None for a cover to lay labels on.
    """

    cover_id: str
    versions: int
    boxes: list[float] | None = None


def allotted(serving: Serving, settings: Settings) -> list[Allotment]:
    """The training pictures: composed ones, and real labels as far as they are confirmed."""
    own = settings.detector
    real = serving.confirmed.training
    most = own.real_versions * len(real)
    versions = min(round(own.pictures * own.real_share), most)
    return [
        *spread(serving.training, own.pictures - versions),
        *spread(sorted(real), versions, real),
    ]


def spread(
    cover_ids: Sequence[str], pictures: int, real: Mapping[str, Marked] | None = None
) -> list[Allotment]:
    """As many pictures of each cover, the first ones giving one more where it does not come out."""
    each, more = divmod(pictures, len(cover_ids)) if cover_ids else (0, 0)
    return [
        Allotment(
            cover_id,
            each + (index < more),
            None if real is None else real[cover_id].boxes.ravel().tolist(),
        )
        for index, cover_id in enumerate(cover_ids)
        if each + (index < more) > 0
    ]


def most_boxes(allotments: Iterable[Allotment]) -> int:
    """Boxes that every picture is padded to."""
    return max([_LEAST_MOST, *(len(one.boxes or []) // 4 for one in allotments)])


def composed(
    warehouse: Warehouse, allotments: Sequence[Allotment], settings: Settings, size: int
) -> DataFrame:
    """Compose pictures, in an order that has nothing to do with their covers.

    Args:
        warehouse: with covers.
        allotments: what to make of which.
        settings: the seed, the folder of art, the limits of images.
        size: side of the pictures in pixels.

    Returns:
        the columns of :data:`udfs.compose.COMPOSED`; the same rows in every run.
    """
    rows = [(one.cover_id, one.versions, one.boxes) for one in allotments]
    schema = "cover_id string, versions int, boxes array<float>"
    wanted = warehouse.spark.createDataFrame(rows, schema)
    count = sum(one.versions for one in allotments)
    seed = F.xxhash64("cover_id", "version", F.lit(settings.detector.seed))
    compose_udf = make_compose(
        read_pictures_of_labels(settings), size, most_boxes(allotments), settings.images.limits
    )
    return (
        warehouse.read(COVERS)
        .select("cover_id", "content")
        .join(F.broadcast(wanted), "cover_id")
        .withColumn("version", F.explode(F.sequence(F.lit(1), F.col("versions"))))
        .select("content", seed.alias("seed"), "boxes")
        .repartitionByRange(math.ceil(count / _A_TASK), "seed")
        .sortWithinPartitions("seed")
        .select(compose_udf("content", "seed", "boxes").alias("composed"))
        .select("composed.*")
    )


def read_pictures_of_labels(settings: Settings) -> list[Mark]:
    """The pictures of ``detector.art``; none where no folder is named.

    Raises:
        TrainingDataError: the folder or one of its pictures cannot be used.
    """
    return [] if settings.detector.art is None else read_art(Path(settings.detector.art))


def digest(allotments: Sequence[Allotment], settings: Settings, size: int) -> str:
    """What decides the pictures: covers, seeds, boxes, art, and how composing draws.

    The last by a few pictures on a plain ground, so that a training does not go on with pictures
    that are drawn otherwise.
    """
    said = hashlib.sha256()
    art = read_pictures_of_labels(settings)
    for mark in art:
        said.update(mark.light.tobytes() + mark.dark.tobytes())
    ground = np.full((64, 64, 3), 128, np.uint8)
    for seed in range(_SAMPLES):
        pixels, boxes = compose(ground, seed, art=art, size=64)
        said.update(pixels.tobytes() + boxes.tobytes())
    rows = [(one.cover_id, one.versions, one.boxes) for one in allotments]
    said.update(json.dumps([settings.detector.seed, size, rows]).encode())
    return said.hexdigest()
