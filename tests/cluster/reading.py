"""A reader beside a run: whatever it reads, at any moment, is a whole state of a table."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd

from jobs.runtime.publishing import SNAPSHOT
from tests.cluster import delta_files
from tests.cluster.comparing import TABLES, snapshot

_SECONDS = 0.3
# Commits of these replace a state that is whole by another.
_WHOLE = {
    "predictions": ["album_id", "cover_id", "genre", "release_year", "predicted_genre"],
    "metrics": ["genre_basis", "genre", "release_year", "albums", "scored"],
}

Content = frozenset[tuple[str, ...]]
Known = dict[str, set[Content]]


def content(rows: pd.DataFrame, name: str) -> Content:
    """What of a table's rows is the same in every run."""
    columns = _WHOLE["predictions" if name == SNAPSHOT else name]
    if not len(rows):
        return frozenset()
    return frozenset(rows[columns].astype(str).itertuples(index=False, name=None))


def known(*warehouses: Path) -> Known:
    """The whole states of a table: none, and as it is in one of some warehouses."""
    states: Known = {name: {frozenset()} for name in (*_WHOLE, SNAPSHOT)}
    for warehouse in warehouses:
        for name in _WHOLE:
            states[name].add(content(delta_files.rows(warehouse / name), name))
        states[SNAPSHOT].add(content(snapshot(warehouse), SNAPSHOT))
    return states


class Reader:
    """Reads a warehouse again and again while the block lasts.

    Args:
        warehouse: a local folder; may not be there yet.
        states: as :func:`known` gives them.

    Attributes:
        problems: what was read and is no whole state.
        looks: how often all was read.
    """

    def __init__(self, warehouse: Path, states: Known) -> None:
        self.warehouse, self.states = warehouse, states
        self.problems: list[str] = []
        self.looks = 0
        self._versions: dict[str, object] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS):
            self._guard(self._copy)
            for name in TABLES:
                self._guard(lambda name=name: self._table(name))
            self.looks += 1

    def _guard(self, look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:  # whatever a reader meets is what this is about
            told = f"reader: {type(error).__name__}: {error}"[:300]
            if told not in self.problems:
                self.problems.append(told)

    def _copy(self) -> None:
        link = self.warehouse / SNAPSHOT
        if not link.is_symlink() or self._versions.get(SNAPSHOT) == (target := link.readlink()):
            return
        self._hold(SNAPSHOT, snapshot(self.warehouse))
        self._versions[SNAPSHOT] = target

    def _table(self, name: str) -> None:
        table = self.warehouse / name
        if not (table / "_delta_log").is_dir():
            return
        version = delta_files.state(table).version
        if self._versions.get(name) == version:
            return
        rows = delta_files.rows(table)
        key = [column for column in TABLES[name].key if column in rows.columns]
        if len(rows) and name != "metrics" and rows.duplicated(key).any():
            raise delta_files.TornError(f"{name} holds rows twice at version {version}")
        if name in _WHOLE:
            self._hold(name, rows)
        self._versions[name] = version

    def _hold(self, name: str, rows: pd.DataFrame) -> None:
        if content(rows, name) not in self.states[name]:
            raise delta_files.TornError(f"{name} was read with {len(rows)} rows: no whole state")
