"""Ranking: all contents in the order in which they suit a question, as far as somebody wants to know.

The order is exact although most products are not: a row's approximate product and the bound on its error
say between what its key lies. To have the best k, all rows are looked at exactly whose upper bound
reaches the k-th largest lower bound; no other row can be among them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from photond.store.copied import DamagedVectorsError
from photond.store.copies import VectorCopies
from photond.store.database import Connection
from photond.store.embeddings import Embedding
from photond.store.vectors import Exact, Ids, Products, Rows, StoredVectors, Vectors

# How many contents the first batch has at the least, how much larger each further one is, up to what.
_FIRST_BATCH = 128
_GROWTH = 4
_LAST_BATCH = 65_536
# Up to this part of all contents, each is looked at exactly, and the others not at all.
_FEW = 1 / 64

Batch = list[tuple[int, float]]
Keys = npt.NDArray[np.float32]
_Number = TypeVar("_Number", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Direction:
    """What contents are ranked by: key(x) = wanted·x - sum_i max(0, unwanted_i·x - liked·x).

    A photo that suits something unwanted better than what is liked is pushed down by how much better.

    Attributes:
        wanted: float32 of shape (dimension,), unit length; the score is the cosine similarity with it.
        liked: The same, of the positive part alone; None where nothing is unwanted.
        unwanted: float32 of shape (n, dimension), unit length each; None for none.
    """

    wanted: Embedding
    liked: Embedding | None = None
    unwanted: Embedding | None = None

    @property
    def rows(self) -> Embedding:
        """What is multiplied with: `wanted`, then `unwanted_i - liked`; float32, (1 + n, dimension)."""
        if self.liked is None or self.unwanted is None:
            return self.wanted[np.newaxis]
        return np.vstack([self.wanted[np.newaxis], self.unwanted - self.liked])


class Ranking:
    """Ranks the contents of one state of the index.

    Args:
        vectors: What the index has in that state.
        instead: Makes what is used instead when the vectors turn out to be damaged.
    """

    def __init__(self, vectors: Vectors, instead: Callable[[], Vectors]) -> None:
        self._vectors = vectors
        self._instead = instead

    @property
    def spoilt(self) -> int:
        """How many contents are left out because their embeddings are none any more."""
        return self._vectors.spoilt

    def best(self, direction: Direction, among: Ids | None = None) -> Iterator[Batch]:
        """All contents, the largest key first, and of equal ones the smallest id.

        Args:
            direction: What they are ranked by.
            among: Only these, ids in ascending order, each once; None for all. Ids without an
                embedding are passed over.

        Yields:
            Batches, each several times larger than the one before: content ids with their cosine
            similarity with `wanted`, in [-1, 1].
        """
        out: set[int] = set()
        try:
            for batch in _best(self._vectors, direction, among):
                yield batch
                out.update(id_ for id_, _ in batch)
        except DamagedVectorsError:
            self._vectors = self._instead()
            for batch in _best(self._vectors, direction, among):
                yield [one for one in batch if one[0] not in out]


def _best(vectors: Vectors, direction: Direction, among: Ids | None) -> Iterator[Batch]:
    directions = direction.rows
    chosen = None if among is None else vectors.rows_of(among)
    if chosen is not None and len(chosen) <= len(vectors.ids) * _FEW:
        if len(chosen):
            looked = _Looked.known(chosen, vectors.exactly(chosen, directions))
            yield looked.in_order(vectors.ids)
        return
    products = vectors.times(directions)
    about, off = _keys(products.about), products.off * np.linalg.norm(directions, axis=1).sum()
    rows: Rows = np.arange(len(vectors.ids))
    if chosen is not None:
        rows, about, off = chosen, about[chosen], off[chosen]
    for looked in _certified(products, rows, about - off, about + off):
        yield looked.in_order(vectors.ids)


def _certified(products: Products, rows: Rows, lower: Keys, upper: Keys) -> Iterator["_Looked"]:
    """Rows in parts, no key of which is less than one of a later part.

    Args:
        products: Of all rows.
        rows: Those that are wanted, shape (n,).
        lower: What their keys are not less than, shape (n,).
        upper: What their keys are not greater than, shape (n,).
    """
    waiting = _Looked.at(products, rows[:0])
    unseen = np.ones(len(rows), np.bool_)
    for best in _sizes(len(rows)):
        # At least so many keys are not less than this.
        least = np.float32(-np.inf)
        if best < len(rows):
            least = np.partition(lower, len(rows) - best)[len(rows) - best]
        now = unseen & (upper >= least)
        unseen &= ~now
        waiting = waiting.with_more(_Looked.at(products, rows[now]))
        is_certain = waiting.keys >= least
        yield waiting.only(is_certain)
        waiting = waiting.only(~is_certain)


@dataclass(frozen=True, slots=True)
class _Looked:
    """Rows whose products are known exactly; each array has shape (n,)."""

    rows: Rows
    keys: Keys
    scores: Keys

    @classmethod
    def at(cls, products: Products, rows: Rows) -> "_Looked":
        return cls.known(rows, products.exact(rows))

    @classmethod
    def known(cls, rows: Rows, exact: Exact) -> "_Looked":
        # In float32, so that equal embeddings have equal keys, in whatever order they were summed up.
        return cls(
            rows, _keys(exact).astype(np.float32), exact[:, 0].clip(-1, 1).astype(np.float32)
        )

    def with_more(self, other: "_Looked") -> "_Looked":
        return _Looked(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.scores, other.scores]),
        )

    def in_order(self, ids: Ids) -> Batch:
        """As a batch; `ids` are those of all rows."""
        order = np.lexsort((ids[self.rows], -self.keys))
        return list(zip(ids[self.rows[order]].tolist(), self.scores[order].tolist(), strict=True))

    def only(self, chosen: npt.NDArray[np.bool_]) -> "_Looked":
        return _Looked(self.rows[chosen], self.keys[chosen], self.scores[chosen])


def _keys(products: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The keys, shape (n,), from the products with `Direction.rows`, shape (n, m)."""
    keys = products[:, 0].copy()
    for unwanted in products.T[1:]:
        keys -= np.maximum(unwanted, 0)
    return keys


def _sizes(rows: int) -> Iterator[int]:
    """How many contents are out after each batch: growing, up to all of them."""
    size = batch = _FIRST_BATCH
    while size < rows:
        yield size
        batch = min(batch * _GROWTH, _LAST_BATCH)
        size += batch
    if rows:
        yield rows


class Rankings:
    """What is kept from one question to the next, so that each is answered quickly.

    Several threads may ask at the same time.

    Args:
        database: The index's file.
    """

    def __init__(self, database: Path) -> None:
        self._copies = VectorCopies(database)

    def at(self, connection: Connection, pack_id: int) -> Ranking:
        """The ranking of the contents that a snapshot has with a pack.

        Args:
            connection: In a snapshot, for as long as the ranking is used.
            pack_id: The pack that made the directions it will be asked for.
        """
        vectors = self._copies.at(connection, pack_id)
        return Ranking(vectors, lambda: self._instead(connection, pack_id))

    @property
    def trouble(self) -> str:
        """Why rankings are slower than they could be; empty if they are not."""
        return self._copies.trouble

    def let_go(self) -> None:
        """Keep nothing in memory any more, after a while in which nobody has asked."""
        self._copies.let_go()

    def _instead(self, connection: Connection, pack_id: int) -> Vectors:
        """What to rank by after all, because the copy is damaged."""
        self._copies.discard(pack_id)
        return StoredVectors(connection, pack_id)
