"""Concepts of genres: how frequent, and what sets a genre apart."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from covergenre.plots.style import BLUE, GREY, INK, LIGHT, NORMAL, SMALL, canvas, grid, tidy

_CELL = (0.72, 0.27)
_BLUES = LinearSegmentedColormap.from_list("shares", ["#f7fbff", "#6baed6", "#08306b"])


def concept_shares(shares: pd.DataFrame, above: pd.DataFrame, covers: pd.Series) -> Figure:
    """Heat map of concepts and genres: the share of the genre's covers in each cell.

    Args:
        shares: Float64, 0-1, a row a concept, a column a genre; missing where it is not known,
            which shows as a hatched cell, not as 0. At least one of each.
        above: bool, likewise: where it is on significantly more covers than in other genres, which
            shows as bold.
        covers: looked at, by genre.
    """
    values = shares.to_numpy("float64", na_value=float("nan"))
    rows, columns = values.shape
    longest = max(len(str(name)) for name in shares.index)
    names = [f"{genre} ({covers[genre]})" for genre in shares.columns]
    slant = 0.06 * max(map(len, names)) + 0.2
    left = 0.085 * longest + 0.3
    figure = canvas(
        max(left + columns * _CELL[0] + 0.8, 5.2),
        rows * _CELL[1] + slant + 1.1,
        "Share of a genre's covers with a concept",
    )
    axes = figure.subplots()
    top = max(float(pd.Series(values.ravel()).max()), 0.01)
    axes.imshow(values, cmap=_BLUES, vmin=0, vmax=top, aspect="auto")
    for row in range(rows):
        for column in range(columns):
            value = values[row, column]
            if value != value:
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5), 1, 1, facecolor="white", edgecolor=LIGHT,
                        hatch="////", linewidth=0,
                    )
                )  # fmt: skip
                continue
            axes.text(
                column, row, _percent(value), ha="center", va="center", fontsize=SMALL,
                color="white" if value > 0.55 * top else INK,
                fontweight="bold" if above.iloc[row, column] else "normal",
            )  # fmt: skip
    axes.set_xticks(
        range(columns), names, fontsize=NORMAL, color=INK, rotation=40, ha="left",
        rotation_mode="anchor",
    )  # fmt: skip
    axes.xaxis.tick_top()
    axes.set_yticks(range(rows), [str(name) for name in shares.index], fontsize=NORMAL, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks([k + 0.5 for k in range(columns - 1)], minor=True)
    axes.set_yticks([k + 0.5 for k in range(rows - 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    note = "bold: significantly more than in the other genres"
    if shares.isna().to_numpy().any():
        note += "; hatched: not known"
    figure.supxlabel(note, fontsize=SMALL, color=GREY, x=0.01, ha="left")
    return figure


def concept_lifts(rows: pd.DataFrame, genres: list[str]) -> Figure:
    """What is most of a genre's own: a panel a genre, its concepts by lift.

    Args:
        rows: ``genre``, ``concept``, ``lift`` and ``share``, the highest lift first; a few a genre,
            at least one in all.
        genres: the panels, in order; one without rows says so.
    """
    most = int(rows.groupby("genre").size().max())
    lines, columns = grid(len(genres))
    columns = min(columns, 3)
    lines = -(-len(genres) // columns)
    figure = canvas(
        max(columns * 3.4, 5.2),
        lines * (0.23 * most + 0.6) + 0.8,
        "Concepts a genre has more than the catalogue",
    )
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for panel in panels.flat[len(genres) :]:
        panel.set_visible(False)
    end = max(float(rows["lift"].max()), 1.2)
    for k, (panel, genre) in enumerate(zip(panels.flat, genres, strict=False)):
        mine = rows[rows["genre"] == genre]
        places = list(range(len(mine)))
        lift = mine["lift"].to_numpy("float64")
        panel.barh(places, lift - 1, left=1, color=BLUE, height=0.7)
        for place, value, share in zip(places, lift, mine["share"], strict=True):
            panel.text(
                value, place, f" {value:.1f}x, on {_percent(share)}", va="center", fontsize=SMALL,
                color=INK,
            )  # fmt: skip
        panel.set_yticks(places, [str(name) for name in mine["concept"]])
        panel.set_ylim(most - 0.4, -0.6)
        panel.set_xlim(1, 1 + (end - 1) * 1.55)
        panel.set_title(str(genre), fontsize=NORMAL, color=INK, loc="left")
        tidy(panel)
        panel.grid(axis="y", linewidth=0)
        panel.tick_params(axis="y", length=0)
        panel.tick_params(axis="x", labelbottom=k + columns >= len(genres))
        if not places:
            panel.text(
                0.02, 0.9, "none", fontsize=SMALL, color=GREY, transform=panel.transAxes, va="top"
            )
    figure.supxlabel(
        "times as frequent as in the whole catalogue (lift); significant ones only",
        fontsize=SMALL, color=GREY,
    )  # fmt: skip
    return figure


def _percent(share: float) -> str:
    """Whole percents, but a little is not nothing."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"
