"""Two packs of one model on the same photos and texts: how alike they are, and how fast."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from photond.errors import ModelError
from photond.models.pack import Pack, Reference
from photond.models.shelf import bytes_of
from photond.models.towers import ImageTower, TextTower
from photond.pipeline.alignment import try_out
from photond.pipeline.comparison import Agreement, Embeddings, Likeness, agreement, likeness
from photond.pipeline.sample import Sample

# Of int8: the next version of onnxruntime may add in another order, and round one integer otherwise.
_TOLERANCE = 0.01

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of both packs."""

    old: float
    new: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What two packs did side by side, in one run on one machine.

    Attributes:
        bytes: Size of all files of each pack.
        load_seconds: How long it takes to verify and load both towers.
        photos_per_second: Through the image tower alone, on one core.
        texts_per_second: Tokenised and through the text tower, on one core.
        photos: How alike the embeddings of photos are.
        worst_photo: The one that is least alike.
        texts: How alike the embeddings of texts are, as queries.
        worst_text: The one that is least alike.
        searches: Whether the texts find the same of these photos.
    """

    bytes: Pair
    load_seconds: Pair
    photos_per_second: Pair
    texts_per_second: Pair
    photos: Likeness
    worst_photo: str
    texts: Likeness
    worst_text: str
    searches: Agreement


def examiner(pack: Pack) -> Callable[[Pack], Reference | None]:
    """What is to be asked of a pack that was made from `pack`, which is itself asked first.

    Returns:
        A function that tries the new pack out and returns the reference to state in it: what it computes
        here, if the old one states that of itself. It raises ModelError if the new pack does not pass.

    Raises:
        ModelError: `pack` itself is damaged, or its towers do not agree.
    """
    _cosines(pack)

    def examine(draft: Pack) -> Reference | None:
        try:
            cosines = _cosines(draft)
        except ModelError as error:
            raise ModelError(
                f"the new pack does not pass: {error.message}",
                f"Nothing of it was kept; the pack {pack.name!r} is as it was.",
            ) from error
        if pack.reference is None:
            return None
        tolerance = max(pack.reference.tolerance, _TOLERANCE)
        return Reference(cosines=cosines, tolerance=tolerance)

    return examine


def compare(old: Pack, new: Pack, sample: Sample, texts: Sequence[str]) -> Trial:
    """Run both packs on the same photos and texts, taking turns, so that both meet the same machine.

    Args:
        old: A pack.
        new: A pack that takes the same pixels.
        sample: Photos, made for these packs; at least one.
        texts: Queries; at least one.

    Raises:
        ModelError: A tower cannot be used.
    """
    old_image, old_text, old_seconds = _load(old)
    new_image, new_text, new_seconds = _load(new)
    pixels = [sample.pixels[index : index + 1] for index in range(len(sample.names))]
    old_photos, new_photos, photo_rate = _take_turns(old_image.embed, new_image.embed, pixels)
    queries = [[old.text.query_prompt.replace("{query}", text)] for text in texts]
    old_texts, new_texts, text_rate = _take_turns(old_text.embed, new_text.embed, queries)
    photos, words = likeness(old_photos, new_photos), likeness(old_texts, new_texts)
    return Trial(
        Pair(bytes_of(old), bytes_of(new)),
        Pair(old_seconds, new_seconds),
        photo_rate,
        text_rate,
        photos,
        sample.names[photos.worst],
        words,
        texts[words.worst],
        agreement(old_texts @ old_photos.T, new_texts @ new_photos.T),
    )


def _cosines(pack: Pack) -> tuple[tuple[float, ...], ...]:
    cosines = try_out(pack).cosines
    return tuple(tuple(round(float(one), 6) for one in row) for row in cosines)


def _load(pack: Pack) -> tuple[ImageTower, TextTower, float]:
    """Both towers, for one thread, and how many seconds they took."""
    started = time.perf_counter()
    image, text = ImageTower(pack), TextTower(pack)
    return image, text, time.perf_counter() - started


def _take_turns(
    old: Callable[[Item], Embeddings], new: Callable[[Item], Embeddings], items: Sequence[Item]
) -> tuple[Embeddings, Embeddings, Pair]:
    """Embed every item by both; returns the embeddings, (n, d) each, and how many a second."""
    embeddings: tuple[list[Embeddings], list[Embeddings]] = ([], [])
    seconds: tuple[list[float], list[float]] = ([], [])
    for embed in (old, new):
        embed(items[0])  # the first run of a tower sets memory aside
    for item in items:
        for side, embed in enumerate((old, new)):
            started = time.perf_counter()
            embeddings[side].append(embed(item))
            seconds[side].append(time.perf_counter() - started)
    old_rate, new_rate = (1 / statistics.median(one) for one in seconds)
    return np.concatenate(embeddings[0]), np.concatenate(embeddings[1]), Pair(old_rate, new_rate)
