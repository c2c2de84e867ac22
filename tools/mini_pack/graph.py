"""Small ONNX graphs whose weights rest as integers and compute as float32.

A weight is stored as int8 with one scale for each output channel, behind a `Cast` and a `Mul`.
onnxruntime folds the two into a float32 constant when it loads the model, so the file is small,
inference is ordinary float32, and x86-64 and aarch64 agree to float32 rounding: nothing depends on
the integer instructions of a processor.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # The first with LayerNormalization; everything newer than onnxruntime 1.13 runs it.
IR_VERSION = 8

Float32 = npt.NDArray[np.float32]


class Graph:
    """An ONNX graph under construction; tensors are handled by their names."""

    def __init__(self, name: str) -> None:
        """Start an empty graph called `name`."""
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        """Store `value` as it is and return its name; a name stored before is used again."""
        if name not in self._constants:
            array = np.ascontiguousarray(np.asarray(value, dtype=dtype))
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def add(self, operator: str, inputs: Sequence[str], **attributes: object) -> str:
        """Append a node with one output and return that output's name."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def weight(self, name: str, value: Float32, channel_axis: int) -> str:
        """Store a float32 weight as int8 with a scale for each slice along `channel_axis`.

        The step is the largest magnitude of the slice over 127; zero stays exactly zero.
        """
        others = tuple(axis for axis in range(value.ndim) if axis != channel_axis)
        scale = np.abs(value).max(axis=others, keepdims=True) / np.float32(127)
        scale = np.where(scale == 0, np.float32(1), scale).astype(np.float32)
        rounded = np.rint(value / scale).astype(np.int8)
        integers = self.constant(f"{name}.int8", rounded, np.int8)
        floats = self.add("Cast", [integers], to=TensorProto.FLOAT)
        return self.add("Mul", [floats, self.constant(f"{name}.scale", scale, np.float32)])

    def half_weight(self, name: str, value: Float32) -> str:
        """Store a float32 weight as float16: for the few weights where int8 costs accuracy."""
        half = self.constant(f"{name}.float16", value, np.float16)
        return self.add("Cast", [half], to=TensorProto.FLOAT)

    def unit(self, vectors: str) -> str:
        """Divide float32 rows [batch, D] by their Euclidean length."""
        length = self.add("ReduceL2", [vectors], axes=[1], keepdims=1)
        smallest = self.constant("smallest_length", 1e-12, np.float32)
        return self.add("Div", [vectors, self.add("Max", [length, smallest])])

    def model(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        result: str,
        output: onnx.ValueInfoProto,
    ) -> onnx.ModelProto:
        """Close the graph with `result` as the named output, check it and return it."""
        self._nodes.append(helper.make_node("Identity", [result], [output.name]))
        graph = helper.make_graph(
            self._nodes, self._name, list(inputs), [output], list(self._constants.values())
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        model.producer_name = "photond"
        onnx.checker.check_model(model, full_check=True)
        return model
