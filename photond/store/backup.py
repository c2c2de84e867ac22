"""Copying an index while it is written to."""

import os
from contextlib import ExitStack, closing
from pathlib import Path

from photond.errors import IndexDatabaseError
from photond.replacement import sync
from photond.store.check import findings
from photond.store.database import Connection, connect, explained
from photond.store.exchange import finish, unfinished


def backup(connection: Connection, target: Path) -> int:
    """Write a copy of one state of an index, readable by its owner alone, in place of `target`.

    The copy stands at its place when it is complete, was checked and is on the disk, and not before.

    Args:
        connection: The index; others may write to it meanwhile, and need not wait.
        target: Where to.

    Returns:
        How many bytes it has.

    Raises:
        IndexDatabaseError: The copy cannot be written, or the index is not whole.
    """
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(unfinished(target))
        except OSError as error:
            raise IndexDatabaseError(
                f"a backup cannot be written to {target.parent}: {error.strerror}"
            ) from error
        try:
            with explained(target, "the backup"):
                _fill(copy, connection)
            copy.replace(target)
            sync(Path(os.path.realpath(target.parent)))
        except OSError as error:
            raise IndexDatabaseError(
                f"the backup {target} cannot be written: {error.strerror}"
            ) from error
    return target.stat().st_size


def _fill(copy: Path, connection: Connection) -> None:
    with closing(connect(copy)) as target:
        # All pages in one step: between steps a writer would have it begin anew.
        connection.backup(target)
        finish(target)
        if found := findings(target):
            raise IndexDatabaseError(
                f"no backup was made, for the index is not whole: {found[0].detail}",
                "`photond db check` says more.",
            )
    sync(copy)
