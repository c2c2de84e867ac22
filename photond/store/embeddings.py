"""Embeddings, kept by sqlite-vec: one vec0 table a pack, a row a content."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from photond.store.database import Connection

# sqlite-vec 0.1.9 refuses a larger k.
MAX_NEIGHBOURS = 4096
_ROWS_AT_ONCE = 4096

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


def embedding_of(connection: Connection, pack_id: int, content_id: int) -> Embedding | None:
    """The embedding of one content, float32 of shape (dimension,), if there is one."""
    row = connection.execute(
        f"select embedding from {vectors_table(pack_id)} where content_id = ?", (content_id,)
    ).fetchone()
    return None if row is None else np.frombuffer(row[0], "<f4")


def embeddings_of(
    connection: Connection, pack_id: int, content_ids: Sequence[int]
) -> tuple[npt.NDArray[np.int64], Embedding]:
    """The embeddings of some thousand contents, as `all_embeddings` gives a piece of all.

    Contents without one are left out, and the order is the database's.
    """
    return _vectors(connection, pack_id, content_ids)


def all_embeddings(
    connection: Connection, pack_id: int
) -> Iterator[tuple[npt.NDArray[np.int64], Embedding]]:
    """Every embedding of a pack, in pieces: content ids (n,) and embeddings (n, dimension)."""
    last = 0
    while True:
        ids = [
            row[0]
            for row in connection.execute(
                f"select rowid from {embedded_contents(pack_id)} where rowid > ? order by rowid limit ?",
                (last, _ROWS_AT_ONCE),
            )
        ]
        if not ids:
            return
        yield _vectors(connection, pack_id, ids)
        last = ids[-1]


def _vectors(
    connection: Connection, pack_id: int, ids: Sequence[int]
) -> tuple[npt.NDArray[np.int64], Embedding]:
    rows = connection.execute(
        f"select content_id, embedding from {vectors_table(pack_id)} "
        f"where content_id in ({','.join('?' * len(ids))})",
        ids,
    ).fetchall()
    vectors = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
    return np.array([id_ for id_, _ in rows], np.int64), vectors.reshape(len(rows), -1)


def sample_embeddings(connection: Connection, pack_id: int, limit: int) -> Embedding:
    """Embeddings spread evenly over all that there are, float32 of shape (at most limit, dimension)."""
    ids = [row[0] for row in connection.execute(f"select rowid from {embedded_contents(pack_id)}")]
    step = max(1, -(-len(ids) // limit))
    return _vectors(connection, pack_id, ids[::step])[1]


def nearest(
    connection: Connection,
    pack_id: int,
    query: Embedding,
    limit: int,
    condition: str,
    values: Sequence[object],
) -> list[tuple[int, float]]:
    """The contents nearest to an embedding, best first.

    Args:
        connection: The index.
        pack_id: The pack that made `query`.
        query: float32 of shape (dimension,), unit length.
        limit: How many at the most.
        condition: A query whose one column are the ids of the contents that may be returned. It is
            applied before the nearest are chosen, so that a rare condition still fills the limit.
        values: What to bind to the condition.

    Returns:
        Content ids with their cosine similarity to the query, in [-1, 1].
    """
    blob = query.astype("<f4", copy=False).tobytes()
    if limit <= MAX_NEIGHBOURS:
        rows = connection.execute(
            f"""
            select content_id, distance from {vectors_table(pack_id)}
            where embedding match ? and k = ? and content_id in ({condition})
            order by distance
            """,
            (blob, limit, *values),
        )
    else:
        rows = connection.execute(
            f"""
            select content_id, vec_distance_cosine(embedding, ?) as distance
            from {vectors_table(pack_id)}
            where content_id in ({condition}) order by distance limit ?
            """,
            (blob, *values, limit),
        )
    return [(content_id, 1.0 - distance) for content_id, distance in rows]


def delete_embeddings(connection: Connection, content_ids: Iterable[int]) -> None:
    """Remove the embeddings of contents, of every pack."""
    ids = [(content_id,) for content_id in content_ids]
    for (pack_id,) in connection.execute("select id from packs").fetchall():
        connection.executemany(f"delete from {vectors_table(pack_id)} where content_id = ?", ids)


def count_embeddings(connection: Connection, pack_id: int) -> int:
    """How many contents have an embedding of a pack."""
    row = connection.execute(f"select count(*) from {embedded_contents(pack_id)}").fetchone()
    return int(row[0])


def vectors_table(pack_id: int) -> str:
    """The name of the vec0 table of a pack: `content_id` and `embedding`."""
    return f"embeddings_{pack_id:d}"
