"""Texts to token ids: canonical form, padding and truncation as a pack states them."""

import string
import unicodedata
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from photond.errors import ModelError
from photond.models.pack import Pack, TextSpec
from photond.models.tokens import TextTokenizer, canonicalise

EOS = 1
WORDS = {"<unk>": 0, "</s>": EOS, "a": 2, "photo": 3, "of": 4, "dog": 5}


@pytest.fixture(scope="module")
def siglip_like(mini: Pack, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack whose tokenizer adds an end token and is padded with it, as SigLIP's is."""
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", EOS)]
    )
    folder = tmp_path_factory.mktemp("pack")
    tokenizer.save(str(folder / "tokenizer.json"))
    return with_text(
        mini,
        folder,
        padding="max_length",
        pad_id=EOS,
        canonicalise="siglip",
        vocabulary_size=len(WORDS),
    )


def with_text(pack: Pack, folder: Path, **changes: object) -> Pack:
    text: TextSpec = msgspec.structs.replace(pack.text, **changes)
    return msgspec.structs.replace(pack, text=text, folder=folder)


def test_siglip_texts_end_in_their_end_token_and_are_padded_to_64(siglip_like: Pack) -> None:
    ids = TextTokenizer(siglip_like).encode(["A photo, of a DOG!"]).ids
    assert ids.shape == (1, 64)
    assert ids.dtype == np.int64
    assert ids[0].tolist() == [2, 3, 4, 2, 5] + [EOS] * 59


@given(st.lists(st.text(max_size=300), min_size=1, max_size=4))
def test_any_text_fits_and_keeps_its_end_token(siglip_like: Pack, texts: list[str]) -> None:
    ids = TextTokenizer(siglip_like).encode(texts).ids
    assert ids.shape == (len(texts), 64)
    assert (ids[:, -1] == EOS).all()


def test_a_long_text_is_truncated_and_still_ended(siglip_like: Pack) -> None:
    ids = TextTokenizer(siglip_like).encode(["dog " * 500]).ids
    assert ids[0].tolist() == [5] * 63 + [EOS]


def test_padding_to_the_longest_pads_no_further(mini: Pack) -> None:
    ids = TextTokenizer(mini).encode(["cat", "a cat on a mat"]).ids
    assert ids.shape[1] < 64
    assert ids[0, -1] == mini.text.pad_id
    assert ids[1, -1] != mini.text.pad_id


def test_a_pad_token_that_the_tokenizer_lacks_is_refused(siglip_like: Pack) -> None:
    with pytest.raises(ModelError, match="does not have"):
        TextTokenizer(with_text(siglip_like, siglip_like.folder, pad_id=99))


def test_a_tokenizer_that_is_none_is_refused(mini: Pack, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        TextTokenizer(with_text(mini, tmp_path))


# A Greek question mark and a Greek accent, which become punctuation only when they are composed, after
# it was removed; with SentencePiece likewise.
LATE_PUNCTUATION = "\u037e\u1fef"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=LATE_PUNCTUATION)))
def test_the_canonical_form_is_stable_and_has_no_punctuation(text: str) -> None:
    once = canonicalise(text, "siglip")
    assert not set(once) & set(string.punctuation)
    assert once == " ".join(once.split())
    assert once.lower() == canonicalise(once, "siglip").lower()
    assert canonicalise(text, "none") == text
    assert canonicalise(text, "lower") == text.lower()


def test_the_canonical_form_is_what_siglip_was_trained_on() -> None:
    assert canonicalise("  A Dog's  (big)\tHOUSE! ", "siglip") == "a dogs big house"


@pytest.mark.parametrize("text", ["tiếng việt", "crème brûlée", "한국", "がっこう"])
def test_accents_are_composed_however_they_were_typed(text: str) -> None:
    for form in ("NFC", "NFD"):
        typed = unicodedata.normalize(form, text)
        assert canonicalise(typed, "siglip") == unicodedata.normalize("NFC", text)
