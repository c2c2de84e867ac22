"""Packs in int8: what is written, what it computes, and that there is never half of one."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from photond.errors import ModelError, UsageError
from photond.models import int8
from photond.models.pack import Pack, Reference, load_pack
from photond.models.quantize import quantize_pack
from photond.models.shelf import pack_folders
from photond.models.towers import ImageTower, TextTower
from tools.random_pack import TINY

TEXTS = ["a cat", "a dog on the beach", "zebra", "an apple and a pear in a bowl"]


def accept(_draft: Pack) -> None:
    """Whatever it is."""


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def operators(pack: Pack, part: str) -> list[str]:
    return [node.op_type for node in onnx.load(pack.folder / part).graph.node]


def test_the_new_pack_computes_nearly_the_same(tiny: Pack, quantised: Pack) -> None:
    pixels = np.random.default_rng(4).uniform(-1, 1, (1, 3, TINY.size, TINY.size))
    photos = [ImageTower(pack).embed(pixels.astype(np.float32)) for pack in (tiny, quantised)]
    texts = [TextTower(pack).embed(TEXTS) for pack in (tiny, quantised)]
    assert (photos[0] * photos[1]).sum(axis=1).min() > 0.995
    assert (texts[0] * texts[1]).sum(axis=1).min() > 0.995


def test_all_weights_become_int8_and_the_patches_stay(tiny: Pack, quantised: Pack) -> None:
    """onnxruntime has no fast convolution of int8, and SigLIP's is one hundredth of the work."""
    assert operators(quantised, "image.onnx").count("Conv") == 1
    # Two of each attention multiply what is computed.
    assert operators(quantised, "image.onnx").count("MatMul") == 2 * (TINY.layers + 1)
    assert operators(quantised, "text.onnx").count("MatMul") == 2 * TINY.layers
    assert "Gemm" in operators(tiny, "text.onnx")
    assert "Gemm" not in operators(quantised, "text.onnx")
    for tower in (quantised.image, quantised.text):
        large = [
            tensor.name
            for tensor in onnx.load(quantised.path_of(tower)).graph.initializer
            if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 8000
        ]
        # The patches' filters, 64 x 3 x 8 x 8.
        assert len(large) == (1 if tower is quantised.image else 0), large


def test_the_manifest_states_the_new_files_and_the_old_use(tiny: Pack, quantised: Pack) -> None:
    quantised.verify()
    assert quantised == load_pack(quantised.folder)
    assert quantised.name == "tiny-int8"
    assert quantised.title == f"{tiny.title}, int8"
    assert (quantised.source, quantised.score) == (tiny.source, tiny.score)
    assert quantised.image.bytes == quantised.path_of(quantised.image).stat().st_size
    assert quantised.tokenizer.sha256 == tiny.tokenizer.sha256
    assert quantised.fingerprint != tiny.fingerprint
    same = {"sha256": "0" * 64, "bytes": 1}
    for part in ("image", "text"):
        old, new = (getattr(pack, part) for pack in (tiny, quantised))
        assert msgspec.structs.replace(old, **same) == msgspec.structs.replace(new, **same)


def test_what_holds_for_the_old_towers_alone_is_not_stated_of_the_new(
    tiny: Pack, tmp_path: Path
) -> None:
    known = Reference(cosines=((1.0, 0.5), (0.5, 1.0)), tolerance=0.02)
    old = msgspec.structs.replace(
        tiny,
        repository="somebody/something",
        image=msgspec.structs.replace(tiny.image, remote="onnx/image.onnx"),
        reference=known,
    )
    found = Reference(cosines=((0.9, 0.4), (0.4, 0.9)), tolerance=0.02)
    drafts: list[Pack] = []

    def examine(draft: Pack) -> Reference:
        drafts.append(draft)
        assert load_pack(draft.folder) == draft
        return found

    new = quantize_pack(old, "new", tmp_path, examine)
    assert (drafts[0].reference, new.reference) == (None, found)
    assert (new.repository, new.image.remote, new.labels) == (None, None, None)


def test_a_text_has_one_embedding_whatever_stands_beside_it(quantised: Pack) -> None:
    """In a batch of int8 all rows share a scale, so that each would change with the others."""
    tower = TextTower(quantised)
    together = tower.embed(TEXTS)
    for text, embedding in zip(TEXTS, together, strict=True):
        assert np.array_equal(tower.embed([text])[0], embedding)


def test_the_old_pack_is_only_read(tiny: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny.folder, folder)
    before = contents(folder)
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    quantize_pack(load_pack(folder), "new", tmp_path / "models", accept)
    folder.chmod(0o755)
    assert contents(folder) == before


