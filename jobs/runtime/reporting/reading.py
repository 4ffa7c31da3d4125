"""Read from a warehouse all that a page shows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd
from pyspark.sql import DataFrame

from covergenre.config import Settings
from covergenre.report.contents import OTHER, About, Contents, Galleries
from jobs.runtime.reporting import counting, galleries, history, rows
from jobs.runtime.reporting.model import Model, choose, predictions
from jobs.runtime.warehouse import Warehouse
from schemas import PREDICTIONS


def read(warehouse: Warehouse, settings: Settings, asked: str | None = None) -> Contents:
    """All that a page shows: what is kept here does not grow with the catalogue beyond the table's
    ``report.table_albums`` rows.

    Args:
        warehouse: with albums; whatever else it lacks is not shown.
        settings: of report.
        asked: the version of the model whose predictions are shown; None: of the last run.

    Raises:
        CatalogueError: that model has no predictions there.
    """
    model = choose(warehouse, asked)
    labels = model.labels if model else []
    scored = predictions(warehouse, model.version) if model else _nothing(warehouse)
    cells, foreign = counting.cells(warehouse, scored, labels, settings.report.genres)
    genres = _in_order(cells, labels)
    limits = settings.report
    concepts, described = counting.concepts(scored, genres, limits.concepts)
    shown = galleries.choose(warehouse, scored, labels, genres, settings)
    return Contents(
        about=_about(warehouse, model),
        cells=cells,
        steps=counting.steps(scored, labels, genres),
        palettes=counting.palettes(scored, genres, limits.palette_colours),
        described=described,
        concepts=concepts,
        galleries=shown,
        runs=history.runs(warehouse, limits.runs),
        drift=history.drift(warehouse, limits.runs),
        quality=history.quality(warehouse, foreign),
        rows=rows.table(
            warehouse,
            scored,
            model.scored if model else 0,
            limits.table_albums,
            _first(shown),
        ),
        scored=model.scored if model else 0,
    )


def _nothing(warehouse: Warehouse) -> DataFrame:
    return PREDICTIONS.rows(warehouse.spark)


def _about(warehouse: Warehouse, model: Model | None) -> About:
    return About(
        location=warehouse.location,
        made_at=datetime.datetime.now(datetime.UTC),
        model_version=model.version if model else None,
        labels=model.labels if model else [],
        others=model.others if model else [],
    )


def _in_order(cells: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    """The predicted genres that are shown by themselves, in the model's order."""
    there = set(cells["predicted_genre"].dropna()) - {OTHER}
    return [label for label in labels if label in there]


def _first(shown: Galleries) -> list[str]:
    typical = [album for albums in shown.typical.values() for album in albums]
    return list(dict.fromkeys([*typical, *shown.surprising, *shown.labelled]))
