"""Companions: RAW files that are not read, because the photo beside them is.

A companion points at its photo. Once the photo was read, the companion has neither content nor job; if
the photo cannot be read, the companion is read as every other file. In between it keeps what it had, so
that a photo does not vanish from searches while its better half is still to be read.
"""

from photond.store import files, jobs
from photond.store.database import Connection
from photond.store.embeddings import embedded_contents
from photond.store.tags import copy_user_tags


def cover(connection: Connection, file_id: int, photo_id: int, *, is_as_read: bool) -> None:
    """Let a photo be read in place of a file.

    Args:
        connection: The index, in a transaction.
        file_id: The file.
        photo_id: The photo.
        is_as_read: Whether the content that the file has is what its bytes are now.
    """
    pair(connection, file_id, photo_id)
    jobs.finish(connection, file_id)
    content_id = files.content_of(connection, photo_id)
    if content_id is not None:
        _give_way(connection, file_id, content_id)
    elif not is_as_read:
        files.set_content(connection, file_id, None)


def pair(connection: Connection, file_id: int, photo_id: int) -> None:
    """Note whose companion a file is, and nothing else."""
    connection.execute("update files set companion_of = ? where id = ?", (photo_id, file_id))


def part(connection: Connection, file_id: int) -> None:
    """Let a companion be read by itself from now on.

    Until it was, it stands for what its photo showed, as a file does that has changed: it is found
    without a gap, and the user's tags come along.
    """
    row = connection.execute(
        """
        select photo.content_id from files
        left join files as photo on photo.id = files.companion_of
        left join jobs on jobs.file_id = files.id
        where files.id = ? and files.content_id is null and jobs.file_id is null
        """,
        (file_id,),
    ).fetchone()
    connection.execute("update files set companion_of = null where id = ?", (file_id,))
    if row is not None:
        files.set_content(connection, file_id, row[0])
        jobs.queue(connection, file_id)


def photo_was_read(connection: Connection, photo_id: int, content_id: int) -> None:
    """Let the companions of a photo give way to it, as it has a content now."""
    for (file_id,) in _companions_of(connection, photo_id):
        jobs.finish(connection, file_id)
        _give_way(connection, file_id, content_id)


def photo_failed(
    connection: Connection, photo_id: int, content_before: int | None, pack_id: int
) -> None:
    """Have the companions of a photo read that cannot be read itself.

    Args:
        connection: The index, in a transaction.
        photo_id: The photo, which has no content any more.
        content_before: What it had.
        pack_id: The pack in use: a companion that has an embedding of it needs not be read again.
    """
    rows = connection.execute(
        f"""
        select files.id, content_id from files
        left join jobs on jobs.file_id = files.id
        left join {embedded_contents(pack_id)} as embeddings on embeddings.rowid = content_id
        where companion_of = ? and files.state = 'present'
          and jobs.file_id is null and embeddings.rowid is null
        """,
        (photo_id,),
    ).fetchall()
    for file_id, content_id in rows:
        if content_id is None:
            files.set_content(connection, file_id, content_before)
        jobs.queue(connection, file_id)


def photo_left(connection: Connection, photo_id: int) -> None:
    """Have the companions read that a photo has left behind."""
    for (file_id,) in _companions_of(connection, photo_id):
        part(connection, file_id)


def count_companions(connection: Connection) -> int:
    """How many files are there that another one is read in place of."""
    row = connection.execute(
        """
        select count(*) from files left join jobs on jobs.file_id = files.id
        where companion_of is not null and files.state = 'present'
          and content_id is null and jobs.file_id is null
        """
    ).fetchone()
    return int(row[0])


def _give_way(connection: Connection, file_id: int, content_id: int) -> None:
    """Drop the content of a companion; the photo is still the one that the user tagged."""
    own_id = files.content_of(connection, file_id)
    if own_id is not None:
        copy_user_tags(connection, own_id, content_id)
        files.set_content(connection, file_id, None)


def _companions_of(connection: Connection, photo_id: int) -> list[tuple[int]]:
    return connection.execute(
        "select id from files where companion_of = ? and state = 'present'", (photo_id,)
    ).fetchall()
