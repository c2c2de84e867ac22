"""Tiny real ONNX graphs and packs made of them: towers that can be wrong in one way at a time."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ("<pad>", "</s>", "<unk>", "a", "photo", "of", "cat", "cup", "coffee", "sunflowers", "dog")
VOCABULARY = len(WORDS)
DIMENSION = 4
SIZE = 16
CONTEXT = 8
SCALE, BIAS = 117.3309, -12.9324
Dimension = int | str


def weights(name: str, *shape: int) -> onnx.TensorProto:
    """Random, and always the same for the same name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: dict[str, Sequence[Dimension]],
    constants: Sequence[onnx.TensorProto],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def floats(name: str, *shape: Dimension) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def integers(name: str, *shape: Dimension) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def constant(name: str, values: Sequence[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def image_nodes(output: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Every pixel counts, so that only one size fits."""
    return (
        [
            helper.make_node("Flatten", ["pixel_values"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "image_weights"], [output]),
        ],
        [weights("image_weights", 3 * SIZE * SIZE, DIMENSION)],
    )


def text_nodes(output: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The mean over the tokens, each added to its position: padding counts, as in SigLIP."""
    return (
        [
            helper.make_node("Gather", ["table", "input_ids"], ["words"]),
            helper.make_node("Shape", ["input_ids"], ["length"], start=1, end=2),
            helper.make_node("Slice", ["positions", "zero", "length"], ["places"]),
            helper.make_node("Add", ["words", "places"], ["last_hidden_state"]),
            helper.make_node(
                "ReduceMean", ["last_hidden_state"], [output], axes=[1], keepdims=False
            ),
        ],
        [
            weights("table", VOCABULARY, DIMENSION),
            weights("positions", CONTEXT, DIMENSION),
            constant("zero", [0]),
        ],
    )


def image_tower(
    path: Path, *, side: Dimension = SIZE, dimension: Dimension = DIMENSION, output: str = "vector"
) -> Path:
    nodes, constants = image_nodes(output)
    inputs = [floats("pixel_values", "n", 3, side, side)]
    return save(path, nodes, inputs, {output: ("n", dimension)}, constants)


def constant_image_tower(path: Path) -> Path:
    """It looks at nothing but how many pictures there are."""
    nodes = [
        helper.make_node("Shape", ["pixel_values"], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "one"], ["shape"], axis=0),
        helper.make_node("Expand", ["answer", "shape"], ["vector"]),
    ]
    constants = [constant("one", [1]), weights("answer", 1, DIMENSION)]
    inputs = [floats("pixel_values", "n", 3, SIZE, SIZE)]
    return save(path, nodes, inputs, {"vector": ("n", DIMENSION)}, constants)


def text_tower(
    path: Path, *, length: Dimension = "tokens", batch: Dimension = "n", output: str = "vector"
) -> Path:
    nodes, constants = text_nodes(output)
    outputs: dict[str, Sequence[Dimension]] = {
        "last_hidden_state": (batch, length, DIMENSION),
        output: (batch, DIMENSION),
    }
    return save(path, nodes, [integers("input_ids", batch, length)], outputs, constants)


def masked_text_tower(path: Path, *, is_quantised: bool = False) -> Path:
    """The sum of the tokens that an attention mask names: padding does not count.

    Quantised while it runs, a batch shares one scale, and a loud text makes the others coarse.
    """
    words = "words"
    quantised = []
    if is_quantised:
        words = "exact"
        steps = ["whole", "step", "zero_point"]
        quantised = [
            helper.make_node("DynamicQuantizeLinear", ["exact"], steps),
            helper.make_node("DequantizeLinear", steps, ["words"]),
        ]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], [words]),
        *quantised,
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "two"], ["weight"]),
        helper.make_node("Mul", ["words", "weight"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["vector"], keepdims=False),
    ]
    table = numpy_helper.to_array(weights("table", VOCABULARY, DIMENSION)).copy()
    # Loud.
    table[WORDS.index("<unk>")] *= 20
    constants = [
        numpy_helper.from_array(table, "table"),
        constant("one", [1]),
        constant("two", [2]),
    ]
    inputs = [integers(name, "n", "tokens") for name in ("input_ids", "attention_mask")]
    return save(path, nodes, inputs, {"vector": ("n", DIMENSION)}, constants)


