"""A network in eight-bit integers: how, found on covers, kept apart from it, and applied again.

Post-training quantization as NNCF does it: activations get a range each, per channel before
depthwise convolutions, weights a scale per output channel (Jacob et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018), and biases take up
what rounding shifts on average (Nagel et al., "Data-Free Quantization Through Weight Equalization
and Bias Correction", ICCV 2019).

What is kept are the ranges and by how much biases change. The scales follow from the weights, so
that none of these are among it: a bundle can hold it whose backbone comes with a dependency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covergenre.engines import telemetry
from covergenre.engines.graph import Floats, Pixels
from covergenre.errors import EngineError

if TYPE_CHECKING:
    from openvino import Model, Node

_WEIGHED = ("Convolution", "GroupConvolution", "MatMul")
_LEVELS, _LARGEST = 256, 127  # of activations; of weights, whose integers are -127 to 127


class Place(NamedTuple):
    """An input or an output of a network's operation, by the operation's number."""

    operation: int
    port: int


@dataclass(frozen=True)
class Activation:
    """A tensor that is rounded to 256 levels.

    Attributes:
        source: output that it comes from.
        targets: inputs that take it rounded.
        least, largest: float32 (1,), or (channels,) where each has a range of its own.
    """

    source: Place
    targets: tuple[Place, ...]
    least: Floats
    largest: Floats


@dataclass(frozen=True)
class Quantization:
    """How a network is computed in eight-bit integers.

    Attributes:
        structure: digest of the network's operations and how they are connected.
        activations: that are rounded.
        weights: inputs whose constant is rounded, each with its axes that have scales of their own.
        biases: inputs whose constant is changed, each with what is added: float32 (n,).
    """

    structure: str
    activations: tuple[Activation, ...]
    weights: Mapping[Place, tuple[int, ...]]
    biases: Mapping[Place, Floats]

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """As arrays, for a file; :meth:`of_tensors` reads them.

        ``points`` int32 (p, 4): operation, port, ranges and targets of each activation; ``targets``
        int32 (t, 2); ``ranges`` float32 (r, 2); ``weights`` int32 (w, 3), the last the axes as
        bits; ``biases`` int32 (b, 3), the last the values; ``corrections`` float32 (c,).
        """
        points = [(*a.source, len(a.least), len(a.targets)) for a in self.activations]
        ranges = [np.stack([a.least, a.largest], axis=1) for a in self.activations]
        return {
            "points": _integers(points, 4),
            "targets": _integers([t for a in self.activations for t in a.targets], 2),
            "ranges": np.concatenate([np.zeros((0, 2), np.float32), *ranges]),
            "weights": _integers(
                [(*p, sum(1 << axis for axis in axes)) for p, axes in self.weights.items()], 3
            ),
            "biases": _integers([(*p, len(values)) for p, values in self.biases.items()], 3),
            "corrections": np.concatenate([np.zeros(0, np.float32), *self.biases.values()]),
        }

    @classmethod
    def of_tensors(cls, structure: str, tensors: Mapping[str, npt.NDArray[Any]]) -> Quantization:
        """From what :meth:`tensors` gave."""
        ranges, targets = iter(tensors["ranges"]), iter(tensors["targets"].tolist())
        activations = []
        for operation, port, count, inputs in tensors["points"].tolist():
            limits = np.stack(_next(ranges, count))
            activations.append(
                Activation(
                    Place(operation, port),
                    tuple(Place(*target) for target in _next(targets, inputs)),
                    *np.ascontiguousarray(limits.T),
                )
            )
        values = iter(tensors["corrections"])
        return cls(
            structure,
            tuple(activations),
            {Place(o, p): _bits(axes) for o, p, axes in tensors["weights"].tolist()},
            {Place(o, p): np.stack(_next(values, n)) for o, p, n in tensors["biases"].tolist()},
        )


def find(model: Model, pictures: Sequence[Pixels]) -> Quantization:
    """How to quantize a network, by what it computes of pictures.

    Args:
        model: OpenVINO's, in float32; stays as it is.
        pictures: batches, uint8, as it takes them; some three hundred covers are enough.
    """
    telemetry.switch_off()
    import nncf  # type: ignore[import-untyped]
    from nncf.quantization import advanced_parameters  # type: ignore[import-untyped]

    # Ranges that are not symmetric, and biases corrected one layer after the other: without both
    # the default bundle calls another 1 % of covers otherwise. The fix is for processors that add
    # integers in 16 bits; those are refused.
    without = advanced_parameters.OverflowFix.DISABLE
    quantized = nncf.quantize(
        model.clone(), nncf.Dataset(pictures), subset_size=len(pictures),
        preset=nncf.QuantizationPreset.MIXED, fast_bias_correction=False,
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=without),
    )  # fmt: skip
    operations = _operations(model)
    numbers = {node.get_friendly_name(): i for i, node in enumerate(operations)}
    activations, weights, biases = [], {}, {}
    for node in quantized.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize" and not _is_weight(node):
            activations.append(_activation(node, numbers))
        number = numbers.get(node.get_friendly_name())
        if number is None or node.get_type_name() not in (*_WEIGHED, "Add"):
            continue
        for port, before in enumerate(operations[number].input_values()):
            if before.get_node().get_type_name() != "Constant":
                continue
            now = node.input_value(port).get_node()
            if node.get_type_name() == "Add":
                difference = now.data - before.get_node().data
                if difference.any():
                    biases[Place(number, port)] = difference.astype(np.float32).ravel()
            elif now.get_type_name() != "Constant":
                scales = now.input_value(1).get_shape()
                weights[Place(number, port)] = tuple(i for i, n in enumerate(scales) if n > 1)
    return Quantization(_structure(operations), tuple(activations), weights, biases)


def apply(model: Model, quantization: Quantization) -> None:
    """Make a network compute in eight-bit integers, in place.

    Args:
        model: OpenVINO's, in float32, for batches of any size.
        quantization: of this network.

    Raises:
        EngineError: it is another network, or was converted otherwise.
    """
    from openvino import opset13 as ops

    operations = _operations(model)
    if _structure(operations) != quantization.structure:
        raise EngineError(
            f"the int8 part of the bundle is of another {model.get_friendly_name()}, or was made "
            "by other versions: jobs/convert.py --int8 makes it anew, --set engine.precision=f32 "
            "does without"
        )
    for (number, port), axes in quantization.weights.items():
        place = operations[number].input(port)
        place.replace_source_output(_rounded(place.get_source_output().get_node().data, axes))
    for (number, port), difference in quantization.biases.items():
        place = operations[number].input(port)
        before = place.get_source_output().get_node().data
        changed = before + difference.reshape(before.shape)
        place.replace_source_output(ops.constant(changed).output(0))
    for one in quantization.activations:
        source = operations[one.source.operation].output(one.source.port)
        rank = len(source.get_partial_shape())
        shape = [1, -1, *[1] * (rank - 2)] if len(one.least) > 1 else []
        low, high = (ops.constant(v.reshape(shape)) for v in (one.least, one.largest))
        rounded = ops.fake_quantize(source, low, high, low, high, _LEVELS).output(0)
        for number, port in one.targets:
            operations[number].input(port).replace_source_output(rounded)
    model.validate_nodes_and_infer_types()


def _rounded(values: Floats, axes: tuple[int, ...]) -> Any:
    """Weights as integers that are scaled back, as OpenVINO looks for them."""
    from openvino import opset13 as ops

    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    scales = np.abs(values).max(axis=others, keepdims=True) / np.float32(_LARGEST)
    scales = np.where(scales > 0, scales, np.float32(1))
    integers = np.rint(values / scales).astype(np.int8)
    floats = ops.convert(ops.constant(integers), "f32")
    return ops.multiply(floats, ops.constant(scales.astype(np.float32))).output(0)


def _operations(model: Model) -> list[Node]:
    """What computes, in an order that depends on nothing but how it is connected."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() != "Constant"]


