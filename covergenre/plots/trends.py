"""Change over the years."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from covergenre.plots.style import BLUE, GREY, INK, NORMAL, SMALL, canvas, tidy

_COLUMNS = 4


def changes(rows: pd.DataFrame, notes: dict[str, str], title: str, *, percent: bool) -> Figure:
    """A panel a concept or measure: its mean of each period, with 95 % intervals.

    Args:
        rows: ``name``, ``first``, ``last`` and ``middle`` (years of the period), ``mean``, ``low``
            and ``high``; in order of the years.
        notes: the panels in order, at least one, and what is said below each name.
        title: of the figure.
        percent: whether values are shares.
    """
    columns = min(_COLUMNS, len(notes))
    lines = -(-len(notes) // columns)
    figure = canvas(max(columns * 2.7, 5.2), lines * 2.1 + 0.8, title)
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for panel in panels.flat[len(notes) :]:
        panel.set_visible(False)
    for k, (panel, (name, note)) in enumerate(zip(panels.flat, notes.items(), strict=False)):
        mine = rows[rows["name"] == name]
        panel.plot(
            mine["middle"],
            mine["mean"],
            color=BLUE,
            marker="o",
            markersize=2.5,
            linewidth=0.9,
            alpha=0.7,
        )
        panel.vlines(mine["middle"], mine["low"], mine["high"], color=BLUE, linewidth=2, alpha=0.4)
        panel.hlines(mine["mean"], mine["first"] - 0.4, mine["last"] + 0.4, color=BLUE, linewidth=2)
        panel.set_title(f"{str(name).replace('_', ' ')}\n", fontsize=NORMAL, color=INK, loc="left")
        panel.text(
            0, 1.03, note, transform=panel.transAxes, fontsize=SMALL, color=GREY, va="bottom"
        )
        tidy(panel)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        panel.yaxis.set_major_locator(MaxNLocator(nbins=4))
        if percent:
            panel.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        panel.tick_params(labelbottom=k + columns >= len(notes))
    figure.supxlabel(
        "year of release; *: the change within genres is significant", fontsize=SMALL, color=GREY
    )
    return figure
