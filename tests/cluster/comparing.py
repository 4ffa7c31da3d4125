"""Whether two warehouses say the same: all that is not a run's id, a time or a duration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.runtime.publishing import SNAPSHOT
from tests.cluster import delta_files

_TOLERANCE = 1e-3
_SHOWN = 3


@dataclass(frozen=True)
class Compared:
    """How the rows of a table are held against each other.

    Attributes:
        key: names a row.
        differs: columns that two runs do not share.
    """

    key: tuple[str, ...]
    differs: tuple[str, ...] = ()


TABLES = {
    "albums": Compared(("album_id",), ("scraped_at",)),
    "covers": Compared(("cover_id",), ("fetched_at",)),
    "inferences": Compared(
        ("cover_id", "model_version"), ("run_id", "inferred_at", "milliseconds")
    ),
    "predictions": Compared(("album_id", "model_version"), ("run_id", "scored_at")),
    # Attempts are runs that looked at a broken cover: one that was killed before it committed the
    # album has looked, too.
    "quarantine": Compared(("album_id",), ("first_seen", "last_seen", "attempts")),
    # "run" is the place of run_id among all that wrote metrics.
    "metrics": Compared(
        ("run", "genre_basis", "genre", "release_year"), ("run_id", "computed_at")
    ),
}  # fmt: skip


def differences(expected: Path, found: Path) -> list[str]:
    """What a warehouse says otherwise than another; empty: nothing.

    Args:
        expected, found: the warehouses, local folders.
    """
    told = []
    for name, how in TABLES.items():
        should, does = (_rows(warehouse / name, how) for warehouse in (expected, found))
        told += [f"{name}: {line}" for line in _table_differences(should, does, how)]
    copy, table = snapshot(found), _rows(found / "predictions", TABLES["predictions"])
    told += [
        f"{SNAPSHOT}: {line}" for line in _table_differences(table, copy, Compared(("album_id",)))
    ]
    told += [f"orphan: {path}" for path in _orphans(found)]
    return told + _accounts(found)


def snapshot(warehouse: Path) -> pd.DataFrame:
    """The Parquet copy of predictions that the link names now; read whole from one folder."""
    rows = pd.read_parquet((warehouse / SNAPSHOT).resolve(strict=True))
    return rows.astype({"predicted_genre": "object"})


def _rows(table: Path, how: Compared) -> pd.DataFrame:
    rows = delta_files.rows(table)
    if "run" in how.key:
        order = rows.sort_values("computed_at")["run_id"].unique()
        rows["run"] = rows["run_id"].map({run: number for number, run in enumerate(order)})
    if "closed_at" in rows:
        rows["closed_at"] = rows["closed_at"].notna()
    return rows


def _table_differences(should: pd.DataFrame, does: pd.DataFrame, how: Compared) -> Iterator[str]:
    names = [name for name in should.columns if name not in how.differs]
    if missing := set(names) - set(does.columns):
        yield f"lacks the columns {sorted(missing)}"
        return
    wanted, held = (_keyed(rows, how.key) for rows in (should, does))
    for side, keys in (("expected", wanted), ("found", held)):
        if len(twice := keys[keys.index.duplicated()]):
            yield f"{side} twice: {_some(twice.index)}"
            return
    if len(lost := wanted.index.difference(held.index)):
        yield f"lost {len(lost)}: {_some(lost)}"
    if len(more := held.index.difference(wanted.index)):
        yield f"{len(more)} too many: {_some(more)}"
    common = wanted.index.intersection(held.index)
    for name in names:
        both = zip(common, wanted.loc[common, name], held.loc[common, name], strict=True)
        other = [key for key, a, b in both if not _same(a, b)]
        if other:
            key = other[0]
            yield (
                f"{name} differs in {len(other)} rows, e.g. {key}: "
                f"{wanted.loc[key, name]!r:.60} and {held.loc[key, name]!r:.60}"
            )


def _keyed(rows: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    # As text: NULL is a value of metrics' key.
    names = rows[list(key)].astype(str).agg("|".join, axis=1) if len(rows) else []
    return rows.set_index(pd.Index(names))


def _same(a: Any, b: Any) -> bool:
    """Equal; numbers that are none of counting within a tolerance, at any depth."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple | np.ndarray) and isinstance(b, list | tuple | np.ndarray):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float | np.floating) and isinstance(b, float | np.floating):
        return bool(np.isclose(a, b, rtol=0, atol=_TOLERANCE, equal_nan=True))
    if a is None or b is None or a is pd.NA or b is pd.NA or a is pd.NaT or b is pd.NaT:
        return a is b
    return bool(a == b)


def _orphans(warehouse: Path) -> list[Path]:
    """What a run leaves behind where only whole things belong."""
    copies = warehouse / "_snapshots"
    hidden = [path for path in copies.iterdir() if path.name.startswith(".")]
    return [*hidden, *warehouse.glob(f".{SNAPSHOT}*"), *copies.glob("*/_temporary")]


def _accounts(warehouse: Path) -> list[str]:
    quarantine = delta_files.rows(warehouse / "quarantine")
    still = int(quarantine["closed_at"].isna().sum()) if len(quarantine) else 0
    scored = len(delta_files.rows(warehouse / "predictions", ["album_id"]))
    albums = len(delta_files.rows(warehouse / "albums", ["album_id"]))
    if scored + still == albums:
        return []
    return [f"accounts: {scored} predictions + {still} in quarantine are not {albums} albums"]


def _some(keys: pd.Index) -> str:
    return ", ".join(map(str, keys[:_SHOWN]))
