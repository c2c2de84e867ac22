"""Texts to token ids, as the text tower was trained to see them."""

import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from photond.errors import ModelError, UsageError
from photond.models.pack import Pack

_LEAST_SHARE = 0.98
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def canonicalise(text: str, how: str) -> str:
    """Bring a text into the form that a model was trained with.

    Args:
        text: Any text.
        how: "none"; "lower" for lower case; "siglip" for lower case without ASCII punctuation and
            with white space collapsed (big_vision's `canonicalize_text`, which SigLIP was trained
            with), and with accents composed.
    """
    if how == "none":
        return text
    text = text.lower()
    if how == "siglip":
        text = " ".join(text.translate(_NO_PUNCTUATION).split())
        # SentencePiece composes accents itself. The `tokenizers` library, which stands in for it here,
        # drops all but the first of a letter, and leaves Korean and Japanese in pieces.
        text = unicodedata.normalize("NFC", text)
    return text


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a text tower takes.

    Attributes:
        ids: int64 of shape (n, tokens); every row ends in the padding.
        attention_mask: int64 of the same shape, 1 for a token of the text and 0 for padding.
    """

    ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]


class TextTokenizer:
    """A pack's tokenizer, with the padding and truncation that its text tower needs.

    Attributes:
        stated_pad_id: The token that the tokenizer's own file says to pad with; None if it says none.

    Args:
        pack: The pack.

    Raises:
        ModelError: The tokenizer cannot be read, or is not the one that `model.toml` describes.
    """

    def __init__(self, pack: Pack) -> None:
        path = pack.path_of(pack.tokenizer)
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(
                f"the tokenizer {path} of the pack {pack.name!r} cannot be read: {error}"
            ) from error
        padding = self._tokenizer.padding
        self.stated_pad_id: int | None = None if padding is None else padding["pad_id"]
        pad_token = self._tokenizer.id_to_token(pack.text.pad_id)
        if pad_token is None:
            raise ModelError(
                f"text.pad_id of the pack {pack.name!r} is {pack.text.pad_id}, "
                f"a token that its tokenizer does not have"
            )
        known = self._tokenizer.get_vocab_size(with_added_tokens=True)
        stated = pack.text.vocabulary_size
        # A tower may have some rows more than its tokenizer has tokens, and never fewer.
        if stated is not None and not _LEAST_SHARE * stated <= known <= stated:
            raise ModelError(
                f"the tokenizer {path} knows {known} tokens, and text.vocabulary_size is {stated}",
                "It is the tokenizer of another model.",
            )
        self._canonicalise = pack.text.canonicalise
        self._tokenizer.enable_truncation(pack.text.context_length)
        fixed = pack.text.context_length if pack.text.padding == "max_length" else None
        self._tokenizer.enable_padding(pad_id=pack.text.pad_id, pad_token=pad_token, length=fixed)

    @property
    def greatest_id(self) -> int:
        """The greatest token that it can make of a text."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)

    def encode(self, texts: Sequence[str]) -> Tokens:
        """The tokens of texts, brought into the pack's canonical form, truncated and padded.

        Raises:
            UsageError: A text has no token, so that there is nothing to embed. Most tokenizers add
                a token at an end, which an empty text has too.
        """
        encoded = self._tokenizer.encode_batch([self._canonical(text) for text in texts])
        for text, one in zip(texts, encoded, strict=True):
            if not any(one.attention_mask):
                raise UsageError(f"the model sees nothing in the text {text!r}", "Use words.")
        return Tokens(
            np.array([one.ids for one in encoded], np.int64),
            np.array([one.attention_mask for one in encoded], np.int64),
        )

    def cuts(self, text: str) -> bool:
        """Whether a text has more tokens than the tower takes, so that its end is left out."""
        return bool(self._tokenizer.encode(self._canonical(text)).overflowing)

    def _canonical(self, text: str) -> str:
        return canonicalise(_speakable(text), self._canonicalise)


def _speakable(text: str) -> str:
    """A text without lone surrogates, which stand for bytes that are none (`os.fsdecode`)."""
    return text.encode("utf-8", "replace").decode("utf-8")
