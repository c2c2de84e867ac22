"""GELU is found in whatever order an export spells it out, and nothing else is taken for it."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from photond.models.gelu import fuse_gelu
from photond.models.sessions import open_session
from tools.mini_pack.graph import Graph

Float32 = npt.NDArray[np.float32]


def spelt_out(order: str, cubic: float = 0.044715) -> onnx.ModelProto:
    graph = Graph("gelu")
    number = {
        name: graph.constant(name, value, np.float32)
        for name, value in {
            "two": 2.0,
            "three": 3.0,
            "cubic": cubic,
            "root": math.sqrt(2 / math.pi),
            "half": 0.5,
            "one": 1.0,
        }.items()
    }
    # Made by an addition, as behind a linear layer, so that the search has something to go too far into.
    x = graph.add("Add", ["x", "x"])
    if order == "pow":
        cube = graph.add("Pow", [x, number["three"]])
    else:
        cube = graph.add("Mul", [x, graph.add("Mul", [x, x])])
    bent = graph.add("Add", [x, graph.add("Mul", [number["cubic"], cube])])
    tanh = graph.add("Tanh", [graph.add("Mul", [number["root"], bent])])
    gate = graph.add("Add", [number["one"], tanh])
    if order == "half first":
        result = graph.add("Mul", [graph.add("Mul", [number["half"], x]), gate])
    elif order == "half of the gate":
        result = graph.add("Mul", [x, graph.add("Div", [gate, number["two"]])])
    else:
        result = graph.add("Mul", [number["half"], graph.add("Mul", [x, gate])])
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    output = helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["n"])
    return graph.model([given], result, output)


def computed(model: onnx.ModelProto, path: Path, x: Float32) -> Float32:
    onnx.save(model, str(path))
    (result,) = open_session(path, 1).run(None, {"x": x})
    return np.asarray(result)


@pytest.mark.parametrize("order", ["pow", "products", "half first", "half of the gate"])
def test_gelu_becomes_one_node_that_computes_the_same(order: str, tmp_path: Path) -> None:
    x = np.linspace(-8, 8, 1001, dtype=np.float32)
    model = spelt_out(order)
    before = computed(model, tmp_path / "before.onnx", x)
    assert fuse_gelu(model) == 1
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("FastGelu") == 1
    assert not {"Tanh", "Pow", "Mul", "Div"} & set(kinds)
    assert computed(model, tmp_path / "after.onnx", x) == pytest.approx(before, abs=1e-5)


def test_what_is_only_nearly_gelu_stays_as_it_is() -> None:
    model = spelt_out("pow", cubic=0.05)
    before = model.SerializeToString()
    assert fuse_gelu(model) == 0
    assert model.SerializeToString() == before