def combined(path: Path, *, scale: float = SCALE, bias: float = BIAS, batch: Dimension = 1) -> Path:
    """Both towers of `tiny_pack` in one graph, with the logit that they were trained with."""
    images, image_constants = image_nodes("image")
    texts, text_constants = text_nodes("text")
    nodes = [
        *images,
        *texts,
        helper.make_node("LpNormalization", ["image"], ["image_embeds"], axis=1),
        helper.make_node("LpNormalization", ["text"], ["text_embeds"], axis=1),
        helper.make_node("Transpose", ["text_embeds"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["image_embeds", "turned"], ["cosine"]),
        helper.make_node("Mul", ["cosine", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logits_per_image"]),
    ]
    inputs = [
        integers("input_ids", batch, "tokens"),
        floats("pixel_values", batch, 3, SIZE, SIZE),
    ]
    outputs: dict[str, Sequence[Dimension]] = {
        "logits_per_image": (batch, batch),
        "text_embeds": (batch, DIMENSION),
        "image_embeds": (batch, DIMENSION),
    }
    numbers = [
        numpy_helper.from_array(np.float32(scale), "scale"),
        numpy_helper.from_array(np.float32(bias), "bias"),
    ]
    return save(path, nodes, inputs, outputs, [*image_constants, *text_constants, *numbers])


def tokenizer(path: Path, words: Sequence[str] = WORDS, pad_id: int | None = None) -> Path:
    """A word a token, and an end; `pad_id` is what its file says to pad with."""
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", words.index("</s>"))]
    )
    if pad_id is not None:
        made.enable_padding(pad_id=pad_id, pad_token=words[pad_id])
    made.save(str(path))
    return path


MANIFEST = """\
format = 1
name = "{name}"
title = "Random weights"
licence = "CC0-1.0"
source = "https://example.org"
revision = "1"
untrained = true
embedding_dimension = {dimension}

[image]
file = "image.onnx"
sha256 = "{image}"
input = "pixel_values"
output = "vector"
size = {size}
resize = "squash"
resampling = "bicubic"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]

[text]
file = "text.onnx"
sha256 = "{text}"
input = "input_ids"
output = "vector"
context_length = {context}
vocabulary_size = {vocabulary}
padding = "max_length"
pad_id = 0
canonicalise = "lower"
tag_prompt = "a photo of {{label}}"
query_prompt = "a photo of {{query}}"

[tokenizer]
file = "tokenizer.json"
sha256 = "{tokenizer}"

[score]
logit_scale = {scale}
logit_bias = {bias}
min_confidence = 0.1
"""


def tiny_pack(folder: Path) -> Path:
    """A pack with random towers of 4 dimensions, right in everything but its weights.

    Make its files first if they are to be others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (
        ("image.onnx", image_tower),
        ("text.onnx", text_tower),
        ("tokenizer.json", tokenizer),
    ):
        if not (folder / name).exists():
            make(folder / name)
    manifest = MANIFEST.format(
        name=folder.name,
        dimension=DIMENSION,
        size=SIZE,
        context=CONTEXT,
        vocabulary=VOCABULARY,
        scale=SCALE,
        bias=BIAS,
        image=sha256(folder / "image.onnx"),
        text=sha256(folder / "text.onnx"),
        tokenizer=sha256(folder / "tokenizer.json"),
    )
    (folder / "model.toml").write_text(manifest)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def edit(folder: Path, *changes: tuple[str, str]) -> None:
    """Change a pack's `model.toml`, each time in the one place where a text stands."""
    manifest = folder / "model.toml"
    text = manifest.read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    manifest.write_text(text)
