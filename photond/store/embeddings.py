"""Packs and their embeddings, kept by sqlite-vec: one vec0 table a pack, a row a content."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.store.clock import now
from photond.store.database import Connection

# sqlite-vec 0.1.9 refuses a larger k.
MAX_NEIGHBOURS = 4096
_ROWS_AT_ONCE = 4096

Embedding = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack whose embeddings the index holds."""

    id: int
    name: str
    fingerprint: str
    tagging_fingerprint: str | None


def find_pack(connection: Connection, fingerprint: str) -> StoredPack | None:
    """The pack with a fingerprint, if anything was ever indexed with it."""
    row = connection.execute(
        "select id, name, fingerprint, tagging_fingerprint from packs where fingerprint = ?",
        (fingerprint,),
    ).fetchone()
    return None if row is None else StoredPack(*row)


def add_pack(connection: Connection, name: str, fingerprint: str, dimension: int) -> StoredPack:
    """Make a pack known and give it a table for its embeddings."""
    connection.execute(
        """
        insert into packs (name, fingerprint, embedding_dimension, added_at) values (?, ?, ?, ?)
        """,
        (name, fingerprint, dimension, now()),
    )
    pack = find_pack(connection, fingerprint)
    assert pack is not None
    connection.execute(
        f"""
        create virtual table {_table(pack.id)} using vec0(
          content_id integer primary key,
          embedding float[{dimension:d}] distance_metric=cosine
        )
        """
    )
    return pack


def set_tagging_fingerprint(connection: Connection, pack_id: int, fingerprint: str) -> None:
    """Remember what the tags of a pack's embeddings were made with."""
    connection.execute(
        "update packs set tagging_fingerprint = ? where id = ?", (fingerprint, pack_id)
    )


def embedded_contents(pack_id: int) -> str:
    """The name of a table whose `rowid`s are the contents that have an embedding of a pack.

    It is vec0's own list of its rows: asking the virtual table itself would read every vector.
    """
    return f"{_table(pack_id)}_rowids"


def add_embedding(
    connection: Connection, pack_id: int, content_id: int, embedding: Embedding
) -> None:
    """Keep an embedding, float32 of shape (dimension,) and unit length, unless there is one."""
    row = connection.execute(
        f"select 1 from {embedded_contents(pack_id)} where rowid = ?", (content_id,)
    ).fetchone()
    if row is None:
        connection.execute(
            f"insert into {_table(pack_id)} (content_id, embedding) values (?, ?)",
            (content_id, embedding.astype("<f4", copy=False).tobytes()),
        )


def embedding_of(connection: Connection, pack_id: int, content_id: int) -> Embedding | None:
    """The embedding of one content, float32 of shape (dimension,), if there is one."""
    row = connection.execute(
        f"select embedding from {_table(pack_id)} where content_id = ?", (content_id,)
    ).fetchone()
    return None if row is None else np.frombuffer(row[0], "<f4")


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
        rows = connection.execute(
            f"select content_id, embedding from {_table(pack_id)} "
            f"where content_id in ({','.join('?' * len(ids))})",
            ids,
        ).fetchall()
        vectors = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
        yield np.array([id_ for id_, _ in rows], np.int64), vectors.reshape(len(rows), -1)
        last = ids[-1]


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
            select content_id, distance from {_table(pack_id)}
            where embedding match ? and k = ? and content_id in ({condition})
            order by distance
            """,
            (blob, limit, *values),
        )
    else:
        rows = connection.execute(
            f"""
            select content_id, vec_distance_cosine(embedding, ?) as distance from {_table(pack_id)}
            where content_id in ({condition}) order by distance limit ?
            """,
            (blob, *values, limit),
        )
    return [(content_id, 1.0 - distance) for content_id, distance in rows]


def delete_embeddings(connection: Connection, content_ids: Iterable[int]) -> None:
    """Remove the embeddings of contents, of every pack."""
    ids = [(content_id,) for content_id in content_ids]
    for (pack_id,) in connection.execute("select id from packs").fetchall():
        connection.executemany(f"delete from {_table(pack_id)} where content_id = ?", ids)


def count_embeddings(connection: Connection, pack_id: int) -> int:
    """How many contents have an embedding of a pack."""
    row = connection.execute(f"select count(*) from {embedded_contents(pack_id)}").fetchone()
    return int(row[0])


def _table(pack_id: int) -> str:
    return f"embeddings_{pack_id:d}"
