"""Texts that are odd: each has an embedding, or an error that says why not."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from photond.errors import UsageError
from photond.models.pack import Pack
from photond.models.tokens import TextTokenizer
from photond.models.towers import TextTower

EOS = 102  # "[SEP]", which ends every text of the pack mini

ODD = {
    "empty": "",
    "blank": " \t\n",
    "an emoji": "🏖",
    "a joined emoji": "👩‍👩‍👧‍👦",
    "Arabic": "شاطئ البحر",
    "Hebrew": "חוף ים",
    "mixed directions": "beach חוף beach",
    "Chinese": "海滩",
    "Japanese": "ビーチの写真",
    "no character": "\0",
    "one long word": "a" * 5000,
    "a byte that is no text": "\udcff",
}


@pytest.fixture(scope="module")
def tower(mini: Pack) -> TextTower:
    return TextTower(mini)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_text_has_an_embedding_like_any_other(tower: TextTower, text: str) -> None:
    embedding = tower.embed([text])
    assert embedding.shape == (1, 384)
    assert np.linalg.norm(embedding[0]) == pytest.approx(1, abs=1e-5)
    beside = tower.embed([text, "a long text about a cat on a mat in a house by the sea"])[0]
    assert float(embedding[0] @ beside) > 0.9999


def test_what_the_model_does_not_know_is_all_the_same_to_it(tower: TextTower) -> None:
    beach, snowman = tower.embed(["🏖", "⛄"])
    assert np.allclose(beach, snowman, atol=1e-5)


def test_a_text_that_is_too_long_counts_as_far_as_it_fits(tower: TextTower, mini: Pack) -> None:
    fits = mini.text.context_length - 2  # one token at the start, one at the end
    start = "cat " * fits
    ids = tower.tokenizer.encode([start + "and a dog on the moon"]).ids
    assert ids.shape == (1, mini.text.context_length)
    assert ids[0, -1] == EOS
    one, other, exact = tower.embed([start + "dog " * 500, start + "moon", start])
    assert np.allclose(one, other, atol=1e-5)
    assert np.allclose(one, exact, atol=1e-5)
    assert float(one @ tower.embed(["cat"])[0]) < 0.9999


def test_a_text_of_which_nothing_is_left_is_a_usage_error(mini: Pack, tmp_path: Path) -> None:
    """A tokenizer that adds nothing of its own makes no token of no word."""
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "cat": 1}, unk_token="cat"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    text = msgspec.structs.replace(mini.text, canonicalise="siglip", vocabulary_size=None)
    pack = msgspec.structs.replace(mini, text=text, folder=tmp_path)
    for nothing in ("", "!!!", "\t"):
        with pytest.raises(UsageError, match="sees nothing"):
            TextTokenizer(pack).encode(["cat", nothing])
