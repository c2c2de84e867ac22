"""Everything that can be measured of pictures against texts, for people who doubt a pack."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.combined import CombinedModel, LogitFit, fit_logits
from photond.models.examine import PaddingEffect, padding_effect, unpadded
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.models.tokens import TextTokenizer, Tokens
from photond.models.towers import Embeddings, ImageTower, TextTower, available_cores, normalised
from photond.pipeline.alignment import Alignment, prompts
from photond.pipeline.pairs import Pairs

# Parts of a picture or tokens of a text, each with its vector.
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Answers:
    """What a tower made of n inputs.

    Attributes:
        output: The output that the pack names.
        outputs: All that the graph offers, in its order.
        norms: float32 of shape (n,), of the output before it is scaled to unit length.
        embeddings: float32 of shape (n, d), of unit length.
        first: The graph's first output as somebody would take it who does not ask by name: its mean over
            parts or tokens where it has a vector for each; float32 (n, e) of unit length, or None where
            it is neither.
    """

    output: str
    outputs: tuple[str, ...]
    norms: npt.NDArray[np.float32]
    embeddings: Embeddings
    first: Embeddings | None

    @property
    def first_is_same(self) -> bool:
        """Whether the first output gives the embeddings as well."""
        return (
            self.first is not None
            and self.first.shape == self.embeddings.shape
            and np.allclose(self.first, self.embeddings, atol=1e-4)
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """Pictures against texts, in every way that tells right towers from wrong ones.

    Attributes:
        pack: The pack that was asked.
        pairs: n pictures and m texts.
        images: What the image tower made of the pictures.
        texts: What the text tower made of the texts in their prompt, in one batch.
        unpadded: The texts each by itself, without padding: float32 (m, d) of unit length; None where
            the tower takes texts of one length only.
        padding: What the padding does where it should do nothing; None where the pack always pads.
    """

    pack: Pack
    pairs: Pairs
    images: Answers
    texts: Answers
    unpadded: Embeddings | None
    padding: PaddingEffect | None

    @property
    def alignment(self) -> Alignment:
        """Of the pack's outputs, with the pack's padding."""
        return Alignment(self.images.embeddings @ self.texts.embeddings.T, self.pairs.own)

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """float32 of shape (n, m)."""
        score = self.pack.score
        return (self.alignment.cosines * score.logit_scale + score.logit_bias).astype(np.float32)

    @property
    def confidences(self) -> npt.NDArray[np.float32]:
        """float32 of shape (n, m), in [0, 1]."""
        return confidence(self.alignment.cosines, self.pack.score)

    @property
    def without_padding(self) -> Alignment | None:
        """Of the pack's outputs, with texts that were not padded; None if the tower takes none."""
        if self.unpadded is None:
            return None
        return Alignment(self.images.embeddings @ self.unpadded.T, self.pairs.own)

    @property
    def of_first_outputs(self) -> Alignment | None:
        """Of the graphs' first outputs; None where these cannot be compared."""
        images, texts = self.images.first, self.texts.first
        if images is None or texts is None or images.shape[1] != texts.shape[1]:
            return None
        return Alignment(images @ texts.T, self.pairs.own)


def measure(pack: Pack, pairs: Pairs) -> Measurement:
    """Ask both towers of a pack.

    Raises:
        ModelError: A tower is missing, damaged, or returns no embedding.
    """
    images, texts = ImageTower(pack, available_cores()), TextTower(pack, available_cores())
    tokens = texts.tokenizer.encode(prompts(pack, pairs))
    return Measurement(
        pack,
        pairs,
        _answers(
            pack.image.output,
            images.outputs,
            lambda output: np.concatenate([images.raw(one[None], output) for one in pairs.pixels]),
            pack.embedding_dimension,
        ),
        _answers(
            pack.text.output,
            texts.outputs,
            lambda output: texts.raw(tokens, output),
            pack.embedding_dimension,
        ),
        _unpadded(texts, tokens),
        padding_effect(texts, pairs.texts) if pack.text.padding == "longest" else None,
    )


@dataclass(frozen=True, slots=True)
class Combined:
    """What a combined model made of the same pictures and texts.

    Attributes:
        path: The model's file.
        cosines: float64 of shape (n, m), of the embeddings that it returned.
        logits: float64 of shape (n, m), as it computed them.
        fit: The scale and bias that follow from the two.
    """

    path: Path
    cosines: npt.NDArray[np.float64]
    logits: npt.NDArray[np.float64]
    fit: LogitFit


def ask_combined(measurement: Measurement, path: Path) -> Combined:
    """Ask a combined model for every pair by itself, since many take no more than one.

    Raises:
        ModelError: It cannot be loaded, is no combined model, or fails.
    """
    pack, pairs = measurement.pack, measurement.pairs
    model, tokenizer = CombinedModel(path, available_cores()), TextTokenizer(pack)
    texts = [tokenizer.encode([prompt]) for prompt in prompts(pack, pairs)]
    found = np.array(
        [[model.logit(pixels[None], tokens) for tokens in texts] for pixels in pairs.pixels]
    )
    cosines, logits = found[..., 0], found[..., 1]
    return Combined(path, cosines, logits, fit_logits(cosines, logits))


def _answers(
    output: str,
    outputs: tuple[str, ...],
    ask: Callable[[str], npt.NDArray[np.float32]],
    dimension: int,
) -> Answers:
    raw = ask(output)
    if raw.shape[1:] != (dimension,):
        raise ModelError(
            f"the output {output!r} has the shape {raw.shape}, "
            f"and embedding_dimension is {dimension}"
        )
    first = raw if outputs[0] == output else ask(outputs[0])
    return Answers(output, outputs, np.linalg.norm(raw, axis=1), normalised(raw), _pooled(first))


def _pooled(values: npt.NDArray[np.float32]) -> Embeddings | None:
    vectors = values.mean(axis=1, dtype=np.float32) if values.ndim == _PARTS else values
    if vectors.ndim != _PARTS - 1:
        return None
    try:
        return normalised(vectors)
    except ModelError:
        return None


def _unpadded(tower: TextTower, tokens: Tokens) -> Embeddings | None:
    try:
        return np.concatenate([tower.embed_tokens(one) for one in unpadded(tokens)])
    except ModelError:
        return None
