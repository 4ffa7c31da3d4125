"""Which engine computes: settings, the processor and what the bundle has proven."""

from __future__ import annotations

import platform
from typing import Any

import pytest

from covergenre import config
from covergenre.engines import Engine, choose, covers_a_call
from covergenre.engines.choice import processor_flags
from covergenre.errors import EngineError, SettingError

AMX, AVX = frozenset({"sse4_2", "amx_bf16"}), frozenset({"avx2", "avx512_bf16"})
OLD = frozenset({"sse4_2", "avx2", "avx512_vnni"})
PROVEN = {"bf16": {"passed": True, "logit_scale": 1.25}}
BOTH = {**PROVEN, "int8": {"passed": True, "logit_scale": 0.5}}
FAILED = {"bf16": {"passed": False, "logit_scale": 1.25}}
F32, BF16 = Engine("openvino", "f32"), Engine("openvino", "bf16")
SCALED, INT8 = Engine("openvino", "bf16", 1.25), Engine("openvino", "int8", 0.5)
REFERENCE = Engine("tensorflow", "f32")


@pytest.mark.parametrize(
    ("name", "precision", "proven", "flags", "expected"),
    [
        # bfloat16 only where it is both fast and proven.
        ("auto", "auto", PROVEN, AMX, SCALED),
        ("auto", "auto", PROVEN, AVX, SCALED),
        ("openvino", "auto", PROVEN, AVX, SCALED),
        ("auto", "auto", {"bf16": {"passed": True}}, AVX, BF16),
        ("auto", "auto", PROVEN, OLD, F32),
        ("auto", "auto", PROVEN, frozenset(), F32),
        ("auto", "auto", FAILED, AMX, F32),
        ("auto", "auto", {}, AMX | AVX, F32),
        ("auto", "auto", {"f32": {"passed": True}}, AVX, F32),
        # Integers of eight bits where bfloat16 is not nearly as fast.
        ("auto", "auto", BOTH, AMX, SCALED),
        ("auto", "auto", BOTH, OLD, INT8),
        ("auto", "auto", BOTH, AMX | OLD, SCALED),
        ("auto", "auto", BOTH, AVX, SCALED),
        ("auto", "auto", BOTH, AVX | OLD, INT8),
        ("auto", "auto", BOTH, frozenset({"avx_vnni"}), INT8),
        ("auto", "auto", BOTH, frozenset({"avx2"}), F32),
        ("auto", "auto", {**FAILED, "int8": BOTH["int8"]}, AMX | OLD, INT8),
        ("auto", "auto", {**PROVEN, "int8": {"passed": False}}, OLD, F32),
        # What is named is used, whatever the gate and the processor say.
        ("auto", "f32", PROVEN, AVX, F32),
        ("openvino", "bf16", {}, OLD, BF16),
        ("auto", "bf16", PROVEN, OLD, SCALED),
        ("auto", "bf16", FAILED, AVX, SCALED),
        ("auto", "int8", BOTH, AMX | OLD, INT8),
        ("auto", "int8", {}, frozenset({"amx_int8"}), Engine("openvino", "int8")),
        # TensorFlow computes in float32 alone.
        ("tensorflow", "auto", PROVEN, AVX, REFERENCE),
        ("tensorflow", "bf16", PROVEN, AVX, REFERENCE),
        ("tensorflow", "f32", {}, frozenset(), REFERENCE),
        ("tensorflow", "int8", {}, frozenset(), REFERENCE),
    ],
)
def test_the_engine_that_is_chosen(
    name: Any, precision: Any, proven: dict[str, Any], flags: frozenset[str], expected: Engine
) -> None:
    assert choose(name, precision, proven, flags) == expected


@pytest.mark.parametrize("flags", [frozenset(), frozenset({"avx2", "avx512_bf16", "amx_bf16"})])
def test_int8_is_refused_without_units_for_it(flags: frozenset[str]) -> None:
    with pytest.raises(EngineError, match=r"engine\.precision=int8 .*avx512_vnni.*precision=auto"):
        choose("auto", "int8", BOTH, flags)


@pytest.mark.parametrize(
    ("size", "side", "flags", "expected"),
    [
        ("auto", 192, AMX | AVX, 8),
        ("auto", 300, AMX, 8),
        ("auto", 320, AMX, 4),
        ("auto", 300, AVX, 2),
        ("auto", 320, frozenset(), 2),
        (5, 320, AMX, 5),
        (1, 300, AVX, 1),
    ],
)
def test_how_many_covers_a_network_is_shown_at_a_time(
    size: Any, side: int, flags: frozenset[str], expected: int
) -> None:
    assert covers_a_call(size, side, flags) == expected


def test_an_engine_says_what_it_is() -> None:
    assert [str(engine) for engine in (SCALED, REFERENCE)] == ["openvino bf16", "tensorflow f32"]


def test_this_processor_says_what_it_can() -> None:
    flags = processor_flags()
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        assert "sse2" in flags  # of every such processor
    units = flags & {"amx_bf16", "avx512_bf16"}
    assert choose("auto", "auto", PROVEN) == (SCALED if units else F32)


@pytest.mark.parametrize(
    "wrong", ["name=onnx", "precision=int4", "precision=f16", "batch_size=0", "batch_size=many"]
)
def test_settings_that_mean_no_engine_are_refused(wrong: str) -> None:
    with pytest.raises(SettingError, match=rf"engine\.{wrong.partition('=')[0]}"):
        config.load(assignments=[f"engine.{wrong}"])
