"""A contact sheet of the most confident errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from covergenre.plots.style import INK, SMALL, canvas

_COLUMNS = 6
_THUMBNAIL = 1.55


@dataclass(frozen=True)
class Mistake:
    """A cover taken for another genre.

    Attributes:
        thumbnail: uint8 (side, side, 3), RGB.
        truth, predicted: genres.
        confidence: 0 to 1.
    """

    thumbnail: npt.NDArray[np.uint8]
    truth: str
    predicted: str
    confidence: float


def contact_sheet(mistakes: Sequence[Mistake]) -> Figure:
    """Covers with their genre and what they were taken for; at least one."""
    columns = min(_COLUMNS, len(mistakes))
    rows = math.ceil(len(mistakes) / columns)
    figure = canvas(
        max(columns * _THUMBNAIL, 4.6), rows * (_THUMBNAIL + 0.4) + 0.5, "The most confident errors"
    )
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    for panel, mistake in zip(panels.flat, mistakes, strict=False):
        panel.imshow(mistake.thumbnail, interpolation="antialiased")
        panel.set_title(
            f"{mistake.truth}\n\u2192 {mistake.predicted} {mistake.confidence:.2f}",
            fontsize=SMALL,
            color=INK,
            loc="left",
            pad=3,
        )
    return figure
