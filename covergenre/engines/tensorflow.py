"""TensorFlow: the reference, on a GPU where there is one. Always in float32."""

from __future__ import annotations

from covergenre.engines.graph import Floats, Graph, Loader, Pixels, padded


class TensorFlowRun:
    """A graph as one compiled function.

    Args:
        graph: loaded here.
        batch_size: covers a call; shorter batches are padded, so the function compiles once.
    """

    def __init__(self, graph: Graph, batch_size: int) -> None:
        self.size = graph.size
        self.batch_size = batch_size
        self._function = graph.traced(batch_size)

    def __call__(self, pixels: Pixels) -> tuple[Floats, ...]:
        """See :class:`covergenre.engines.Run`."""
        said = self._function(padded(pixels, self.batch_size))
        return tuple(tensor.numpy()[: len(pixels)] for tensor in said)


def loader(batch_size: int) -> Loader:
    """Loads graphs for batches of this size; :func:`covergenre.tensorflow_runtime.start` first."""
    return lambda graph: TensorFlowRun(graph, batch_size)
