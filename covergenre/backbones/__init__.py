"""Backbones: pretrained networks that turn pixels into features, by name or from a Keras file."""

from covergenre.backbones.preprocessing import MODES, Preprocessing
from covergenre.backbones.registry import Backbone, resolve

__all__ = ["MODES", "Backbone", "Preprocessing", "resolve"]
