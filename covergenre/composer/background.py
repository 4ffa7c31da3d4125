"""Covers that labels are laid on: which may serve, and how one cover becomes many backgrounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from covergenre.images import Pixels

# Seldom, or type that can be read would be a sign of a label.
_MIRRORED = 0.3
_SIDE = 300  # pixels of the longer side of most covers on the web
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""


def usable(
    groups: Mapping[str, str],
    genres: Mapping[str, Collection[str]],
    labelled_genres: Collection[str],
    marked: Collection[str],
    held_out: Collection[str],
) -> frozenset[str]:
    """The covers that may be backgrounds of training pictures.

    Whatever the detector is measured on must not be seen in training, and a background must carry
    no label that nobody marked: the detector would be told that a label is none. So these serve
    neither themselves nor through a near-duplicate (a cover of the same group):

    * covers whose labels were marked by hand, with or without a label on them;
    * covers held out to count false labels on;
    * covers filed under a genre of which many carry the label: those not marked by hand may.

    Args:
        groups: group of near-duplicates (``splits.group_id``) of every ``cover_id``.
        genres: all genres each cover is filed under; a cover without any has no entry.
        labelled_genres: the genres of which many covers carry the label.
        marked: ``cover_id`` of the covers marked by hand, the ambiguous ones too.
        held_out: ``cover_id`` of the further covers held out.

    Returns:
        ``cover_id`` of the others.

    Raises:
        KeyError: a marked or held-out cover has no group: its near-duplicates are not known.
    """
    labelled = set(labelled_genres)
    barred = {groups[cover] for cover in (*marked, *held_out)}
    barred |= {groups[cover] for cover, names in genres.items() if labelled & set(names)}
    return frozenset(cover for cover, group in groups.items() if group not in barred)


def background(cover: Pixels, rng: Generator) -> npt.NDArray[np.float32]:
    """Turn a cover into another of about the same kind, at the size covers have on the web.

    A crop of half to all of it, now and then mirrored, in other colours; sometimes with a plain
    border, as around a scan.

    Args:
        cover: uint8 (height, width, 3), RGB.
        rng: chooses.

    Returns:
        float32 (height, width, 3), 0-255, the longer side 240 to 320 pixels, mostly 300.
    """
    crop = _crop(cover, rng)
    long = _SIDE if rng.random() < 0.8 else int(rng.integers(240, 321))
    short = round(long * rng.uniform(0.85, 1.0)) if rng.random() < 0.25 else long
    size = (long, short) if rng.random() < 0.85 else (short, long)
    shrinks = crop.shape[1] > size[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    pixels = np.asarray(cv2.resize(crop, size, interpolation=method), np.float32)
    if rng.random() < _MIRRORED:
        pixels = pixels[:, ::-1]
    pixels = recoloured(pixels, rng)
    if rng.random() < 0.06:
        _border(pixels, rng)
    return np.ascontiguousarray(np.clip(pixels, 0, 255))


def _crop(cover: Pixels, rng: Generator) -> Pixels:
    if rng.random() < 0.25:
        return cover
    height, width = cover.shape[:2]
    area, aspect = rng.uniform(0.5, 1.0), np.exp(rng.uniform(-0.12, 0.12))
    rows = max(1, round(height * min(1.0, np.sqrt(area / aspect))))
    columns = max(1, round(width * min(1.0, np.sqrt(area * aspect))))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    return cover[top : top + rows, left : left + columns]


def recoloured(pixels: npt.NDArray[np.float32], rng: Generator) -> npt.NDArray[np.float32]:
    """Change saturation, hue, contrast and brightness a little; now and then by much.

    Args:
        pixels: float32 (height, width, 3), RGB 0-255.
        rng: chooses.

    Returns:
        the same shape; values may lie beyond 0-255.
    """
    much = 2.0 if rng.random() < 0.15 else 1.0
    saturation = max(0.0, 1 + rng.uniform(-0.25, 0.25) * much) if rng.random() > 0.06 else 0.0
    contrast = 1 + rng.uniform(-0.15, 0.2) * much
    brightness = 1 + rng.uniform(-0.2, 0.15) * much
    gains = 1 + rng.normal(0, 0.03, 3) * much
    # One matrix for all of it, saturation around the luma and contrast around the mean.
    mixing = np.eye(3) * saturation + (1 - saturation) * np.outer(np.ones(3), LUMA)
    mean = float((pixels[::8, ::8].mean(axis=(0, 1)) * LUMA).sum())
    matrix = mixing * contrast * brightness * gains[:, None]
    offset = mean * (1 - contrast) * brightness * gains
    recoloured = cv2.transform(pixels, np.column_stack([matrix, offset]).astype(np.float32))
    return np.asarray(recoloured, np.float32)


def _border(pixels: npt.NDArray[np.float32], rng: Generator) -> None:
    wide = max(1, round(pixels.shape[0] * rng.uniform(0.01, 0.08)))
    colour = rng.choice([255.0, 0.0]) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    if rng.random() < 0.6:
        pixels[:, :wide], pixels[:, -wide:] = colour, colour
    pixels[:wide], pixels[-wide:] = colour, colour
