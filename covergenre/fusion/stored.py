"""A combined model as a bundle holds it: its files and what the manifest says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file, save

from covergenre.calibration import Abstention
from covergenre.errors import BundleError
from covergenre.fusion.fusion import Fusion
from covergenre.fusion.inputs import CLASSIFIER
from covergenre.fusion.opinion import TENSORS, Opinion

OPINIONS, CARD = "fusion.safetensors", "FUSION_CARD.md"


@dataclass(frozen=True)
class FusionPart:
    """A combined model on its way into a bundle.

    Attributes:
        files: name, relative to the bundle, to content.
        spec: the manifest's entry: ``files``, ``names`` (of each part's inputs), ``weights`` (one
            mapping of part to weight for each choice of parts), ``least``, ``tagger`` and
            ``appearance`` (whose concepts and measures it has learnt from; None: not from any),
            ``abstention``, ``details`` (free).
    """

    entry: ClassVar[str] = "fusion"

    files: Mapping[str, bytes]
    spec: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        fusion: Fusion,
        abstention: Abstention | None,
        tagger: str | None,
        appearance: str | None,
        details: Mapping[str, Any],
        card: str = "",
    ) -> FusionPart:
        """A fitted model.

        Args:
            fusion: fitted.
            abstention: when what it says is too unsure; None: never.
            tagger: name of the tagger whose concepts it reads; None: it reads none.
            appearance: version of the measures it reads; None: it reads none.
            details: figures, training, whatever JSON can hold.
            card: Markdown for people; none if empty.
        """
        tensors = {
            f"{part}.{name}": np.ascontiguousarray(array)
            for part, opinion in fusion.opinions.items()
            for name, array in opinion.tensors().items()
        }
        files = {OPINIONS: save(tensors)}
        if card:
            files[CARD] = card.encode()
        spec = {
            "files": sorted(files),
            "names": {part: list(opinion.names) for part, opinion in fusion.opinions.items()},
            "weights": [dict(weights) for weights in fusion.weights.values()],
            "least": fusion.least,
            "tagger": tagger,
            "appearance": appearance,
            "abstention": None if abstention is None else abstention.to_json(),
            "details": dict(details),
        }
        return cls(files, spec)


@dataclass(frozen=True)
class StoredFusion:
    """The combined model of a bundle on disk.

    Attributes:
        path: the bundle's folder.
        spec: the manifest's entry, as :class:`FusionPart` describes it.
    """

    path: Path
    spec: Mapping[str, Any]

    @property
    def parts(self) -> tuple[str, ...]:
        """What it combines beside the classifier."""
        return tuple(self.spec["names"])

    @property
    def tagger(self) -> str | None:
        """Whose concepts it reads; None: it reads none."""
        tagger: str | None = self.spec["tagger"]
        return tagger

    @property
    def appearance(self) -> str | None:
        """Version of the measures it reads; None: it reads none."""
        version: str | None = self.spec["appearance"]
        return version

    def load(self) -> Fusion:
        """The model.

        Raises:
            BundleError: the file is not what the manifest says.
        """
        tensors = load_file(self.path / OPINIONS)
        opinions = {}
        for part, names in self.spec["names"].items():
            own = {
                name: tensors[f"{part}.{name}"] for name in TENSORS if f"{part}.{name}" in tensors
            }
            if len(own) < len(TENSORS) or len(own["mean"]) != len(names):
                raise BundleError(
                    f"bundle {self.path}: {OPINIONS} does not hold what the manifest says of "
                    f"{part}: copy the bundle again"
                )
            opinions[part] = Opinion.of_tensors(names, own)
        weights = {
            tuple(part for part in one if part != CLASSIFIER): one for one in self.spec["weights"]
        }
        return Fusion(opinions, weights, float(self.spec["least"]))
