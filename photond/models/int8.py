"""The graph of a tower, and the same graph with its weights as 8-bit integers.

Importing this needs the packages of the extra `quantize`; everything else of photond does without.
"""

import platform
from pathlib import Path

import onnx

from photond.models.gelu import fuse_gelu
from photond.models.runtime import load_quantizer

_quantizer = load_quantizer()

# Of the weights of a transformer, these hold nearly all: matrices, and tables of tokens.
_MATRICES = ("MatMul", "Gemm")
_TABLES = ("Gather",)
_MATRIX_RANK = 2
# Instructions that multiply unsigned by signed bytes and add the products in 32 bits.
_EXACT_INSTRUCTIONS = frozenset({"avx512_vnni", "avx_vnni"})


def write_int8(tower: Path, target: Path, *, reduce_range: bool) -> bool:
    """Write a tower whose matrices and tables are int8, to be multiplied by integers.

    GELU, which is a quarter of the time left then, becomes one node (`photond.models.gelu`).
    Weights are float32 before; what else the graph computes stays float32. Nothing has to be measured on
    pictures: the scale of what flows through the graph is found anew in each run.

    Args:
        tower: The graph; it is only read.
        target: Where to write. Files whose names begin with its name may come and go beside it.
        reduce_range: Use 7 bits of the 8, see `needs_reduced_range`.

    Returns:
        Whether anything could be quantised; if not, nothing was written.
    """
    model = onnx.load(str(tower))
    fuse_gelu(model)
    nodes = _quantisable_nodes(model.graph)
    if not nodes:
        return False
    # The quantiser wants this said, or it warns that shapes are unknown, which it finds out itself.
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    # It reads a file, and writes another beside it that is gone at the end.
    named = target.with_name(f"{target.name}.named")
    onnx.save(model, str(named))
    del model
    _quantizer.quantize_dynamic(
        named,
        target,
        op_types_to_quantize=["MatMul", *_TABLES],
        nodes_to_quantize=nodes,
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=_quantizer.QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    named.unlink()
    return True


def needs_reduced_range(machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor adds two products of bytes in 16 bits, in which they do not always fit.

    That is x86-64 without VNNI: `vpmaddubsw` cuts 255·127 + 255·127 down to 32767. With weights of 7
    bits every sum fits. ARM adds in 32 bits.

    Args:
        machine: As `platform.machine()` says it; None for this one.
        cpuinfo: What the kernel says of the processor.
    """
    if (machine or platform.machine()) != "x86_64":
        return False
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return True
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not _EXACT_INSTRUCTIONS & set(flags.split())


def _quantisable_nodes(graph: onnx.GraphProto) -> list[str]:
    """The names of the nodes with a float32 weight of their own; nodes without a name are given one."""
    weights = {
        tensor.name: len(tensor.dims)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    found = []
    for number, node in enumerate(graph.node):
        if node.op_type in _MATRICES:
            # A matrix that is computed, as those of an attention, stays as it is.
            takes = weights.get(node.input[1]) == _MATRIX_RANK
        else:
            takes = node.op_type in _TABLES and weights.get(node.input[0]) == _MATRIX_RANK
        if takes:
            node.name = node.name or f"photond_{number}"
            # The quantiser takes a Gemm apart first, and names its product like this.
            found.append(f"{node.name}_MatMul" if node.op_type == "Gemm" else node.name)
    return found
