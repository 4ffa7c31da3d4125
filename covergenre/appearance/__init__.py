"""Colour and composition of a cover, as numbers that people can read."""

from covergenre.appearance.appearance import Appearance, describe, version
from covergenre.appearance.palette import PaletteColour

__all__ = ["Appearance", "PaletteColour", "describe", "version"]
