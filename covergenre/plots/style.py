"""What all figures look like. Colours are those of M. Okabe, K. Ito, "Color universal design"
(2008), told apart with any colour vision; no figure rests on colour alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#222222"
GREY = "#767676"
LIGHT = "#d9d9d9"
BLUE = "#0072b2"
ORANGE = "#d55e00"

SMALL, NORMAL, LARGE = 8.0, 9.5, 12.0
_DOTS_PER_INCH = 150


def canvas(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches, its title at the upper left."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=LARGE, color=INK, fontweight="bold")
    return figure


def tidy(axes: Axes, x: str = "", y: str = "") -> None:
    """Label the axes and take away what says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=SMALL, color=GREY)
    axes.set_xlabel(x, fontsize=NORMAL, color=INK)
    axes.set_ylabel(y, fontsize=NORMAL, color=INK)
    axes.set_axisbelow(True)
    axes.grid(color=LIGHT, linewidth=0.6)


def grid(count: int) -> tuple[int, int]:
    """Rows and columns of so many panels, a little wider than high."""
    columns = min(count, math.ceil(math.sqrt(count * 1.3)))
    return math.ceil(count / columns), columns


def with_interval(figure: dict[str, Any]) -> str:
    """A figure and its interval as text: ``0.87 (0.84-0.90)``."""
    low, high = figure["interval"]
    return f"{figure['value']:.2f} ({low:.2f}\u2013{high:.2f})"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=_DOTS_PER_INCH, facecolor="white", format="png")
