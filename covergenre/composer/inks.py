"""Colours of marks, and what light and time did to a print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

Colour = tuple[float, float, float]

# How bright or dark a cover must be, 0-255, for one ink alone to be read on it.
_DARK_ENOUGH, _BRIGHT_ENOUGH = 150.0, 120.0
_NEARLY_BLACK = 50.0


@dataclass(frozen=True)
class Inks:
    """What a mark is printed with.

    Attributes:
        light, dark: colours, RGB 0-255.
        light_opacity, dark_opacity: 0-1; at 0 the cover shows where that ink would be.
    """

    light: Colour = (255.0, 255.0, 255.0)
    dark: Colour = (0.0, 0.0, 0.0)
    light_opacity: float = 1.0
    dark_opacity: float = 1.0


@dataclass(frozen=True)
class Wear:
    """What happened to a print.

    Attributes:
        opacity: of the whole mark, 0-1.
        blur: Gaussian sigma, in pixels of the cover.
        shade: brightness at its corners (top left, top right, bottom left, bottom right), 0-1.
        rubbed: share of its area that came off in patches, 0-1.
        hidden: share of its diagonal, 0-1, that something lies over, from one corner inwards.
        seed: of where it is rubbed and hidden.
    """

    opacity: float = 1.0
    blur: float = 0.0
    shade: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    rubbed: float = 0.0
    hidden: float = 0.0
    seed: int = 0


def choose_inks(rng: Generator, ground: float, colourful: bool = False) -> Inks:
    """Inks about as real prints have them: mostly white and black, some tinted or see-through.

    Args:
        rng: chooses.
        ground: brightness of the cover under the mark, 0-255: one ink alone only where it shows.
        colourful: mostly any two colours that stand off each other.
    """
    if colourful and rng.random() < 0.8:
        pale, deep = _tint(rng, rng.uniform(150, 245), 80), _tint(rng, rng.uniform(10, 90), 80)
        return Inks(pale, deep) if rng.random() < 0.5 else Inks(deep, pale)
    light, dark = _tint(rng, 255 - abs(rng.normal(0, 10)), 1), _tint(rng, abs(rng.normal(0, 10)), 1)
    chance = rng.random()
    if chance < 0.62:
        return Inks(light, dark)
    if chance < 0.72:  # printed paler or darker than the artwork
        return Inks(_tint(rng, rng.uniform(130, 250), 20), _tint(rng, rng.uniform(0, 60), 15))
    if chance < 0.76:
        return Inks(_tint(rng, rng.uniform(140, 220), 90), dark)
    if chance < 0.79:
        return Inks(light, _tint(rng, rng.uniform(20, 110), 80))
    if chance < 0.82 and ground < _NEARLY_BLACK:  # hardly there: grey on black
        return Inks(_tint(rng, rng.uniform(50, 110), 8), _tint(rng, rng.uniform(0, 12), 4))
    if chance < 0.95 and ground < _DARK_ENOUGH:
        return Inks(light, dark, 1.0, _see_through(rng))
    if chance < 0.97 and ground > _BRIGHT_ENOUGH:
        return Inks(light, dark, _see_through(rng), 1.0)
    return Inks(light, dark)


def choose_wear(rng: Generator, width: float) -> Wear:
    """Wear about as real prints show it: most none, some faded, blurred, rubbed or covered.

    Args:
        rng: chooses.
        width: of the plate in pixels of the cover, which limits the blur.
    """
    opacity = rng.uniform(0.6, 0.95) if rng.random() < 0.08 else 1.0
    blur = rng.uniform(0.2, 1.0) * min(1.2, width / 50) if rng.random() < 0.08 else 0.0
    shade = rng.uniform(0.45, 1.0, 4) if rng.random() < 0.1 else np.ones(4)
    rubbed = rng.uniform(0.02, 0.2) if rng.random() < 0.05 else 0.0
    hidden = rng.uniform(0.05, 0.33) if rng.random() < 0.06 else 0.0
    a, b, c, d = (float(corner) for corner in shade)
    seed = int(rng.integers(2**31))
    return Wear(float(opacity), float(blur), (a, b, c, d), float(rubbed), float(hidden), seed)


def _see_through(rng: Generator) -> float:
    return 0.0 if rng.random() < 0.5 else float(rng.uniform(0.1, 0.8))


def _tint(rng: Generator, brightness: float, spread: float) -> Colour:
    """A colour of about the given brightness; ``spread`` is how far its channels may differ."""
    red, green, blue = np.clip(brightness + rng.uniform(-spread, spread, 3), 0, 255)
    return float(red), float(green), float(blue)
