"""A pack's embeddings from the file of vectors, in one state of the index."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from photond.store.embeddings import Embedding
from photond.store.quantised import (
    ROUNDING,
    most_off,
    multiply,
    quantise_directions,
)
from photond.store.vector_file import VectorFile, sums_of
from photond.store.vector_layout import BLOCK_ROWS
from photond.store.vectors import Approximate, Exact, Ids, Rows, found_in, multiplied

# From so many rows on, the blocks are shared out between threads.
_WORTH_THREADS = 32_768
_MOST_THREADS = 8
# More vectors than these are read as they come: announcing them costs more than a microsecond each.
_ANNOUNCED = 16_384


class DamagedVectorsError(Exception):
    """The file does not hold what was written into it."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What a state has besides the file; arrays of length n.

    Attributes:
        ids: Of contents, int64.
        vectors: float32 of shape (n, dimension).
        gone: Contents whose rows in the file do not count, int64 of any length.
    """

    ids: Ids
    vectors: Embedding
    gone: Ids


class CopiedVectors:
    """The embeddings that a file of vectors has in a state; see `photond.store.vectors.Vectors`.

    It stays as it is whatever is added to the file, or whatever replaces it.

    Args:
        file: The file, which knows the state, or the one that `tail` goes on from.
        sequence: The state, or the one that `tail` goes on from.
        tail: What has changed since.
        embedded: How many contents have an embedding in the state, be it spoilt.

    Attributes:
        ids: See `Vectors`.
        spoilt: See `Vectors`.
    """

    def __init__(self, file: VectorFile, sequence: int, tail: Tail, embedded: int) -> None:
        self._blocks = file.blocks()
        self._tail = tail
        self._rows = file.header.rows
        ids = file.column("ids")
        counts = (file.column("since") <= sequence) & (file.column("until") > sequence)
        if len(tail.gone):
            counts &= ~np.isin(ids, tail.gone)
        (self._there,) = np.nonzero(counts)
        self.ids: Ids = np.concatenate([ids[self._there], tail.ids])
        self.spoilt = max(0, embedded - len(self.ids))

    @cached_property
    def _order(self) -> Rows:
        return np.argsort(self.ids, kind="stable")

    def rows_of(self, ids: Ids) -> Rows:
        """See `Vectors`."""
        return found_in(self._order, self.ids, ids)

    def times(self, directions: Embedding) -> "CopiedProducts":
        """See `Vectors`."""
        quantised = quantise_directions(directions)
        about = np.empty((self._rows, len(directions)), np.float32)
        off = np.empty(self._rows, np.float32)

        def multiply_blocks(numbers: range) -> None:
            for number in numbers:
                start = number * BLOCK_ROWS
                end = min(start + BLOCK_ROWS, self._rows)
                block, rows = self._blocks[number], end - start
                about[start:end] = multiply(block.codes[:rows], block.scales[:rows], quantised)
                off[start:end] = most_off(block.lost[:rows], quantised)

        numbers = range(len(self._blocks))
        threads = min(_MOST_THREADS, _cores()) if self._rows >= _WORTH_THREADS else 1
        if threads == 1:
            multiply_blocks(numbers)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(
                    multiply_blocks, (numbers[one::threads] for one in range(threads))
                ):
                    pass
        return self._products(directions, about, off)

    def exactly(self, rows: Rows, directions: Embedding) -> Exact:
        """See `Vectors`.

        Raises:
            DamagedVectorsError: They are not as they were written.
        """
        in_file = rows < len(self._there)
        exact = np.empty((len(rows), len(directions)))
        for where, vectors in self._vectors(self._there[rows[in_file]]):
            exact[np.flatnonzero(in_file)[where]] = multiplied(vectors, directions)
        tail = self._tail.vectors[rows[~in_file] - len(self._there)]
        exact[~in_file] = multiplied(tail, directions)
        return exact

    def _vectors(self, rows: Rows) -> Iterator[tuple[Rows, Embedding]]:
        """Vectors of the file, block by block: which of `rows` they are of, and they."""
        numbers = rows // BLOCK_ROWS
        order = np.argsort(numbers, kind="stable")
        wheres = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(rows) else []
        found = [
            (where, self._blocks[numbers[where[0]]], rows[where] % BLOCK_ROWS) for where in wheres
        ]
        if len(rows) <= _ANNOUNCED:
            for _, block, slots in found:
                block.announce(slots)
        for where, block, slots in found:
            vectors = block.vectors[slots]
            if (sums_of(vectors) != block.sums[slots]).any():
                raise DamagedVectorsError
            yield where, vectors

    def _products(
        self, directions: Embedding, about: Approximate, off: Approximate
    ) -> "CopiedProducts":
        if len(self._there) < self._rows:
            about, off = about[self._there], off[self._there]
        if len(self._tail.ids):
            tail = multiplied(self._tail.vectors, directions).astype(np.float32)
            about = np.concatenate([about, tail])
            off = np.concatenate([off, np.full(len(tail), ROUNDING, np.float32)])
        return CopiedProducts(self, directions, about, off)


@dataclass(frozen=True, slots=True)
class CopiedProducts:
    """See `photond.store.vectors.Products`."""

    vectors: CopiedVectors
    directions: Embedding
    about: Approximate
    off: Approximate

    def exact(self, rows: Rows) -> Exact:
        """See `Products`.

        Raises:
            DamagedVectorsError: They are not as they were written, or the codes are not theirs.
        """
        exact = self.vectors.exactly(rows, self.directions)
        lengths = np.linalg.norm(self.directions, axis=1)
        allowed = self.off[rows, np.newaxis] * np.maximum(lengths, 1)
        if (np.abs(exact - self.about[rows]) > allowed).any():
            raise DamagedVectorsError
        return exact


def _cores() -> int:
    return len(os.sched_getaffinity(0))
