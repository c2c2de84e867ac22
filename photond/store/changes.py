"""The log of which embeddings of a pack came and went.

Contents' ids are used again after the last of them are deleted, so ids alone do not say whether a copy
of the embeddings is still true. A sequence number does: it names one state of a pack's embeddings, and
because it grows by random steps, a number that stands in two histories of an index (one of them that of
a backup that was put back) is about the same state in both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from photond.store.database import Connection

# Whoever has fallen further behind reads everything again, which takes a second per 100,000 photos.
KEPT_CHANGES = 65_536
_TIDY_EVERY = 1024


@dataclass(frozen=True, slots=True)
class Change:
    """An embedding came or went.

    Attributes:
        sequence: Names the state after the change.
        is_there: Whether the content has an embedding since.
    """

    sequence: int
    content_id: int
    is_there: bool


def begin(connection: Connection, pack_id: int) -> None:
    """Begin the log of a pack that has no embedding yet."""
    connection.execute(
        """
        insert into embedding_changes (pack_id, sequence, content_id, is_there)
        values (?, 1 + (random() & 16777215), null, 1)
        """,
        (pack_id,),
    )


def note(
    connection: Connection, pack_id: int, content_ids: Iterable[int], *, is_there: bool
) -> None:
    """Note, in the transaction that does it, that embeddings came or went."""
    for content_id in content_ids:
        connection.execute(
            """
            insert into embedding_changes (pack_id, sequence, content_id, is_there)
            select ?1, max(sequence) + 1 + (random() & 16777215), ?2, ?3
            from embedding_changes where pack_id = ?1
            """,
            (pack_id, content_id, is_there),
        )
        if content_id % _TIDY_EVERY == 0:
            _forget_old(connection, pack_id)


def current(connection: Connection, pack_id: int) -> int:
    """The number of the state that a pack's embeddings are in."""
    row = connection.execute(
        "select max(sequence) from embedding_changes where pack_id = ?", (pack_id,)
    ).fetchone()
    return int(row[0])


def since(connection: Connection, pack_id: int, sequence: int) -> list[Change] | None:
    """What has changed after a state, in order; None if the log does not know that state."""
    rows = connection.execute(
        """
        select sequence, content_id, is_there from embedding_changes
        where pack_id = ? and sequence >= ? order by sequence
        """,
        (pack_id, sequence),
    ).fetchall()
    if not rows or rows[0][0] != sequence:
        return None
    return [Change(number, content_id, bool(is_there)) for number, content_id, is_there in rows[1:]]


def _forget_old(connection: Connection, pack_id: int) -> None:
    connection.execute(
        """
        delete from embedding_changes where pack_id = ?1 and sequence < (
          select sequence from embedding_changes where pack_id = ?1
          order by sequence desc limit 1 offset ?2
        )
        """,
        (pack_id, KEPT_CHANGES),
    )
