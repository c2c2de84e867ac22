"""One writer at a time: whoever indexes holds the lock beside the database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from photond.errors import IndexDatabaseError

_STAYS = "run"


class IndexLock:
    """The right to index into a database, which one process has at a time.

    The kernel drops the lock with the process, however that ends, so it cannot be left behind.

    Args:
        database: The index's file.
        stays: Whether the process keeps the index up to date until it is told to end.

    Raises:
        IndexDatabaseError: The lock's file cannot be written.
    """

    def __init__(self, database: Path, *, stays: bool = False) -> None:
        self._database = database
        self._stays = stays
        path = database.with_name(database.name + ".lock")
        try:
            # A link in its place would have photond write into another file.
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise IndexDatabaseError(
                f"the lock {path} cannot be opened: {error.strerror}", "Check its permissions."
            ) from error

    def take(self) -> str | None:
        """Take the lock if nobody else has it; may be called again, also when it is taken.

        Returns:
            The id of the process that makes a pass just now, as text; None if the lock is taken.

        Raises:
            IndexDatabaseError: The process that has it keeps it until it is told to end.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(self._descriptor, 64, 0).decode(errors="replace")
            holder, _, kind = said.strip().partition(" ")
            if kind == _STAYS:
                raise IndexDatabaseError(
                    f"`photond run` (process {holder}) keeps {self._database} up to date",
                    "It sees new photos in the configured folders by itself; stop it for anything else: "
                    "`systemctl --user stop photond`, or however you started it.",
                ) from None
            return holder or "unknown"
        kind = f" {_STAYS}" if self._stays else ""
        # On a full disk others do not learn who it is.
        with suppress(OSError):
            os.truncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}{kind}\n".encode(), 0)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)


@contextmanager
def only_indexer(database: Path) -> Iterator[None]:
    """Be the only process that indexes into a database.

    Args:
        database: The index's file.

    Raises:
        IndexDatabaseError: Another process is at it, or the lock's file cannot be written.
    """
    with IndexLock(database) as lock:
        holder = lock.take()
        if holder is not None:
            raise IndexDatabaseError(
                f"another photond (process {holder}) is indexing into {database}",
                "Searching works meanwhile; to index, wait until it has finished.",
            )
        yield
