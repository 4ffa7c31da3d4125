"""OpenVINO: the fast way on CPUs, with their matrix units (bfloat16) where they have some.

A graph is converted once, where TensorFlow is, and kept in a folder of the user's cache by the
digest of all that it comes from. Workers get it as bytes; TensorFlow is not imported there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from covergenre.engines import quantization, telemetry
from covergenre.engines.choice import covers_a_call, has_units
from covergenre.engines.graph import Floats, Graph, Loader, Pixels, padded
from covergenre.errors import EngineError

_MODEL, _WEIGHTS, _SUMS = "model.xml", "model.bin", "SHA256"
# Of what is done to a graph here; another number converts all graphs anew.
_CONVERSION = 1


@dataclass(frozen=True)
class Converted:
    """A graph in OpenVINO's own format.

    Attributes:
        name, size: as of the graph.
        batch_size: covers a call.
        model, weights: the format's two files.
        sha256: of the two, one after the other.
    """

    name: str
    size: int
    batch_size: int
    model: bytes
    weights: bytes
    sha256: str


def cache_folder() -> Path:
    """Where conversions are kept: ``covergenre/engines`` in the user's cache (XDG)."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        cache = Path(tempfile.gettempdir())
    return cache / "covergenre/engines"


def convert(graph: Graph, batch_size: int, cache: Path | None = None) -> Converted:
    """A graph in OpenVINO's format, from the cache where it was converted before.

    Args:
        graph: to be converted; TensorFlow is imported, and its weights read, only if it has to be.
        batch_size: covers a call.
        cache: folder; None: :func:`cache_folder`. One that cannot be written is done without.
    """
    parts = [graph.name, graph.digest, graph.size, batch_size, _CONVERSION,
             version("openvino"), version("tensorflow"), version("keras")]  # fmt: skip
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    folder = (cache or cache_folder()) / f"{graph.name}-{key}"
    files = _kept(folder)
    if files is None:
        files = _converted(graph, batch_size)
        with contextlib.suppress(OSError):  # a cache is no condition
            _keep(folder, files)
    model, weights = files
    return Converted(graph.name, graph.size, batch_size, model, weights, _digest(model, weights))


def prepared(
    graphs: Mapping[str, Graph],
    batch_size: Literal["auto"] | int,
    precision: str,
    cache: Path | None = None,
) -> dict[str, Converted]:
    """Networks for :func:`loader`, by the names they are given here.

    Args:
        graphs, cache: as for :func:`convert`.
        batch_size: as for :func:`covergenre.engines.covers_a_call`.
        precision: as for :class:`OpenVINORun`.

    Raises:
        EngineError: the quantization of one is of another network.
    """
    found = {
        name: convert(graph, covers_a_call(batch_size, graph.size), cache)
        for name, graph in graphs.items()
    }
    if precision == "int8":
        for name, graph in graphs.items():
            if graph.quantization is not None:
                found[name] = _quantized(found[name], graph.quantization)
    return found


def read(converted: Converted) -> Any:
    """An ``openvino.Model`` of a conversion."""
    import openvino

    return openvino.Core().read_model(converted.model, converted.weights)


def loader(converted: Mapping[str, Converted], precision: str, threads: int) -> Loader:
    """Loads graphs that were converted, by their names; those in the worker are never built."""
    return lambda graph: OpenVINORun(converted[graph.name], precision, threads)


class OpenVINORun:
    """A converted graph, compiled for this processor.

    Args:
        converted: as :func:`convert` gives it.
        precision: ``f32``, ``bf16`` or ``int8``; a processor without bfloat16 computes in float32.
        threads: cores that it may use.

    Raises:
        EngineError: it was damaged on its way, or cannot be compiled.
    """

    def __init__(self, converted: Converted, precision: str, threads: int) -> None:
        import openvino

        if _digest(converted.model, converted.weights) != converted.sha256:
            raise EngineError(f"the converted {converted.name} was damaged on its way: run again")
        self.size = converted.size
        self.batch_size = converted.batch_size
        core = openvino.Core()
        # OpenVINO may read the weights as long as the model lives.
        self._kept = converted
        try:
            model = core.read_model(converted.model, converted.weights)
            self._request = core.compile_model(
                model, "CPU", _options(precision, threads)
            ).create_infer_request()
        except RuntimeError as error:
            # The last line says what is wrong, those before it where in OpenVINO's code.
            what = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise EngineError(
                f"OpenVINO cannot compile the {converted.name} ({what[0].strip()}): "
                "--set engine.name=tensorflow does without it"
            ) from error

    def __call__(self, pixels: Pixels) -> tuple[Floats, ...]:
        """See :class:`covergenre.engines.Run`; its outputs are overwritten by the next call."""
        said = self._request.infer(
            [padded(pixels, self.batch_size)], share_inputs=True, share_outputs=True
        )
        return tuple(array[: len(pixels)] for array in said.to_tuple())


def _options(precision: str, threads: int) -> dict[str, Any]:
    """How a network is compiled.

    Spark runs a task a core, side by side: OpenVINO's pinning would put all of them on the first
    one, and more than one stream would only wait for it.
    """
    if precision == "int8":  # what is not in integers, networks without any included
        precision = "bf16" if has_units("bf16") else "f32"
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }


def _converted(graph: Graph, batch_size: int) -> tuple[bytes, bytes]:
    telemetry.switch_off()
    import openvino

    from covergenre import tensorflow_runtime

    tensorflow_runtime.start()
    function = graph.traced(batch_size)  # kept: it alone holds the weights
    traced = function.get_concrete_function()
    # Unless they are named, whatever the graph computes for nothing is an output, too.
    return _saved(openvino.convert_model(traced, output=[out.name for out in traced.outputs]))


def _quantized(converted: Converted, how: quantization.Quantization) -> Converted:
    model = read(converted)
    quantization.apply(model, how)
    files = _saved(model)
    return replace(converted, model=files[0], weights=files[1], sha256=_digest(*files))


def _saved(model: Any) -> tuple[bytes, bytes]:
    """An ``openvino.Model`` in OpenVINO's own format."""
    import openvino

    with tempfile.TemporaryDirectory(prefix="covergenre-engine-") as folder:
        path = Path(folder) / _MODEL
        # Half precision weights would not be the ones that were trained.
        openvino.save_model(model, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def _kept(folder: Path) -> tuple[bytes, bytes] | None:
    """What the cache holds, if it is whole."""
    try:
        files = (folder / _MODEL).read_bytes(), (folder / _WEIGHTS).read_bytes()
        return files if (folder / _SUMS).read_text("ascii") == _digest(*files) else None
    except (OSError, UnicodeDecodeError):
        return None


def _keep(folder: Path, files: tuple[bytes, bytes]) -> None:
    """Put files into the cache, whole or not at all; another process may be doing the same."""
    with _scratch(folder) as scratch:
        (scratch / _MODEL).write_bytes(files[0])
        (scratch / _WEIGHTS).write_bytes(files[1])
        (scratch / _SUMS).write_text(_digest(*files), "ascii")
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or it would have been used
        scratch.rename(folder)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _digest(model: bytes, weights: bytes) -> str:
    digest = hashlib.sha256(model)
    digest.update(weights)
    return digest.hexdigest()
