"""The colours that many covers have together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from covergenre.appearance.palette import PaletteColour, name
from covergenre.colour import cielab

_PARTS = ["red", "green", "blue"]
_STARTS = 4


@dataclass(frozen=True)
class GroupPalette:
    """Colours of a group of covers.

    Attributes:
        group: a genre or a decade.
        covers: how many.
        colours: the darkest first; shares sum to 1.
    """

    group: str
    covers: int
    colours: list[PaletteColour]


def mean_palette(colours: pd.DataFrame, most: int) -> list[PaletteColour]:
    """The palette of a group of covers.

    k-means in CIELAB over the colours of all covers' palettes, weighted by their shares (S. Lloyd,
    1982; D. Arthur, S. Vassilvitskii, 2007). A cluster is shown as the colour nearest to its
    centre: one that is on covers, which a mean of red and green is not.

    Args:
        colours: ``red``, ``green``, ``blue`` and ``share`` of one group, as
            :func:`jobs.runtime.analysis.covers.add_up_colours` gives them; at least one.
        most: colours, at most.

    Returns:
        1 to ``most`` colours, the darkest first; shares are means over covers and sum to 1.
    """
    rgb = np.rint(colours[_PARTS].to_numpy(np.float64)).astype(np.uint8)
    lab = cielab(rgb[None])[0].astype(np.float64)
    weights = colours["share"].to_numpy(np.float64)
    count = min(most, len(np.unique(lab, axis=0)))
    found = KMeans(count, n_init=_STARTS, random_state=0).fit(lab, sample_weight=weights)
    clusters = []
    for k, centre in enumerate(found.cluster_centers_):
        mine = np.flatnonzero(found.labels_ == k)
        if len(mine) == 0:
            continue
        shown = mine[np.square(lab[mine] - centre).sum(axis=1).argmin()]
        share = float(weights[mine].sum() / weights.sum())
        text = "#" + "".join(f"{part:02x}" for part in rgb[shown])
        clusters.append(
            (centre[0], PaletteColour(text, name(lab[shown].astype(np.float32)), share))
        )
    return [colour for _, colour in sorted(clusters, key=lambda cluster: cluster[0])]


def palettes(colours: pd.DataFrame, covers: dict[Any, int], most: int) -> list[GroupPalette]:
    """A palette a group, in the order of ``covers``.

    Args:
        colours: of all groups, with ``group``.
        covers: of each group; those with none are left out.
        most: colours a group, at most.
    """
    parts = {group: part for group, part in colours.groupby("group")}
    return [
        GroupPalette(str(group), count, mean_palette(parts[group], most))
        for group, count in covers.items()
        if group in parts
    ]
