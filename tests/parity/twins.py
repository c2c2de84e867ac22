"""A model twice: as the reference implementation runs it, and as a pack that photond runs.

The published weights cannot be part of a test, so the weights are random; the architecture, its ONNX
export and the `model.toml` are those of the published model.
"""

import hashlib
import shutil
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import tomlkit
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image

from photond.imaging.decode import decode
from photond.imaging.picture import Limits
from photond.imaging.tensor import to_tensor
from photond.models.pack import MANIFEST, Pack, load_pack
from photond.models.registry import REGISTRY, find_registered
from photond.models.towers import ImageTower, TextTower, normalised
from photond.pipeline.inputs import input_spec

Vectors = npt.NDArray[np.float32]
OPSET = 17
# The axes that vary.
BATCH = {0: "batch"}
TOKENS = {0: "batch", 1: "sequence"}
TOLERANCE = 1e-5

# A second thread waits spinning for the first, which costs more than it brings on a busy machine.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Twins:
    """The two, with what each makes of texts and of pictures.

    Attributes:
        model: The reference's model.
        processor: The reference's processor: image processor and tokenizer.
        text_options: What the processor is to be called with for texts.
        pack: The same model as a pack.
        texts: photond's text tower of the pack.
        pictures: photond's image tower of the pack.
    """

    model: Any
    processor: Any
    text_options: dict[str, Any]
    pack: Pack
    texts: TextTower
    pictures: ImageTower

    def reference_tokens(self, texts: Sequence[str]) -> Any:
        return self.processor(text=list(texts), return_tensors="pt", **self.text_options)

    def reference_texts(self, texts: Sequence[str]) -> Vectors:
        """What the reference implementation makes of texts, scaled to unit length."""
        with torch.inference_mode():
            output = self.model.get_text_features(**self.reference_tokens(texts))
        return normalised(output.pooler_output.numpy())

    def reference_pictures(self, pictures: Sequence[Image.Image]) -> Vectors:
        """What it makes of pictures as they are opened, scaled to unit length."""
        rows = []
        for picture in pictures:
            pixels = self.processor(images=picture, return_tensors="pt")
            with torch.inference_mode():
                rows.append(self.model.get_image_features(**pixels).pooler_output.numpy()[0])
        return normalised(np.stack(rows))

    def embed_files(self, files: Sequence[bytes]) -> Vectors:
        """What photond makes of photo files."""
        return embed_files(self.pack, self.pictures, files)


def embed_files(pack: Pack, tower: ImageTower, files: Sequence[bytes]) -> Vectors:
    """What photond makes of photo files, by the way that it takes for each."""
    spec = input_spec(pack.image)
    rows = []
    for data in files:
        picture = decode(data, name="photo", min_side=spec.size, limits=Limits())
        rows.append(tower.embed(to_tensor(picture.image, spec)[np.newaxis])[0])
    return np.stack(rows)


def worst_difference(found: Vectors, expected: Vectors) -> float:
    """Between any two numbers of embeddings that should be equal."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


def distance(one: Vectors, other: Vectors) -> float:
    """1 - cosine, to more digits than float32 has so near to 1."""
    return float(((one.astype(np.float64) - other) ** 2).sum() / 2)


def assert_told_apart(embeddings: Vectors, least: float) -> None:
    """Equal embeddings prove nothing if the model gives the same one to everything."""
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, -1)
    assert cosines.max() < 1 - least, f"two inputs are alike by {cosines.max():.6f}"


def spread(model: Any, attention: float, values: float) -> None:
    """Scale random weights so that the model looks at some tokens and patches more than at others.

    As they are drawn, every token is looked at alike, so that all texts that end in the same padding
    get nearly the same embedding.
    """
    with torch.no_grad():
        for module in model.modules():
            if hasattr(module, "q_proj"):
                for layer, factor in (
                    (module.q_proj, attention),
                    (module.k_proj, attention),
                    (module.v_proj, values),
                    (module.out_proj, values),
                ):
                    layer.weight.mul_(factor)


class _Tower(torch.nn.Module):
    """A part of a model with its inputs and outputs in a fixed order, as an export needs them."""

    def __init__(self, model: Any, outputs: Callable[..., tuple[Any, ...]]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs

    def forward(self, *inputs: Any) -> tuple[Any, ...]:
        return self.outputs(self.model, *inputs)


@contextmanager
def _exporting() -> Iterator[None]:
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter that needs no further package, and that the published files were made with, is
        # being retired.
        warnings.filterwarnings(
            "ignore", "You are using the legacy TorchScript", DeprecationWarning
        )
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # Shapes that are compared in Python become constants. The tests run other shapes than these.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        # None of the indices is negative.
        warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
        yield


def export(
    file: Path,
    model: Any,
    outputs: Callable[..., tuple[Any, ...]],
    inputs: dict[str, Any],
    shapes: dict[str, dict[int, str]],
) -> None:
    """Write a tower as ONNX.

    Args:
        file: Where to.
        model: The whole model.
        outputs: From the model and its inputs to the outputs.
        inputs: An example, by name.
        shapes: The names of the outputs, each with its axes that vary.
    """
    axes = BATCH if "pixel_values" in inputs else TOKENS
    varying = dict.fromkeys(inputs, axes)
    with _exporting():
        torch.onnx.export(
            _Tower(model, outputs).eval(),
            tuple(inputs.values()),
            file,
            input_names=list(inputs),
            output_names=list(shapes),
            dynamic_axes=varying | shapes,
            opset_version=OPSET,
            dynamo=False,
        )


def write_pack(folder: Path, entry: str, **changes: Any) -> Pack:
    """Write the `model.toml` that photond has for a published model, beside files of other weights.

    Args:
        folder: The pack's, which has the other files.
        entry: The pack in photond's registry.
        changes: What is not as published: keys, or tables with keys.
    """
    document = tomllib.loads((REGISTRY / entry / MANIFEST).read_text("utf-8"))
    for key in ("repository", "unverified"):
        document.pop(key, None)
    document |= {"name": folder.name, "untrained": True}
    for key, value in changes.items():
        document[key] = document[key] | value if isinstance(value, dict) else value
    for section in ("image", "text", "tokenizer"):
        part = document[section]
        for key in ("remote", "bytes"):
            part.pop(key, None)
        with (folder / part["file"]).open("rb") as file:
            part["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    (folder / MANIFEST).write_text(tomlkit.dumps(document), "utf-8")
    return load_pack(folder)


def quantised(pack: Pack, folder: Path, entry: str) -> Pack:
    """A pack with its towers in int8, made by the function and the settings of the published ones."""
    published = find_registered(entry)
    folder.mkdir()
    for whole, part, kind in (
        (pack.text, published.text, QuantType.QInt8),
        # A convolution has no int8 kernel for signed weights.
        (pack.image, published.image, QuantType.QUInt8),
    ):
        quantize_dynamic(
            pack.path_of(whole),
            folder / part.file,
            weight_type=kind,
            per_channel=True,
            reduce_range=True,
            extra_options={"EnableSubgraph": True},
        )
    shutil.copy(pack.path_of(pack.tokenizer), folder)
    return write_pack(folder, entry)


def with_text(pack: Pack, **changes: Any) -> Pack:
    """A pack whose `model.toml` is wrong about texts."""
    return msgspec.structs.replace(pack, text=msgspec.structs.replace(pack.text, **changes))


def with_image(pack: Pack, **changes: Any) -> Pack:
    """A pack whose `model.toml` is wrong about pictures."""
    return msgspec.structs.replace(pack, image=msgspec.structs.replace(pack.image, **changes))