def test_a_pack_that_is_quantised_already_is_refused(
    quantised: Pack, mini: Pack, tmp_path: Path
) -> None:
    for pack in (quantised, mini):
        with pytest.raises(ModelError, match="quantised already"):
            quantize_pack(pack, "new", tmp_path, accept)
    assert list(tmp_path.iterdir()) == []


def test_one_tower_alone_is_quantised_where_the_other_cannot_be(
    tiny: Pack, quantised: Pack, tmp_path: Path
) -> None:
    folder = tmp_path / "half"
    shutil.copytree(tiny.folder, folder)
    shutil.copy(quantised.path_of(quantised.text), folder / "text.onnx")
    half = msgspec.structs.replace(tiny, folder=folder, text=quantised.text)
    new = quantize_pack(half, "new", tmp_path / "models", accept)
    assert new.text == quantised.text
    assert "MatMulInteger" in operators(new, "image.onnx")


def test_a_pack_that_does_not_pass_leaves_nothing(tiny: Pack, tmp_path: Path) -> None:
    def refuse(_draft: Pack) -> None:
        assert pack_folders(tmp_path).keys() == {"mini"}
        raise ModelError("no")

    with pytest.raises(ModelError, match="no"):
        quantize_pack(tiny, "new", tmp_path, refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_pack_is_not_quantised(tiny: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny.folder, folder)
    with (folder / "text.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="damaged"):
        quantize_pack(load_pack(folder), "new", tmp_path / "models", accept)


def test_a_tower_that_is_no_graph_is_an_error_of_the_pack(tiny: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny.folder, folder)
    (folder / "text.onnx").write_bytes(b"not a graph")
    sha256 = hashlib.sha256(b"not a graph").hexdigest()
    text = msgspec.structs.replace(tiny.text, sha256=sha256)
    broken = msgspec.structs.replace(tiny, folder=folder, text=text)
    with pytest.raises(ModelError, match=r"text\.onnx cannot be quantised"):
        quantize_pack(broken, "new", tmp_path / "models", accept)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("name", ["", ".hidden", "-x", "Ä", "a/b", "..", "a\n"])
def test_a_name_that_cannot_be_one_is_refused(tiny: Pack, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        quantize_pack(tiny, name, tmp_path, accept)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused_and_what_has_it_is_kept(
    tiny: Pack, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thing").touch()
    with pytest.raises(UsageError, match="already"):
        quantize_pack(tiny, "taken", tmp_path, accept)
    assert (tmp_path / "taken" / "thing").exists()


def test_what_was_left_by_a_killed_process_is_no_pack_and_goes_the_next_time(
    tiny: Pack, tmp_path: Path
) -> None:
    shutil.copytree(tiny.folder, tmp_path / ".quantize-tiny")
    assert ".quantize-tiny" not in pack_folders(tmp_path)
    quantize_pack(tiny, "new", tmp_path, accept)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_two_do_not_quantise_at_once(tiny: Pack, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ModelError, match="another photond"):
        quantize_pack(tiny, "new", tmp_path, accept)
    os.close(descriptor)
    quantize_pack(tiny, "new", tmp_path, accept)


def test_a_disk_without_room_is_noticed_before_it_is_full(
    tiny: Pack, tmp_path: Path, monkeypatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    with pytest.raises(ModelError, match="Free some space"):
        quantize_pack(tiny, "new", tmp_path, accept)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("machine", "flags", "reduced"),
    [
        ("x86_64", "fpu sse4_2 avx avx2 fma", True),
        ("x86_64", "fpu avx2 avx512f avx512bw", True),
        ("x86_64", "fpu avx2 avx512f avx512_vnni", False),
        ("x86_64", "fpu avx2 avx_vnni", False),
        ("x86_64", None, True),
        ("aarch64", None, False),
    ],
)
def test_only_processors_that_would_overflow_get_seven_bits(
    tmp_path: Path, machine: str, flags: str | None, reduced: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: avx_vnni\n")
    assert int8.needs_reduced_range(machine, cpuinfo) is reduced


@pytest.mark.parametrize(("reduced", "most"), [(False, 127), (True, 64)])
def test_weights_have_eight_bits_or_seven(
    tiny: Pack, tmp_path: Path, reduced: bool, most: int
) -> None:
    target = tmp_path / "image.onnx"
    assert int8.write_int8(tiny.path_of(tiny.image), target, reduce_range=reduced)
    assert [path.name for path in tmp_path.iterdir()] == ["image.onnx"]
    matrices = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(target).graph.initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 2
    ]
    assert matrices
    # Every column has a scale of its own, and so reaches the end of the range.
    assert all((np.abs(matrix.astype(int)).max(axis=0) == most).all() for matrix in matrices)
