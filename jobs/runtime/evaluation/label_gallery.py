"""Covers on which labels were found, missed or seen where there are none, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from covergenre import images
from covergenre.config import Settings
from covergenre.detector.average_precision import judge
from covergenre.detector.boxes import Boxes, Detections, iou
from covergenre.detector.marks import Marked
from covergenre.plots import gallery
from jobs.runtime.evaluation.held_out import contents_of
from jobs.runtime.evaluation.labels import Covers, Judged
from jobs.runtime.warehouse import Warehouse

# Of a cover at most so many pixels a side: a detail shows a fifth of it.
_SIDE = 640
_NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True)
class Sight:
    """A cover to look at; see :class:`covergenre.plots.gallery.Panel`."""

    cover_id: str
    truth: Boxes
    found: Boxes
    look_at: npt.NDArray[np.float32]
    lines: tuple[str, str]


def sheets(
    name: str, title: str, sights: Sequence[Sight], warehouse: Warehouse, settings: Settings
) -> Iterator[tuple[str, Image.Image]]:
    """Contact sheets, as many as it takes, by file name: ``NAME.png``, ``NAME_2.png``, ..."""
    for start in range(0, len(sights), gallery.MOST):
        part = sights[start : start + gallery.MOST]
        # A few covers at a time: their bytes come to this process.
        contents = contents_of(warehouse, sorted({sight.cover_id for sight in part}))
        number = start // gallery.MOST + 1
        many = f" ({start + 1} to {start + len(part)})" if len(sights) > gallery.MOST else ""
        panels = [
            gallery.Panel(
                images.decode(contents[sight.cover_id], _SIDE, settings.images.limits),
                sight.truth,
                sight.found,
                sight.look_at,
                sight.lines,
            )
            for sight in part
        ]
        file = f"{name}.png" if number == 1 else f"{name}_{number}.png"
        yield file, gallery.sheet(title + many, panels)


def draw(
    judged: Judged,
    covers: Covers,
    found: Mapping[str, Detections],
    threshold: float,
    warehouse: Warehouse,
    settings: Settings,
) -> Iterator[tuple[str, Image.Image]]:
    """The contact sheets of an evaluation, each where there is something to show.

    Hits are a sample, what is wrong is shown whole: labels missed, the narrowest first; false
    labels on marked covers and all labels found on further covers, the most probable first.
    """
    hits, misses, false = sights(judged, threshold)
    random = np.random.default_rng(settings.evaluate.seed)
    chosen = np.sort(random.permutation(len(hits))[: gallery.MOST])
    further = _further(covers, found, threshold)
    for name, title, shown in (
        ("label_hits", f"Labels found: {len(chosen)} of {len(hits)}", [hits[k] for k in chosen]),
        ("label_misses", f"Labels missed: all {len(misses)}", misses),
        ("label_false", f"Taken for labels on marked covers: all {len(false)}", false),
        (
            "label_further",
            f"Labels found on {len(covers.further)} covers that nobody marked: all {len(further)}; "
            "some may be real",
            further,
        ),
    ):
        yield from sheets(name, title, shown, warehouse, settings)


def sights(judged: Judged, threshold: float) -> tuple[list[Sight], list[Sight], list[Sight]]:
    """Labels found, labels missed and false labels on marked covers.

    Returns:
        hits as the covers come, misses by the label's width, false labels by falling score.
    """
    hits: list[tuple[float, Sight]] = []
    misses: list[tuple[float, Sight]] = []
    false: list[tuple[float, Sight]] = []
    for cover_id, mark, said in zip(judged.cover_ids, judged.marks, judged.found, strict=True):
        kept = _kept(said, threshold)
        right = judge([mark.boxes], [kept]).right
        for box, score, hit in zip(kept.boxes, kept.scores, right, strict=True):
            about = [_about(box, score), mark.variant if hit else ""]
            shown = _sight(cover_id, mark, kept, box, about)
            (hits if hit else false).append((float(score), shown))
        overlaps = iou(mark.boxes, kept.boxes[right])
        for box, had in zip(mark.boxes, overlaps.max(axis=1, initial=0.0) >= 0.5, strict=True):
            if not had:
                shown = _sight(cover_id, mark, kept, box, [_missed(box, said), mark.variant])
                misses.append((float(box[2] - box[0]), shown))
    return (
        [shown for _, shown in hits],
        [shown for _, shown in sorted(misses, key=lambda one: one[0])],
        [shown for _, shown in sorted(false, key=lambda one: -one[0])],
    )


def _further(covers: Covers, found: Mapping[str, Detections], threshold: float) -> list[Sight]:
    shown = []
    for cover_id in covers.further:
        kept = _kept(found[cover_id], threshold) if cover_id in found else _NOTHING
        name = f"{covers.genre[cover_id] or 'no genre'} {cover_id}"
        for box, score in zip(kept.boxes, kept.scores, strict=True):
            sight = Sight(cover_id, _NOTHING.boxes, kept.boxes, box, (name, _about(box, score)))
            shown.append((float(score), sight))
    return [sight for _, sight in sorted(shown, key=lambda one: -one[0])]


def _sight(
    cover_id: str,
    mark: Marked,
    kept: Detections,
    box: npt.NDArray[np.float32],
    about: Sequence[str],
) -> Sight:
    lines = mark.cover, ", ".join(filter(None, about))
    return Sight(cover_id, mark.boxes, kept.boxes, box, lines)


def _kept(said: Detections, threshold: float) -> Detections:
    kept = said.scores >= threshold
    return Detections(said.boxes[kept], said.scores[kept], said.classes[kept])


def _missed(box: npt.NDArray[np.float32], said: Detections) -> str:
    """How near a detection came: in place, and in score."""
    overlaps = iou(box[None], said.boxes)[0]
    width = f"{box[2] - box[0]:.1%} wide"
    near = np.flatnonzero(overlaps > 0)
    if len(near) == 0:
        return f"nothing there, {width}"
    best = near[said.scores[near].argmax()]
    return f"{said.scores[best]:.3f}, IoU {overlaps[best]:.2f}, {width}"


def _about(box: npt.NDArray[np.float32], score: float) -> str:
    return f"{score:.3f}, {box[2] - box[0]:.1%} wide"
