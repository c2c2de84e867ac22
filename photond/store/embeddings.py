"""Embeddings, kept by sqlite-vec: one vec0 table a pack, a row a content."""

import json
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from photond.errors import IndexDatabaseError
from photond.store import changes
from photond.store.database import Connection

_ROWS_AT_ONCE = 4096
_LENGTH_TOLERANCE = 1e-3

EMBEDDED_AGAIN = "`photond db check --repair` has the photos embedded again"
"""What helps where embeddings are spoilt."""

Embedding = npt.NDArray[np.float32]


def create_table(connection: Connection, pack_id: int, dimension: int) -> None:
    """Make the table for the embeddings of a pack."""
    connection.execute(
        f"""
        create virtual table {vectors_table(pack_id)} using vec0(
          content_id integer primary key,
          embedding float[{dimension:d}] distance_metric=cosine
        )
        """
    )


def drop_table(connection: Connection, pack_id: int) -> None:
    """Remove all embeddings of a pack."""
    connection.execute(f"drop table {vectors_table(pack_id)}")


def embedded_contents(pack_id: int) -> str:
    """The name of a table whose `rowid`s are the contents that have an embedding of a pack.

    It is vec0's own list of its rows: asking the virtual table itself would read every vector.
    """
    return f"{vectors_table(pack_id)}_rowids"


def add_embedding(
    connection: Connection, pack_id: int, content_id: int, embedding: Embedding
) -> None:
    """Keep an embedding, float32 of shape (dimension,) and unit length, unless there is one."""
    row = connection.execute(
        f"select 1 from {embedded_contents(pack_id)} where rowid = ?", (content_id,)
    ).fetchone()
    if row is None:
        connection.execute(
            f"insert into {vectors_table(pack_id)} (content_id, embedding) values (?, ?)",
            (content_id, embedding.astype("<f4", copy=False).tobytes()),
        )
        changes.note(connection, pack_id, [content_id], is_there=True)


def embedding_of(connection: Connection, pack_id: int, content_id: int) -> Embedding | None:
    """The embedding of one content, float32 of shape (dimension,), if there is a sound one."""
    row = connection.execute(
        f"select embedding from {vectors_table(pack_id)} where content_id = ?", (content_id,)
    ).fetchone()
    if row is None:
        return None
    embedding = np.frombuffer(row[0], "<f4")
    return embedding if are_unit(embedding[np.newaxis]).all() else None


def all_embeddings(
    connection: Connection, pack_id: int
) -> Iterator[tuple[npt.NDArray[np.int64], Embedding]]:
    """Every embedding of a pack, in pieces: content ids (n,) and embeddings (n, dimension).

    Those that are spoilt are left out, as if the photos had none yet.

    vec0's own tables are read: it keeps some thousand rows in a BLOB, and asked for a single one it
    reads as far as that one, which adds up to a hundred times what reading all of them takes.

    Raises:
        IndexDatabaseError: The tables make no sense.
    """
    dimension = dimension_of(connection, pack_id)
    for chunk_id, slots, ids in _chunks(connection, pack_id):
        vectors = _chunk(connection, pack_id, chunk_id, dimension)
        for start in range(0, len(slots), _ROWS_AT_ONCE):
            piece = slice(start, start + _ROWS_AT_ONCE)
            yield _sound(ids[piece], vectors[slots[piece]])


def all_ids(connection: Connection, pack_id: int) -> npt.NDArray[np.int64]:
    """The contents of which vec0 holds an embedding, be it spoilt; shape (n,)."""
    pieces = [ids for _, _, ids in _chunks(connection, pack_id)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _chunks(
    connection: Connection, pack_id: int
) -> Iterator[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.int64]]]:
    """vec0's BLOBs: the id of each, the slots in it that are taken, and by which contents."""
    last = -1
    while True:
        row = connection.execute(
            f"""
            select chunk_id, validity, rowids from {vectors_table(pack_id)}_chunks
            where chunk_id > ? order by chunk_id limit 1
            """,
            (last,),
        ).fetchone()
        if row is None:
            return
        last, validity, rowids = row
        if validity is None or rowids is None or len(rowids) != 64 * len(validity):
            raise _damaged(pack_id)
        taken = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
        (slots,) = np.nonzero(taken)
        yield last, slots, np.frombuffer(rowids, "<i8")[slots]