def _structure(operations: Sequence[Node]) -> str:
    """Digest of types and connections; sizes, that of a batch among them, are no part of it."""
    numbers = {node.get_friendly_name(): i for i, node in enumerate(operations)}
    told = [
        [node.get_type_name()]
        + [
            [numbers.get(v.get_node().get_friendly_name(), -1), v.get_index()]
            for v in node.input_values()
        ]
        for node in operations
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _is_weight(node: Node) -> bool:
    return bool(node.input_value(0).get_node().get_type_name() == "Constant")


def _activation(node: Node, numbers: Mapping[str, int]) -> Activation:
    source = node.input_value(0)
    targets = [
        Place(numbers[target.get_node().get_friendly_name()], target.get_index())
        for target in node.output(0).get_target_inputs()
    ]
    least, largest = (node.input_value(i).get_node().data.astype(np.float32) for i in (1, 2))
    return Activation(
        Place(numbers[source.get_node().get_friendly_name()], source.get_index()),
        tuple(sorted(targets)),
        least.ravel(),
        largest.ravel(),
    )


def _integers(rows: Sequence[Sequence[int]], width: int) -> npt.NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(-1, width)


def _next(values: Iterator[Any], count: int) -> list[Any]:
    return [next(values) for _ in range(count)]


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(mask.bit_length()) if mask >> axis & 1)
