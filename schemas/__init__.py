"""The tables: one module each, with columns, keys, constraints and properties."""

from schemas.albums import ALBUMS
from schemas.appearance import APPEARANCE
from schemas.concepts import CONCEPTS
from schemas.covers import COVERS
from schemas.embeddings import EMBEDDINGS
from schemas.inferences import INFERENCES
from schemas.metrics import METRICS
from schemas.neighbours import NEIGHBOURS
from schemas.predictions import PREDICTIONS
from schemas.quarantine import QUARANTINE
from schemas.runs import RUNS
from schemas.splits import SPLITS
from schemas.table import Column, Table
from schemas.takedowns import TAKEDOWNS
from schemas.views import VIEWS, View

TABLES = {
    table.name: table
    for table in (
        ALBUMS,
        COVERS,
        QUARANTINE,
        SPLITS,
        EMBEDDINGS,
        APPEARANCE,
        CONCEPTS,
        INFERENCES,
        PREDICTIONS,
        NEIGHBOURS,
        METRICS,
        RUNS,
        TAKEDOWNS,
    )
}

__all__ = [
    "ALBUMS",
    "APPEARANCE",
    "CONCEPTS",
    "COVERS",
    "EMBEDDINGS",
    "INFERENCES",
    "METRICS",
    "NEIGHBOURS",
    "PREDICTIONS",
    "QUARANTINE",
    "RUNS",
    "SPLITS",
    "TABLES",
    "TAKEDOWNS",
    "VIEWS",
    "Column",
    "Table",
    "View",
]
