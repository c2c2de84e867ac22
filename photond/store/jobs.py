"""Jobs: the photos that are still to be read, and those that could not be.

A job is written before its photo is opened and removed in the transaction that commits the result, so
whatever ends the process, the next one finds what is left. A job found `running` at the start means
that the process died with it in hand: it becomes a *suspect*, is tried once more with nothing beside
it, and is *quarantined* when the process dies again.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from photond.store.clock import now
from photond.store.database import Connection, transaction
from photond.store.embeddings import embedded_contents
from photond.store.paths import below, joined, to_column

Failure = Literal["unreadable", "undecodable", "crashed"]

MAX_CRASHES = 2
_NEVER_NS = -(2**63)


@dataclass(frozen=True, slots=True)
class Job:
    """One photo to be read.

    Attributes:
        file_id: The file's row.
        path: Absolute.
        reason: Why the last attempt failed; None for the first.
    """

    file_id: int
    path: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A photo that could not be read.

    Attributes:
        path: Absolute.
        reason: What is wrong with it.
        is_quarantined: Whether reading it ended photond, so that it is only tried again when asked.
    """

    path: str
    reason: str
    is_quarantined: bool


def queue(connection: Connection, file_id: int, *, first: bool = False) -> None:
    """Note that a file is to be read; of an earlier attempt only the reason is kept.

    Args:
        connection: The index.
        file_id: The file.
        first: Read it before all that is waiting, as if it had been modified just now.
    """
    connection.execute(
        """
        insert into jobs (file_id, state, modified_ns, queued_at)
        select id, 'queued', max(mtime_ns, ?), ? from files where id = ?
        on conflict (file_id) do update set
          state = 'queued', attempts = 0, modified_ns = excluded.modified_ns,
          queued_at = excluded.queued_at
        """,
        (time.time_ns() if first else _NEVER_NS, now(), file_id),
    )


def queue_lacking(connection: Connection, pack_id: int) -> None:
    """Queue one file of each content that a pack has no embedding of, wherever it lies."""
    connection.execute(
        f"""
        insert into jobs (file_id, state, modified_ns, queued_at)
        select files.id, 'queued', mtime_ns, ? from files
        where files.id in (
          select min(files.id) from files
          left join {embedded_contents(pack_id)} as embeddings on embeddings.rowid = content_id
          where files.state = 'present' and content_id is not null and embeddings.rowid is null
          group by content_id
        )
        on conflict do nothing
        """,
        (now(),),
    )


def recover(connection: Connection) -> int:
    """Take stock of a process that died: returns how many photos are quarantined by it."""
    with transaction(connection):
        quarantined = connection.execute(
            """
            update jobs set state = 'quarantined', failure = 'crashed',
              reason = 'reading it ended photond ' || attempts || ' times'
            where state = 'running' and attempts >= ?
            """,
            (MAX_CRASHES,),
        ).rowcount
        connection.execute("update jobs set state = 'suspect' where state = 'running'")
        # What a quarantined photo would have been read in place of is read now.
        connection.execute(
            """
            insert into jobs (file_id, state, modified_ns, queued_at)
            select files.id, 'queued', files.mtime_ns, ? from files
            join files as photo on photo.id = files.companion_of
            join jobs as quarantine on quarantine.file_id = photo.id
            where quarantine.state = 'quarantined' and photo.content_id is null
              and files.state = 'present' and files.content_id is null
            on conflict do nothing
            """,
            (now(),),
        )
    return quarantined


def claim(connection: Connection, limit: int) -> list[Job]:
    """Take up to `limit` queued jobs in hand, the newest photos first."""
    return _claim(connection, "queued", limit)


def claim_suspect(connection: Connection) -> Job | None:
    """Take one suspect in hand; the caller has nothing else in hand meanwhile."""
    return next(iter(_claim(connection, "suspect", 1)), None)


