"""How a bundle's networks are computed in eight-bit integers, found on covers it was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version

import numpy as np
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.engines import Graph, Pixels, openvino, quantization
from covergenre.engines.int8 import Int8Part
from covergenre.engines.quantization import Quantization
from covergenre.errors import CatalogueError, ImageError
from covergenre.images import Cover, Limits
from jobs.runtime.evaluation import held_out
from jobs.runtime.warehouse import Warehouse

# What its networks' structure, and ranges, may change with.
_DECIDING = ("tensorflow", "keras", "openvino", "nncf")
_A_CALL = 8  # ranges do not depend on it


def int8_part(warehouse: Warehouse, bundle: Bundle, settings: Settings) -> Int8Part:
    """Show a bundle's networks ``engine.int8_covers`` covers of the training folds.

    Args:
        warehouse: with splits and covers.
        bundle: verified.
        settings: of engine, splits and images.

    Raises:
        CatalogueError: there are too few such covers.
    """
    covers = _covers(warehouse, settings)
    details = {"covers": len(covers), "versions": {name: version(name) for name in _DECIDING}}
    return Int8Part(found(bundle.graphs(), covers), details)


def found(graphs: Mapping[str, Graph], covers: Sequence[Cover]) -> dict[str, Quantization]:
    """How to compute networks in eight-bit integers, by what they compute of covers."""
    said = {}
    for name, graph in graphs.items():
        print(f"int8: the {name} looks at {len(covers)} covers")
        model = openvino.read(openvino.convert(graph, _A_CALL))
        said[name] = quantization.find(model, list(_batches(covers, graph.size)))
    return said


def _covers(warehouse: Warehouse, settings: Settings) -> list[Cover]:
    """Those that can be used of the first covers: ids are hashes, so that these are a sample."""
    splits, wanted = settings.splits, settings.engine.int8_covers
    known = held_out.representatives(warehouse).where(
        ~F.col("fold").isin(splits.test_fold, splits.validation_fold)
    )
    chosen = known.select("cover_id").orderBy("cover_id").limit(wanted).collect()
    contents = held_out.contents_of(warehouse, [row["cover_id"] for row in chosen])
    covers = list(_usable((contents[name] for name in sorted(contents)), settings.images.limits))
    if len(covers) < _A_CALL:
        raise CatalogueError(
            f"{warehouse.location} has {len(covers)} covers in the training folds that can be "
            f"used: int8 needs {_A_CALL} at least, and is good from some hundreds on"
        )
    return covers


def _usable(contents: Iterable[bytes], limits: Limits) -> Iterator[Cover]:
    for content in contents:
        try:
            cover = Cover(content, limits)
            cover.decoded()
        except ImageError:
            continue
        yield cover


def _batches(covers: Sequence[Cover], side: int) -> Iterator[Pixels]:
    """Whole ones; what is left over is not shown."""
    for start in range(0, len(covers) - _A_CALL + 1, _A_CALL):
        yield np.stack([cover.at(side) for cover in covers[start : start + _A_CALL]])
