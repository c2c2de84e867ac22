"""A pack's embeddings as matrices: multiplied with a few directions, all rows at once.

`Vectors` are what a snapshot of the index has, whichever way they are got at. Products of all rows may
be approximate, with a bound on the error of each row; those of some rows are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from photond.store import embeddings
from photond.store.database import Connection
from photond.store.embeddings import Embedding

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Exact = npt.NDArray[np.float64]
Approximate = npt.NDArray[np.float32]

# Of a product of two vectors of about unit length that was summed in float32.
ROUNDING = 2e-6
# 12 MB at 768 numbers.
_KEPT_ROWS = 4096


class Products(Protocol):
    """The products of all rows with m directions."""

    @property
    def about(self) -> Approximate:
        """float32 of shape (rows, m)."""
        ...

    @property
    def off(self) -> Approximate:
        """By how much, times the direction's length, `about` may be off; float32 of shape (rows,)."""
        ...

    def exact(self, rows: Rows) -> Exact:
        """The products of some rows, from their float32 embeddings; float64 of shape (len(rows), m)."""
        ...


class Vectors(Protocol):
    """The embeddings of a pack in one state of the index."""

    @property
    def ids(self) -> Ids:
        """Of the contents, int64 of shape (rows,); each stands there once, in any order."""
        ...

    @property
    def spoilt(self) -> int:
        """How many more contents have an embedding that is none any more."""
        ...

    def rows_of(self, ids: Ids) -> Rows:
        """Where contents stand that are there, of some: ids in ascending order, each once."""
        ...

    def times(self, directions: Embedding) -> Products:
        """The products of all rows with directions, float32 of shape (m, dimension)."""
        ...

    def exactly(self, rows: Rows, directions: Embedding) -> Exact:
        """The products of some rows with directions, as `Products.exact`."""
        ...


@dataclass(frozen=True, slots=True)
class _Multiplied:
    about: Approximate
    off: Approximate
    products: Exact

    def exact(self, rows: Rows) -> Exact:
        return self.products[rows]


class StoredVectors:
    """The embeddings as sqlite-vec has them, read from first to last; for each product, if many.

    Args:
        connection: The index, in a snapshot for as long as this is used.
        pack_id: The pack.
    """

    def __init__(self, connection: Connection, pack_id: int) -> None:
        self._connection = connection
        self._pack_id = pack_id
        self._ids: Ids | None = None

    @property
    def ids(self) -> Ids:
        """See `Vectors`."""
        if self._ids is None:
            self._ids = _joined([ids for ids, _ in self._embeddings()])
        return self._ids

    @property
    def spoilt(self) -> int:
        """See `Vectors`."""
        return max(0, embeddings.count_embeddings(self._connection, self._pack_id) - len(self.ids))

    def rows_of(self, ids: Ids) -> Rows:
        """See `Vectors`."""
        return found_in(np.argsort(self.ids), self.ids, ids)

    def times(self, directions: Embedding) -> Products:
        """See `Vectors`."""
        found = [(ids, multiplied(vectors, directions)) for ids, vectors in self._embeddings()]
        # Reading all of them is what takes the time, so it is not done once more for the ids.
        self._ids = _joined([ids for ids, _ in found])
        products = np.concatenate([*(some for _, some in found), np.empty((0, len(directions)))])
        off = np.full(len(products), ROUNDING, np.float32)
        return _Multiplied(products.astype(np.float32), off, products)

    def exactly(self, rows: Rows, directions: Embedding) -> Exact:
        """See `Vectors`."""
        return self.times(directions).exact(rows)

    def _embeddings(self) -> Iterable[tuple[Ids, Embedding]]:
        if self._few is not None:
            return self._few
        return embeddings.all_embeddings(self._connection, self._pack_id)

    @cached_property
    def _few(self) -> list[tuple[Ids, Embedding]] | None:
        """All embeddings, where they are so few that they are read once and kept."""
        if embeddings.has_more_than(self._connection, self._pack_id, _KEPT_ROWS):
            return None
        return list(embeddings.all_embeddings(self._connection, self._pack_id))


def _joined(pieces: list[Ids]) -> Ids:
    return np.concatenate([*pieces, np.empty(0, np.int64)])


def multiplied(vectors: Embedding, directions: Embedding) -> Exact:
    """The products of rows with directions, summed in float64; shape (rows, directions)."""
    return vectors.astype(np.float64) @ directions.astype(np.float64).T


def found_in(order: Rows, ids: Ids, wanted: Ids) -> Rows:
    """Where some of `ids` stand that has them in an `order`; those that are not there are left out."""
    if not len(ids):
        return order
    places = np.searchsorted(ids, wanted, sorter=order)
    rows: Rows = order[np.minimum(places, len(ids) - 1)]
    found: Rows = rows[ids[rows] == wanted]
    return found