def _claim(connection: Connection, state: str, limit: int) -> list[Job]:
    with transaction(connection):
        rows = connection.execute(
            """
            select file_id, folders.path, files.name, reason from jobs
            join files on files.id = file_id join folders on folders.id = folder_id
            where jobs.state = ? order by modified_ns desc limit ?
            """,
            (state, limit),
        ).fetchall()
        connection.executemany(
            "update jobs set state = 'running', attempts = attempts + 1 where file_id = ?",
            [(row[0],) for row in rows],
        )
    return [Job(id_, joined(path, name), reason) for id_, path, name, reason in rows]


def release(connection: Connection, file_ids: Iterable[int]) -> None:
    """Put jobs back that were in hand when the user interrupted; that was no attempt."""
    connection.executemany(
        "update jobs set state = 'queued', attempts = 0 where file_id = ? and state = 'running'",
        [(id_,) for id_ in file_ids],
    )


def is_in_hand(connection: Connection, file_id: int) -> bool:
    """Whether a job was claimed, and nothing has happened to it since."""
    row = connection.execute(
        "select 1 from jobs where file_id = ? and state = 'running'", (file_id,)
    ).fetchone()
    return row is not None


def finish(connection: Connection, file_id: int) -> None:
    """Remove a job whose result is being committed."""
    connection.execute("delete from jobs where file_id = ?", (file_id,))


def fail(connection: Connection, file_id: int, failure: Failure, reason: str) -> None:
    """Keep a job as failed, with what is wrong with the file."""
    connection.execute(
        "update jobs set state = 'failed', failure = ?, reason = ?, attempts = 0 where file_id = ?",
        (failure, reason, file_id),
    )


def retry_failed(connection: Connection, path: str) -> int:
    """Queue what could not be read: a photo, or everything below a folder.

    Photos that are quarantined become suspects, which are tried with nothing beside them.

    Returns:
        How many photos are tried again.
    """
    is_meant, values = _failed_at(path)
    return connection.execute(
        f"""
        update jobs set
          state = case state when 'quarantined' then 'suspect' else 'queued' end,
          attempts = case state when 'quarantined' then 1 else 0 end
        where {is_meant}
        """,
        values,
    ).rowcount


def count_failed(connection: Connection, path: str) -> int:
    """How many photos `retry_failed` would try again: a photo, or those below a folder."""
    is_meant, values = _failed_at(path)
    row = connection.execute(f"select count(*) from jobs where {is_meant}", values).fetchone()
    return int(row[0])


def _failed_at(path: str) -> tuple[str, tuple[str | bytes, ...]]:
    """The condition that a job failed whose photo is at a path or below it, and its values."""
    condition, values = below("folders.path", path)
    folder, _, name = path.rpartition("/")
    is_meant = f"""
        state in ('failed', 'quarantined') and file_id in (
          select files.id from files join folders on folders.id = folder_id
          where {condition} or (folders.path = ? and files.name = ?)
        )
        """
    return is_meant, (*values, to_column(folder or "/"), to_column(name))


def failures(connection: Connection, path: str = "/") -> list[FailedJob]:
    """The photos below a path that could not be read, by path."""
    condition, values = below("folders.path", path)
    rows = connection.execute(
        f"""
        select folders.path, files.name, reason, jobs.state = 'quarantined' from jobs
        join files on files.id = file_id join folders on folders.id = folder_id
        where jobs.state in ('failed', 'quarantined') and {condition}
        """,
        values,
    )
    found = [
        FailedJob(joined(path, name), reason, bool(is_quarantined))
        for path, name, reason, is_quarantined in rows
    ]
    return sorted(found, key=lambda job: job.path)


def count_waiting(connection: Connection, path: str = "/") -> int:
    """How many photos below a path are still to be read."""
    condition, values = below("folders.path", path)
    of_path = (
        f"""
        and file_id in (
          select files.id from files join folders on folders.id = folder_id where {condition}
        )
        """
        if path != "/"
        else ""
    )
    row = connection.execute(
        f"""
        select count(*) from jobs where state in ('queued', 'running', 'suspect') {of_path}
        """,
        values,
    ).fetchone()
    return int(row[0])
