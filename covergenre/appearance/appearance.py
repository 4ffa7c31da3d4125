"""All that is said of a cover's colour and composition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2

from covergenre import colour, images
from covergenre.appearance import composition, tone
from covergenre.appearance.faces import faces
from covergenre.appearance.palette import PaletteColour, palette

_VERSION = "2"
"""Of the arithmetic in this package."""


@dataclass(frozen=True)
class Appearance:
    """What a cover looks like; each measure is defined at the function of its name.

    Attributes:
        palette: dominant colours, the largest share first.
        colourfulness: from 0; above 82 is highly colourful.
        brightness: 0 to 1.
        contrast: 0 to 0.5.
        saturation: 0 to 1.
        hue_entropy: bits, 0 to 3.70.
        near_black, near_white, achromatic: shares of the pixels, 0 to 1.
        grey_entropy: bits, 0 to 8.
        edge_density: share of the pixels, 0 to 1.
        symmetry: 0 to 1.
        faces: how many were found.
        face_area: share of the cover that the largest takes, 0 to 1.
    """

    palette: list[PaletteColour]
    colourfulness: float
    brightness: float
    contrast: float
    saturation: float
    hue_entropy: float
    near_black: float
    near_white: float
    achromatic: float
    grey_entropy: float
    edge_density: float
    symmetry: float
    faces: int
    face_area: float

    def row(self) -> dict[str, Any]:
        """The attributes by name, colours too; :func:`dataclasses.asdict` copies each value."""
        return {**vars(self), "palette": [vars(colour) for colour in self.palette]}


def describe(pixels: images.Pixels, colours: int) -> Appearance:
    """Measure a cover.

    Composition is looked at in the size of :data:`covergenre.appearance.composition.SIDE`, colours
    in that of :data:`covergenre.colour.SIDE`, made of it.

    Args:
        pixels: uint8 (height, width, 3), RGB, as :func:`covergenre.images.decode` gives them.
        colours: of the palette, at most.
    """
    middle = images.resize(pixels, composition.SIDE)
    small = images.resize(middle, colour.SIDE)
    lab = colour.cielab(small)
    grey = cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY)
    found = faces(grey)
    return Appearance(
        palette=palette(lab, colours),
        colourfulness=tone.colourfulness(small),
        brightness=tone.brightness(grey),
        contrast=tone.contrast(grey),
        saturation=tone.saturation(small, lab),
        hue_entropy=tone.hue_entropy(lab),
        near_black=tone.near_black(lab),
        near_white=tone.near_white(lab),
        achromatic=tone.achromatic(lab),
        grey_entropy=composition.grey_entropy(grey),
        edge_density=composition.edge_density(grey),
        symmetry=composition.symmetry(grey),
        faces=found.count,
        face_area=found.area,
    )


def version(colours: int) -> str:
    """Names what :func:`describe` says with so many colours: equal versions measure alike."""
    return f"{_VERSION}-pixels{images.PIXELS_VERSION}-colours{colours}"
