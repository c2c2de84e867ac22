"""The tables in which sqlite-vec keeps a vec0 table: whether they agree, and making it anew.

vec0 keeps vectors in chunks of some places each. `_chunks` says of each place whether it is taken, and
by which row; `_vector_chunks00` holds the vectors of a chunk; `_rowids` says in which chunk and place
each row is. A search goes by the first two, a look-up by the third, and nothing of sqlite-vec holds one
against the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from photond.store.database import Connection
from photond.store.embeddings import (
    Embedding,
    are_unit,
    create_table,
    drop_table,
    vectors_table,
)

CHUNK_PLACES = 1024
MOST_DIMENSIONS = 8192

# As sqlite-vec 0.1.9 makes them. `rowid` is a column of its own in the last: vec0 reads by `_rowid_`.
_TABLES = {
    "info": "key text primary key, value any",
    "chunks": "chunk_id integer primary key autoincrement, size integer not null, "
    "validity blob not null, rowids blob not null",
    "rowids": "rowid integer primary key autoincrement, id, chunk_id integer, chunk_offset integer",
    "vector_chunks00": "rowid primary key, vectors blob not null",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk holds.

    Attributes:
        ids: The contents in whose embedding all tables agree; int64 of shape (n,).
        vectors: Their embeddings, float32 of shape (n, dimension), each of unit length.
        misshapen: How many more are agreed on, and are not of unit length or no numbers.
        stray: How many places are taken by what `_rowids` does not have there.
    """

    ids: npt.NDArray[np.int64]
    vectors: Embedding
    misshapen: int = 0
    stray: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """What the tables of a pack hold, all together.

    Attributes:
        sound: Embeddings that are as they should be.
        lost: Embeddings that are said to be there and cannot be read.
        misshapen: Embeddings that are not of unit length, or no numbers.
        stray: Vectors that searches find, of contents that are not said to have one.
        chunks: How many chunks there are.
    """

    sound: int
    lost: int
    misshapen: int
    stray: int
    chunks: int

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to mend."""
        return not (self.lost or self.misshapen or self.stray)


def missing_tables(connection: Connection, pack_id: int) -> list[str]:
    """The tables of a pack's embeddings that are not there."""
    table = vectors_table(pack_id)
    there = _all_tables(connection)
    wanted = [table, *(f"{table}_{suffix}" for suffix in _TABLES)]
    return [name for name in wanted if name not in there]


def stray_tables(connection: Connection) -> list[int]:
    """The ids of packs that have a table of embeddings, and are not known."""
    known = {id_ for (id_,) in connection.execute("select id from packs")}
    numbers = (name.removeprefix("embeddings_") for name in _all_tables(connection))
    return sorted({int(one) for one in numbers if one.isdecimal()} - known)


def examine(connection: Connection, pack_id: int, dimension: int) -> Census:
    """Hold the tables of a pack against each other; all of them must be there."""
    sound = misshapen = stray = count = 0
    for chunk in chunks(connection, pack_id, dimension):
        count += 1
        sound += len(chunk.ids)
        misshapen += chunk.misshapen
        stray += chunk.stray
    (listed,) = connection.execute(
        f"select count(*) from {vectors_table(pack_id)}_rowids"
    ).fetchone()
    return Census(sound, listed - sound - misshapen, misshapen, stray, count)


def chunks(connection: Connection, pack_id: int, dimension: int) -> Iterator[Chunk]:
    """Read all embeddings of a pack, past sqlite-vec."""
    table = vectors_table(pack_id)
    rows = connection.execute(
        f"""
        select cast(rowid as integer), coalesce(cast(chunk_id as integer), -1),
          coalesce(cast(chunk_offset as integer), -1)
        from {table}_rowids order by chunk_id, chunk_offset
        """
    )
    listed = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3)
    ids = [row[0] for row in connection.execute(f"select chunk_id from {table}_chunks")]
    for chunk_id in ids:
        first, end = np.searchsorted(listed[:, 1], [chunk_id, chunk_id + 1])
        stored = connection.execute(
            f"""
            select size, validity, chunks.rowids, vectors from {table}_chunks as chunks
            left join {table}_vector_chunks00 as vectors on vectors._rowid_ = chunk_id
            where chunk_id = ?
            """,
            (chunk_id,),
        ).fetchone()
        yield _read(*stored, dimension=dimension, listed=listed[first:end])


def rebuild(connection: Connection, pack_id: int, dimension: int) -> None:
    """Make the table of a pack's embeddings anew from those of which all tables agree.

    It takes as few chunks as it can then. The caller has a transaction open.
    """
    table = vectors_table(pack_id)
    for suffix, columns in _TABLES.items():
        connection.execute(f"create table if not exists {table}_{suffix} ({columns})")
    connection.execute(
        "create temp table kept (content_id integer primary key, embedding blob not null)"
    )
    for chunk in chunks(connection, pack_id, dimension):
        connection.executemany(
            "insert or ignore into kept values (?, ?)",
            zip(chunk.ids.tolist(), map(bytes, chunk.vectors), strict=True),
        )
    drop(connection, pack_id)
    create_table(connection, pack_id, dimension)
    connection.execute(
        f"insert into {table} (content_id, embedding) select content_id, embedding from kept"
    )
    connection.execute("drop table kept")


def pack_tightly(connection: Connection, pack_id: int, dimension: int) -> None:
    """Spare the chunks that deleting has left partly empty, which only new photos would fill.

    The caller has a transaction open. A table that is not whole stays as it is.
    """
    census = examine(connection, pack_id, dimension)
    if census.is_whole and census.chunks > -(-census.sound // CHUNK_PLACES):
        rebuild(connection, pack_id, dimension)


def drop(connection: Connection, pack_id: int) -> None:
    """Remove a pack's embeddings, whichever of their tables are there."""
    table = vectors_table(pack_id)
    if table in _all_tables(connection):
        for suffix, columns in _TABLES.items():
            connection.execute(f"create table if not exists {table}_{suffix} ({columns})")
        drop_table(connection, pack_id)
        return
    for suffix in _TABLES:
        connection.execute(f"drop table if exists {table}_{suffix}")


def _read(
    size: int,
    validity: bytes,
    rowids: bytes,
    vectors: bytes | None,
    *,
    dimension: int,
    listed: npt.NDArray[np.int64],
) -> Chunk:
    """What a chunk holds, of which `_rowids` lists (rowid, chunk, place), int64 of shape (n, 3)."""
    is_readable = vectors is not None and (len(validity) * 8, len(rowids), len(vectors)) == (
        size,
        size * 8,
        size * dimension * 4,
    )
    if vectors is None or not is_readable:
        return Chunk(np.empty(0, np.int64), np.empty((0, dimension), np.float32))
    is_taken = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little").astype(bool)
    taken_by = np.frombuffer(rowids, "<i8")
    places = listed[(listed[:, 2] >= 0) & (listed[:, 2] < size)]
    is_agreed = np.zeros(size, bool)
    agreed = places[taken_by[places[:, 2]] == places[:, 0]][:, 2]
    is_agreed[agreed] = is_taken[agreed]
    of_agreed = np.frombuffer(vectors, "<f4").reshape(size, dimension)[is_agreed]
    is_unit = are_unit(of_agreed)
    return Chunk(
        taken_by[is_agreed][is_unit],
        of_agreed[is_unit],
        misshapen=int((~is_unit).sum()),
        stray=int((is_taken & ~is_agreed).sum()),
    )


def _all_tables(connection: Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
    }
