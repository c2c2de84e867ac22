"""Embeddings out of what can be read of the tables in which sqlite-vec kept them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from photond.store import changes
from photond.store.database import Connection
from photond.store.embeddings import Embedding, are_unit, create_table, vectors_table
from photond.store.pages import Found, PagedFile, Row
from photond.store.vec0 import CHUNK_PLACES

_Ids = npt.NDArray[np.int64]
_PART = re.compile(r"embeddings_(\d+)_(chunks|rowids|vector_chunks00)")


def part_of(table: str) -> tuple[int, str] | None:
    """The pack and the part of its embeddings that a table keeps, if it keeps any."""
    match = _PART.fullmatch(table)
    return None if match is None else (int(match[1]), match[2])


def dimension_of(pages: PagedFile, roots: Mapping[str, int], pack_id: int) -> int | None:
    """How many numbers the embeddings of a pack have, by the first that can be read."""
    root = roots.get(f"{vectors_table(pack_id)}_vector_chunks00")
    for row in pages.rows(root, Found()) if root is not None else ():
        match row.values:
            case (_, bytes(vectors)) if len(vectors) % (4 * CHUNK_PLACES) == 0:
                return len(vectors) // (4 * CHUNK_PLACES)
    return None


@dataclass(slots=True)
class Vectors:
    """What was read so far, of all packs; the vectors themselves wait in a table of their own.

    Attributes:
        connection: To the new index, in a transaction.
        complete: The parts, by pack and name, of which nothing is missing.
    """

    connection: Connection
    complete: set[tuple[int, str]] = field(default_factory=set)
    _taken_by: dict[tuple[int, int], _Ids] = field(default_factory=dict)
    _places: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection.execute(
            "create temp table salvaged "
            "(pack_id, chunk_id, bytes, vectors, primary key (pack_id, chunk_id, bytes))"
        )

    def add(self, pack_id: int, part: str, row: Row) -> None:
        """Take up a row of one of the tables; what was there first counts."""
        if row.rowid is None:
            return
        match part, row.values:
            case "chunks", (None, int(size), bytes(validity), bytes(rowids)):
                if row.is_whole and (len(validity) * 8, len(rowids)) == (size, size * 8):
                    bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
                    ids = np.where(bits == 1, np.frombuffer(rowids, "<i8"), 0)
                    self._taken_by.setdefault((pack_id, row.rowid), ids)
            case "rowids", (None, None, int(chunk_id), int(place)):
                places = self._places.setdefault(pack_id, {})
                places.setdefault(row.rowid, (chunk_id, place))
            case "vector_chunks00", (int() | None, bytes(vectors)):
                self.connection.execute(
                    "insert or ignore into salvaged values (?, ?, ?, ?)",
                    (pack_id, row.rowid, len(vectors), vectors),
                )

    def add_stray(self, pack_id: int, row: Row) -> None:
        """Take up a row that nothing leads to, of what is not complete, if it looks like one."""
        for part in ("chunks", "rowids", "vector_chunks00"):
            if (pack_id, part) not in self.complete:
                self.add(pack_id, part, row)

    def put(self, pack_id: int, dimension: int) -> int:
        """Give a pack its table, with each embedding that is what it must be and of a known content.

        Returns:
            How many there are.
        """
        create_table(self.connection, pack_id, dimension)
        changes.begin(self.connection, pack_id)
        rows = self.connection.execute("select id from contents").fetchall()
        left = np.array([id_ for (id_,) in rows], np.int64)
        places = self._places.get(pack_id, {})
        listed = np.array([(id_, *place) for id_, place in places.items()], np.int64).reshape(-1, 3)
        count = 0
        chunk_ids = self.connection.execute(
            "select chunk_id from salvaged where pack_id = ? and bytes = ?",
            (pack_id, CHUNK_PLACES * dimension * 4),
        ).fetchall()
        for (chunk_id,) in chunk_ids:
            ids, vectors = self._chunk(pack_id, chunk_id, dimension, listed)
            is_good = np.isin(ids, left)
            ids, vectors = ids[is_good], vectors[is_good]
            self.connection.executemany(
                f"insert into {vectors_table(pack_id)} (content_id, embedding) values (?, ?)",
                zip(ids.tolist(), map(bytes, vectors), strict=True),
            )
            left = left[~np.isin(left, ids)]
            count += len(ids)
        return count

    def _chunk(
        self, pack_id: int, chunk_id: int, dimension: int, listed: _Ids
    ) -> tuple[_Ids, Embedding]:
        """The contents of a chunk, each once, and their embeddings.

        `listed` is content, chunk and place of what `_rowids` has; int64 of shape (n, 3).
        """
        (blob,) = self.connection.execute(
            "select vectors from salvaged where pack_id = ? and chunk_id = ? and bytes = ?",
            (pack_id, chunk_id, CHUNK_PLACES * dimension * 4),
        ).fetchone()
        vectors = np.frombuffer(blob, "<f4").reshape(CHUNK_PLACES, dimension)
        here = listed[
            (listed[:, 1] == chunk_id) & (listed[:, 2] >= 0) & (listed[:, 2] < CHUNK_PLACES)
        ]
        by_list = np.zeros(CHUNK_PLACES, np.int64)
        by_list[here[:, 2]] = here[:, 0]
        ids = self._taken_by.get((pack_id, chunk_id))
        if ids is None or len(ids) != CHUNK_PLACES:
            ids = np.zeros(CHUNK_PLACES, np.int64)
        if (pack_id, "rowids") in self.complete:
            unlisted = np.zeros(CHUNK_PLACES, np.int64)
        else:
            # What the list has lost is taken from the chunk alone.
            unlisted = np.where(np.isin(ids, listed[:, 0]), 0, ids)
        # Where both speak and disagree, nobody knows whose the vector is.
        by_list[(ids != by_list) & (ids > 0) & (by_list > 0)] = -1
        ids = np.where(by_list == 0, unlisted, by_list)
        is_unit = are_unit(vectors)
        (places,) = np.nonzero(is_unit & (ids > 0))
        ids, first = np.unique(ids[places], return_index=True)
        return ids, vectors[places[first]]
