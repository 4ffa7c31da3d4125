"""The confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from covergenre.plots.style import INK, NORMAL, SMALL, canvas

_CELL = 0.62
_SMALL_CELL = 0.46
_FEW = 12


def confusion(counts: list[list[int]], labels: list[str]) -> Figure:
    """What the covers of each genre are taken for: shares of the row, with numbers of covers.

    Args:
        counts: rows are the truth, columns the prediction.
        labels: genres.
    """
    matrix = np.array(counts)
    of_row = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, of_row, out=np.zeros(matrix.shape), where=of_row > 0)
    few = len(labels) <= _FEW
    side = len(labels) * (_CELL if few else _SMALL_CELL)
    longest = max(map(len, labels))
    room = 0.085 * longest + 1.0
    figure = canvas(
        max(side + room + 0.9, 4.6),
        max(side, 1.6) + room * 0.8 + 0.5,
        "What the covers of each genre are taken for",
    )
    axes = figure.subplots()
    # The best row reads dark whatever its share, so that a weak model's matrix is legible too.
    top = max(shares.max(), 0.01)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=top)
    for (row, column), share in np.ndenumerate(shares):
        if matrix[row, column] == 0:
            continue
        text = f"{share:.0%}\n{matrix[row, column]}" if few else f"{share * 100:.0f}"
        colour = "white" if share > 0.6 * top else INK
        size = SMALL if few else SMALL - 1
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    slanted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    turned = slanted if len(labels) > 3 or longest > 8 else {}
    axes.set_xticks(range(len(labels)), labels, fontsize=NORMAL, color=INK, **turned)
    names = [f"{label} ({n})" for label, n in zip(labels, of_row[:, 0], strict=True)]
    axes.set_yticks(range(len(labels)), names, fontsize=NORMAL, color=INK)
    axes.set_xlabel("predicted", fontsize=NORMAL, color=INK)
    axes.set_ylabel("truth (covers)", fontsize=NORMAL, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # White lines between the cells.
    axes.set_xticks(np.arange(len(labels) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the genre's covers", fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, length=0)
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure
