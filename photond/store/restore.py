"""Putting a backup in the place of the index."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from photond.errors import DamagedIndexError, IndexDatabaseError, IndexUnavailableError
from photond.store.check import mend
from photond.store.database import Connection, bring_up_to_date, connect, explained
from photond.store.exchange import copy_with_wal, draft, exchange, finish
from photond.store.lock import only_indexer


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in the place of the index.

    Attributes:
        photos: How many files it has that were there.
        user_tags: How many tags the user gave or took away.
        as_of: When something was last indexed or compared with the folders, UTC, ISO 8601, if ever.
        mended: What was wrong with it and is mended.
        kept: Where the index is that was there before, if it is.
    """

    photos: int
    user_tags: int
    as_of: str | None
    mended: tuple[str, ...]
    kept: Path | None


def restore(backup: Path, database: Path, *, keep: bool = True) -> Restored:
    """Put a copy of a backup in the place of the index, once it is checked and brought up to date.

    Args:
        backup: A file as `photond.store.backup` writes it, or an index with its -wal; it stays as it is.
        database: The index's file; there need be none.
        keep: Whether the index that is there stays under another name.

    Raises:
        IndexDatabaseError: The backup is damaged, from a newer version, or no index; another process is
            at the index; the disk is full, fails, or may not be written. The index is as it was.
    """
    with draft(database) as new, only_indexer(database):
        copy_with_wal(backup, new)
        try:
            with explained(database), closing(connect(new)) as connection:
                mended = _made_whole(connection)
                photos, user_tags, as_of = _counts(connection)
                finish(connection)
        except IndexUnavailableError:
            raise
        except DamagedIndexError as error:
            raise _refused(backup, str(error.__cause__)) from error
        except IndexDatabaseError as error:
            raise _refused(backup, error.message) from error
        return Restored(photos, user_tags, as_of, tuple(mended), exchange(database, new, keep=keep))


def _made_whole(connection: Connection) -> Sequence[str]:
    """Bring a copy of a backup up to date, and mend it; what was wrong with it."""
    if connection.execute("select 1 from sqlite_master limit 1").fetchone() is None:
        raise IndexDatabaseError("it is empty")
    bring_up_to_date(connection)
    found, left = mend(connection)
    if left:
        raise IndexDatabaseError(f"it is not whole: {left[0].detail}")
    return [finding.detail for finding in found]


def _refused(backup: Path, reason: str) -> IndexDatabaseError:
    return IndexDatabaseError(f"{backup} cannot be restored: {reason}", "The index is as it was.")


def _counts(connection: Connection) -> tuple[int, int, str | None]:
    (row,) = connection.execute(
        """
        select (select count(*) from files where state = 'present'),
          (select count(*) from user_tags),
          (select max(at) from (
            select max(indexed_at) as at from contents union all select max(finished_at) from scans
          ))
        """
    ).fetchall()
    photos, user_tags, as_of = row
    return photos, user_tags, as_of
