"""Taggers that need no network connection: ImageNet's classes, or a user's own model.

What a tagger is (:class:`LocalModel`) is known without TensorFlow; :meth:`LocalModel.load` is for
where it runs, a worker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from covergenre import images
from covergenre.concepts import imagenet, model_file
from covergenre.concepts.network import Network, Pixels, Scores
from covergenre.concepts.tagger import Concept, Tagged, Tagger, TaggerFailure, ranked
from covergenre.config.concepts import Concepts, Local
from covergenre.engines import Graph, Loader, tensorflow
from covergenre.errors import ImageError, TaggerError


class LocalTagger(Tagger):
    """A loaded network and what is told of its scores.

    Where a cover is decoded already, :meth:`scores` and :meth:`concepts` are what :meth:`tag` is
    made of.

    Args:
        model: what it is.
        network: itself.
        limits: what is accepted as a cover.

    Attributes:
        size: side of the input in pixels.
        names: of the classes, in the order of the scores.
    """

    def __init__(
        self, model: LocalModel, network: Network, limits: images.Limits | None = None
    ) -> None:
        self.name = model.name
        self.batch_size = model.settings.batch_size
        self.names = model.names
        self.size = network.size
        self._network = network
        self._limits = limits or images.Limits()
        self._least = model.settings.min_score
        self._most = model.settings.max_concepts

    def scores(self, pixels: Pixels) -> Scores:
        """How certain each class is.

        Args:
            pixels: uint8 (n, size, size, 3), RGB, as :func:`covergenre.images.load` gives them.

        Returns:
            float32 (n, classes), 0-1.
        """
        return np.clip(self._network.scores(pixels), 0, 1).astype(np.float32)

    def concepts(self, scores: npt.NDArray[np.float32]) -> list[Concept]:
        """What is told of a cover's scores: a row of :meth:`scores`."""
        seen = np.flatnonzero(scores >= self._least)
        return ranked((self.names[i], float(scores[i])) for i in seen)[: self._most]

    def tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        tagged: list[Tagged] = []
        for i in range(0, len(contents), self.batch_size):
            tagged += self._tag(contents[i : i + self.batch_size])
        return tagged

    def _tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        tagged: list[Tagged] = []
        pixels = []
        for content in contents:
            try:
                pixels.append(images.load(content, self.size, self._limits))
                tagged.append([])
            except ImageError as error:
                tagged.append(TaggerFailure(error.reason, error.detail))
        if pixels:
            usable = [i for i, one in enumerate(tagged) if not isinstance(one, TaggerFailure)]
            for i, scores in zip(usable, self.scores(np.stack(pixels)), strict=True):
                tagged[i] = self.concepts(scores)
        return tagged


@dataclass(frozen=True)
class LocalModel:
    """A local tagger that is not loaded; small, and can be pickled.

    Attributes:
        name: of the tagger: weights, classes and settings that change what it says.
        names: of the classes.
        settings: ``concepts.local``.
        path: the user's file or folder; None for ImageNet's.
        sha256: of the weights.
    """

    name: str
    names: tuple[str, ...]
    settings: Local
    path: Path | None
    sha256: str

    def files(self) -> dict[str, bytes]:
        """The user's files, for workers that do not see them: name below the folder of ``path``
        to content; none for ImageNet's.

        Raises:
            TaggerError: they are missing, or others than before.
        """
        if self.path is None:
            return {}
        files = model_file.read(self.path)
        if model_file.digest(files) != self.sha256:
            raise TaggerError(f"{self.path} changed while it was used: run again")
        return files

    @property
    def graph(self) -> Graph | None:
        """As engines take it; None of a user's file, which TensorFlow alone runs."""
        return None if self.path is not None else imagenet.imagenet_graph(self._size)

    @property
    def _size(self) -> int:
        return self.settings.input_size or imagenet.INPUT_SIZE

    def load(
        self, limits: images.Limits | None = None, loader: Loader | None = None
    ) -> LocalTagger:
        """Load the network.

        Args:
            limits: what is accepted as a cover.
            loader: of the engine; None: TensorFlow's, which loads a user's file in any case.

        Raises:
            TaggerError, BackboneError: it cannot be, or does not fit its list of classes.
        """
        if self.path is None:
            network = imagenet.load(
                self._size, loader or tensorflow.loader(self.settings.batch_size)
            )
        else:
            network = model_file.load(self.path, len(self.names), self.settings)
        return LocalTagger(self, network, limits)


def resolve(settings: Concepts) -> LocalModel:
    """The local tagger that the settings mean: ``imagenet`` or ``file``.

    Raises:
        TaggerError: a file is missing, or is none of the kinds that are read.
    """
    local, path = settings.local, None
    if settings.tagger == "imagenet":
        stem, names, sha256 = "imagenet", imagenet.class_names(), imagenet.WEIGHTS_SHA256
    else:
        path = Path(local.file or "").expanduser().resolve()
        stem, names = path.stem, model_file.read_labels(Path(local.labels or "").expanduser())
        sha256 = model_file.digest(model_file.read(path))
    pixels = [local.input_size, local.preprocessing, local.output, images.PIXELS_VERSION]
    parts = json.dumps([sha256, names, *pixels])
    digest = hashlib.sha256(parts.encode()).hexdigest()[:12]
    told = f"most={local.max_concepts}&least={local.min_score:g}"
    return LocalModel(f"{stem}:{digest}?{told}", tuple(names), local, path, sha256)
