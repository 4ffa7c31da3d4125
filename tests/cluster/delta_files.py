"""Delta tables as anybody sees them: their log and their files, listed, without Spark or Delta.

It knows what the project's tables use of the protocol: commits as JSON, no deletion vectors, no
partitions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pyarrow.parquet as pq


class TornError(Exception):
    """A table is not whole: a commit that cannot be read, a file that is not what it should be."""


@dataclass(frozen=True)
class State:
    """A table at its newest commit.

    Attributes:
        version: of the commit; -1: there is no table.
        writes: commits up to it that added or removed rows.
        rows: that the files hold, by what their commits say.
        files: what the table is made of.
    """

    version: int
    writes: int
    rows: int
    files: tuple[Path, ...]


def state(table: Path) -> State:
    """What a table is made of now.

    Raises:
        TornError: commits are missing or cannot be read, or a file has another size than was said.
    """
    log = table / "_delta_log"
    commits = sorted(log.glob("[0-9]*.json")) if log.is_dir() else []
    if [int(commit.stem) for commit in commits] != list(range(len(commits))):
        raise TornError(f"{log}: commits are missing: {[commit.stem for commit in commits]}")
    active: dict[str, dict[str, Any]] = {}
    writes = 0
    for commit in commits:
        actions = _actions(commit)
        writes += any("add" in action or "remove" in action for action in actions)
        for action in actions:
            if "remove" in action:
                active.pop(action["remove"]["path"], None)
        for action in actions:
            if "add" in action:
                active[action["add"]["path"]] = action["add"]
    for name, added in active.items():
        file, size = table / unquote(name), added["size"]
        if not file.exists() or file.stat().st_size != size:
            raise TornError(f"{file} is not there with the {size} bytes its commit speaks of")
    held = sum(json.loads(added["stats"])["numRecords"] for added in active.values())
    files = tuple(table / unquote(name) for name in active)
    return State(len(commits) - 1, writes, held, files)


def rows(table: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a table now; no columns where there is no table, or none has been written."""
    parts = [pq.read_table(file, columns=columns) for file in state(table).files]
    if not parts:
        return pd.DataFrame(columns=columns or [])
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


def _actions(commit: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in commit.read_text("utf-8").splitlines()]
    except ValueError as error:
        raise TornError(f"{commit} is no whole commit: {error}") from error
