"""What can be found out about a pack's text tower and tokenizer without a picture.

A tokenizer of another model, a wrong padding or a wrong length seldom fails: it gives vectors that look
like embeddings and mean something else. So the tower is asked for what only the right one does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError, UsageError
from photond.models.pack import Pack
from photond.models.tokens import Tokens
from photond.models.towers import Embeddings, TextTower

# Cosine of a text's embedding alone with the same beside a longer text.
_LEAST_ALIKE = 0.9999
# How much more than company alone padding may change in a quantised tower.
_COMPANY_FACTOR = 4
# Distance of two unit vectors below which they are one: far above rounding, far below any meaning.
_SAME = 1e-4
_LONG = "a photo of a red house by the sea with a boat and a dog in front of it"


@dataclass(frozen=True, slots=True)
class PaddingEffect:
    """What padding does to a text, where it should do nothing.

    Attributes:
        padded: The least cosine of a text's embedding alone with the same beside a longer text.
        company: The same beside other texts of its own length, where nothing is padded. Below 1 in a
            tower that is quantised while it runs, since texts of one batch share their scales.
    """

    padded: float
    company: float

    @property
    def is_some(self) -> bool:
        """Whether the padding changes more than rounding, and the company, do."""
        allowed = max(1 - _LEAST_ALIKE, _COMPANY_FACTOR * (1 - self.company))
        return not 1 - self.padded <= allowed


def examine_text_tower(pack: Pack, tower: TextTower, texts: Sequence[str]) -> None:
    """See that tower, tokenizer and `[text]` belong together.

    Args:
        pack: The pack.
        tower: Its text tower.
        texts: Short texts to try, without a prompt.

    Raises:
        ModelError: They do not.
    """
    _check_words(pack, tower, [*texts, _LONG])
    _check_stated_padding(pack, tower, texts)
    full = _check_full_length(pack, tower)
    _check_vocabulary(pack, tower, full)
    if pack.text.padding == "longest":
        _check_padding(pack, tower, texts)


def check_distinct(embeddings: Embeddings, of: Sequence[str], keys: str) -> None:
    """See that different things have different embeddings.

    Args:
        embeddings: float32 of shape (n, d), of unit length.
        of: What they are of, n names.
        keys: The keys of `model.toml` that can be the reason, for the message.

    Raises:
        ModelError: Two are the same, as where an output does not depend on its input.
    """
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    same = np.argwhere(np.triu(distances < _SAME, 1))
    if len(same):
        one, other = (of[int(index)] for index in same[0])
        raise ModelError(
            f"the tower gives {one!r} and {other!r} the same embedding",
            f"It does not see what it is given: see {keys}.",
        )


def unpadded(tokens: Tokens) -> list[Tokens]:
    """Each text by itself, (1, tokens) without its padding."""
    rows = zip(tokens.ids, tokens.attention_mask, strict=True)
    return [Tokens(ids[None, mask == 1], np.ones((1, mask.sum()), np.int64)) for ids, mask in rows]


def padding_effect(tower: TextTower, texts: Sequence[str]) -> PaddingEffect:
    """Measure what padding does, to the longest of a batch or to the full length as the pack says.

    Args:
        tower: One that takes texts of any length.
        texts: Short ones.

    Raises:
        ModelError: The tower fails.
    """
    (long,) = unpadded(tower.tokenizer.encode([_LONG]))
    padded, company = [], []
    for text in texts:
        (tokens,) = unpadded(tower.tokenizer.encode([text]))
        alone = tower.embed_tokens(tokens)
        padded.append(_cosine(alone, tower.embed_tokens(tower.tokenizer.encode([text, _LONG]))))
        # Every piece of the long text that is as long as this one; what they mean does not matter.
        length = tokens.ids.shape[1]
        if length <= long.ids.shape[1]:
            pieces = np.lib.stride_tricks.sliding_window_view(long.ids[0], length)
            ids = np.concatenate([tokens.ids, pieces])
            company.append(_cosine(alone, tower.embed_tokens(Tokens(ids, np.ones_like(ids)))))
    return PaddingEffect(min(padded), min(company, default=1.0))


def _check_words(pack: Pack, tower: TextTower, texts: Sequence[str]) -> None:
    try:
        tower.tokenizer.encode(texts)
    except UsageError as error:
        raise ModelError(
            f"{pack.path_of(pack.tokenizer)} makes nothing of plain words: {error.message}",
            "It is the tokenizer of another model, or text.canonicalise is wrong.",
        ) from error


def _check_stated_padding(pack: Pack, tower: TextTower, texts: Sequence[str]) -> None:
    stated = tower.tokenizer.stated_pad_id
    if stated not in {None, pack.text.pad_id} and _padding_matters(tower, texts):
        raise ModelError(
            f"text.pad_id of the pack {pack.name!r} is {pack.text.pad_id}, "
            f"and {pack.path_of(pack.tokenizer)} pads with {stated}",
            f"State text.pad_id = {stated}.",
        )


def _padding_matters(tower: TextTower, texts: Sequence[str]) -> bool:
    """Whether one token or the other to pad with makes a difference, as behind a mask it does not."""
    try:
        return padding_effect(tower, texts).is_some
    except ModelError:
        # It takes texts of one length only, so that this cannot be seen.
        return True


def _check_full_length(pack: Pack, tower: TextTower) -> npt.NDArray[np.int64]:
    """Tokens of shape (1, context_length), which the tower was seen to take."""
    tokens = tower.tokenizer.encode([" ".join([_LONG] * pack.text.context_length)])
    try:
        tower.embed_tokens(tokens)
    except ModelError as error:
        raise ModelError(
            f"the text tower of the pack {pack.name!r} cannot take a text of "
            f"{tokens.ids.shape[1]} tokens: {error.message}",
            f"text.context_length is {pack.text.context_length}; the tower's is another.",
        ) from error
    return tokens.ids


def _check_vocabulary(pack: Pack, tower: TextTower, full: npt.NDArray[np.int64]) -> None:
    greatest, size = tower.tokenizer.greatest_id, pack.text.vocabulary_size
    if not _takes(tower, full, greatest):
        raise ModelError(
            f"{pack.path_of(pack.tokenizer)} makes tokens up to {greatest}, "
            f"which the text tower of the pack {pack.name!r} does not know",
            "It is the tokenizer of another model.",
        )
    if size is not None and _takes(tower, full, size):
        raise ModelError(
            f"text.vocabulary_size of the pack {pack.name!r} is {size}, and its text tower knows "
            f"the token {size} and so more than that",
            "The tokenizer is another model's, or text.vocabulary_size is wrong.",
        )


def _takes(tower: TextTower, full: npt.NDArray[np.int64], token: int) -> bool:
    ids = full.copy()
    ids[0, 0] = token
    try:
        tower.raw(Tokens(ids, np.ones_like(ids)))
    except ModelError:
        return False
    return True


def _check_padding(pack: Pack, tower: TextTower, texts: Sequence[str]) -> None:
    effect = padding_effect(tower, texts)
    if effect.is_some:
        raise ModelError(
            f"a text has another embedding beside a longer one than alone (cosine "
            f"{effect.padded:.4f}) with the pack {pack.name!r}",
            f"text.pad_id = {pack.text.pad_id} is not the tower's, text.attention_mask is not "
            'stated, or text.padding must be "max_length".',
        )


def _cosine(one: Embeddings, other: Embeddings) -> float:
    return float(one[0] @ other[0])
