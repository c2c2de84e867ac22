"""A pack that is wrong in one thing is refused by every command that would begin to use it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from photond.models.shelf import BUILT_IN
from tests import graphs
from tests.conftest import Command
from tests.graphs import edit


def copy_of_mini(photond: Command, name: str = "broken") -> Path:
    folder = photond.home / "data" / "photond" / "models" / name
    shutil.copytree(BUILT_IN / "mini", folder)
    edit(folder, ('name = "mini"', f'name = "{name}"'))
    return folder


def key(before: str, after: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder, (before, after))


def half_downloaded(folder: Path) -> None:
    data = (folder / "image.onnx").read_bytes()
    (folder / "image.onnx").write_bytes(data[: len(data) // 2])


def one_bit_off(folder: Path) -> None:
    data = bytearray((folder / "text.onnx").read_bytes())
    data[-1000] ^= 1
    (folder / "text.onnx").write_bytes(bytes(data))


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def half_a_manifest(folder: Path) -> None:
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text[: len(text) // 2])


def replace(folder: Path, file: str, make: Callable[[Path], object]) -> None:
    """Put another file into a pack, with its right hash."""
    before = graphs.sha256(folder / file)
    make(folder / file)
    edit(folder, (before, graphs.sha256(folder / file)))


def tokenizer_with_more(folder: Path) -> None:
    def make(path: Path) -> None:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.add_tokens(["sunflowerish"])
        tokenizer.save(str(path))

    replace(folder, "tokenizer.json", make)
    edit(folder, ("vocabulary_size = 30522\n", ""))


def tokenizer_of_another_model(folder: Path) -> None:
    replace(folder, "tokenizer.json", graphs.tokenizer)


def tower_of_another_model(folder: Path) -> None:
    replace(folder, "text.onnx", lambda path: graphs.text_tower(path, output="pooler_output"))


def another_output(folder: Path) -> None:
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace("pooler_output", "last_hidden_state"))


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "half downloaded": (half_downloaded, "is damaged: "),
    "one bit": (one_bit_off, "text.onnx has the SHA-256"),
    "no tokenizer": (without_tokenizer, "tokenizer.json: No such file"),
    "half a manifest": (half_a_manifest, "model.toml"),
    "image size": (key("size = 260\n", "size = 224\n"), "image.size is 224"),
    "dimension": (
        key("embedding_dimension = 384", "embedding_dimension = 768"),
        "embedding_dimension is 768",
    ),
    "tower of another model": (tower_of_another_model, "embedding_dimension is 384"),
    "more tokens": (tokenizer_with_more, "makes tokens up to 30522"),
    "other tokens": (tokenizer_of_another_model, "text.vocabulary_size is 30522"),
    "vocabulary size": (
        key("vocabulary_size = 30522", "vocabulary_size = 30521"),
        "text.vocabulary_size is 30521",
    ),
    "pad id": (key("pad_id = 0", "pad_id = 1"), "text.pad_id = 1"),
    "pad id that is none": (key("pad_id = 0", "pad_id = 40000"), "text.pad_id is 40000"),
    "context length": (
        key("context_length = 64", "context_length = 77"),
        "text.context_length is 77",
    ),
    "darker": (key("mean = [0.49803922, 0.49803922", "mean = [0.4, 0.4"), "image.mean"),
    "std": (key("std = [0.50196078, 0.50196078", "std = [0.225, 0.225"), "image"),
    "crop": (key('resize = "squash"', 'resize = "crop"'), "it takes"),
    "filter": (key('"bicubic"', '"bilinear"'), "resampling"),
    "prompt": (
        key('query_prompt = "a photo of {query}"', 'query_prompt = "{query}"'),
        "query_prompt",
    ),
    "reference": (key("[0.50109, ", "[0.6, "), "reference.cosines"),
    "output": (another_output, "no output 'last_hidden_state'"),
}


@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_pack_is_refused_before_anything_is_written(
    photond, photos, sample, damage, reason
) -> None:
    damage(copy_of_mini(photond))
    sample("cat", photos / "a.jpg")
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text("# mine\n")
    for command in (["verify", "broken"], ["use", "broken"]):
        run = photond("models", *command, code=4)
        assert reason in run.stderr
        assert len(run.stderr.splitlines()) == 1
    assert photond.config_file.read_text() == "# mine\n"
    run = photond("index", photos, code=4, PHOTOND_MODEL_PACK="broken")
    assert reason in run.stderr
    assert not photond.database.exists()


def test_an_index_that_is_there_gets_nothing_from_a_broken_pack(photond, photos, sample) -> None:
    """The towers are whole and onnxruntime runs them; only the examination finds it out."""
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    edit(copy_of_mini(photond), ('resize = "squash"', 'resize = "crop"'))
    photond("index", photos, code=4, PHOTOND_MODEL_PACK="broken")
    with closing(sqlite3.connect(photond.database)) as connection:
        assert connection.execute("select name from packs").fetchall() == [("mini",)]
    assert len(photond("query", "cat", "--json").json) == 1


def test_a_pack_with_random_weights_can_be_used_and_says_so(photond, photos, sample) -> None:
    graphs.tiny_pack(photond.home / "data" / "photond" / "models" / "tiny")
    assert "weights are random" in photond("models", "verify", "tiny").stdout
    photond("models", "use", "tiny")
    assert "weights are random" in photond("doctor").stdout
    sample("cat", photos / "a.jpg")
    assert photond("index", photos, "--json").json["new"] == 1


@pytest.mark.parametrize("query", ["🏖", "חוף ים", "海滩", "\udcff", "cat " * 500, "!"])
def test_an_odd_query_is_answered(indexed_samples, query) -> None:
    assert len(indexed_samples("query", query, "--json", "-n", "3").json) == 3
