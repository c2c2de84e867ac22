"""Makes a pack of SigLIP's shape whose weights are random, for measuring speed and for the tests.

    python tools/random_pack.py --out ~/.local/share/photond/models/random [--tiny]

It understands nothing. Its towers have the operators, the sizes and the names of inputs and outputs of
SigLIP's ONNX export, so that what a processor does with them is what it does with SigLIP.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import tomlkit
from onnx import TensorProto, helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from photond.models.hashes import sha256_of
from photond.models.pack import Pack, load_pack
from tools.mini_pack.graph import Graph

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the towers are.

    Attributes:
        dimension: Of every token on its way through a tower.
        embedding: Of an embedding.
        layers: Of each tower.
        heads: Of each attention; they divide `dimension`.
        hidden: Width inside of a layer's perceptron.
        size: Sides of a picture, in pixels.
        patch: Sides of a patch, in pixels; they divide `size`.
        tokens: Length of a text.
        words: How many tokens the tokenizer knows.
        batch: How many pictures one call is to compute.
    """

    dimension: int
    embedding: int
    layers: int
    heads: int
    hidden: int
    size: int
    patch: int
    tokens: int
    words: int
    batch: int = 1


SIGLIP_BASE = Shape(768, 768, 12, 12, 3072, size=224, patch=16, tokens=64, words=32_000)
TINY = Shape(64, 64, 2, 4, 128, size=32, patch=8, tokens=16, words=500)


