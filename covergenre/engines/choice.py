"""Which engine computes, and how precisely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from covergenre.cpuinfo import cpuinfo
from covergenre.errors import EngineError

EngineName = Literal["openvino", "tensorflow"]
Precision = Literal["f32", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# What a processor must say of itself, one of them, for a precision to be faster than float32.
# Without those of int8 it adds in 16 bits, which overflow.
_UNITS: dict[Precision, tuple[str, ...]] = {
    "bf16": ("amx_bf16", "avx512_bf16"),
    "int8": ("amx_int8", "avx512_vnni", "avx_vnni"),
}
# In the order that they are chosen. With AMX, int8 is no faster in all; without, two to three times
# (docs/performance.md, "Eight-bit integers").
_CHOICE: tuple[tuple[Precision, tuple[str, ...]], ...] = (
    ("bf16", ("amx_bf16",)),
    ("int8", _UNITS["int8"]),
    ("bf16", _UNITS["bf16"]),
)


@dataclass(frozen=True)
class Engine:
    """What computes the networks.

    Attributes:
        name: ``openvino`` or ``tensorflow``.
        precision: of its arithmetic; TensorFlow's is always ``f32``.
        logit_scale: how much larger its logits are than the reference's, as the parity gate found;
            temperatures are meant for the reference's.
    """

    name: EngineName
    precision: Precision
    logit_scale: float = 1.0

    def __str__(self) -> str:
        return f"{self.name} {self.precision}"


def choose(
    name: Literal["auto"] | EngineName,
    precision: Literal["auto"] | Precision,
    proven: Mapping[str, Any],
    flags: frozenset[str] | None = None,
) -> Engine:
    """The engine that settings, processor and bundle allow.

    Args:
        name: ``auto`` is OpenVINO; TensorFlow is for GPUs, and to compare with.
        precision: ``auto``: of those that the bundle has passed the parity gate with, bfloat16 on
            a processor with AMX, else int8 where it has units for that, else bfloat16 where it has,
            else float32. A precision that is named is used whatever the gate says.
        proven: the bundle's :attr:`covergenre.bundle.Bundle.parity`, by precision.
        flags: of the processor; None: this machine's.

    Raises:
        EngineError: int8 is named, and the processor has no units for it.
    """
    if name == "tensorflow":
        return Engine("tensorflow", "f32")
    if precision == "int8" and not has_units("int8", flags):
        raise EngineError(
            f"engine.precision=int8 needs a processor with one of {', '.join(_UNITS['int8'])}: "
            "--set engine.precision=auto takes what this one has"
        )
    if precision == "auto":
        has = processor_flags() if flags is None else flags
        passed = ((p, units) for p, units in _CHOICE if proven.get(p, {}).get("passed"))
        chosen: Precision = next((p for p, units in passed if has.intersection(units)), "f32")
    else:
        chosen = precision
    return Engine("openvino", chosen, proven.get(chosen, {}).get("logit_scale", 1.0))


def has_units(precision: Precision, flags: frozenset[str] | None = None) -> bool:
    """Whether a processor (None: this one) computes in a precision faster than in float32."""
    has = processor_flags() if flags is None else flags
    return bool(has.intersection(_UNITS.get(precision, ())))


def covers_a_call(
    size: Literal["auto"] | int, side: int, flags: frozenset[str] | None = None
) -> int:
    """How many covers a network is shown at a time.

    What a call works on should stay in the processor's caches, but every call reads all weights
    again, which costs the more the faster the arithmetic is.

    Args:
        size: ``auto``: 8 where the processor has AMX, 4 of more than 300 pixels, else 2
            (docs/performance.md, "Covers a call"). A number that is named is used as it is.
        side: of a cover as the network sees it, in pixels.
        flags: of the processor; None: this machine's.
    """
    if size != "auto":
        return size
    has = processor_flags() if flags is None else flags
    if "amx_bf16" not in has:
        return 2
    return 8 if side <= 300 else 4


def processor_flags() -> frozenset[str]:
    """What this machine's processor says it can; empty where it does not say."""
    return frozenset(cpuinfo().get("flags", "").split())
