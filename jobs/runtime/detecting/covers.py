"""Which covers of a catalogue serve the label detector, and for what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import functions as F

from covergenre.composer.background import usable
from covergenre.config import Settings
from covergenre.detector.marks import Marked
from covergenre.errors import MarksError, TrainingDataError
from jobs.runtime.marks import marked
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, SPLITS


@dataclass(frozen=True)
class Confirmed:
    """Covers whose labels a person has confirmed, by ``cover_id``.

    Attributes:
        training, validation: those of the training folds and of the validation fold.
        left_out: how many are of the test fold or of no fold, or in doubt.
    """

    training: Mapping[str, Marked]
    validation: Mapping[str, Marked]
    left_out: int


@dataclass(frozen=True)
class Serving:
    """The covers that serve, none of which the detector is measured on.

    Attributes:
        training: ``cover_id`` of the covers that labels are laid on, sorted.
        validation: the same of the validation fold: those, and looked at as they are.
        confirmed: real labels.
    """

    training: list[str]
    validation: list[str]
    confirmed: Confirmed


@dataclass(frozen=True)
class _Cover:
    group: str
    fold: int | None
    representative: bool


def serving(warehouse: Warehouse, settings: Settings) -> Serving:
    """Choose the covers that serve.

    Args:
        warehouse: with albums and splits.
        settings: the marks, the genres of which many carry the label, the folds.

    Raises:
        MarksError: a CSV of marks cannot be used, or confirmed covers are also measured on.
        TrainingDataError: no cover is left of the training folds, or of the validation fold.
    """
    own, folds = settings.detector, settings.splits
    splits = warehouse.read(SPLITS).select("cover_id", "group_id", "fold", "representative")
    covers = {row[0]: _Cover(*row[1:]) for row in splits.collect()}
    groups = {cover_id: cover.group for cover_id, cover in covers.items()}
    measured = {} if own.marked is None else marked(warehouse, Path(own.marked))
    known = {} if own.confirmed is None else marked(warehouse, Path(own.confirmed))
    _check_apart(own.confirmed, known, measured, groups)
    free = usable(
        groups,
        _genres(warehouse, settings),
        {settings.catalogue.genre(name) or name for name in own.labelled_genres},
        [*measured, *known],
        [cover_id for cover_id, cover in covers.items() if cover.fold == folds.test_fold],
    )
    held = (folds.test_fold, folds.validation_fold)
    shown = sorted(cover_id for cover_id in free if covers[cover_id].representative)
    found = Serving(
        [i for i in shown if covers[i].fold not in held],
        [i for i in shown if covers[i].fold == folds.validation_fold],
        _confirmed(known, covers, settings),
    )
    for name, served in (("training folds", found.training), ("validation fold", found.validation)):
        if not served:
            raise TrainingDataError(
                f"no cover of the {name} can have labels laid on it: the catalogue needs covers of "
                f"genres other than {', '.join(own.labelled_genres) or 'none'} "
                "(detector.labelled_genres) that are not marked by hand"
            )
    return found


def _confirmed(
    known: Mapping[str, Marked], covers: Mapping[str, _Cover], settings: Settings
) -> Confirmed:
    folds = settings.splits
    sure = {i: mark for i, mark in known.items() if not mark.ambiguous}
    validation = {i: m for i, m in sure.items() if covers[i].fold == folds.validation_fold}
    others = (None, folds.test_fold, folds.validation_fold)
    training = {i: m for i, m in sure.items() if covers[i].fold not in others}
    return Confirmed(training, validation, len(known) - len(training) - len(validation))


def _check_apart(
    path: str | None,
    known: Mapping[str, Marked],
    measured: Collection[str],
    groups: Mapping[str, str],
) -> None:
    barred = {groups[cover_id] for cover_id in measured}
    wrong = [mark for cover_id, mark in known.items() if groups[cover_id] in barred]
    if wrong:
        further = f", and {len(wrong) - 1} further covers" if len(wrong) > 1 else ""
        raise MarksError(
            f"{path} line {wrong[0].line}: {wrong[0].cover}{further} are in detector.marked "
            "themselves or by a near-duplicate; what is measured on is never trained on: take "
            "them out"
        )


def _genres(warehouse: Warehouse, settings: Settings) -> dict[str, set[str]]:
    """All genres that each cover is filed under."""
    filed = F.array_union(F.array("genre"), F.coalesce("genres", F.array().cast("array<string>")))
    rows = (
        warehouse.read(ALBUMS)
        .where("cover_id IS NOT NULL")
        .select("cover_id", F.explode(filed).alias("genre"))
        .where("genre IS NOT NULL")
        .distinct()
    )
    genres: dict[str, set[str]] = {}
    for cover_id, genre in rows.collect():
        genres.setdefault(cover_id, set()).add(settings.catalogue.genre(genre) or genre)
    return genres
