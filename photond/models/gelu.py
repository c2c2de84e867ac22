"""GELU as one node: exports spell its tanh form out, and each step goes through memory by itself.

Importing this needs the packages of the extra `quantize`; everything else of photond does without.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx

Values = npt.NDArray[np.float64]

_STEPS: Mapping[str, Callable[..., Values]] = {
    "Add": np.add,
    "Mul": np.multiply,
    "Pow": np.power,
    "Div": np.divide,
    "Tanh": np.tanh,
}
# How many steps lie before and behind the hyperbolic tangent, in the longest form that exports have.
_BEFORE, _BEHIND = 5, 4
# Of both signs, and beyond where GELU is a straight line.
_SAMPLES = np.linspace(-6, 6, 49)
_GELU = 0.5 * _SAMPLES * (1 + np.tanh(np.sqrt(2 / np.pi) * (_SAMPLES + 0.044715 * _SAMPLES**3)))
_TOLERANCE = 1e-5
_DOMAIN = "com.microsoft"


def fuse_gelu(model: onnx.ModelProto) -> int:
    """Replace the tanh form of GELU by onnxruntime's own operator for it; returns how many there were.

    What a few nodes compute is found out by computing it, so that it does not matter in which order an
    export multiplies. A graph with branches or loops is left alone: they may take any value of it.
    """
    if any(one.HasField("g") or one.graphs for node in model.graph.node for one in node.attribute):
        return 0
    graph = _Graph(model.graph)
    found = [match for node in model.graph.node if (match := graph.gelu_around(node))]
    for source, result in found:
        result.op_type, result.domain = "FastGelu", _DOMAIN
        del result.input[:], result.attribute[:]
        result.input.append(source)
    if found:
        _remove_unused(model.graph)
        if all(one.domain != _DOMAIN for one in model.opset_import):
            model.opset_import.add(domain=_DOMAIN, version=1)
    return len(found)


class _Graph:
    """Who makes a value and who takes it, and the numbers that are stored."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._made_by = {name: node for node in graph.node for name in node.output}
        self._taken_by: Mapping[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._taken_by[name].append(node)
        stored = {tensor.name: tensor for tensor in graph.initializer}
        stored |= {
            node.output[0]: node.attribute[0].t
            for node in graph.node
            if node.op_type == "Constant" and node.attribute[0].name == "value"
        }
        self._numbers = {
            name: float(onnx.numpy_helper.to_array(tensor).item())
            for name, tensor in stored.items()
            if np.prod(tensor.dims, dtype=int) == 1 and tensor.data_type == onnx.TensorProto.FLOAT
        }

    def gelu_around(self, tanh: onnx.NodeProto) -> tuple[str, onnx.NodeProto] | None:
        """What goes into the GELU that a node is the tangent of, and the node that it comes out of."""
        if tanh.op_type != "Tanh":
            return None
        for source in self._before(tanh.input[0], _BEFORE):
            for result in self._behind(tanh.output[0], _BEHIND):
                value = self._value(result.output[0], source, _BEFORE + 1 + _BEHIND)
                if value is not None and np.allclose(value, _GELU, rtol=0, atol=_TOLERANCE):
                    return source, result
        return None

    def _before(self, name: str, steps: int) -> Iterator[str]:
        node = self._made_by.get(name)
        if node is not None and node.op_type in _STEPS and steps:
            for one in node.input:
                if one not in self._numbers:
                    yield one
                    yield from self._before(one, steps - 1)

    def _behind(self, name: str, steps: int) -> Iterator[onnx.NodeProto]:
        for node in self._taken_by[name] if steps else ():
            if node.op_type in _STEPS:
                yield node
                yield from self._behind(node.output[0], steps - 1)

    def _value(self, name: str, source: str, steps: int) -> Values | float | None:
        """What a value is where `source` is the samples; None if it depends on anything else."""
        if name == source:
            return _SAMPLES
        node = self._made_by.get(name)
        if name in self._numbers or node is None or not steps:
            return self._numbers.get(name)
        if node.op_type not in _STEPS:
            return None
        values = [self._value(one, source, steps - 1) for one in node.input]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        return _STEPS[node.op_type](*known)


def _remove_unused(graph: onnx.GraphProto) -> None:
    """Take out the nodes whose results nobody takes."""
    outputs = {value.name for value in graph.output}
    while True:
        taken = outputs | {name for node in graph.node for name in node.input}
        unused = [node for node in graph.node if not taken & set(node.output)]
        if not unused:
            return
        for node in unused:
            graph.node.remove(node)
