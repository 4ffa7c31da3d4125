"""Judge a label detector on covers of the validation fold, and choose its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from covergenre import images
from covergenre.calibration import Platt
from covergenre.config import Settings
from covergenre.detector.average_precision import at_threshold, average_precision, judge
from covergenre.detector.boxes import Boxes, Detections
from covergenre.detector.detector import LabelDetector, most_probable
from covergenre.detector.marks import Candidate
from covergenre.detector.threshold import Choice, choose_threshold, fit_platt
from jobs.runtime.detecting import pictures
from jobs.runtime.detecting.covers import Serving
from jobs.runtime.marks import album_of
from jobs.runtime.progress import shown
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS

COMPOSED, CONFIRMED, UNMARKED = "composed", "confirmed", "unmarked"
"""Labels laid on; real ones, or none, that a person has confirmed; covers nobody has looked at."""

# Calibrated score from which on an unmarked cover is worth a look.
_WORTH_A_LOOK = 0.05
# Overlap of a right detection, also in the figures' names.
_OVERLAP = 0.5


@dataclass(frozen=True)
class Picture:
    """A picture whose labels are known, or taken to be none.

    Attributes:
        content: an image file.
        boxes: float32 (k, 4), xmin, ymin, xmax, ymax in 0-1.
        kind: :data:`COMPOSED`, :data:`CONFIRMED` or :data:`UNMARKED`.
        cover_id: of a cover as it is; empty for a composed one.
    """

    content: bytes
    boxes: Boxes
    kind: str
    cover_id: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a detector is worth on validation pictures.

    Attributes:
        calibration: of its scores.
        choice: its threshold.
        figures: for the manifest and the card: per kind ``covers``, ``labels``, ``ap50``,
            ``recall`` at the threshold, ``false`` labels there.
        hits: of unmarked covers, ``cover_id``, box and calibrated score, the highest first.
    """

    calibration: Platt
    choice: Choice
    figures: dict[str, dict[str, float]]
    hits: list[tuple[str, Boxes, float]]


def composed(
    warehouse: Warehouse, serving: Serving, settings: Settings, size: int
) -> list[Picture]:
    """Pictures of the validation fold's covers with labels laid on."""
    allotments = pictures.spread(serving.validation, settings.detector.validation_pictures)
    with shown(warehouse.spark, "composing validation pictures"):
        rows = pictures.composed(warehouse, allotments, settings, size).collect()
    return [
        Picture(
            bytes(row["picture"]),
            np.array(row["boxes"], np.float32).reshape(-1, 4)[: row["labels"]],
            COMPOSED,
        )
        for row in rows
    ]


def real(warehouse: Warehouse, serving: Serving, settings: Settings) -> list[Picture]:
    """The validation fold's covers as they are: the confirmed ones, and some nobody has marked."""
    known = serving.confirmed.validation
    unmarked = serving.validation[: settings.detector.validation_covers]
    covers = warehouse.of_covers(COVERS, (*known, *unmarked)).select("cover_id", "content")
    nothing = np.zeros((0, 4), np.float32)
    return [
        Picture(bytes(content), known[i].boxes, CONFIRMED, i)
        if i in known
        else Picture(bytes(content), nothing, UNMARKED, i)
        for i, content in covers.orderBy("cover_id").collect()
    ]


def judged(detector: LabelDetector, held: Sequence[Picture], settings: Settings) -> Judgement:
    """Calibrate a detector's scores, choose its threshold and say what it is worth.

    Args:
        detector: of raw scores.
        held: validation pictures of all kinds.
        settings: precision and false labels that are asked for, limits of images.

    Raises:
        TrainingDataError: it cannot be calibrated, see :mod:`covergenre.detector.threshold`.
    """
    own = settings.detector
    raw = _detected(detector, held, settings)
    labelled = np.array([len(one.boxes) > 0 for one in held])
    calibration = fit_platt(most_probable(raw)[1], labelled)
    found = [replace(one, scores=calibration.apply(one.scores)) for one in raw]
    truth = [one.boxes for one in held]
    bare = np.array([one.kind != COMPOSED and len(one.boxes) == 0 for one in held])
    choice = choose_threshold(truth, found, bare, own.precision, own.false_per_thousand)
    return Judgement(calibration, choice, _figures(held, found, choice), _hits(held, found))


def candidates(warehouse: Warehouse, hits: Sequence[tuple[str, Boxes, float]]) -> list[Candidate]:
    """What was found on covers that nobody has marked, for a person to look at."""
    named = album_of(warehouse, [cover_id for cover_id, _, _ in hits])
    return [Candidate(cover_id, named[cover_id], box, score) for cover_id, box, score in hits]


def _detected(
    detector: LabelDetector, held: Sequence[Picture], settings: Settings
) -> list[Detections]:
    found: list[Detections] = []
    size = settings.detector.batch_size
    for start in range(0, len(held), size):
        chunk = held[start : start + size]
        pixels = [images.load(one.content, detector.size, settings.images.limits) for one in chunk]
        found += detector.detect(np.stack(pixels))
    return found


def _figures(
    held: Sequence[Picture], found: Sequence[Detections], choice: Choice
) -> dict[str, dict[str, float]]:
    figures = {}
    for kind in (COMPOSED, CONFIRMED, UNMARKED):
        places = [index for index, one in enumerate(held) if one.kind == kind]
        said = judge([held[i].boxes for i in places], [found[i] for i in places], _OVERLAP)
        point: dict[str, Any] = {"covers": said.covers, "labels": said.labels}
        if said.labels:
            point["ap50"] = average_precision(said)
            point["recall"] = at_threshold(said, choice.threshold).recall
        point["false"] = int((~said.right & (said.scores >= choice.threshold)).sum())
        figures[kind] = point
    return figures


def _hits(held: Sequence[Picture], found: Sequence[Detections]) -> list[tuple[str, Boxes, float]]:
    boxes, scores = most_probable(found)
    order = np.argsort(-scores, kind="stable")
    return [
        (held[i].cover_id, boxes[i], float(scores[i]))
        for i in map(int, order)
        if held[i].kind == UNMARKED and scores[i] >= _WORTH_A_LOOK
    ]
