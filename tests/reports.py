"""What a page of results shows of a small catalogue, made up."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from covergenre.appearance.palette import PaletteColour
from covergenre.report.contents import About, Contents, Galleries, Palette, Quality
from tests.covers import drawn

LABELS = ("folk", "rap", "disco")
HOSTILE = '</script><img src=x onerror="window.hacked=1"><b>&amp;'
NOW = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
ABOUT = About("/a/warehouse", NOW, "toy-1", LABELS, ["other-2"])
RUN: dict[str, Any] = {
    "run_id": "r1", "job": "score", "outcome": "succeeded", "error": None, "started_at": NOW,
    "finished_at": NOW + datetime.timedelta(seconds=90), "model_version": "toy-1",
    "engine": "openvino", "precision": "f32", "processor": "a processor",
    "counts": {"scored": 130}, "images_per_second": 12.5,
}  # fmt: skip
CELLS = (
    "genre", "predicted_genre", "release_year", "albums", "scored", "quarantined", "abstained",
    "advisory", "looked_for_advisory", "labelled", "correct", "confidence", "labelled_confidence",
)  # fmt: skip
ROWS = (
    "album_id", "cover_id", "artist", "title", "genre", "release_year", "predicted_genre",
    "confidence", "abstained", "advisory", "advisory_score", "details",
)  # fmt: skip


def predictions(count: int) -> pd.DataFrame:
    """Rows of the table; the first is hostile in every text that a catalogue gives."""
    random = np.random.default_rng(5)
    rows = []
    for k in range(count):
        probabilities = random.dirichlet((1.0, 1.0, 1.0))
        best = int(probabilities.argmax())
        own = (LABELS[best], LABELS[(best + 1) % 3], "polka", None)[k % 4 if k % 3 else 0]
        advisory = k % 5 == 0
        details = {
            "p": {"n": list(LABELS), "s": [round(1000 * p) for p in probabilities]},
            "q": {"n": list(LABELS), "s": [400, 350, 250]},
            "r": {"p": ["classifier", "concepts"], "i": ["classifier", "banjo"], "c": [812, -95]},
            "c": {"n": ["banjo", HOSTILE if k == 0 else "stage"], "s": [612, 88]},
            "k": {"n": ["#102030", "#c0ffee"], "s": [700, 300]},
            **({"b": [100, 800, 300, 900]} if advisory else {}),
        }
        rows.append(
            (
                f"covers/{k:04d}.jpg", f"{k:064x}", f"Artist {(7 * k) % count:03d}",
                f"Title {k}", own, None if k % 6 == 0 else 2000 + k % 20, LABELS[best],
                float(probabilities[best]), bool(probabilities[best] < 0.5), advisory,
                0.99 if advisory else 0.01, json.dumps(details),
            )
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=[*ROWS])
    if count:
        frame.loc[0, ["album_id", "artist", "title", "genre"]] = HOSTILE
    if count > 1:
        frame.loc[1, ["artist", "title"]] = "Björk", "Début"
    return frame


def cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Their counts, a cell an album."""
    labelled = rows["genre"].isin(LABELS)
    correct = labelled & (rows["genre"] == rows["predicted_genre"])
    found = rows[["genre", "predicted_genre", "release_year"]].assign(
        albums=1, scored=1, quarantined=0, abstained=rows["abstained"].astype(int),
        advisory=rows["advisory"].astype(int), looked_for_advisory=1,
        labelled=labelled.astype(int), correct=correct.astype(int), confidence=rows["confidence"],
        labelled_confidence=rows["confidence"].where(labelled),
    )  # fmt: skip
    return found[[*CELLS]]


def steps(rows: pd.DataFrame) -> pd.DataFrame:
    """How often which probability was given to which genre."""
    found = []
    for row in rows[rows["genre"].isin(LABELS)].itertuples():
        said = json.loads(str(row.details))["p"]
        for label, thousandths in zip(said["n"], said["s"], strict=True):
            truth, top = label == row.genre, label == row.predicted_genre
            step = min(thousandths, 999)
            found.append((label, step, truth, top, 1, thousandths / 1000))
    columns = ["label", "step", "truth", "top", "albums", "probability"]
    return pd.DataFrame(found, columns=columns)


def contents(count: int = 130) -> Contents:
    """Everything there is to show."""
    rows = predictions(count)
    colours = [PaletteColour("#102030", "black", 0.6), PaletteColour("#c0ffee", "azure", 0.4)]
    ids = list(rows["album_id"])
    return Contents(
        about=ABOUT,
        cells=cells(rows),
        steps=steps(rows),
        palettes=[Palette(genre, 40, colours) for genre in LABELS],
        described=dict.fromkeys(LABELS, 40),
        concepts=pd.DataFrame(
            [(genre, name, 5) for name in ("banjo", HOSTILE) for genre in LABELS],
            columns=["genre", "concept", "seen"],
        ),
        galleries=Galleries(
            {"folk": ids[:3], "rap": ids[3:5]}, ids[1:3], [ids[0], ids[5]],
            {f"{k:064x}": drawn("folk", k) for k in range(6)},
        ),
        runs=[RUN, {**RUN, "run_id": "r0", "outcome": "failed", "error": HOSTILE}],
        drift=_drift(),
        quality=Quality(
            [("truncated", 3)], [{"album_id": HOSTILE, "reason": "truncated", "detail": None}],
            [("polka", 20)], count + 3, count + 1, count, 7,
        ),
        rows=rows,
        scored=count,
    )  # fmt: skip


def nothing(**known: Any) -> Contents:
    """A page of a warehouse that holds albums and nothing else."""
    values: dict[str, Any] = {
        "about": About("/a/warehouse", NOW, None, [], []),
        "cells": pd.DataFrame(columns=[*CELLS]),
        "steps": pd.DataFrame(columns=["label", "step", "truth", "top", "albums", "probability"]),
        "palettes": [],
        "described": {},
        "concepts": pd.DataFrame(columns=["genre", "concept", "seen"]),
        "galleries": Galleries({}, [], [], {}),
        "runs": [],
        "drift": _drift()[:0],
        "quality": Quality([], [], [], 0, 0, 0, None),
        "rows": pd.DataFrame(columns=[*ROWS]),
        "scored": 0,
    }
    return Contents(**{**values, **known})


def _drift(genres: Sequence[str] = LABELS) -> pd.DataFrame:
    columns = [
        "run_id", "computed_at", "model_version", "genre", "scored", "confidence", "advisory_rate"
    ]  # fmt: skip
    rows = [
        (f"r{k}", NOW + datetime.timedelta(days=k), "toy-1", genre, 10 + k, 0.6, 0.2)
        for k in range(2)
        for genre in genres
    ]
    return pd.DataFrame(rows, columns=columns)
