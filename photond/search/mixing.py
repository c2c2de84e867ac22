"""Several concepts and examples as one query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photond.errors import UsageError
from photond.search.ranking import Direction
from photond.store.embeddings import Embedding

# Concepts that differ by less cancel each other; what is left of them is rounding.
_LEAST_NORM = 1e-3


@dataclass(frozen=True, slots=True)
class Part:
    """One concept, or one example.

    Attributes:
        embedding: float32 of shape (dimension,), unit length.
        weight: How much it counts, not 0; below 0, photos that match it are not wanted.
    """

    embedding: Embedding
    weight: float


def mixed(parts: Sequence[Part]) -> Direction:
    """What photos that match the parts together are ranked by.

    The parts are added, each times its weight, and the sum is scaled to unit length, so that scores
    remain cosine similarities. Subtracting alone would still let a photo through that matches both what
    is wanted and what is not; see `photond.search.ranking.Direction` for what becomes of it.

    Raises:
        UsageError: No part is wanted, or they cancel each other.
    """
    liked = [part for part in parts if part.weight > 0]
    unwanted = [part for part in parts if part.weight < 0]
    if not liked:
        raise UsageError(
            "the query says only what is not wanted",
            'Say also what to look for: photond query "beach -people".',
        )
    if not unwanted:
        return Direction(_sum(liked))
    return Direction(_sum(parts), _sum(liked), np.stack([part.embedding for part in unwanted]))


def _sum(parts: Sequence[Part]) -> Embedding:
    total = np.sum([np.float64(part.weight) * part.embedding for part in parts], axis=0)
    norm = np.linalg.norm(total)
    if norm < _LEAST_NORM * max(abs(part.weight) for part in parts):
        raise UsageError("the concepts of the query cancel each other", "Leave one of them out.")
    unit: Embedding = (total / norm).astype(np.float32)
    return unit
