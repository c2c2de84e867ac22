"""The embeddings of queries that were asked before, so that asking again loads no model."""

from hashlib import sha256

import numpy as np

from photond.store.clock import now
from photond.store.database import Connection, transaction
from photond.store.embeddings import Embedding, are_unit, dimension_of

MOST = 2_000  # of each pack; 6 MB at 768 dimensions


def known_query(connection: Connection, pack_id: int, text: str) -> Embedding | None:
    """The embedding of a text, float32 of shape (dimension,), if it was asked for and is whole."""
    row = connection.execute(
        "select embedding from query_embeddings where pack_id = ? and sha256 = ?",
        (pack_id, _hash(text)),
    ).fetchone()
    if row is None or len(row[0]) != 4 * dimension_of(connection, pack_id):
        return None
    embedding = np.frombuffer(row[0], "<f4")
    return embedding if are_unit(embedding[np.newaxis]).all() else None


def keep_query(connection: Connection, pack_id: int, text: str, embedding: Embedding) -> None:
    """Keep the embedding of a text, float32 of shape (dimension,); the oldest ones make room."""
    with transaction(connection):
        connection.execute(
            "insert or replace into query_embeddings values (?, ?, ?, ?)",
            (pack_id, _hash(text), embedding.astype("<f4", copy=False).tobytes(), now()),
        )
        connection.execute(
            """
            delete from query_embeddings where pack_id = ?1 and sha256 not in (
              select sha256 from query_embeddings where pack_id = ?1
              order by asked_at desc limit ?2
            )
            """,
            (pack_id, MOST),
        )


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
