"""Opening the index, its transactions, and speaking plainly when SQLite fails."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import sqlean.dbapi2
import sqlite_vec

from photond.config.ownership import require_trusted
from photond.errors import DamagedIndexError, IndexDatabaseError, IndexUnavailableError
from photond.store import schema

BESIDE = ("-wal", "-shm", "-journal")
"""The ends of the names of what SQLite keeps beside a file, and reads as a part of it."""

# sqlean's SQLite always: it loads extensions whatever Python was built with, and one process must never
# open the file with two SQLite libraries (docs/decisions.md). It has sqlite3's interface to the letter.
if TYPE_CHECKING:
    from sqlite3 import Connection as Connection  # noqa: PLC0414 - for the other modules
else:
    Connection = sqlean.dbapi2.Connection

BUSY_TIMEOUT_MS = 10_000


def open_index(path: Path, *, create: bool = False) -> Connection:
    """Open the index, with its schema brought up to date.

    Args:
        path: The database file.
        create: Make the file, readable by its owner alone, where there is none.

    Returns:
        A connection in autocommit mode with sqlite-vec loaded; writes go through `transaction`.

    Raises:
        IndexDatabaseError: There is no index, or it is locked, damaged or from a newer version, or
            somebody else could have written it.
    """
    if create:
        _create_private(path)
    elif path.is_dir():
        raise IndexDatabaseError(
            f"{path} is a folder and no index",
            "Look at `database` in the configuration and at PHOTOND_DATABASE.",
        )
    elif not path.is_file():
        raise IndexDatabaseError(
            f"there is no index at {path} yet", "Run `photond index ~/Pictures` to make one."
        )
    beside = [path.with_name(path.name + suffix) for suffix in BESIDE]
    require_trusted(IndexDatabaseError, path, *beside)
    with explained(path):
        connection = connect(path)
        try:
            # Before anything is written: it may be somebody else's database.
            is_current = schema.is_current(connection)
            connection.execute("pragma journal_mode = wal")
            if not is_current:
                bring_up_to_date(connection)
        except BaseException:
            _close_unwritten(connection, path)
            raise
        return connection


def _close_unwritten(connection: Connection, path: Path) -> None:
    """Close a connection without folding into a file what lies beside it: neither may be an index's.

    Whoever closes the last connection folds the -wal into the file, unless that connection cannot write.
    """
    with suppress(sqlean.dbapi2.Error), closing(connect_read_only(path, 0)) as last:
        with suppress(sqlean.dbapi2.Error):
            last.execute("select 1 from sqlite_master").fetchone()
        connection.close()
    connection.close()


def bring_up_to_date(connection: Connection) -> None:
    """Apply the migrations that an index lacks.

    Raises:
        IndexDatabaseError: It is from a newer version, or no index at all.
    """
    # Asked again under the lock: another process may have done it meanwhile, or a newer photond more.
    with transaction(connection):
        if not schema.is_current(connection):
            schema.migrate(connection)


def is_part(path: Path, database: Path) -> bool:
    """Whether a path is that of an index's file, or of what SQLite reads as a part of it."""
    there, own = os.path.realpath(path), os.path.realpath(database)
    return there in {own + suffix for suffix in ("", *BESIDE)}


def connect(path: Path) -> Connection:
    """A further connection to an index that `open_index` has opened before.

    It may be used from any one thread at a time.
    """
    connection: Connection = sqlean.dbapi2.connect(
        path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        connection.enable_load_extension(True)  # noqa: FBT003 - sqlite3's own interface
        sqlite_vec.load(connection)
        connection.enable_load_extension(False)  # noqa: FBT003
        # In WAL mode this can lose the last commits to a power cut, which a scan finds again, and
        # never damages the file. What no scan finds again is committed with `commit_durably`.
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma foreign_keys = on")
    except BaseException:
        connection.close()
        raise
    return connection


def database_file(connection: Connection) -> Path:
    """The file that a connection is to."""
    _number, _name, path = connection.execute("pragma database_list").fetchone()
    return Path(path)


def connect_read_only(path: Path, patience: float) -> Connection:
    """A connection that cannot change anything, not even the schema, for a look at plain tables.

    Args:
        path: The database file; it is not made where it is missing.
        patience: How long to wait for a lock, in seconds.
    """
    connection: Connection = sqlean.dbapi2.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=patience, isolation_level=None
    )
    return connection


def compact(connection: Connection) -> None:
    """Write the index anew without the room that was freed in it, so that its file becomes smaller."""
    connection.execute("vacuum")
    connection.execute("pragma wal_checkpoint(truncate)")


def commit_durably(connection: Connection) -> None:
    """Have each further commit of this connection on the disk when it returns, come a power cut.

    For what cannot be computed again; a commit then waits for the disk.
    """
    connection.execute("pragma synchronous = full")


def shrink(connection: Connection) -> None:
    """Let go of what a connection keeps in memory so as to be quicker the next time."""
    connection.execute("pragma shrink_memory")


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit everything done inside, or nothing of it.

    The write lock is taken at the start, so that a reader never has to become a writer half-way,
    which SQLite refuses at once instead of waiting.
    """
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("rollback")
        elif isinstance(error, sqlean.dbapi2.Error) and "full" not in str(error):
            # SQLite rolls back by itself when the disk is full or fails; what fails after that, for
            # want of what was rolled back, is not what is wrong.
            raise sqlean.dbapi2.OperationalError(
                f"rolled back, as when the disk is full ({error})"
            ) from error
        raise


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Read one state of the index throughout, whatever is committed meanwhile."""
    connection.execute("begin")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


@contextmanager
def explained(path: Path, what: str = "the index") -> Iterator[None]:
    """Turn SQLite's errors about the file `path` into one line that helps; `what` it is."""
    try:
        yield
    except sqlean.dbapi2.Error as error:
        raise _explain(path, str(error), what) from error
    except UnicodeDecodeError as error:
        # Of SQLite's own message, which quotes what is damaged.
        raise _explain(path, "malformed text", what) from error


def _explain(path: Path, reason: str, what: str = "the index") -> IndexDatabaseError:
    if "locked" in reason:
        return IndexUnavailableError(
            f"{what} {path} is locked by another program", "Try again when it has finished."
        )
    if any(word in reason for word in ("not a database", "malformed", "corrupt", "vtable")):
        return DamagedIndexError(
            f"{what} {path} is damaged ({reason})",
            "Restore a backup with `photond db restore`, or save what can be read with "
            "`photond db salvage`.",
        )
    if "full" in reason:
        return IndexUnavailableError(
            f"the disk that holds {what} {path} is full",
            "Free some space and run the command again; what was finished is kept.",
        )
    if "I/O error" in reason:
        return IndexUnavailableError(
            f"the disk that holds {what} {path} fails ({reason})",
            "Check the disk, and its space.",
        )
    if "readonly" in reason or "unable to open" in reason:
        return IndexDatabaseError(
            f"{what} {path} cannot be opened ({reason})",
            "The file, its folder and their disk must be writable, also for searches: SQLite keeps "
            "files beside it.",
        )
    return IndexDatabaseError(f"{what} {path} failed: {reason}")


def _create_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Created here and not by SQLite, so that it is never readable by others, not for an instant;
        # SQLite gives its -wal and -shm files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _explain(path, "full") from error
        raise IndexDatabaseError(
            f"the index {path} cannot be created: {error.strerror}", "Check PHOTOND_DATABASE."
        ) from error
