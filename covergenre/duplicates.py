"""Whether two covers are copies of each other, and which covers belong together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from covergenre.images import Pixels, resize

SIGNATURE_SIDE = 32
HASH_BITS = 64


def bands(radius: int) -> list[tuple[int, int]]:
    """Cut the 64 bits of a hash into ``radius + 1`` bands, as (first bit, bits).

    Two hashes that differ in at most ``radius`` bits agree on at least one band (pigeonhole), so
    joining on bands finds every pair without comparing everything with everything.
    """
    edges = [HASH_BITS * i // (radius + 1) for i in range(radius + 2)]
    return [(start, end - start) for start, end in itertools.pairwise(edges)]


def signature(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The cover as a 32x32 grey picture of zero mean and unit length.

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        float32 (1024,); all zero for a cover of one plain colour.
    """
    grey = cv2.cvtColor(resize(pixels, SIGNATURE_SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    centred = (grey - grey.mean()).ravel()
    length = float(np.linalg.norm(centred))
    # Below one grey level of contrast only compression noise is left to compare.
    return centred / length if length > SIGNATURE_SIDE else np.zeros_like(centred)


def correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Correlation of two signatures, -1 to 1; 0 when either is plain."""
    return float(a @ b)


def groups(cover_ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Connected components of the pairs.

    Returns:
        cover id to group id, which is the smallest cover id of the component; a cover without a
        copy is a group of its own.
    """
    ids = sorted(set(cover_ids))
    index = {cover_id: i for i, cover_id in enumerate(ids)}
    edges = np.array([(index[a], index[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(ids),) * 2)
    _, component = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    for cover_id, number in zip(ids, component, strict=True):
        first.setdefault(int(number), cover_id)
    return {cover_id: first[int(n)] for cover_id, n in zip(ids, component, strict=True)}
