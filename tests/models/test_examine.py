"""What is wrong with a pack is found without a trained weight: sizes, vocabularies, padding, lengths."""

from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from photond.errors import ModelError
from photond.models.pack import load_pack
from photond.pipeline.alignment import try_out
from tests import graphs
from tests.graphs import WORDS, edit, tiny_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a pack is to be; a test makes what is wrong with it, and `tiny_pack` the rest."""
    path = tmp_path / "tiny"
    path.mkdir()
    return path


def refused(folder: Path, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        try_out(load_pack(folder))


def test_a_pack_with_random_weights_passes_where_only_training_is_lacking(folder: Path) -> None:
    assert not try_out(load_pack(tiny_pack(folder))).is_aligned
    edit(folder, ("untrained = true", "untrained = false"))
    refused(folder, r"do not agree: it takes .*\.jpg for")


@pytest.mark.parametrize("side", [graphs.SIZE, "side"])
def test_a_tower_for_another_size_is_refused_whether_its_graph_says_so_or_not(
    folder: Path, side: int | str
) -> None:
    graphs.image_tower(folder / "image.onnx", side=side)
    edit(tiny_pack(folder), (f"size = {graphs.SIZE}\n", "size = 24\n"))
    refused(folder, r"image\.size is 24")


@pytest.mark.parametrize("dimension", [graphs.DIMENSION, "dimension"])
def test_another_dimension_is_refused_whether_the_graph_says_so_or_not(
    folder: Path, dimension: int | str
) -> None:
    graphs.image_tower(folder / "image.onnx", dimension=dimension)
    edit(tiny_pack(folder), ("embedding_dimension = 4", "embedding_dimension = 768"))
    refused(folder, "embedding_dimension")


def test_an_output_with_a_vector_for_each_token_is_no_embedding(folder: Path) -> None:
    manifest = tiny_pack(folder) / "model.toml"
    head, text, tail = manifest.read_text().partition("[text]")
    manifest.write_text(head + text + tail.replace('"vector"', '"last_hidden_state"'))
    refused(folder, r"'last_hidden_state' .* has the shape \(1, 8, 4\)")


def test_a_tower_that_sees_nothing_is_refused(folder: Path) -> None:
    graphs.constant_image_tower(folder / "image.onnx")
    tiny_pack(folder)
    refused(folder, "'cat.jpg' and 'coffee.jpg' the same embedding.*image.output")


def test_a_tower_that_computes_no_numbers_is_refused(folder: Path) -> None:
    edit(tiny_pack(folder), ("std = [0.5, 0.5, 0.5]", "std = [1e-38, 1e-38, 1e-38]"))
    refused(folder, r"image\.onnx.*no direction")


def test_a_tokenizer_that_knows_more_than_the_tower_is_refused(folder: Path) -> None:
    graphs.tokenizer(folder / "tokenizer.json", (*WORDS, "moon"))
    edit(tiny_pack(folder), (f"vocabulary_size = {len(WORDS)}\n", ""))
    refused(folder, f"makes tokens up to {len(WORDS)}, which the text tower")


def test_a_tokenizer_that_knows_less_than_the_tower_is_refused(folder: Path) -> None:
    graphs.tokenizer(folder / "tokenizer.json", WORDS[:-1])
    edit(
        tiny_pack(folder),
        (f"vocabulary_size = {len(WORDS)}", f"vocabulary_size = {len(WORDS) - 1}"),
    )
    refused(folder, f"text tower knows the token {len(WORDS) - 1}")


def test_a_tokenizer_of_another_size_than_stated_is_refused(folder: Path) -> None:
    graphs.tokenizer(folder / "tokenizer.json", WORDS[:-1])
    tiny_pack(folder)
    refused(folder, f"text.vocabulary_size is {len(WORDS)}")


def test_a_tokenizer_that_knows_no_plain_word_is_refused(folder: Path) -> None:
    made = Tokenizer(models.WordPiece({"[UNK]": 0, "x": 1}, unk_token="[UNK]"))
    made.normalizer = normalizers.Replace(Regex("[a-w]+"), "")
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    edit(tiny_pack(folder), (f"vocabulary_size = {len(WORDS)}\n", ""))
    refused(folder, r"tokenizer\.json makes nothing of plain words")


def test_what_the_tokenizer_itself_pads_with_must_be_the_pad_id(folder: Path) -> None:
    graphs.tokenizer(folder / "tokenizer.json", pad_id=1)
    tiny_pack(folder)
    refused(folder, r"text\.pad_id .* is 0, and .*tokenizer\.json pads with 1")
    edit(folder, ("pad_id = 0", "pad_id = 1"))
    try_out(load_pack(folder))


def test_what_the_tokenizer_pads_with_is_all_one_where_padding_is_not_seen(folder: Path) -> None:
    graphs.tokenizer(folder / "tokenizer.json", pad_id=1)
    graphs.masked_text_tower(folder / "text.onnx")
    edit(
        tiny_pack(folder),
        ('input = "input_ids"', 'input = "input_ids"\nattention_mask = "attention_mask"'),
    )
    try_out(load_pack(folder))


def test_padding_to_the_longest_must_mean_nothing_to_the_tower(folder: Path) -> None:
    edit(tiny_pack(folder), ('"max_length"', '"longest"'))
    refused(folder, r"another embedding beside a longer one .* text\.pad_id = 0")


@pytest.mark.parametrize("is_quantised", [False, True])
def test_padding_that_a_mask_hides_means_nothing(folder: Path, is_quantised: bool) -> None:
    graphs.masked_text_tower(folder / "text.onnx", is_quantised=is_quantised)
    edit(
        tiny_pack(folder),
        ('"max_length"', '"longest"'),
        ('input = "input_ids"', 'input = "input_ids"\nattention_mask = "attention_mask"'),
    )
    try_out(load_pack(folder))


def test_a_context_longer_than_the_towers_is_refused(folder: Path) -> None:
    edit(tiny_pack(folder), ("context_length = 8", "context_length = 9"))
    refused(folder, r"text\.context_length is 9")


def test_a_tower_of_one_length_takes_texts_of_no_other(folder: Path) -> None:
    graphs.text_tower(folder / "text.onnx", length=graphs.CONTEXT)
    tiny_pack(folder)
    try_out(load_pack(folder))
    edit(folder, ('"max_length"', '"longest"'))
    refused(folder, r"always takes 8 tokens, and text\.padding is 'longest'")
    edit(folder, ("context_length = 8", "context_length = 7"))
    refused(folder, r"takes 8 tokens, and text\.context_length is 7")


def test_a_text_tower_that_takes_one_text_at_a_time_is_refused(folder: Path) -> None:
    graphs.text_tower(folder / "text.onnx", batch=1)
    tiny_pack(folder)
    refused(folder, "batch of any size")


def test_numbers_of_another_type_are_refused(folder: Path) -> None:
    nodes, constants = graphs.text_nodes("vector")
    graphs.save(
        folder / "text.onnx",
        nodes,
        [graphs.helper.make_tensor_value_info("input_ids", graphs.TensorProto.INT32, ("n", "t"))],
        {"vector": ("n", graphs.DIMENSION)},
        constants,
    )
    tiny_pack(folder)
    refused(folder, r"takes tensor\(int32\) as 'input_ids'")


def test_an_expected_failure_of_a_tower_is_not_shown(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The tower is asked for a token beyond its last, and onnxruntime would log that."""
    try_out(load_pack(tiny_pack(folder)))
    assert capfd.readouterr() == ("", "")
