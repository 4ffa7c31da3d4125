"""Read the tensors of a PyTorch state dict without PyTorch and without running what is pickled.

The format is the one ``torch.save`` wrote before version 1.6: four pickles (magic number, protocol,
system, the state dict), a pickle with the list of storage keys, then each storage as an 8-byte
count and its raw little-endian elements (``torch/serialization.py``, ``_legacy_load``).
"""

from __future__ import annotations

import collections
import hashlib
import pickle
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from covergenre.errors import BackboneError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
# What unpickling and reading raise on a file that is something else.
_NOT_TENSORS = (
    pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError,
)  # fmt: skip

Tensors = dict[str, npt.NDArray[Any]]


def read_state_dict(path: Path, sha256: str) -> Tensors:
    """Read every tensor of a state dict whose digest is known.

    Args:
        path: the file.
        sha256: its expected digest; nothing is unpickled before it matches.

    Returns:
        Name to array (float32 or int64), shapes as in the file.

    Raises:
        BackboneError: the file is missing, its digest differs, or it holds anything but tensors.
    """
    if not path.is_file():
        raise BackboneError(f"{path} is missing: install the locked environment again (make env)")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise BackboneError(
            f"{path} has sha256 {found[:12]}..., expected {sha256[:12]}...: it was changed or "
            "damaged; remove .venv and run make env"
        )
    with path.open("rb") as file:
        try:
            return _read(file)
        except _NOT_TENSORS as error:
            raise BackboneError(f"{path} is no state dict of plain tensors: {error}") from error


def _read(file: BinaryIO) -> Tensors:
    if _TensorsOnly(file).load() != _MAGIC or _TensorsOnly(file).load() != _PROTOCOL:
        raise ValueError("not a state dict as written before PyTorch 1.6")
    if not _TensorsOnly(file).load().get("little_endian"):
        raise ValueError("written on a big-endian machine")
    state: dict[str, _Tensor] = _TensorsOnly(file).load()
    storages: dict[str, npt.NDArray[Any]] = {}
    dtypes = {t.storage.key: t.storage.dtype for t in state.values()}
    for key in _TensorsOnly(file).load():
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        dtype = np.dtype(dtypes[key])
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        if len(storages[key]) != count:
            raise EOFError("the file ends within a tensor")
    return {name: tensor.view(storages[tensor.storage.key]) for name, tensor in state.items()}


class _Storage:
    def __init__(self, kind: str, key: str) -> None:
        self.dtype, self.key = _DTYPES[kind], key


class _Tensor:
    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def view(self, storage: npt.NDArray[Any]) -> npt.NDArray[Any]:
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        if min((*self.shape, *self.stride, self.offset, 1)) < 0 or last >= len(storage):
            raise ValueError("a tensor reaches past its storage")
        # The weights were converted from TensorFlow's axes, so most kernels are strided views.
        strides = tuple(s * storage.itemsize for s in self.stride)
        view = np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, strides)
        return np.asarray(view, order="C")


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return _Tensor(storage, int(offset), tuple(shape), tuple(stride))


class _TensorsOnly(pickle.Unpickler):
    """An unpickler that knows tensors and ordered dicts and refuses every other name."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): "FloatStorage",
        ("torch", "LongStorage"): "LongStorage",
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not a tensor") from None

    def persistent_load(self, pid: Any) -> _Storage:
        tag, kind, key = pid[:3]
        if tag != "storage" or pid[5:] not in ((), (None,)):
            raise pickle.UnpicklingError("only whole storages are read")
        return _Storage(kind, key)
