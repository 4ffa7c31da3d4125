"""What every chart of a page is: a figure for Plotly and the same in a table."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from covergenre.concepts.counts import wilson
from covergenre.plots.style import BLUE, ORANGE

COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of M. Okabe, K. Ito, as in :mod:`covergenre.plots.style`; those that show on white and black."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "triangle-down", "cross")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

DASH = "\N{EN DASH}"

UNKNOWN = "not known"
"""Stands for the genre of albums whose genre the catalogue does not know."""

_LONGEST = 28
_MOST_YEARS = 120


@dataclass(frozen=True)
class Table:
    """Rows under columns, the first cell of each row its head."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        key: of the page's elements.
        title: above it.
        note: below the title; what is shown, and of what.
        data, layout: as Plotly wants them; colours of text, grid and heat maps are the page's.
        height: in pixels.
        table: the same for those who cannot see it, or want the numbers.
        wide: whether it needs the page's width.
    """

    key: str
    title: str
    note: str
    data: Sequence[dict[str, Any]]
    layout: dict[str, Any]
    height: int
    table: Table
    wide: bool = False


def label(text: str | None) -> str:
    """A name as Plotly shows it: it reads a little HTML in all texts."""
    whole = UNKNOWN if text is None else text
    short = whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"
    return html.escape(short, quote=False)


def percent(share: float | None, digits: int = 0) -> str:
    """A share as text; a dash if it is not known."""
    if share is None or math.isnan(share):
        return DASH
    return f"{100 * share:.{digits}f}\u00a0%"


def intervals(seen: Iterable[int], of: Iterable[int]) -> list[tuple[float, float, float]]:
    """Shares with Wilson's 95 % intervals: value, low, high; of at least one each."""
    part, whole = pd.Series(list(seen), dtype="Int64"), pd.Series(list(of), dtype="Int64")
    low, high = wilson(part, whole)
    values = zip(part / whole, low, high, strict=True)
    return [(float(v), float(lo), float(hi)) for v, lo, hi in values]


def with_interval(value: tuple[float, float, float]) -> str:
    """A share with its interval as text."""
    share, low, high = value
    return f"{percent(share)} ({span(low, high)})"


def span(low: float, high: float) -> str:
    """An interval as text."""
    return f"{100 * low:.0f}{DASH}{percent(high)}"


def bars(values: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """Plotly's error bars of such values, in per cent."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (high - value) for value, _, high in values],
        "arrayminus": [100 * (value - low) for value, low, _ in values],
        "thickness": 1.2,
        "width": 0,
    }


def years(values: pd.Series) -> list[int]:
    """The years of an axis: all between the first and the last, unless they lie too far apart."""
    there = sorted({int(year) for year in values.dropna()})
    if there and there[-1] - there[0] < _MOST_YEARS:
        return list(range(there[0], there[-1] + 1))
    return there


def year_axis(shown: Sequence[int], most: int = 12) -> dict[str, Any]:
    """Plotly's axis of these years, about so many of them written."""
    if shown[-1] - shown[0] + 1 == len(shown):
        return {"range": [shown[0] - 0.6, shown[-1] + 0.6], "tickformat": "d", "nticks": most}
    return {"type": "category", "nticks": most}


def heat(
    x: Sequence[Any], y: Sequence[str], z: Sequence[Sequence[float | None]], **more: Any
) -> dict[str, Any]:
    """Plotly's heat map, the first row on top; z in per cent."""
    return {
        "type": "heatmap", "x": list(x), "y": list(y), "z": [list(row) for row in z],
        "xgap": 1, "ygap": 1, "zmin": 0, "hoverongaps": False,
        "colorbar": {"ticksuffix": " %", "thickness": 10, "outlinewidth": 0, "len": 1}, **more,
    }  # fmt: skip


def top_down(count: int) -> dict[str, Any]:
    """Plotly's axis of so many names, the first on top."""
    return {
        "autorange": False,
        "range": [count - 0.5, -0.5],
        "automargin": True,
        "type": "category",
    }


def row_heights(count: int, each: int = 26, more: int = 70) -> int:
    """Pixels of a chart with so many rows."""
    return count * each + more
