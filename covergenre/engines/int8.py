"""The part of a bundle that says how its networks are computed in eight-bit integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from safetensors.numpy import load_file, save

from covergenre.engines.quantization import Quantization

_FILE = "int8.safetensors"


@dataclass(frozen=True)
class Int8Part:
    """Quantizations on their way into a bundle.

    Attributes:
        networks: of some of its networks, by their names.
        details: covers, versions.
    """

    entry: ClassVar[str] = "int8"

    networks: Mapping[str, Quantization]
    details: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, bytes]:
        """One, with the tensors of :meth:`Quantization.tensors`, each as ``NETWORK.NAME``."""
        tensors = {
            f"{network}.{name}": tensor
            for network, found in self.networks.items()
            for name, tensor in found.tensors().items()
        }
        return {_FILE: save(tensors)}

    @property
    def spec(self) -> Mapping[str, Any]:
        """The manifest's entry."""
        structures = {name: found.structure for name, found in self.networks.items()}
        return {"networks": structures, "details": dict(self.details), "files": [_FILE]}


def stored(bundle: Path, spec: Mapping[str, Any]) -> dict[str, Quantization]:
    """What an :class:`Int8Part` has left in a bundle, by the networks' names."""
    tensors = load_file(bundle / _FILE)
    return {
        network: Quantization.of_tensors(
            structure,
            {
                name.removeprefix(f"{network}."): tensor
                for name, tensor in tensors.items()
                if name.startswith(f"{network}.")
            },
        )
        for network, structure in spec["networks"].items()
    }
