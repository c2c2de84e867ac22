"""The copies of the vectors as searches use them, whatever state they are in.

What a copy lacks is read from sqlite-vec beside it, where it could not be brought up to date because the
disk is full or may not be written or somebody else is at it; and where there is no copy that helps,
everything is.
"""

import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from photond.store import changes, copying, embeddings
from photond.store.changes import Change
from photond.store.copied import CopiedVectors, Tail
from photond.store.database import Connection
from photond.store.vector_file import NoVectorFileError, VectorFile, remove_vector_file, vector_file
from photond.store.vectors import StoredVectors, Vectors

# More than these are not kept in memory beside the file: 3 KB each, at 768 numbers.
_MOST_TAIL_ROWS = 8192
# When the file is tried again after it could not be written.
_RETRY_SECONDS = 60.0


class VectorCopies:
    """The copies of an index's embeddings, kept open from one question to the next.

    Several threads may use it at the same time.

    Args:
        database: The index's file.

    Attributes:
        trouble: Why searches are slower than they could be; empty if they are not.
    """

    def __init__(self, database: Path) -> None:
        self.trouble = ""
        self._database = database
        self._lock = threading.Lock()
        self._file: tuple[int, VectorFile] | None = None
        self._made: tuple[tuple[int, int], CopiedVectors] | None = None
        self._not_before = 0.0

    def at(self, connection: Connection, pack_id: int) -> Vectors:
        """The embeddings of a pack in a snapshot, by the quickest way that there is.

        Args:
            connection: In a snapshot, for as long as the embeddings are used.
            pack_id: The pack.
        """
        made = self._kept_or_made(connection, pack_id, copying.TAIL_ROWS)
        if made is None:
            self._refresh(connection, pack_id)
            made = self._kept_or_made(connection, pack_id, _MOST_TAIL_ROWS)
        return made or StoredVectors(connection, pack_id)

    def let_go(self) -> None:
        """Keep nothing in memory any more; what is being used goes when it is not."""
        with self._lock:
            self._made = None
            if self._file is not None:
                self._file[1].close()
                self._file = None

    def discard(self, pack_id: int) -> None:
        """Have the copy of a pack's embeddings made again, because it is damaged."""
        self.let_go()
        with suppress(OSError):
            remove_vector_file(self._database, pack_id)

    def _kept_or_made(
        self, connection: Connection, pack_id: int, most: int
    ) -> CopiedVectors | None:
        state = pack_id, changes.current(connection, pack_id)
        with self._lock:
            if self._made is None or self._made[0] != state:
                file = self._current_file(connection, pack_id)
                made = None if file is None else _copied(connection, pack_id, file, most)
                if made is None:
                    return None
                self._made = state, made
            return self._made[1]

    def _refresh(self, connection: Connection, pack_id: int) -> None:
        """Bring the file up to date, without keeping the other threads from searching meanwhile."""
        if time.monotonic() < self._not_before:
            return
        try:
            copying.refresh(connection, self._database, pack_id)
            self.trouble = ""
        except OSError as error:
            self._not_before = time.monotonic() + _RETRY_SECONDS
            self.trouble = f"the vectors cannot be copied: {error.strerror}"

    def _current_file(self, connection: Connection, pack_id: int) -> VectorFile | None:
        if self._file is not None:
            kept, file = self._file
            if kept == pack_id and not file.is_replaced:
                with suppress(NoVectorFileError):
                    file.look_again()
                    return file
            file.close()
            self._file = None
        opened = copying.opened(
            vector_file(self._database, pack_id), embeddings.dimension_of(connection, pack_id)
        )
        if opened is not None:
            self._file = pack_id, opened
        return opened


def count_spoilt(connection: Connection, database: Path, pack_id: int) -> int:
    """How many embeddings searches leave out because they are none any more, as far as is known.

    Of many photos it is the copy that knows; without one, looking at all of them would take seconds.

    Args:
        connection: The index, in a snapshot.
        database: Its file.
        pack_id: The pack.
    """
    path = vector_file(database, pack_id)
    # Whoever opens it for writing has nothing of it read ahead.
    file = copying.opened(path, embeddings.dimension_of(connection, pack_id), writable=True)
    if file is None:
        is_quick = not embeddings.has_more_than(connection, pack_id, copying.WORTH_A_FILE)
        return StoredVectors(connection, pack_id).spoilt if is_quick else 0
    with closing(file):
        copied = _copied(connection, pack_id, file, _MOST_TAIL_ROWS)
        return 0 if copied is None else copied.spoilt


def _copied(
    connection: Connection, pack_id: int, file: VectorFile, most: int
) -> CopiedVectors | None:
    """What a file has of a snapshot, if no more than `most` changes are missing."""
    sequence = changes.current(connection, pack_id)
    noted: list[Change] | None = []
    if not file.knows(sequence):
        sequence = file.header.sequence
        noted = changes.since(connection, pack_id, sequence)
    if noted is None or len(noted) > most:
        return None
    embedded = embeddings.count_embeddings(connection, pack_id)
    return CopiedVectors(file, sequence, _tail(connection, pack_id, noted), embedded)


def _tail(connection: Connection, pack_id: int, noted: list[Change]) -> Tail:
    """What has changed after the state of a file."""
    last = {change.content_id: change.is_there for change in noted}
    ids, vectors = embeddings.embeddings_of(
        connection, pack_id, [id_ for id_, is_there in last.items() if is_there]
    )
    return Tail(ids, vectors, np.array(list(last), np.int64))
