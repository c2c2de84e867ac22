"""How far two models agree: statistics of their embeddings of the same things."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]

# A search shows more than one photo, and people look at the first few.
FEW = 5


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two embeddings of the same thing are, over several things.

    Attributes:
        mean: Mean cosine similarity.
        least: The least one.
        worst: Which thing has it, an index.
        count: How many things there were.
    """

    mean: float
    least: float
    worst: int
    count: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two models put the same photos first.

    Attributes:
        first: Share of the searches whose first photo is the same, 0 to 1.
        few: Share of the first five photos that are among the first five of the other too; None where
            there are not more than five to choose from.
        correlation: Mean rank correlation of all photos (Spearman's rho), -1 to 1; None where there is
            only one photo, or no search that tells photos apart.
    """

    first: float
    few: float | None
    correlation: float | None


def likeness(old: Embeddings, new: Embeddings) -> Likeness:
    """Compare embeddings of the same n things, each (n, d) and of unit length; n is at least 1."""
    cosines = np.einsum("ij,ij->i", old.astype(np.float64), new.astype(np.float64))
    worst = int(cosines.argmin())
    return Likeness(float(cosines.mean()), float(cosines[worst]), worst, len(cosines))


def agreement(old: npt.NDArray[np.float32], new: npt.NDArray[np.float32]) -> Agreement:
    """Compare in which order two models put photos.

    Args:
        old: Cosine similarities of n searches with m photos, float32 of shape (n, m), neither 0.
        new: The same of the other model.
    """
    searches, photos = old.shape
    # The first is enough: photos that are equally like a search are equally good an answer.
    first = old.argmax(axis=1) == new.argmax(axis=1)
    few = None
    if photos > FEW:
        kept = [
            len(_first(one, FEW) & _first(other, FEW)) for one, other in zip(old, new, strict=True)
        ]
        few = sum(kept) / (FEW * searches)
    rhos = [_spearman(one, other) for one, other in zip(old, new, strict=True)]
    known = [rho for rho in rhos if rho is not None]
    return Agreement(float(first.mean()), few, sum(known) / len(known) if known else None)


def _first(cosines: npt.NDArray[np.float32], count: int) -> set[int]:
    return set(np.argsort(-cosines, kind="stable")[:count].tolist())


def _spearman(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float | None:
    a, b = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else None


def _ranks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The place of each value among them all; equal values share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    places: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return places
