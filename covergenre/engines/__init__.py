"""What computes a network: TensorFlow, the reference, or OpenVINO, the fast way on CPUs.

A network is described once, as a :class:`Graph`: TensorFlow operations from a cover's bytes of
pixels to its outputs, preprocessing included, so that every engine gets the same input. An engine
turns a graph into a :class:`Run`. OpenVINO's are converted where TensorFlow is (the driver), kept
by digest, and sent to workers, which then need neither TensorFlow nor any weights.
"""

from covergenre.engines.choice import (
    PRECISIONS,
    Engine,
    EngineName,
    Precision,
    choose,
    covers_a_call,
    has_units,
)
from covergenre.engines.graph import Floats, Graph, Loader, Pixels, Run, chunks, rows

__all__ = [
    "PRECISIONS", "Engine", "EngineName", "Floats", "Graph", "Loader", "Pixels", "Precision", "Run",
    "choose", "chunks", "covers_a_call", "has_units", "rows",
]  # fmt: skip
