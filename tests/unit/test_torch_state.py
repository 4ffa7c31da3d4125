"""State dicts of PyTorch: tensors are read, whatever else a pickle asks for is refused."""

from __future__ import annotations

import collections
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre.backbones.torch_state import Tensors, read_state_dict
from covergenre.errors import BackboneError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4}}


def _value(value: Any) -> bytes:
    """Opcodes that push a plain value: a pickle without its header and stop."""
    return pickle.dumps(value, 2)[2:-1]


def _name(module: str, name: str) -> bytes:
    """Opcode that asks for a module's attribute."""
    return f"c{module}\n{name}\n".encode()


def _tensor(
    key: str,
    count: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    offset: int = 0,
    storage: str = "FloatStorage",
) -> bytes:
    """Opcodes of one tensor, as ``torch.save`` writes them."""
    storage_id = _value("storage") + _name("torch", storage) + _value(key) + _value("cpu")
    storage_id += _value(count) + _value(None)
    arguments = b"((" + storage_id + b"tQ" + _value(offset) + _value(shape) + _value(stride)
    arguments += _value(False) + _value(collections.OrderedDict()) + b"t"
    return _name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def _file(entries: dict[str, bytes], storages: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """A file as PyTorch wrote it before 1.6: four pickles, the keys, the storages."""
    state = b"\x80\x02" + _name("collections", "OrderedDict") + b")R("
    state += b"".join(_value(name) + tensor for name, tensor in entries.items()) + b"u."
    content = b"".join(pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, SYSTEM)) + state
    content += pickle.dumps(list(storages), 2)
    for values in storages.values():
        content += len(values).to_bytes(8, "little") + values.tobytes()
    return content


def _read(tmp_path: Path, content: bytes) -> Tensors:
    """Read bytes whose digest is right."""
    path = tmp_path / "state.pth"
    path.write_bytes(content)
    return read_state_dict(path, hashlib.sha256(content).hexdigest())


SIX = np.arange(6, dtype="<f4")


def test_tensors_of_both_types_are_read(tmp_path: Path) -> None:
    steps = np.array([7], "<i8")
    content = _file(
        {
            "conv.weight": _tensor("0", 6, (2, 3), (3, 1)),
            "bn.steps": _tensor("1", 1, (), (), storage="LongStorage"),
        },
        {"0": SIX, "1": steps},
    )
    state = _read(tmp_path, content)
    assert list(state) == ["conv.weight", "bn.steps"]
    assert state["conv.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert state["conv.weight"].dtype == np.float32
    assert state["bn.steps"].shape == () and state["bn.steps"] == 7
    assert state["bn.steps"].dtype == np.int64


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "expected"),
    [
        ((3, 2), (1, 3), 0, [[0, 3], [1, 4], [2, 5]]),
        ((2,), (1,), 4, [4, 5]),
        ((3,), (2,), 1, [1, 3, 5]),
        ((2, 3), (0, 1), 3, [[3, 4, 5], [3, 4, 5]]),
        ((1, 1, 6), (6, 6, 1), 0, [[[0, 1, 2, 3, 4, 5]]]),
        ((0, 3), (3, 1), 0, []),
    ],
)
def test_strided_views_are_laid_out(
    tmp_path: Path,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    offset: int,
    expected: list[Any],
) -> None:
    state = _read(tmp_path, _file({"a": _tensor("0", 6, shape, stride, offset)}, {"0": SIX}))
    assert state["a"].shape == shape and state["a"].tolist() == expected
    assert state["a"].flags.c_contiguous


