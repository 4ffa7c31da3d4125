"""What a page of results is made of: small tables, whatever the size of the catalogue."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from covergenre.appearance.palette import PaletteColour

OTHER = "other genres"
"""Stands for the genres that are not shown by themselves."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class About:
    """Where the results come from.

    Attributes:
        location: of the warehouse.
        made_at: when it was read.
        model_version: whose predictions are shown; None: nothing is scored.
        labels: the genres that model knows, in its order.
        others: versions of other models with predictions there.
    """

    location: str
    made_at: datetime.datetime
    model_version: str | None
    labels: Sequence[str]
    others: Sequence[str]


@dataclass(frozen=True)
class Palette:
    """Colours of the covers predicted as a genre: how many covers, and shares that sum to 1."""

    genre: str
    covers: int
    colours: Sequence[PaletteColour]


@dataclass(frozen=True)
class Galleries:
    """Rows of the table whose covers are shown, by ``album_id``.

    Attributes:
        typical: by predicted genre, the most confident first.
        surprising: confident, and not what the catalogue says.
        labelled: with a Parental Advisory label, the most certain first.
        thumbnails: JPEG by ``cover_id``, of all these.
    """

    typical: Mapping[str, Sequence[str]]
    surprising: Sequence[str]
    labelled: Sequence[str]
    thumbnails: Mapping[str, bytes]


@dataclass(frozen=True)
class Quality:
    """What is wrong with the catalogue.

    Attributes:
        reasons: of open quarantine, and how many albums, most first.
        examples: rows of quarantine, the last seen first: ``album_id``, ``reason``, ``detail``.
        foreign: genres of the catalogue that the model does not know, and how many albums.
        albums, with_cover, covers: albums; those whose cover is held; distinct covers of these.
        near_duplicates: covers much like another one; None: nobody has looked.
    """

    reasons: Sequence[tuple[str, int]]
    examples: Sequence[Record]
    foreign: Sequence[tuple[str, int]]
    albums: int
    with_cover: int
    covers: int
    near_duplicates: int | None


@dataclass(frozen=True)
class Contents:
    """All that a page shows.

    Attributes:
        about: where it comes from.
        cells: ``genre``, ``predicted_genre`` (None, or :data:`OTHER`), ``release_year`` (None),
            and the counts and sums of :func:`jobs.runtime.metrics.count_cells`.
        steps: of albums whose genre the model knows, by ``label`` (None: not shown by itself),
            ``step`` (of its probability, in thousandths), ``truth`` (it is the album's genre) and
            ``top`` (it is the predicted genre): ``albums``, and the sum of the ``probability``.
        palettes: by predicted genre.
        described: by predicted genre, albums whose concepts are known.
        concepts: ``genre`` (predicted), ``concept``, ``seen``: albums.
        galleries: covers to look at.
        runs: rows of the table runs, the last first.
        drift: a row a run, model and predicted genre, the first run first: ``run_id``,
            ``computed_at``, ``model_version``, ``genre``, ``scored``, ``confidence``,
            ``advisory_rate``.
        quality: what is wrong with the catalogue.
        rows: of the table, those of galleries first: see :mod:`jobs.runtime.reporting.rows`.
        scored: albums with a prediction; more than ``rows``, if not all are in the table.
    """

    about: About
    cells: pd.DataFrame
    steps: pd.DataFrame
    palettes: Sequence[Palette]
    described: Mapping[str, int]
    concepts: pd.DataFrame
    galleries: Galleries
    runs: Sequence[Record]
    drift: pd.DataFrame
    quality: Quality
    rows: pd.DataFrame
    scored: int
