"""The few colours that a cover is made of."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from covergenre.colour import cielab

Floats = npt.NDArray[np.float32]

SAME = 10.0
"""Colours at most this far apart in CIELAB (CIE 1976, Euclidean) are one colour of the palette."""

# Iterations end when no centre moves further, in CIELAB units: about what an eye can tell.
_STOP = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)


@dataclass(frozen=True)
class PaletteColour:
    """One colour of a palette.

    Attributes:
        hex: sRGB, ``#rrggbb``.
        name: the nearest of the named colours of CSS (W3C, "CSS Color Module Level 4").
        share: of the cover's pixels, above 0 to 1.
    """

    hex: str
    name: str
    share: float


def palette(lab: Floats, most: int) -> list[PaletteColour]:
    """The dominant colours of a cover.

    k-means in CIELAB (S. Lloyd, "Least squares quantization in PCM", 1982), started by k-means++
    (D. Arthur, S. Vassilvitskii, 2007) from a fixed seed; then the nearest two centres are merged
    for as long as they are at most :data:`SAME` apart, as in the dominant colour descriptor of
    MPEG-7 (Y. Deng et al., "An efficient color representation for image retrieval", 2001). So a
    cover of two colours has two, not five shades of them.

    Args:
        lab: float32 (height, width, 3), as :func:`covergenre.colour.cielab` gives it.
        most: colours, at most.

    Returns:
        1 to ``most`` colours, the largest share first; shares sum to 1. The same pixels have the
        same palette always.
    """
    # Every other column: half the time, and no more of a difference than another start makes.
    points = np.ascontiguousarray(lab[:, ::2]).reshape(-1, 3)
    # k-means wants no more centres than points; it copes with fewer colours than centres.
    count = min(most, len(points))
    cv2.setRNGSeed(0)
    _, labels, centres = cv2.kmeans(points, count, None, _STOP, 1, cv2.KMEANS_PP_CENTERS)
    sizes = np.bincount(labels.ravel(), minlength=count).astype(np.float64)
    centres, sizes = _merged(centres[sizes > 0], sizes[sizes > 0])
    order = np.argsort(-sizes, kind="stable")
    shares = sizes[order] / len(points)
    return [
        PaletteColour(_hex(centre), name(centre), float(share))
        for centre, share in zip(centres[order], shares, strict=True)
    ]


def name(lab: Floats) -> str:
    """The named colour of CSS that is nearest to a colour, float32 (3,) in CIELAB."""
    names, values = _named()
    return names[int(np.argmin(np.square(values - lab).sum(axis=1)))]


@functools.lru_cache(maxsize=1)
def _named() -> tuple[list[str], Floats]:
    words: dict[tuple[int, ...], str] = {}
    for word in list(ImageColor.colormap):
        words.setdefault(ImageColor.getrgb(word), word)  # grey and gray, aqua and cyan: the first
    return list(words.values()), cielab(np.array([list(words)], np.uint8))[0]


def _merged(
    centres: Floats, sizes: npt.NDArray[np.float64]
) -> tuple[Floats, npt.NDArray[np.float64]]:
    while len(centres) > 1:
        apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        kept, gone = sorted(np.unravel_index(np.argmin(apart), apart.shape))
        if apart[kept, gone] > SAME:
            break
        both = sizes[[kept, gone]]
        centres[kept] = (centres[[kept, gone]] * both[:, None]).sum(axis=0) / both.sum()
        sizes[kept] = both.sum()
        centres, sizes = np.delete(centres, gone, axis=0), np.delete(sizes, gone)
    return centres, sizes


def _hex(lab: Floats) -> str:
    rgb = cv2.cvtColor(lab.reshape(1, 1, 3).astype(np.float32), cv2.COLOR_LAB2RGB).ravel()
    return "#" + "".join(f"{round(float(v) * 255):02x}" for v in np.clip(rgb, 0, 1))
