"""What a bundle's detector finds on covers of a warehouse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.detector.boxes import Detections
from covergenre.errors import BundleError
from jobs.runtime import session
from jobs.runtime.progress import shown
from jobs.runtime.scoring import engine
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS
from udfs.detect import make_detect
from udfs.worker import ShippedBundle


@dataclass(frozen=True)
class Found:
    """What was found, by ``cover_id``.

    Attributes:
        detections: of the covers that can be used, the most probable first.
        unusable: why the others cannot; a key of :data:`covergenre.images.REASONS`.
    """

    detections: Mapping[str, Detections]
    unusable: Mapping[str, str]


def check_detector(bundle: Bundle) -> float:
    """The threshold of the bundle's detector.

    Raises:
        BundleError: it holds none.
    """
    if bundle.detector is None:
        raise BundleError(
            f"bundle {bundle.path} holds no detector: name a --model that finds labels"
        )
    return bundle.detector.threshold


def detect(
    warehouse: Warehouse, cover_ids: Collection[str], bundle: Bundle, settings: Settings
) -> Found:
    """Show covers to a bundle's detector, distributed; what it finds fits into memory.

    Args:
        warehouse: holds their bytes.
        cover_ids: of the covers.
        bundle: verified, with a detector; shipped to the executors.
        settings: of engine, batch size and image limits.
    """
    spark = warehouse.spark
    shipped = ShippedBundle.of(bundle, engine(bundle, settings), settings, spark)
    udf = make_detect(
        shipped, settings.score.batch_size, session.task_cpus(spark), settings.images.limits
    )
    chosen = warehouse.of_covers(COVERS, cover_ids)
    with shown(spark, f"labels by {bundle.name}", len(cover_ids)):
        said = chosen.select("cover_id", udf("content").alias("said"))
        rows = said.select("cover_id", "said.*").collect()
    return Found(
        {
            row["cover_id"]: Detections(
                np.array(row["boxes"], np.float32).reshape(-1, 4),
                np.array(row["scores"], np.float32),
                np.ones(len(row["scores"]), np.int32),
            )
            for row in rows
            if row["reason"] is None
        },
        {row["cover_id"]: row["reason"] for row in rows if row["reason"] is not None},
    )
