"""Which engine computes, and how precisely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from covergenre.cpuinfo import cpuinfo

EngineName = Literal["openvino", "tensorflow"]
Precision = Literal["f32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# What a processor must say of itself, one of them, for bfloat16 to be faster than float32.
_BF16_UNITS = ("amx_bf16", "avx512_bf16")


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
        precision: ``auto``: bfloat16 where the processor has units for it and the bundle has
            passed the parity gate with it, else float32. A precision that is named is used
            whatever the gate says.
        proven: the bundle's :attr:`covergenre.bundle.Bundle.parity`, by precision.
        flags: of the processor; None: this machine's.
    """
    if name == "tensorflow":
        return Engine("tensorflow", "f32")
    if precision == "auto":
        has = processor_flags() if flags is None else flags
        fast = has.intersection(_BF16_UNITS) and proven.get("bf16", {}).get("passed")
        precision = "bf16" if fast else "f32"
    return Engine("openvino", precision, proven.get(precision, {}).get("logit_scale", 1.0))


def covers_a_call(size: Literal["auto"] | int, flags: frozenset[str] | None = None) -> int:
    """How many covers a network is shown at a time.

    What a call works on should stay in the processor's caches, but every call reads all weights
    again, which costs the more the faster the arithmetic is.

    Args:
        size: ``auto``: 8 where the processor has AMX, else 2 (docs/performance.md, "Covers a
            call"). A number that is named is used as it is.
        flags: of the processor; None: this machine's.
    """
    if size != "auto":
        return size
    has = processor_flags() if flags is None else flags
    return 8 if "amx_bf16" in has else 2


def processor_flags() -> frozenset[str]:
    """What this machine's processor says it can; empty where it does not say."""
    return frozenset(cpuinfo().get("flags", "").split())
