"""Whether covers are copies of each other, and which things belong together."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from covergenre.images import Pixels, resize

SIGNATURE_SIDE = 32
HASH_BITS = 64
_BLOCK = 256

Node = TypeVar("Node", int, str)


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


def copies(
    hashes: npt.NDArray[np.uint64],
    signatures: npt.NDArray[np.float32],
    radius: int,
    min_correlation: float,
) -> npt.NDArray[np.int64]:
    """Groups of copies: covers linked, directly or through others, by hash and by pixels.

    Compares every pair, block by block: memory grows with the covers, not with their pairs, so
    thousands of covers of one hash are no trouble.

    Args:
        hashes: (n,), perceptual hashes.
        signatures: float32 (n, 1024), see :func:`signature`.
        radius: most bits in which the hashes of a link differ.
        min_correlation: least correlation of the signatures of a link, above 0; a plain cover
            correlates with nothing.

    Returns:
        int64 (n,), for each cover the first index of its group.
    """
    n = len(hashes)
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(n, -1), axis=1)
    # The product of two rows of ones and minus ones counts agreeing less differing bits.
    signs = bits.astype(np.float32) * 2 - 1
    first = np.arange(n)
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        near = signs[block] @ signs[start:].T >= HASH_BITS - 2 * radius
        columns = np.flatnonzero(near.any(axis=0))
        alike = signatures[block] @ signatures[start + columns].T >= min_correlation
        i, j = np.nonzero(near[:, columns] & alike)
        first = _first(np.r_[first, start + i], np.r_[np.arange(n), start + columns[j]], n)
    return first


def groups(pairs: Iterable[tuple[Node, Node]]) -> dict[Node, Node]:
    """Connected components of the pairs.

    Returns:
        each node named by a pair, to the smallest node of its component.
    """
    edges = list(pairs)
    nodes = sorted({node for edge in edges for node in edge})
    index = {node: i for i, node in enumerate(nodes)}
    ends = np.array([(index[a], index[b]) for a, b in edges], dtype=np.int64).reshape(-1, 2)
    first = _first(ends[:, 0], ends[:, 1], len(nodes))
    return {node: nodes[i] for node, i in zip(nodes, first, strict=True)}


def artist_name(name: str) -> str:
    """An artist's name in one form: Unicode NFKC, case folded, single spaces; '' for none."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _first(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """For each of n nodes, the smallest node of its component; a and b are the ends of edges."""
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    # return_index gives the first place of each component, the components being 0, 1, 2, ...
    return np.asarray(np.unique(component, return_index=True)[1][component], dtype=np.int64)
