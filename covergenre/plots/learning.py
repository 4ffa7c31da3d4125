"""Learning curves."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from covergenre.plots.style import BLUE, INK, NORMAL, ORANGE, SMALL, canvas, tidy

_VALIDATION = "val_"


def learning_curves(history: dict[str, list[float]]) -> Figure:
    """One panel a figure: on the covers trained on and, where known, on the validation covers.

    Args:
        history: name to a value an epoch, as Keras names them: ``loss``, ``val_loss``, ...
    """
    names = sorted({name.removeprefix(_VALIDATION) for name in history})
    figure = canvas(max(3.8 * len(names), 4.4), 3.6, "Learning curves")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for panel, name in zip(panels, names, strict=True):
        for key, colour, marker, what in (
            (name, BLUE, "o", "training"),
            (_VALIDATION + name, ORANGE, "s", "validation"),
        ):
            values = history.get(key)
            if not values:
                continue
            epochs = range(1, len(values) + 1)
            panel.plot(epochs, values, color=colour, marker=marker, markersize=3.5, label=what)
        panel.legend(fontsize=SMALL, frameon=False, labelcolor=INK)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(panel, "epoch")
        panel.set_title(name.replace("_", " "), fontsize=NORMAL, color=INK, loc="left")
    return figure
