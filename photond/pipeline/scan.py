"""Scanning a folder: what changed on disk becomes jobs in the index."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from structlog import get_logger

from photond.pipeline.reconcile import (
    Changes,
    absence_below,
    absent_folders,
    compare,
    is_below_any,
)
from photond.pipeline.rules import Rules
from photond.pipeline.walk import Listing, Unreadable, file_stat, walk
from photond.store import files, jobs, scans
from photond.store.database import Connection, transaction

log = get_logger(__name__)


@dataclass(slots=True)
class ScanCounts:
    """What a scan found, in photos.

    Attributes:
        queued: To be read: new, changed, or not finished before.
        unchanged: As the index has them, those included that had gone and are back.
        unreadable: Folders that could not be listed, with the reason.
    """

    queued: int = 0
    unchanged: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def scan(
    connection: Connection,
    root: str,
    rules: Rules,
    pack_id: int,
    on_progress: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> ScanCounts | None:
    """Bring the index up to date with what lies at and below a path, without opening a photo.

    Args:
        connection: The index.
        root: An absolute path of a folder, or of one photo.
        rules: Which names are taken.
        pack_id: The pack in use.
        on_progress: Told at each folder how many photos were seen.
        should_stop: Asked at each folder; the index is right whenever it stops.

    Returns:
        The counts, after a stop those of the part that was done; None where there is no such path
        and the index has nothing of it either.
    """
    if os.path.isfile(root):  # noqa: PTH113 - a path may have surrogates and a million friends
        return _Scan(connection, pack_id, on_progress, should_stop).take_one(root)
    if not _is_empty(root):
        scans.begin(connection, root)
        counts = _Scan(connection, pack_id, on_progress, should_stop).run(root, rules)
        if not should_stop():
            scans.finish(connection, root)
        return counts
    if files.has_files_below(connection, root):
        with transaction(connection):
            for folder in files.folders_below(connection, root):
                files.mark_folder_absent(connection, folder.id, "offline")
        log.warning("folder is offline, its photos are kept", path=root)
        return ScanCounts()
    return ScanCounts() if os.path.isdir(root) else None  # noqa: PTH112


def _is_empty(root: str) -> bool:
    """Whether there is nothing to be seen at a path: no folder, or one without any entry."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it is there; the walk says what is the matter with it


class _Scan:
    """One scan in progress: what it has seen so far of the disk."""

    def __init__(
        self,
        connection: Connection,
        pack_id: int,
        on_progress: Callable[[int], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._pack_id = pack_id
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._counts = ScanCounts()
        self._visited: set[str] = set()
        self._offline: list[str] = []

    def run(self, root: str, rules: Rules) -> ScanCounts:
        for found in walk(root, rules):
            if self._should_stop():
                return self._counts
            if isinstance(found, Unreadable):
                self._counts.unreadable.append(found)
                log.warning("folder cannot be read", path=found.path, reason=found.reason)
            else:
                self._visited.add(found.path)
                self._take(found)
                self._on_progress(self._counts.queued + self._counts.unchanged)
        self._mark_absent_folders(root)
        return self._counts

    def take_one(self, path: str) -> ScanCounts:
        """Look at one file, which is indexed whatever its name, because the user named it."""
        parent, _, name = path.rpartition("/")
        stat = file_stat(name, os.stat(path))  # noqa: PTH116 - see walk
        folder = files.folder(self._connection, parent or "/")
        known = {} if folder is None else files.files_in(self._connection, folder.id, self._pack_id)
        mine = {name: known[name]} if name in known else {}
        changes = compare([stat], mine, "missing")
        self._counts.unchanged += changes.unchanged
        with transaction(self._connection):
            self._note(files.add_folder(self._connection, parent or "/"), changes)
        return self._counts

    def _take(self, listing: Listing) -> None:
        folder = files.folder(self._connection, listing.path)
        if folder is None and not listing.files and listing.volume is None:
            return
        stored_volume = None if folder is None else folder.volume
        absence = absence_below(stored_volume, listing.volume)
        if absence == "offline":
            self._offline.append(listing.path)
        elif is_below_any(listing.path, self._offline):
            absence = "offline"
        known = {} if folder is None else files.files_in(self._connection, folder.id, self._pack_id)
        changes = compare(listing.files, known, absence)
        self._counts.unchanged += changes.unchanged
        has_new_volume = listing.volume is not None and listing.volume != stored_volume
        if has_new_volume or changes.new or changes.changed or changes.returned or changes.gone:
            with transaction(self._connection):
                folder_id = files.add_folder(self._connection, listing.path)
                if listing.volume is not None:
                    files.set_volume(self._connection, folder_id, listing.volume)
                self._note(folder_id, changes)
                files.mark_absent(self._connection, changes.gone, absence)

    def _note(self, folder_id: int, changes: Changes) -> None:
        for stat in changes.new:
            file_id = files.add_file(self._connection, folder_id, stat)
            jobs.queue(self._connection, file_id)
        for file_id, stat in changes.changed:
            files.update_file(self._connection, file_id, stat)
            jobs.queue(self._connection, file_id)
        for file_id, stat in changes.returned:
            files.update_file(self._connection, file_id, stat)
        self._counts.queued += len(changes.new) + len(changes.changed)
        self._counts.unchanged += len(changes.returned)

    def _mark_absent_folders(self, root: str) -> None:
        absent = absent_folders(
            files.folders_below(self._connection, root),
            self._visited,
            unreadable=[folder.path for folder in self._counts.unreadable],
            offline=self._offline,
        )
        with transaction(self._connection):
            for folder, absence in absent:
                files.mark_folder_absent(self._connection, folder.id, absence)
