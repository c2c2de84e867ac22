"""One writer at a time: whoever indexes holds the lock beside the database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from photond.errors import IndexDatabaseError

_STAYS = "run"


@contextmanager
def only_indexer(database: Path, *, stays: bool = False) -> Iterator[None]:
    """Be the only process that indexes into a database.

    The kernel drops the lock with the process, however that ends, so it cannot be left behind.

    Args:
        database: The index's file.
        stays: Whether the process keeps the index up to date until it is told to end.

    Raises:
        IndexDatabaseError: Another process is at it, or the lock's file cannot be written.
    """
    path = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise IndexDatabaseError(
            f"the lock {path} cannot be opened: {error.strerror}", "Check its permissions."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, _, kind = os.pread(descriptor, 64, 0).decode(errors="replace").partition(" ")
            if kind.strip() == _STAYS:
                raise IndexDatabaseError(
                    f"`photond run` (process {holder}) keeps {database} up to date",
                    "It sees new photos in the configured folders by itself; stop it for anything else.",
                ) from None
            raise IndexDatabaseError(
                f"another photond (process {holder.strip() or 'unknown'}) is indexing into {database}",
                "Searching works meanwhile; to index, wait until it has finished.",
            ) from None
        kind = f" {_STAYS}" if stays else ""
        # On a full disk others do not learn who it is.
        with suppress(OSError):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}{kind}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
