"""The two towers of the pack `mini`, written as ONNX graphs from published weights."""

# ruff: noqa: SLF001  EfficientNet's layers are reachable by private names only.

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper
from torch import nn

from mini_pack.graph import Float32, Graph

INPUT_SIZE = 260  # EfficientNet-Lite2's training resolution.
DIMENSION = 384
COLOURS = 3
LAYERS = 6
HEADS = 12
PAD_ID = 0
CONTEXT_LENGTH = 64
GROUP = 16  # Numbers of the token table that share a step.


def _array(tensor: torch.Tensor) -> Float32:
    return tensor.detach().numpy().astype(np.float32)


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding (before, after) of one axis, which is not symmetric."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class _Convolutions:
    """Appends convolutions with their batch norms folded in, and follows the picture's size."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.size = INPUT_SIZE

    def append(
        self, x: str, name: str, conv: nn.Conv2d, norm: nn.BatchNorm2d, *, relu6: bool
    ) -> str:
        """Convolve x float32 [batch, channels, size, size]; SAME padding; ReLU6 if asked.

        Folding: with gain = weight / sqrt(variance + eps), the filters are multiplied by gain and
        the bias becomes norm bias - mean * gain.
        """
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weights = _array(conv.weight * gain[:, None, None, None])
        bias = _array(norm.bias - norm.running_mean * gain)
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        before, after = _same_padding(self.size, kernel, stride)
        self.size = -(-self.size // stride)
        # A depthwise filter has 9 or 25 numbers for its whole channel, and the stem sees the
        # pixels: an eighth of a megabyte more keeps them nearly exact.
        small = conv.groups > 1 or conv.in_channels == COLOURS
        stored = (
            self.graph.half_weight(f"{name}.weight", weights)
            if small
            else self.graph.weight(f"{name}.weight", weights, channel_axis=0)
        )
        x = self.graph.add(
            "Conv",
            [x, stored, self.graph.constant(f"{name}.bias", bias, np.float32)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=conv.groups,
        )
        if not relu6:
            return x
        low = self.graph.constant("zero", 0, np.float32)
        return self.graph.add("Clip", [x, low, self.graph.constant("six", 6, np.float32)])


def image_logits(graph: Graph, net: EfficientNet, pixels: str) -> str:
    """EfficientNet-Lite: float32 [batch, 3, size, size] to class logits float32 [batch, 1000]."""
    convolutions = _Convolutions(graph)
    x = convolutions.append(pixels, "stem", net._conv_stem, net._bn0, relu6=True)
    for number, block in enumerate(net._blocks):
        name, before = f"block{number}", x
        if block._block_args.expand_ratio != 1:
            x = convolutions.append(x, f"{name}.expand", block._expand_conv, block._bn0, relu6=True)
        x = convolutions.append(
            x, f"{name}.depthwise", block._depthwise_conv, block._bn1, relu6=True
        )
        x = convolutions.append(x, f"{name}.project", block._project_conv, block._bn2, relu6=False)
        arguments = block._block_args
        one_step = arguments.stride in (1, [1])
        if arguments.id_skip and one_step and arguments.input_filters == arguments.output_filters:
            x = graph.add("Add", [x, before])
    x = convolutions.append(x, "head", net._conv_head, net._bn1, relu6=True)
    x = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])], axis=1)
    classifier = graph.weight("classifier.weight", _array(net._fc.weight), channel_axis=0)
    bias = graph.constant("classifier.bias", _array(net._fc.bias), np.float32)
    return graph.add("Gemm", [x, classifier, bias], transB=1)


class _Encoder:
    """BERT's layers (Devlin et al. 2019) over float32 [batch, seq, 384]."""

    def __init__(self, graph: Graph, weights: Mapping[str, Float32]) -> None:
        self.graph = graph
        self.weights = weights

    def linear(self, x: str, name: str, factor: float = 1.0) -> str:
        """X·Wᵀ + b, times `factor`."""
        matrix = np.ascontiguousarray(self.weights[f"{name}.weight"].T) * np.float32(factor)
        stored = self.graph.weight(f"{name}.weight", matrix, channel_axis=1)
        bias = self.weights[f"{name}.bias"] * np.float32(factor)
        product = self.graph.add("MatMul", [x, stored])
        return self.graph.add(
            "Add", [product, self.graph.constant(f"{name}.bias", bias, np.float32)]
        )

    def norm(self, x: str, name: str) -> str:
        """Layer norm over the last axis."""
        scale, bias = (
            self.graph.constant(f"{name}.{part}", self.weights[f"{name}.{part}"], np.float32)
            for part in ("weight", "bias")
        )
        return self.graph.add("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-12)

    def split(self, x: str, order: tuple[int, ...]) -> str:
        """[batch, seq, 384] to heads, with the axes of [batch, seq, head, 32] in `order`."""
        shape = self.graph.constant("per_head", [0, 0, HEADS, DIMENSION // HEADS], np.int64)
        return self.graph.add("Transpose", [self.graph.add("Reshape", [x, shape])], perm=order)

    def attention(self, x: str, name: str, mask: str) -> str:
        """Softmax(Q·Kᵀ/√d + mask)·V, all heads, and its output projection."""
        factor = (DIMENSION // HEADS) ** -0.5
        query = self.split(self.linear(x, f"{name}.self.query", factor), (0, 2, 1, 3))
        key = self.split(self.linear(x, f"{name}.self.key"), (0, 2, 3, 1))
        value = self.split(self.linear(x, f"{name}.self.value"), (0, 2, 1, 3))
        scores = self.graph.add("Add", [self.graph.add("MatMul", [query, key]), mask])
        mixed = self.graph.add("MatMul", [self.graph.add("Softmax", [scores], axis=-1), value])
        joined = self.graph.add(
            "Reshape",
            [
                self.graph.add("Transpose", [mixed], perm=(0, 2, 1, 3)),
                self.graph.constant("all_heads", [0, 0, DIMENSION], np.int64),
            ],
        )
        return self.linear(joined, f"{name}.output.dense")

    def gelu(self, x: str) -> str:
        """0.5·x·(1 + erf(x/√2)), in the form that onnxruntime fuses into one operator."""
        root = self.graph.constant("root_2", np.sqrt(2), np.float32)
        one = self.graph.constant("one", 1, np.float32)
        error = self.graph.add("Erf", [self.graph.add("Div", [x, root])])
        product = self.graph.add("Mul", [x, self.graph.add("Add", [error, one])])
        return self.graph.add("Mul", [product, self.graph.constant("half", 0.5, np.float32)])

    def layer(self, x: str, name: str, mask: str) -> str:
        """One layer: attention and feed-forward, each with its residual and norm."""
        attended = self.graph.add("Add", [self.attention(x, f"{name}.attention", mask), x])
        x = self.norm(attended, f"{name}.attention.output.LayerNorm")
        wide = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
        narrow = self.graph.add("Add", [self.linear(wide, f"{name}.output.dense"), x])
        return self.norm(narrow, f"{name}.output.LayerNorm")


def _four_bits(table: Float32) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
    """Round float32 [rows, 384] to 16 levels in groups of `GROUP` with one step each.

    Of a few steps around the one that just covers a group's largest value, the one with the
    smallest squared error is kept: clipping an outlier a little serves the other numbers.

    Returns:
        uint8 [rows, 192], number i in the low half of byte i and number 192 + i in the high half,
        both plus 8; and the steps, float16 [rows, 384 / GROUP].
    """
    groups = table.reshape(len(table), -1, GROUP)
    largest = np.abs(groups).max(axis=2, keepdims=True)
    steps = np.zeros(largest.shape, dtype=np.float16)
    levels = np.zeros(groups.shape, dtype=np.int8)
    smallest_error = np.full(largest.shape, np.inf, dtype=np.float32)
    for cover in np.linspace(0.6, 1.1, 11, dtype=np.float32):
        step = (largest * cover / np.float32(7.5)).astype(np.float16)
        wide = np.where(step == 0, np.float16(1), step).astype(np.float32)
        level = np.clip(np.rint(groups / wide), -8, 7)
        error = np.square(level * wide - groups).sum(axis=2, keepdims=True)
        better = error < smallest_error
        smallest_error = np.where(better, error, smallest_error)
        steps = np.where(better, step, steps)
        levels = np.where(better, level.astype(np.int8), levels)
    halves = (levels.reshape(len(table), 2, DIMENSION // 2) + 8).astype(np.uint8)
    return halves[:, 0] | (halves[:, 1] << 4), steps[:, :, 0]


def _tokens(graph: Graph, table: Float32, ids: str) -> str:
    """Rows of the token table, stored in four bits, float32 [batch, seq, 384].

    The table stays packed in memory too: only the rows of the text are widened.
    """
    packed, steps = _four_bits(table)
    rows = graph.add("Gather", [graph.constant("tokens.packed", packed, np.uint8), ids])
    both = graph.add("Cast", [rows], to=TensorProto.INT32)
    sixteen = graph.constant("sixteen", 16, np.int32)
    high = graph.add("Div", [both, sixteen])
    low = graph.add("Sub", [both, graph.add("Mul", [high, sixteen])])
    joined = graph.add("Cast", [graph.add("Concat", [low, high], axis=-1)], to=TensorProto.FLOAT)
    levels = graph.add("Sub", [joined, graph.constant("eight", 8, np.float32)])
    grouped = graph.constant("grouped", [0, 0, DIMENSION // GROUP, GROUP], np.int64)
    picked = graph.add("Gather", [graph.constant("tokens.steps", steps, np.float16), ids])
    last = graph.constant("last_axis", [-1], np.int64)
    step = graph.add("Unsqueeze", [graph.add("Cast", [picked], to=TensorProto.FLOAT), last])
    scaled = graph.add("Mul", [graph.add("Reshape", [levels, grouped]), step])
    return graph.add("Reshape", [scaled, graph.constant("flat", [0, 0, DIMENSION], np.int64)])


def _embed(graph: Graph, weights: Mapping[str, Float32], ids: str) -> str:
    """Token plus position plus segment embedding, float32 [batch, seq, 384]."""
    # Every text is segment 0, so its embedding joins the positions.
    positions = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )[:CONTEXT_LENGTH]
    first = graph.constant("first", [0], np.int64)
    second = graph.constant("second", [1], np.int64)
    end = graph.constant("third", [2], np.int64)
    length = graph.add("Slice", [graph.add("Shape", [ids]), second, end])
    table = graph.constant("positions", positions, np.float32)
    kept = graph.add("Slice", [table, first, length])
    tokens = _tokens(graph, weights["embeddings.word_embeddings.weight"], ids)
    return graph.add("Add", [tokens, kept])


def sentence_vectors(graph: Graph, weights: Mapping[str, Float32], ids: str) -> str:
    """all-MiniLM-L6-v2: int64 [batch, seq] to unit float32 [batch, 384].

    Mean of the last layer over the tokens that are not padding, then unit length, as
    sentence-transformers computes it (Reimers & Gurevych 2019).
    """
    encoder = _Encoder(graph, weights)
    padding = graph.add("Equal", [ids, graph.constant("pad_id", PAD_ID, np.int64)])
    present = graph.add("Cast", [graph.add("Not", [padding])], to=TensorProto.FLOAT)
    absent = graph.add("Cast", [padding], to=TensorProto.FLOAT)
    far = graph.add("Mul", [absent, graph.constant("far_below", -1e9, np.float32)])
    mask = graph.add("Unsqueeze", [far, graph.constant("head_axes", [1, 2], np.int64)])
    x = encoder.norm(_embed(graph, weights, ids), "embeddings.LayerNorm")
    for number in range(LAYERS):
        x = encoder.layer(x, f"encoder.layer.{number}", mask)
    column = graph.add("Unsqueeze", [present, graph.constant("last_axis", [-1], np.int64)])
    token_axis = graph.constant("token_axis", [1], np.int64)
    total = graph.add("ReduceSum", [graph.add("Mul", [x, column]), token_axis], keepdims=0)
    count = graph.add("ReduceSum", [present, token_axis], keepdims=1)
    at_least = graph.add("Max", [count, graph.constant("one", 1, np.float32)])
    return graph.unit(graph.add("Div", [total, at_least]))


def text_tower(weights: Mapping[str, Float32], centre: Float32) -> onnx.ModelProto:
    """The text tower: `input_ids` int64 [batch, seq] to `pooler_output` float32 [batch, 384].

    Args:
        weights: all-MiniLM-L6-v2's tensors by their published names.
        centre: float32 [384], taken from every sentence vector before the final unit length.
    """
    graph = Graph("mini_text")
    vectors = sentence_vectors(graph, weights, "input_ids")
    middle = graph.constant("centre", centre, np.float32)
    vectors = graph.unit(graph.add("Sub", [vectors, middle]))
    return graph.model(
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])],
        vectors,
        helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", DIMENSION]),
    )


def image_tower(net: EfficientNet, class_vectors: Float32, temperature: float) -> onnx.ModelProto:
    """The image tower: `pixel_values` float32 [batch, 3, 260, 260] to `pooler_output` [batch, 384].

    ConSE (Norouzi et al. 2013): softmax(logits / T) · V, minus the mean of V's rows, to unit
    length. The probabilities sum to 1, so the mean is taken from V itself.

    Args:
        net: EfficientNet-Lite2 with its weights, in evaluation mode.
        class_vectors: V, float32 [1000, 384], one sentence vector for each class.
        temperature: T.
    """
    graph = Graph("mini_image")
    logits = image_logits(graph, net, "pixel_values")
    cooled = graph.add("Div", [logits, graph.constant("temperature", temperature, np.float32)])
    meaning = graph.half_weight("class_vectors", class_vectors - class_vectors.mean(axis=0))
    mixed = graph.add("MatMul", [graph.add("Softmax", [cooled], axis=1), meaning])
    shape = ["batch", COLOURS, INPUT_SIZE, INPUT_SIZE]
    return graph.model(
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)],
        graph.unit(mixed),
        helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", DIMENSION]),
    )
