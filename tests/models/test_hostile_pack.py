"""Packs that reach out of their folder, or do not end."""

import os
import shutil
from pathlib import Path

import onnx
import pytest

from photond.errors import ModelError
from photond.models.hashes import sha256_of
from photond.models.pack import read_manifest
from photond.models.sessions import open_session
from photond.models.shelf import BUILT_IN
from photond.models.tokens import TextTokenizer


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return Path(shutil.copy(BUILT_IN / "mini" / "model.toml", tmp_path / "model.toml"))


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "link"])
def test_a_graph_cannot_have_its_weights_read_from_outside_its_folder(tmp_path, location) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4])
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        weight.external_data.add(key=key, value=value)
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4])
    node = onnx.helper.make_node("Identity", ["w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [], [out], [weight])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    (folder / "tower.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_session(folder / "tower.onnx", 1)
    # Inside it, the same weights are found.
    weight.external_data[0].value = "weights"
    (folder / "weights").write_bytes(bytes(16))
    graph.initializer[0].CopyFrom(weight)
    model.graph.CopyFrom(graph)
    (folder / "tower.onnx").write_bytes(model.SerializeToString())
    open_session(folder / "tower.onnx", 1)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_regular_file_is_no_part_of_a_pack(tmp_path, kind) -> None:
    path = tmp_path / "tower.onnx"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a regular file"):
        sha256_of(path)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = 1\n" * 300_000, "a = 1\na = 2", "\0"]
)
def test_a_bomb_in_a_manifest_is_a_sentence(manifest, text) -> None:
    manifest.write_text(text)
    with pytest.raises(ModelError, match="is not valid TOML"):
        read_manifest(manifest)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"model":' * 50_000, "{}", "\0" * 100])
def test_a_hostile_tokenizer_is_a_sentence(manifest, text) -> None:
    pack = read_manifest(manifest)
    pack.path_of(pack.tokenizer).write_text(text)
    with pytest.raises(ModelError, match="cannot be read"):
        TextTokenizer(pack)
