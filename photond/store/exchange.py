"""Putting another file in the place of the index, so that there is a whole one there at every moment."""

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import sqlean.dbapi2

from photond.errors import IndexDatabaseError, IndexUnavailableError
from photond.replacement import sync
from photond.store.clock import now
from photond.store.database import BESIDE, Connection, connect, explained

_UNFINISHED = ".unfinished"
# No process that is alive has left one alone for so long. Locks would tell it sooner, but on a network's
# disk they are the same that SQLite needs.
_ABANDONED_SECONDS = 86_400.0


@contextmanager
def unfinished(file: Path) -> Iterator[Path]:
    """An empty database beside another file, readable by its owner alone, to take that one's place.

    It goes in the end, with what SQLite keeps beside it, unless it has. What processes that were killed
    have left behind goes as well, a day later.

    Raises:
        OSError: The disk is full, fails, or may not be written.
    """
    _remove_abandoned(file)
    descriptor, name = tempfile.mkstemp(
        prefix=f".{file.name}.", suffix=_UNFINISHED, dir=file.parent
    )
    path = Path(name)
    try:
        os.close(descriptor)
        yield path
    finally:
        for suffix in ("", *BESIDE):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).unlink()


def _remove_abandoned(file: Path) -> None:
    for old in file.parent.glob(f".{glob.escape(file.name)}.*{_UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - old.lstat().st_mtime > _ABANDONED_SECONDS:
                old.unlink()


@contextmanager
def draft(database: Path) -> Iterator[Path]:
    """As `unfinished`, to be filled and exchanged for the index.

    Args:
        database: The index's file; its folder is made where it is missing.

    Raises:
        IndexDatabaseError: The disk is full, fails, or may not be written.
    """
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with unfinished(database) as path:
            yield path
    except OSError as error:
        raise _unwritable(database, error) from error


def finish(connection: Connection) -> None:
    """Make a draft one plain file, without a -wal beside it."""
    connection.execute("pragma journal_mode = delete")


def exchange(database: Path, new: Path, *, keep: bool) -> Path | None:
    """Put a complete file in the place of the index, which nobody else may index into meanwhile.

    The copies of its vectors go. The list of the folders that the daemon keeps stays: it tells what
    stood in the configuration, and not what is in the index.

    Args:
        database: The index's file, if there is one.
        new: A draft, finished and closed.
        keep: Whether the index that was there stays under another name.

    Returns:
        That name; None if there was no index, or it is not kept.

    Raises:
        IndexUnavailableError: Another program has the index open.
        OSError: The disk is full, fails, or may not be written.
    """
    # What SQLite keeps lies beside the file itself where the index is a link to it.
    there = Path(os.path.realpath(database))
    kept = None
    sync(new)
    with _to_itself(there):
        if keep and there.exists():
            kept = _kept(there)
        # Before the exchange: with another file they would be read as a part of that.
        for suffix in BESIDE:
            beside = there.with_name(there.name + suffix)
            if kept is not None and suffix != "-shm" and beside.exists():
                beside.replace(kept.with_name(kept.name + suffix))
            beside.unlink(missing_ok=True)
        sync(there.parent)
        new.replace(there)
        sync(there.parent)
    for copy in database.parent.glob(f"{glob.escape(database.name)}-vectors-*"):
        copy.unlink(missing_ok=True)
    return kept


def copy_with_wal(source: Path, target: Path) -> None:
    """Copy an index's file, with what SQLite has written beside it and not yet into it."""
    shutil.copyfile(source, target)
    wal = source.with_name(f"{source.name}-wal")
    if wal.exists():
        shutil.copyfile(wal, target.with_name(f"{target.name}-wal"))


@contextmanager
def _to_itself(database: Path) -> Iterator[None]:
    """Have an index that nobody else has open, as one plain file if it can still be read."""
    if not database.exists():
        yield
        return
    with ExitStack() as stack:
        with explained(database):
            try:
                connection = stack.enter_context(closing(connect(database)))
                connection.execute("pragma busy_timeout = 2000")
                # Refused while anybody else has it open.
                connection.execute("pragma journal_mode = delete")
                connection.execute("begin exclusive")
            except sqlean.dbapi2.OperationalError:
                raise
            except sqlean.dbapi2.DatabaseError:
                pass  # it is damaged, so nobody can be at work with it
        yield


def _kept(database: Path) -> Path:
    """Give the index a second name, by when it is set aside."""
    stamp = now()[:19].replace(":", "")
    kept = database.with_name(f"{database.name}.kept-{stamp}")
    number = 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{database.name}.kept-{stamp}-{number}")
    try:
        os.link(database, kept)
    except OSError:  # such as on a file system that is not of Linux's own
        database.replace(kept)
    return kept


def _unwritable(database: Path, error: OSError) -> IndexDatabaseError:
    return IndexUnavailableError(
        f"the index {database} cannot be replaced: {error.strerror}",
        "What was there is there still; look at the disk's space and permissions.",
    )