class _Tower:
    """A graph, and the random weights that it is given on the way."""

    def __init__(self, name: str, shape: Shape, seed: int) -> None:
        self.graph = Graph(name)
        self.shape = shape
        self._random = np.random.default_rng(seed)
        self._count = 0

    def random(self, *dims: int, scale: float) -> str:
        """The name of a new float32 weight, normally distributed around 0."""
        self._count += 1
        value = self._random.standard_normal(dims, np.float32) * np.float32(scale)
        return self.graph.constant(f"weight_{self._count}", value, np.float32)

    def linear(self, x: str, inner: int, outer: int) -> str:
        """`x` (…, inner) times a weight, plus a bias: (…, outer)."""
        product = self.graph.add(
            "MatMul", [x, self.random(inner, outer, scale=1 / math.sqrt(inner))]
        )
        return self.graph.add("Add", [product, self.random(outer, scale=0.02)])

    def norm(self, x: str) -> str:
        """`x` (…, dimension), each vector with mean 0 and variance 1."""
        one = self.graph.constant("one", np.ones(self.shape.dimension), np.float32)
        zero = self.graph.constant("zero", np.zeros(self.shape.dimension), np.float32)
        return self.graph.add("LayerNormalization", [x, one, zero], axis=-1, epsilon=1e-6)

    def attention(self, query: str, x: str) -> str:
        """What `query` (n, q, dimension) finds in `x` (n, t, dimension): (n, q, dimension)."""
        dimension, heads = self.shape.dimension, self.shape.heads
        apart = self.graph.constant("apart", [0, -1, heads, dimension // heads], np.int64)
        together = self.graph.constant("together", [0, -1, dimension], np.int64)

        def split(source: str, *order: int) -> str:
            projected = self.linear(source, dimension, dimension)
            return self.graph.add(
                "Transpose", [self.graph.add("Reshape", [projected, apart])], perm=order
            )

        queries, keys, values = split(query, 0, 2, 1, 3), split(x, 0, 2, 3, 1), split(x, 0, 2, 1, 3)
        scale = self.graph.constant("scale", 1 / math.sqrt(dimension // heads), np.float32)
        alike = self.graph.add("Mul", [self.graph.add("MatMul", [queries, keys]), scale])
        mixed = self.graph.add("MatMul", [self.graph.add("Softmax", [alike], axis=-1), values])
        joined = self.graph.add("Transpose", [mixed], perm=[0, 2, 1, 3])
        joined = self.graph.add("Reshape", [joined, together])
        return self.linear(joined, dimension, dimension)

    def perceptron(self, x: str) -> str:
        """Two linear layers with the tanh form of GELU between them."""
        inner = self.linear(x, self.shape.dimension, self.shape.hidden)
        number = {
            name: self.graph.constant(name, value, np.float32)
            for name, value in {
                "three": 3.0,
                "cubic": 0.044715,
                "root": math.sqrt(2 / math.pi),
                "half": 0.5,
                "unit": 1.0,
            }.items()
        }
        cube = self.graph.add(
            "Mul", [self.graph.add("Pow", [inner, number["three"]]), number["cubic"]]
        )
        bent = self.graph.add("Mul", [self.graph.add("Add", [inner, cube]), number["root"]])
        gate = self.graph.add("Add", [self.graph.add("Tanh", [bent]), number["unit"]])
        active = self.graph.add("Mul", [self.graph.add("Mul", [inner, gate]), number["half"]])
        return self.linear(active, self.shape.hidden, self.shape.dimension)

    def layers(self, x: str) -> str:
        """The transformer: (n, t, dimension) in and out."""
        for _ in range(self.shape.layers):
            normal = self.norm(x)
            x = self.graph.add("Add", [x, self.attention(normal, normal)])
            x = self.graph.add("Add", [x, self.perceptron(self.norm(x))])
        return self.norm(x)

    def save(self, path: Path, pixels_or_ids: onnx.ValueInfoProto, result: str) -> None:
        """Write the tower with SigLIP's output."""
        output = helper.make_tensor_value_info(
            "pooler_output", TensorProto.FLOAT, ["batch", self.shape.embedding]
        )
        path.write_bytes(self.graph.model([pixels_or_ids], result, output).SerializeToString())


def write_image_tower(path: Path, shape: Shape, seed: int = 1) -> None:
    """A vision transformer whose head attends to all patches from one learnt probe, as SigLIP's."""
    tower = _Tower("image", shape, seed)
    graph = tower.graph
    inner = 3 * shape.patch * shape.patch
    weight = tower.random(shape.dimension, 3, shape.patch, shape.patch, scale=1 / math.sqrt(inner))
    strides = [shape.patch, shape.patch]
    patches = graph.add(
        "Conv", ["pixel_values", weight, tower.random(shape.dimension, scale=0.02)], strides=strides
    )
    flat = graph.constant("flat", [0, shape.dimension, -1], np.int64)
    x = graph.add("Transpose", [graph.add("Reshape", [patches, flat])], perm=[0, 2, 1])
    count = (shape.size // shape.patch) ** 2
    x = tower.layers(graph.add("Add", [x, tower.random(1, count, shape.dimension, scale=0.5)]))
    probe = tower.random(1, 1, shape.dimension, scale=1.0)
    pooled = tower.attention(probe, x)
    pooled = graph.add("Add", [pooled, tower.perceptron(tower.norm(pooled))])
    vector = graph.add(
        "Reshape", [pooled, graph.constant("vector", [-1, shape.dimension], np.int64)]
    )
    if shape.embedding != shape.dimension:
        vector = tower.linear(vector, shape.dimension, shape.embedding)
    pixels = helper.make_tensor_value_info(
        "pixel_values", TensorProto.FLOAT, ["batch", 3, shape.size, shape.size]
    )
    tower.save(path, pixels, vector)


def write_text_tower(path: Path, shape: Shape, seed: int = 2) -> None:
    """A text transformer that pools the last position, as SigLIP's."""
    tower = _Tower("text", shape, seed)
    graph = tower.graph
    table = tower.random(shape.words, shape.dimension, scale=0.5)
    x = graph.add("Gather", [table, "input_ids"], axis=0)
    x = graph.add("Add", [x, tower.random(1, shape.tokens, shape.dimension, scale=0.1)])
    x = tower.layers(x)
    last = graph.add("Gather", [x, graph.constant("last", [shape.tokens - 1], np.int64)], axis=1)
    last = graph.add("Reshape", [last, graph.constant("vector", [-1, shape.dimension], np.int64)])
    weight = tower.random(shape.embedding, shape.dimension, scale=1 / math.sqrt(shape.dimension))
    result = graph.add("Gemm", [last, weight, tower.random(shape.embedding, scale=0.02)], transB=1)
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", shape.tokens])
    tower.save(path, ids, result)


def write_tokenizer(path: Path, words: int) -> None:
    """One token a letter, and as many more as are lacking; token 0 is unknown, 1 ends a text."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary: Mapping[str, int] = {
        word: number
        for number, word in enumerate(
            ["<unk>", "</s>", *letters, *(f"word{number}" for number in range(words - 28))]
        )
    }
    tokenizer = Tokenizer(WordLevel(dict(vocabulary), unk_token="<unk>"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(path))


def write_pack(folder: Path, shape: Shape) -> Pack:
    """Write a whole pack; its name is the folder's."""
    folder.mkdir(parents=True, exist_ok=True)
    write_image_tower(folder / "image.onnx", shape)
    write_text_tower(folder / "text.onnx", shape)
    write_tokenizer(folder / "tokenizer.json", shape.words)

    def part(name: str) -> dict[str, object]:
        path = folder / name
        return {"file": name, "sha256": sha256_of(path), "bytes": path.stat().st_size}

    manifest = {
        "format": 1,
        "name": folder.name,
        "title": "Random weights in SigLIP's shape",
        "licence": "CC0-1.0",
        "source": "tools/random_pack.py",
        "revision": "1",
        "untrained": True,
        "embedding_dimension": shape.embedding,
        "image": part("image.onnx")
        | {
            "input": "pixel_values",
            "output": "pooler_output",
            "size": shape.size,
            "batch": shape.batch,
            "resize": "squash",
            "resampling": "bicubic",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
        "text": part("text.onnx")
        | {
            "input": "input_ids",
            "output": "pooler_output",
            "context_length": shape.tokens,
            "vocabulary_size": shape.words,
            "padding": "max_length",
            "pad_id": 1,
            "canonicalise": "siglip",
            "tag_prompt": "this is a photo of {label}",
            "query_prompt": "{query}",
        },
        "tokenizer": part("tokenizer.json"),
        "score": {"logit_scale": 117.3309, "logit_bias": -12.9324, "min_confidence": 0.1},
    }
    (folder / "model.toml").write_text(tomlkit.dumps(manifest), "utf-8")
    return load_pack(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the pack's folder")
    parser.add_argument("--tiny", action="store_true", help="a thousandth of SigLIP base's size")
    options = parser.parse_args()
    pack = write_pack(options.out, TINY if options.tiny else SIGLIP_BASE)
    print(pack.folder)