def embeddings_of(
    connection: Connection, pack_id: int, content_ids: Iterable[int]
) -> tuple[npt.NDArray[np.int64], Embedding]:
    """The embeddings of those contents that have one, by id: ids (n,), embeddings (n, dimension).

    Those that are spoilt are left out.

    Raises:
        IndexDatabaseError: The tables make no sense.
    """
    rows = connection.execute(
        f"""
        select rowid, chunk_id, chunk_offset from {embedded_contents(pack_id)}
        where rowid in (select value from json_each(?)) order by rowid
        """,
        (json.dumps(list(content_ids)),),
    ).fetchall()
    places = np.array(rows, np.int64).reshape(-1, 3)
    vectors = np.empty((len(places), dimension_of(connection, pack_id)), np.float32)
    for chunk_id in np.unique(places[:, 1]).tolist():
        (here,) = np.nonzero(places[:, 1] == chunk_id)
        chunk = _chunk(connection, pack_id, chunk_id, vectors.shape[1])
        slots = places[here, 2]
        if slots.min() < 0 or slots.max() >= len(chunk):
            raise _damaged(pack_id)
        vectors[here] = chunk[slots]
    return _sound(places[:, 0], vectors)


def dimension_of(connection: Connection, pack_id: int) -> int:
    """How many numbers an embedding of a pack has."""
    row = connection.execute(
        "select embedding_dimension from packs where id = ?", (pack_id,)
    ).fetchone()
    return int(row[0])


def _chunk(connection: Connection, pack_id: int, chunk_id: int, dimension: int) -> Embedding:
    """What one of vec0's BLOBs holds, float32 of shape (slots, dimension)."""
    row = connection.execute(
        f"select vectors from {vectors_table(pack_id)}_vector_chunks00 where rowid = ?", (chunk_id,)
    ).fetchone()
    if row is None or row[0] is None or len(row[0]) % (4 * dimension):
        raise _damaged(pack_id)
    return np.frombuffer(row[0], "<f4").reshape(-1, dimension)


def are_unit(vectors: Embedding) -> npt.NDArray[np.bool_]:
    """Which of some vectors, of shape (n, dimension), are of unit length, as far as float32 can tell."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
        are: npt.NDArray[np.bool_] = np.abs(squares - 1) <= 2 * _LENGTH_TOLERANCE
    return are


def _sound(
    ids: npt.NDArray[np.int64], vectors: Embedding
) -> tuple[npt.NDArray[np.int64], Embedding]:
    """Contents and their embeddings, without those that are spoilt."""
    # SQLite has no checksums, and a vector whose bits have turned over would be found for anything.
    are_sound = are_unit(vectors)
    return (ids, vectors) if are_sound.all() else (ids[are_sound], vectors[are_sound])


def _damaged(pack_id: int) -> IndexDatabaseError:
    return IndexDatabaseError(
        f"the index is damaged ({vectors_table(pack_id)} holds what is no embedding)",
        f"{EMBEDDED_AGAIN}.",
    )


def sample_embeddings(connection: Connection, pack_id: int, limit: int) -> Embedding:
    """Embeddings spread evenly over all that there are, float32 of shape (at most limit, dimension)."""
    ids = [row[0] for row in connection.execute(f"select rowid from {embedded_contents(pack_id)}")]
    step = max(1, -(-len(ids) // limit))
    return embeddings_of(connection, pack_id, ids[::step])[1]


def delete_embeddings(connection: Connection, content_ids: Iterable[int]) -> None:
    """Remove the embeddings of contents, of every pack."""
    ids = list(content_ids)
    for (pack_id,) in connection.execute("select id from packs").fetchall():
        delete_pack_embeddings(connection, pack_id, ids)


def delete_pack_embeddings(
    connection: Connection, pack_id: int, content_ids: Iterable[int]
) -> None:
    """Remove the embeddings of contents, of one pack."""
    there = [
        row[0]
        for row in connection.execute(
            f"""
            select rowid from {embedded_contents(pack_id)}
            where rowid in (select value from json_each(?))
            """,
            (json.dumps(list(content_ids)),),
        )
    ]
    connection.executemany(
        f"delete from {vectors_table(pack_id)} where content_id = ?", [(id_,) for id_ in there]
    )
    changes.note(connection, pack_id, there, is_there=False)


def has_embeddings(connection: Connection, pack_id: int) -> bool:
    """Whether any content has an embedding of a pack."""
    row = connection.execute(f"select 1 from {embedded_contents(pack_id)} limit 1").fetchone()
    return row is not None


def count_embeddings(connection: Connection, pack_id: int) -> int:
    """How many contents have an embedding of a pack, be it spoilt."""
    row = connection.execute(f"select count(*) from {embedded_contents(pack_id)}").fetchone()
    return int(row[0])


def has_more_than(connection: Connection, pack_id: int, count: int) -> bool:
    """Whether more contents have an embedding of a pack, without counting all of them."""
    row = connection.execute(
        f"select 1 from {embedded_contents(pack_id)} limit 1 offset ?", (count,)
    ).fetchone()
    return row is not None


def vectors_table(pack_id: int) -> str:
    """The name of the vec0 table of a pack: `content_id` and `embedding`."""
    return f"embeddings_{pack_id:d}"
