"""Whether a pack's towers agree: pictures against texts that are known to belong to them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.entry import check_against_registry
from photond.models.examine import check_distinct, examine_text_tower
from photond.models.memory import release_memory
from photond.models.pack import Pack
from photond.models.towers import Embeddings, ImageTower, TextTower, available_cores
from photond.pipeline.pairs import KNOWN as KNOWN  # noqa: PLC0414 - what `[reference]` is about
from photond.pipeline.pairs import Pairs, known_pairs


@dataclass(frozen=True, slots=True)
class Alignment:
    """How alike pictures and texts are to a pack.

    Attributes:
        cosines: float32 of shape (pictures, texts).
        own: Of each picture, the column of the text that belongs to it.
    """

    cosines: npt.NDArray[np.float32]
    own: tuple[int, ...]

    @property
    def mistaken_pictures(self) -> list[tuple[int, int]]:
        """The pictures that are most like another text than their own, each with that text."""
        likest = self.cosines.argmax(axis=1)
        return [(row, int(column)) for row, column in enumerate(likest) if self.own[row] != column]

    @property
    def mistaken_texts(self) -> list[tuple[int, int]]:
        """The texts that are most like a picture which is not theirs, each with that picture."""
        likest = self.cosines.argmax(axis=0)
        return [
            (column, int(row)) for column, row in enumerate(likest) if self.own[int(row)] != column
        ]

    @property
    def is_aligned(self) -> bool:
        """Whether each picture is most like its own text, and each text most like its own picture.

        Towers that were not trained together, a wrong output, or a text without its padding fail this,
        though every vector looks like an embedding.
        """
        return not self.mistaken_pictures and not self.mistaken_texts

    @property
    def own_cosines(self) -> npt.NDArray[np.float32]:
        """Of each picture with its own text, float32 of shape (pictures,)."""
        return self.cosines[np.arange(len(self.own)), list(self.own)]

    @property
    def margin(self) -> float:
        """The least lead of a picture's own text over another, as a difference of cosines."""
        others = self.cosines.copy()
        others[np.arange(len(self.own)), list(self.own)] = -np.inf
        return float((self.own_cosines - others.max(axis=1)).min())


def try_out(pack: Pack) -> Alignment:
    """See that a pack is whole and does what its `model.toml` says, before anything relies on it.

    Raises:
        ModelError: Something is missing, damaged, or not what `model.toml` says; the message names the
            file or the key.
    """
    check_against_registry(pack)
    pack.verify()
    pairs = known_pairs(pack.image)
    # One tower after the other: both at once would take twice the memory of all that follows.
    pictures = _seen(pack, pairs)
    release_memory()
    words = _read(pack, pairs)
    release_memory()
    alignment = Alignment(pictures @ words.T, pairs.own)
    if not pack.untrained:
        _check_agreement(pack, alignment, pairs)
        _check_reference(pack, alignment, pairs)
    return alignment


def _seen(pack: Pack, pairs: Pairs) -> Embeddings:
    pictures = embed_pictures(ImageTower(pack, available_cores()), pairs)
    check_distinct(pictures, pairs.names, "image.output, mean and std")
    return pictures


def _read(pack: Pack, pairs: Pairs) -> Embeddings:
    tower = TextTower(pack, available_cores())
    examine_text_tower(pack, tower, pairs.texts)
    words = tower.embed(prompts(pack, pairs))
    check_distinct(words, pairs.texts, "text.output, context_length and canonicalise")
    return words


def embed_pictures(tower: ImageTower, pairs: Pairs) -> Embeddings:
    """The pictures one by one, as indexing does it; float32 (pictures, d) of unit length."""
    return np.concatenate([tower.embed(one[None]) for one in pairs.pixels])


def prompts(pack: Pack, pairs: Pairs) -> list[str]:
    """The texts in the pack's query prompt, as a query is asked."""
    return [pack.text.query_prompt.replace("{query}", text) for text in pairs.texts]


def reference_gaps(pack: Pack, cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float64] | None:
    """How far cosines of the known pictures and texts are from what the pack says they are.

    Returns:
        float64 of the same shape, 0 or more; None if the pack does not say it.

    Raises:
        ModelError: It says it of another number of pictures or texts.
    """
    if pack.reference is None:
        return None
    stated = pack.reference.cosines
    if [len(row) for row in stated] != [cosines.shape[1]] * cosines.shape[0]:
        raise ModelError(
            f"reference.cosines of the pack {pack.name!r} must be {cosines.shape[0]} rows "
            f"of {cosines.shape[1]} numbers",
            f"One row for each of {', '.join(KNOWN)}.",
        )
    return np.abs(cosines.astype(np.float64) - np.array(stated, np.float64))


def _check_agreement(pack: Pack, alignment: Alignment, pairs: Pairs) -> None:
    if alignment.is_aligned:
        return
    mistakes = [
        f"it takes {pairs.names[row]} for {pairs.texts[column]!r}"
        for row, column in alignment.mistaken_pictures
    ] or [
        f"{pairs.texts[column]!r} is to it {pairs.names[row]}"
        for column, row in alignment.mistaken_texts
    ]
    raise ModelError(
        f"the towers of the pack {pack.name!r} do not agree: {', '.join(mistakes)}",
        "See image.output, resize, mean and std, text.output, padding, pad_id and canonicalise in "
        f"{pack.folder}; `photond doctor --alignment --pack {pack.name}` shows more.",
    )


def _check_reference(pack: Pack, alignment: Alignment, pairs: Pairs) -> None:
    gaps = reference_gaps(pack, alignment.cosines)
    if gaps is None or pack.reference is None or gaps.max() <= pack.reference.tolerance:
        return
    row, column = np.unravel_index(gaps.argmax(), gaps.shape)
    raise ModelError(
        f"the pack {pack.name!r} finds a cosine of {alignment.cosines[row, column]:.4f} between "
        f"{pairs.names[row]} and {pairs.texts[column]!r}, and reference.cosines states "
        f"{pack.reference.cosines[row][column]:.4f} ± {pack.reference.tolerance:g}",
        "See image.mean, std, resize and resampling, text.canonicalise, pad_id and query_prompt in "
        f"{pack.folder}: one is not as it was when the reference was measured.",
    )
