"""Judge a bundle's detector on covers whose labels were marked by hand, and on further ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.detector.boxes import Boxes, Detections
from covergenre.detector.marks import Marked
from covergenre.errors import MarksError
from covergenre.evaluation import labels
from covergenre.evaluation.statistics import Floats
from jobs.runtime.marks import marked
from jobs.runtime.warehouse import Warehouse
from schemas import SPLITS


@dataclass(frozen=True)
class Covers:
    """The covers that a detector is judged on, none of which it may have learnt.

    Attributes:
        marks: ``cover_id`` to the labels marked by hand, but for those in doubt.
        in_doubt: how many these are.
        test: the test fold's covers, one of all near-duplicates.
        further: those of them that count for false labels: of genres that seldom carry the label,
            and neither marked nor near-duplicates of marked covers.
        genre: of each of all these covers, where its albums agree on one.
        catalogue: genre to covers of the whole catalogue.
    """

    marks: Mapping[str, Marked]
    in_doubt: int
    test: Sequence[str]
    further: Sequence[str]
    genre: Mapping[str, str | None]
    catalogue: Mapping[str, int]

    @property
    def all(self) -> list[str]:
        """``cover_id`` of all that the detector is shown."""
        return sorted({*self.marks, *self.test})


def choose(warehouse: Warehouse, path: Path, settings: Settings) -> Covers:
    """Find the covers to judge on.

    Args:
        warehouse: with splits.
        path: CSV of labels marked by hand.
        settings: the test fold, and the genres of which many covers carry the label.

    Raises:
        MarksError: the CSV cannot be used, or all that it marks is in doubt.
    """
    marks = marked(warehouse, path)
    sure = {cover_id: mark for cover_id, mark in marks.items() if not mark.ambiguous}
    if not sure:
        raise MarksError(f"{path}: all of its labels are in doubt: there is nothing to judge on")
    splits = warehouse.read(SPLITS)
    rows = warehouse.of_covers(SPLITS, marks).select("cover_id", "group_id", "genre").collect()
    tested = (
        splits.where(F.col("representative") & (F.col("fold") == settings.splits.test_fold))
        .select("cover_id", "group_id", "genre", "genres")
        .orderBy("cover_id")
        .collect()
    )
    groups = {row["group_id"] for row in rows}
    labelled = labelled_genres(settings)
    return Covers(
        sure,
        len(marks) - len(sure),
        [row["cover_id"] for row in tested],
        [
            row["cover_id"]
            for row in tested
            if row["genres"] and not labelled & set(row["genres"]) and row["group_id"] not in groups
        ],
        {row["cover_id"]: row["genre"] for row in [*rows, *tested]},
        {r["genre"]: r["count"] for r in splits.groupBy("genre").count().collect() if r["genre"]},
    )


def labelled_genres(settings: Settings) -> set[str]:
    """The genres of which many covers carry the label, under the names the models use."""
    names = settings.detector.labelled_genres
    return {settings.catalogue.genre(name) or name for name in names}


@dataclass(frozen=True)
class Judged:
    """Marked covers that can be used, and what a detector found on them.

    Attributes:
        cover_ids: n of them.
        marks: of each.
        found: on each.
    """

    cover_ids: Sequence[str]
    marks: Sequence[Marked]
    found: Sequence[Detections]

    @classmethod
    def of(cls, covers: Covers, found: Mapping[str, Detections]) -> Judged:
        """Those of the marked covers that were looked at."""
        ids = [cover_id for cover_id in covers.marks if cover_id in found]
        return cls(ids, [covers.marks[i] for i in ids], [found[i] for i in ids])

    @property
    def truth(self) -> list[Boxes]:
        """The labels of each."""
        return [mark.boxes for mark in self.marks]

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """(n,), whether it carries one."""
        return np.array([mark.has_label for mark in self.marks])

    def part(self, chosen: Sequence[bool]) -> Judged:
        """Those that are chosen, n of them."""
        places = [k for k, one in enumerate(chosen) if one]
        return Judged(
            [self.cover_ids[k] for k in places],
            [self.marks[k] for k in places],
            [self.found[k] for k in places],
        )


def spread(judged: Judged, threshold: float, settings: Settings) -> dict[str, Floats]:
    """See :func:`covergenre.evaluation.labels.spread`."""
    return labels.spread(judged.truth, judged.found, threshold, **_drawn(settings))


def parts(
    judged: Judged, covers: Covers, threshold: float, settings: Settings
) -> dict[str, list[dict[str, Any]]]:
    """Figures of parts of the marked covers: ``by_width``, ``by_variant``, ``by_genre``.

    Returns:
        one dict a part, as :func:`covergenre.evaluation.labels.part` gives it, with ``widths``,
        ``variant`` (its covers alone; empty where none was named) or ``genre`` (None where albums
        do not agree).
    """

    def figures(part: Judged, widths: tuple[float, float] = (0.0, np.inf)) -> dict[str, Any]:
        return labels.part(part.truth, part.found, threshold, widths, **_drawn(settings))

    genres = [covers.genre[cover_id] for cover_id in judged.cover_ids]
    variants = [mark.variant if mark.has_label else None for mark in judged.marks]
    return {
        "by_width": [
            {
                "widths": [least, None if np.isinf(end) else end],
                **figures(judged, (least, end)),
            }
            for least, end in pairwise(labels.WIDTHS)
        ],
        "by_variant": [
            {"variant": name, **figures(judged.part([one == name for one in variants]))}
            for name in sorted({one for one in variants if one is not None})
        ],
        "by_genre": [
            {"genre": name, **figures(judged.part([one == name for one in genres]))}
            for name in sorted(set(genres), key=lambda name: (name is None, name))
        ],
    }


def false_labels(
    judged: Judged,
    covers: Covers,
    found: Mapping[str, Detections],
    threshold: float,
    settings: Settings,
) -> list[dict[str, Any]]:
    """Labels found where there are none: on marked covers without one, and on further covers.

    Returns:
        one dict a set of covers, as :func:`covergenre.evaluation.labels.false_labels` gives it,
        with ``on``, what they are.
    """
    often = labelled_genres(settings)
    bare = judged.part([not mark.has_label for mark in judged.marks])
    seldom = bare.part([covers.genre[cover_id] not in often for cover_id in bare.cover_ids])
    further = [found[cover_id] for cover_id in covers.further if cover_id in found]
    names = f", not {', '.join(sorted(often))}" if often else ""
    sets = {
        "marked, no label on them": bare.found,
        f"marked, no label on them{names}": seldom.found,
        f"test fold, not marked{names}": further,
    }
    return [{"on": on, **labels.false_labels(part, threshold)} for on, part in sets.items()]


def says_genre(
    judged: Judged,
    covers: Covers,
    found: Mapping[str, Detections],
    threshold: float,
    settings: Settings,
) -> list[dict[str, Any]]:
    """How much the label alone tells: "label: this genre" for each genre that often carries it.

    Returns:
        one dict a genre and set of covers, as
        :func:`covergenre.evaluation.labels.label_says_genre` gives it, with ``genre``, ``on`` (the
        covers) and ``by`` (who saw the label). Covers whose albums do not agree on a genre are left
        out. Where the marked covers are to stand for the catalogue, each counts for as many covers
        as its genre has there for each marked one.
    """
    known = judged.part([covers.genre[cover_id] is not None for cover_id in judged.cover_ids])
    marked_genres = [covers.genre[cover_id] for cover_id in known.cover_ids]
    sizes = Counter(marked_genres)
    mix = np.array([covers.catalogue[g or ""] / sizes[g] for g in marked_genres], np.float64)
    test = [i for i in covers.test if i in found and covers.genre[i] is not None]
    test_genres = [covers.genre[cover_id] for cover_id in test]
    by_eye, by_machine = known.labelled, _seen(known.found, threshold)
    in_test = _seen([found[cover_id] for cover_id in test], threshold)
    sets = (
        ("marked", "a person", by_eye, marked_genres, None),
        ("marked", "the detector", by_machine, marked_genres, None),
        ("marked, for the catalogue", "a person", by_eye, marked_genres, mix),
        ("marked, for the catalogue", "the detector", by_machine, marked_genres, mix),
        ("test fold", "the detector", in_test, test_genres, None),
    )
    rows = []
    for genre in sorted(labelled_genres(settings)):
        for on, by, labelled, genres, counted in sets:
            of_genre = np.array([name == genre for name in genres], bool)
            if of_genre.any():
                said = labels.label_says_genre(labelled, of_genre, counted, **_drawn(settings))
                rows.append({"genre": genre, "on": on, "by": by, **said})
    return rows


def _seen(found: Sequence[Detections], threshold: float) -> npt.NDArray[np.bool_]:
    return np.asarray(labels.highest(found) >= threshold)


def _drawn(settings: Settings) -> dict[str, int]:
    return {"samples": settings.evaluate.bootstrap_samples, "seed": settings.evaluate.seed}
