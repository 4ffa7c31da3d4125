"""One cover and why it is taken for what it is taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from covergenre.engines import Floats, Pixels
from covergenre.plots.label import Box, draw_box
from covergenre.plots.style import BLUE, GREY, INK, LIGHT, NORMAL, ORANGE, SMALL, canvas, tidy

_SIDE = 640
_REASONS = 8


def explained(
    title: str,
    cover: Pixels,
    probabilities: Mapping[str, float],
    heat: Floats | None,
    box: Box | None,
    reasons: Sequence[Mapping[str, Any]],
    palette: Sequence[Mapping[str, Any]],
) -> Figure:
    """The cover with its label, where the classifier looks, probabilities, reasons and colours.

    Args:
        title: of the figure.
        cover: uint8 (height, width, 3), RGB.
        probabilities: by genre.
        heat: as :func:`covergenre.activation.activation_map` gives it; None: no panel.
        box: of the label; None: there is none.
        reasons: ``part``, ``input`` and ``contribution`` each; the largest are shown.
        palette: ``hex``, ``name`` and ``share`` each; may be empty.
    """
    figure = canvas(11, 6.6, title)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.35, 1))
    _cover(figure.add_subplot(grid[0, 0]), cover, box, palette)
    _heat(figure.add_subplot(grid[0, 1]), cover, heat)
    _probabilities(figure.add_subplot(grid[1, 0]), probabilities)
    _reasons(figure.add_subplot(grid[1, 1]), reasons)
    return figure


def _sized(cover: Pixels) -> Image.Image:
    image = Image.fromarray(cover)
    factor = _SIDE / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _cover(
    axes: Axes, cover: Pixels, box: Box | None, palette: Sequence[Mapping[str, Any]]
) -> None:
    image = _sized(cover)
    if box is not None:
        draw_box(image, box, 4)
    axes.imshow(np.asarray(image))
    axes.set_title("cover" if box is None else "cover, and the label found", **_titled())
    width, height = image.size
    left = 0.0
    for colour in palette:
        strip = (left * width, 1.02 * height)
        size = (colour["share"] * width, 0.06 * height)
        axes.add_patch(Rectangle(strip, *size, color=colour["hex"], linewidth=0))
        left += colour["share"]
    _frame(axes, image)


def _frame(axes: Axes, image: Image.Image) -> None:
    """Room for a strip of colours below, so that pictures beside each other are of one size."""
    width, height = image.size
    axes.set_xlim(0, width)
    axes.set_ylim(1.08 * height, 0)
    axes.axis("off")


def _heat(axes: Axes, cover: Pixels, heat: Floats | None) -> None:
    image = _sized(cover)
    grey = np.asarray(image.convert("L"))
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, alpha=0.65)
    if heat is None:
        axes.set_title("this network cannot say where it looks", **_titled())
    else:
        grown = cv2.resize(heat, image.size, interpolation=cv2.INTER_CUBIC)
        axes.imshow(np.clip(grown, 0, 1), cmap="inferno", vmin=0, vmax=1, alpha=0.55)
        axes.set_title("what speaks for the genre: bright", **_titled())
    _frame(axes, image)


def _probabilities(axes: Axes, probabilities: Mapping[str, float]) -> None:
    ranked = sorted(probabilities.items(), key=lambda item: item[1])
    names, values = zip(*ranked, strict=True)
    colours = [LIGHT] * (len(ranked) - 1) + [BLUE]
    axes.barh(names, values, color=colours, height=0.7)
    for place, value in enumerate(values):
        axes.text(value + 0.01, place, f"{value:.2f}", va="center", fontsize=SMALL, color=INK)
    tidy(axes, "probability")
    axes.set_xlim(0, 1.08)
    axes.set_title("looks like", **_titled())


def _reasons(axes: Axes, reasons: Sequence[Mapping[str, Any]]) -> None:
    largest = sorted(reasons, key=lambda reason: -abs(reason["contribution"]))[:_REASONS][::-1]
    axes.set_title("what moved that", **_titled())
    if not largest:
        axes.text(0.5, 0.5, "the classifier alone", ha="center", color=GREY, fontsize=NORMAL)
        axes.axis("off")
        return
    names = [
        reason["part"] if reason["part"] == reason["input"]
        else f"{reason['part']}: {reason['input']}"
        for reason in largest
    ]  # fmt: skip
    values = [reason["contribution"] for reason in largest]
    axes.barh(names, values, color=[BLUE if v > 0 else ORANGE for v in values], height=0.7)
    axes.axvline(0, color=GREY, linewidth=0.8)
    tidy(axes, "logit of the genre, against the mean of all: for (right), against (left)")


def _titled() -> dict[str, Any]:
    return {"fontsize": NORMAL, "color": INK, "loc": "left"}
