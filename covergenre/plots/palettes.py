"""The colours of groups of covers, and their measures beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import ImageColor

from covergenre.appearance.palette import PaletteColour
from covergenre.plots.style import BLUE, GREY, INK, NORMAL, SMALL, canvas, tidy

_WIDE = 0.045
"""Part of a stripe from which a colour has room for its number."""


def palette_stripes(
    groups: Sequence[tuple[str, int, Sequence[PaletteColour]]], title: str
) -> Figure:
    """A stripe a group, each colour as wide as its share.

    Args:
        groups: name, number of covers, and colours whose shares sum to 1; at least one group.
        title: of the figure.
    """
    names = [f"{name} ({covers})" for name, covers, _ in groups]
    figure = canvas(0.075 * max(map(len, names)) + 7.2, 0.52 * len(groups) + 0.9, title)
    axes = figure.subplots()
    for place, (_, _, colours) in enumerate(groups):
        start = 0.0
        for colour in colours:
            axes.barh(place, colour.share, left=start, color=colour.hex, height=0.82)
            if colour.share >= _WIDE:
                red, green, blue = ImageColor.getrgb(colour.hex)[:3]
                light = 0.299 * red + 0.587 * green + 0.114 * blue > 140
                axes.text(
                    start + colour.share / 2, place, f"{colour.share:.0%}", ha="center",
                    va="center", fontsize=SMALL, color=INK if light else "white",
                )  # fmt: skip
            start += colour.share
    axes.set_yticks(range(len(groups)), names, fontsize=NORMAL, color=INK)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    return figure


def measures(rows: pd.DataFrame, overall: pd.Series, genres: list[str]) -> Figure:
    """A panel a measure: each genre's mean and its 95 % interval.

    Args:
        rows: ``name``, ``genre``, ``mean``, ``low`` and ``high``.
        overall: mean of the catalogue, by name, in the panels' order; at least one.
        genres: from top to bottom.
    """
    columns = min(4, len(overall))
    lines = -(-len(overall) // columns)
    longest = max(map(len, genres))
    figure = canvas(
        columns * 2.35 + 0.085 * longest + 0.4,
        lines * (0.21 * len(genres) + 0.85) + 0.9,
        "Colour and composition by genre",
    )
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for panel in panels.flat[len(overall) :]:
        panel.set_visible(False)
    for panel, name in zip(panels.flat, overall.index, strict=False):
        mine = rows[rows["name"] == name].set_index("genre").reindex(genres)
        places = np.arange(len(genres))
        panel.axvline(overall[name], color=GREY, linewidth=0.8, linestyle=":")
        panel.hlines(places, mine["low"], mine["high"], color=BLUE, linewidth=2.4, alpha=0.45)
        panel.plot(mine["mean"], places, "o", color=BLUE, markersize=4)
        panel.set_title(str(name).replace("_", " "), fontsize=NORMAL, color=INK, loc="left")
        tidy(panel)
        panel.set_yticks(places, genres)
        panel.set_ylim(len(genres) - 0.4, -0.6)
        panel.xaxis.get_major_locator().set_params(nbins=4)  # type: ignore[attr-defined]
        panel.margins(x=0.1)
    figure.supxlabel(
        "mean with its 95 % interval; dotted: all covers; measures that tell genres apart most "
        "come first", fontsize=SMALL, color=GREY,
    )  # fmt: skip
    return figure
