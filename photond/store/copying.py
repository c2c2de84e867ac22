"""Keeping the file of vectors true to the index.

Whoever needs it brings it up to date, under a lock that nobody waits for.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photond.store import changes, embeddings
from photond.store.changes import Change
from photond.store.database import Connection, connect, snapshot
from photond.store.vector_file import (
    NoVectorFileError,
    Rows,
    VectorFile,
    VectorWriter,
    vector_file,
)
from photond.store.vector_layout import BLOCK_ROWS, NEVER, UNKNOWN, Header, Layout

# Fewer embeddings are read from sqlite-vec as quickly.
WORTH_A_FILE = 2048
# So many changes are read beside the file rather than written into it, which waits for the disk.
TAIL_ROWS = 256
# The file is made anew when more than this part of it is rows that are not there any more.
_MOST_GONE = 1 / 4
# What is left free of a disk.
_RESERVE_BYTES = 256 * 1024 * 1024
_ROWS_AT_ONCE = 4096


def refresh(
    connection: Connection,
    database: Path,
    pack_id: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Bring the copy of a pack's embeddings to the state that a connection sees.

    It takes as long as there are changes; where there is no copy yet, ten to twenty seconds for a
    million photos. Kept up to date this way, searches find it ready.

    Args:
        connection: The index, in a snapshot.
        database: Its file.
        pack_id: The pack.
        should_stop: Asked every few thousand photos.

    Returns:
        Whether there is a copy that answers for this state; there is none of a few photos.

    Raises:
        OSError: The disk is full, fails, or may not be written.
    """
    if not embeddings.has_more_than(connection, pack_id, WORTH_A_FILE):
        return False
    path = vector_file(database, pack_id)
    with _locked(path) as is_ours:
        if not is_ours:
            return False
        state = changes.current(connection, pack_id)
        file = opened(path, embeddings.dimension_of(connection, pack_id), writable=True)
        if file is not None:
            with closing(file):
                if file.knows(state):
                    return True
                noted = changes.since(connection, pack_id, file.header.sequence)
                if noted is None and _is_live(database, pack_id, file):
                    return False  # it is the snapshot that is too old
                if noted is not None and _follow(connection, pack_id, file, noted):
                    return True
        return _build(connection, path, pack_id, state, should_stop)


def keep_ready(
    connection: Connection, database: Path, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Have the copy ready for the next search, if much has changed and as far as it can be.

    Args:
        connection: The index, in no transaction.
        database: Its file.
        should_stop: As for `refresh`.
    """
    with snapshot(connection), suppress(OSError):
        row = connection.execute("select id from packs where state = 'serving'").fetchone()
        if row is None:
            return
        (pack_id,) = row
        dimension = embeddings.dimension_of(connection, pack_id)
        file = opened(vector_file(database, pack_id), dimension, writable=True)
        if file is not None:
            with closing(file):
                noted = changes.since(connection, pack_id, file.header.sequence)
            if noted is not None and len(noted) <= TAIL_ROWS:
                return
        refresh(connection, database, pack_id, should_stop)


def opened(path: Path, dimension: int, *, writable: bool = False) -> VectorFile | None:
    """A file of vectors with so many numbers each, if there is one that is whole."""
    try:
        file = VectorFile(path, writable=writable)
    except (NoVectorFileError, OSError):
        return None
    if file.header.dimension != dimension:
        file.close()
        return None
    return file


def _follow(connection: Connection, pack_id: int, file: VectorFile, noted: list[Change]) -> bool:
    """Write what has changed after the state of a file; returns whether that makes sense."""
    until = file.column("until").copy()
    # Such as were written and never committed, by a process that was killed.
    until[until > file.header.sequence] = NEVER
    if (until != NEVER).sum() > max(WORTH_A_FILE, len(until) * _MOST_GONE):
        return False
    writer = file.writer()
    for row in np.flatnonzero(until != file.column("until")).tolist():
        writer.end(row, NEVER)
    changed = np.unique([change.content_id for change in noted])
    rows = np.flatnonzero((until == NEVER) & np.isin(file.column("ids"), changed))
    there = dict(zip(file.column("ids")[rows].tolist(), rows.tolist(), strict=True))
    added: list[_Added] = []
    new: dict[int, _Added] = {}
    for change in noted:
        if change.is_there:
            if change.content_id in there or change.content_id in new:
                return False
            new[change.content_id] = _Added(change.content_id, change.sequence)
            added.append(new[change.content_id])
        elif change.content_id in new:
            new.pop(change.content_id).until = change.sequence
        elif change.content_id in there:
            writer.end(there.pop(change.content_id), change.sequence)
        else:
            return False
    for start in range(0, len(added), _ROWS_AT_ONCE):
        rows_to_add = _rows(connection, pack_id, added[start : start + _ROWS_AT_ONCE])
        if rows_to_add is None:
            return False
        writer.add(rows_to_add)
    writer.commit(noted[-1].sequence)
    return True


@dataclass(slots=True)
class _Added:
    content_id: int
    since: int
    until: int = NEVER


def _rows(connection: Connection, pack_id: int, added: list[_Added]) -> Rows | None:
    """Rows with their embeddings; None where one is missing that should be there.

    Those that came and went have none any more. Their rows stand for the states between.
    """
    until = np.array([one.until for one in added], np.int64)
    here = until == NEVER
    ids = np.where(here, [one.content_id for one in added], UNKNOWN)
    vectors = np.zeros((len(ids), embeddings.dimension_of(connection, pack_id)), np.float32)
    found, embedded = embeddings.embeddings_of(connection, pack_id, ids[here].tolist())
    if len(found) != here.sum():
        return None
    vectors[here] = embedded[np.searchsorted(found, ids[here])]
    return Rows(ids, np.array([one.since for one in added], np.int64), until, vectors)


def _build(
    connection: Connection, path: Path, pack_id: int, state: int, should_stop: Callable[[], bool]
) -> bool:
    """Make the file from all embeddings, and put it in the place of the one that there may be."""
    dimension = embeddings.dimension_of(connection, pack_id)
    blocks = embeddings.count_embeddings(connection, pack_id) // BLOCK_ROWS + 1
    if shutil.disk_usage(path.parent).free < Layout(dimension).block(blocks) + _RESERVE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)  # of a process that was killed, or a link to somewhere
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            writer = VectorWriter(descriptor, Header(dimension, 0, 0, state, state))
            for ids, vectors in embeddings.all_embeddings(connection, pack_id):
                if should_stop():
                    return False
                since = np.full(len(ids), state, np.int64)
                writer.add(Rows(ids, since, np.full(len(ids), NEVER), vectors))
            writer.commit(state)
        finally:
            os.close(descriptor)
        new.replace(path)
        return True
    finally:
        new.unlink(missing_ok=True)


def _is_live(database: Path, pack_id: int, file: VectorFile) -> bool:
    """Whether a file belongs to what the index is by now, and not to another history of it."""
    with closing(connect(database)) as connection:
        return (
            file.knows(changes.current(connection, pack_id))
            or changes.since(connection, pack_id, file.header.sequence) is not None
        )


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Be the only process that writes a file; says whether it is."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # The one who had the lock may have put another file in its place.
        try:
            yield path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor))
        finally:
            if path.exists() and not path.stat().st_size:
                path.unlink()  # it was only made to be locked
    finally:
        os.close(descriptor)