def test_tensors_may_share_a_storage(tmp_path: Path) -> None:
    entries = {"a": _tensor("0", 6, (6,), (1,)), "b": _tensor("0", 6, (2,), (1,), 2)}
    state = _read(tmp_path, _file(entries, {"0": SIX}))
    assert state["a"].tolist() == [0, 1, 2, 3, 4, 5]
    assert state["b"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("shape", "stride", "offset"),
    [((7,), (1,), 0), ((6,), (1,), 1), ((2, 2), (5, 1), 0), ((2,), (-1,), 1), ((2,), (1,), -1)],
)
def test_tensor_outside_its_storage_is_refused(
    tmp_path: Path, shape: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    with pytest.raises(BackboneError, match="reaches past its storage"):
        _read(tmp_path, _file({"a": _tensor("0", 6, shape, stride, offset)}, {"0": SIX}))


# Pickles that ask for more.


def _calls(marker: Path) -> dict[str, bytes]:
    """Opcodes that would write ``marker`` if they were run."""
    shell = f"touch '{marker}'"
    code = f"open({str(marker)!r}, 'w')"
    stacked = b"\x8c\x05posix\x8c\x06system\x93" + b"(" + _value(shell) + b"tR"
    return {
        "os.system": _name("os", "system") + b"(" + _value(shell) + b"tR",
        "posix.system": _name("posix", "system") + b"(" + _value(shell) + b"tR",
        "builtins.eval": _name("builtins", "eval") + b"(" + _value(code) + b"tR",
        "builtins.exec": _name("builtins", "exec") + b"(" + _value(code) + b"tR",
        "subprocess.run": _name("subprocess", "run") + b"((" + _value("touch") + _value(str(marker))
        + b"ltR",
        "by stacked name": stacked,
        "by instance": b"(" + _value(shell) + b"iposix\nsystem\n",
        "by dotted name": _name("collections", "OrderedDict.__class__"),
        "torch itself": _name("torch", "load") + b"(" + _value(str(marker)) + b"tR",
    }  # fmt: skip


NAMES = sorted(_calls(Path()))


@pytest.mark.parametrize("name", NAMES)
def test_call_within_the_state_dict_is_refused(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "run"
    with pytest.raises(BackboneError, match=r"no state dict of plain tensors: .* is not a tensor"):
        _read(tmp_path, _file({"a": _calls(marker)[name]}, {}))
    assert not marker.exists()


@pytest.mark.parametrize("part", range(5))
def test_call_in_any_pickle_of_the_file_is_refused(tmp_path: Path, part: int) -> None:
    marker = tmp_path / "run"
    hostile = b"\x80\x02" + _calls(marker)["os.system"] + b"."
    pickles = [pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, SYSTEM, {}, [])]
    pickles[part] = hostile
    with pytest.raises(BackboneError, match=r"os\.system is not a tensor"):
        _read(tmp_path, b"".join(pickles))
    assert not marker.exists()


def test_the_hostile_pickles_do_run_when_unpickled_plainly(tmp_path: Path) -> None:
    # So that the tests above refuse something.
    marker = tmp_path / "run"
    for name in ("os.system", "builtins.eval", "by stacked name", "by instance"):
        pickle.loads(b"\x80\x04" + _calls(marker)[name] + b".")
        marker.unlink()


@pytest.mark.parametrize(
    "pickles",
    [
        (1, PROTOCOL, SYSTEM, {}, []),
        (MAGIC, 1000, SYSTEM, {}, []),
        (MAGIC, PROTOCOL, {"little_endian": False}, {}, []),
        (MAGIC, PROTOCOL, {}, {}, []),
        (MAGIC, PROTOCOL, None, {}, []),
        (MAGIC, PROTOCOL, SYSTEM, {"a": 1}, []),
        (MAGIC, PROTOCOL, SYSTEM, [1], []),
        (MAGIC, PROTOCOL, SYSTEM, {}, ["0"]),
        (MAGIC, PROTOCOL, SYSTEM, {}, 3),
        ("not", "even", "close", "to", "it"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, pickles: tuple[Any, ...]) -> None:
    content = b"".join(pickle.dumps(part, 2) for part in pickles)
    with pytest.raises(BackboneError, match="no state dict of plain tensors"):
        _read(tmp_path, content + bytes(8))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip, as PyTorch writes now", bytes(64)])
def test_what_is_no_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BackboneError, match="no state dict of plain tensors"):
        _read(tmp_path, content)


@pytest.mark.parametrize("storage", ["HalfStorage", "UntypedStorage", "CharStorage"])
def test_other_types_of_numbers_are_refused(tmp_path: Path, storage: str) -> None:
    tensor = _tensor("0", 6, (6,), (1,), storage=storage)
    with pytest.raises(BackboneError, match=f"torch.{storage} is not a tensor"):
        _read(tmp_path, _file({"a": tensor}, {"0": SIX}))


def test_file_that_ends_early_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    entries = {"a": _tensor("0", 6, (2, 3), (3, 1)), "b": _tensor("1", 6, (6,), (1,))}
    whole = _file(entries, {"0": SIX, "1": SIX})
    assert _read(tmp_path, whole)["b"].tolist() == SIX.tolist()
    for end in range(len(whole)):
        with pytest.raises(BackboneError, match="no state dict of plain tensors"):
            _read(tmp_path, whole[:end])


# The digest.


def test_wrong_digest_is_refused_before_anything_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpickled(*_: Any) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr("covergenre.backbones.torch_state._TensorsOnly.load", unpickled)
    content = _file({"a": _tensor("0", 6, (6,), (1,))}, {"0": SIX})
    path = tmp_path / "state.pth"
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(BackboneError) as raised:
        read_state_dict(path, "0" * 64)
    assert f"{path} has sha256 {found[:12]}..., expected 000000000000..." in str(raised.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"none\.pth is missing: .*make env"):
        read_state_dict(tmp_path / "none.pth", "0" * 64)
