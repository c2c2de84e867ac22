"""Scanning folders: what changed on disk becomes jobs in the index."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from photond.logs import get_logger
from photond.pipeline.companions import photos_of
from photond.pipeline.reconcile import (
    Changes,
    absence_below,
    absent_folders,
    compare,
    is_below_any,
    is_same,
)
from photond.pipeline.rules import Rules
from photond.pipeline.walk import (
    Listing,
    Place,
    Unreadable,
    file_stat,
    look,
    place_below,
    volume_at,
    walk,
)
from photond.store import companions, files, jobs, listings, scans
from photond.store.database import Connection, transaction
from photond.store.files import KnownFile, KnownFolder
from photond.store.listings import KnownListing

log = get_logger(__name__)

# How often somebody who looks on wants to know; to draw it costs as much as a folder.
_NEWS_SECONDS = 0.1


@dataclass(slots=True)
class ScanCounts:
    """What a scan found, in photos.

    Attributes:
        queued: To be read: new, changed, or not finished before.
        unchanged: As the index has them, those included that had gone and are back.
        unreadable: Folders that could not be listed, with the reason.
        is_absent: Whether there is nothing at the root, and the index has nothing of it either.
        is_offline: Whether the root is gone or empty and the index has photos of it.
    """

    queued: int = 0
    unchanged: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    is_absent: bool = False
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class Watcher:
    """What somebody who watches the folders adds to a scan.

    Attributes:
        settle_seconds: A photo that changed within the last so many seconds is not judged.
        on_enter: Told of each folder before it is listed.
        on_held: Told the folder and name of each photo that is to be looked at again a little later.
        in_hand: The ids of the files that are being read just now.
    """

    settle_seconds: float = 0
    on_enter: Callable[[str], None] = lambda _path: None
    on_held: Callable[[str, str], None] = lambda _folder, _name: None
    in_hand: Callable[[], Collection[int]] = tuple


class Scan:
    """Brings the index up to date with a root, or with a part of it, without opening a photo.

    Args:
        connection: The index.
        root: An absolute path of a folder, or of one photo.
        rules: Which names are taken.
        pack_id: The pack in use.
        watcher: Who watches the root, if anyone does.
    """

    def __init__(
        self,
        connection: Connection,
        root: str,
        rules: Rules,
        pack_id: int,
        watcher: Watcher = Watcher(),
    ) -> None:
        self._connection = connection
        self._root = root
        self._rules = rules
        self._pack_id = pack_id
        self._watcher = watcher
        self._visited: set[str] = set()
        self._offline: list[str] = []
        # Whether somebody has just done what is found, and may be waiting for it.
        self._is_news = False
        self.counts = ScanCounts()

    def steps(self) -> Iterator[None]:
        """Look at everything at and below the root, a folder a step.

        The index is right after each step, whether or not another one follows.
        """
        if os.path.isfile(self._root):  # noqa: PTH113 - see walk
            self._take_one()
        elif not _is_empty(self._root):
            scans.begin(self._connection, self._root)
            yield from self._walk(Place(self._root, self._root, self._rules))
            scans.finish(self._connection, self._root)
        elif files.has_files_below(self._connection, self._root):
            self._watcher.on_enter(self._root)
            with transaction(self._connection):
                for folder in files.folders_below(self._connection, self._root):
                    files.mark_folder_absent(self._connection, folder.id, "offline")
            log.warning("folder is offline, its photos are kept", path=self._root)
            self.counts.is_offline = True
        else:
            self._watcher.on_enter(self._root)
            self.counts.is_absent = not os.path.isdir(self._root)  # noqa: PTH112

    def steps_below(self, path: str) -> Iterator[None]:
        """Look at everything at and below a folder of the root, which need not exist any more.

        What is new there goes before all that is waiting.
        """
        if path == self._root or _is_empty(self._root):
            yield from self.steps()
            return
        self._is_news = True
        place = place_below(self._root, path, self._rules)
        self._note_away(path)
        if place is not None and os.path.isdir(path):  # noqa: PTH112
            yield from self._walk(place)
        else:
            self._mark_absent_folders(path)

    def look(self, folder: str, names: Collection[str]) -> list[str]:
        """Look at some names in a folder of the root; what is new goes before all that is waiting.

        Returns:
            The paths among them that are folders.
        """
        folders: list[str] = []
        self._is_news = True
        place = place_below(self._root, folder, self._rules)
        if place is None:
            return folders
        found = look(place, names, folders.append)
        if _is_empty(self._root):
            # Nothing was deleted: the disk is away.
            for _ in self.steps():
                pass
        elif isinstance(found, Listing):
            self._note_away(folder)
            self._take(found, names)
        return folders

    def _walk(self, place: Place) -> Iterator[None]:
        settle_seconds = self._watcher.settle_seconds
        for found in walk(place, self._watcher.on_enter, settle_seconds, self._known):
            if isinstance(found, Unreadable):
                self.counts.unreadable.append(found)
                log.warning("folder cannot be read", path=found.path, reason=found.reason)
            else:
                self._visited.add(found.path)
                if isinstance(found, KnownListing):
                    self.counts.unchanged += found.indexed
                else:
                    self._take(found)
            yield
        self._note_away(place.path)
        self._mark_absent_folders(place.path)

    def _known(self, paths: Sequence[str]) -> Mapping[str, KnownListing | None]:
        """What the index has of folders as a whole; see `walk`."""
        return listings.look_up(self._connection, paths, self._pack_id)

    def _take_one(self) -> None:
        """Look at the root, which is a file and is indexed whatever its name: the user named it."""
        parent, _, name = self._root.rpartition("/")
        parent = parent or "/"
        found = [file_stat(name, os.stat(self._root))]  # noqa: PTH116 - see walk
        beside = look(Place(parent, parent, self._rules), {name}, lambda _path: None)
        if isinstance(beside, Listing):
            found += [stat for stat in beside.files if stat.name != name]
        folder = files.folder(self._connection, parent)
        names = {stat.name for stat in found}
        known = (
            {}
            if folder is None
            else files.files_in(self._connection, folder.id, self._pack_id, names)
        )
        in_hand = self._watcher.in_hand()
        changes = compare(found, known, "missing", (), in_hand, self._pairs(names))
        self.counts.unchanged += changes.unchanged
        with transaction(self._connection):
            self._note(files.add_folder(self._connection, parent), changes, known)

    def _take(self, listing: Listing, names: Collection[str] | None = None) -> None:
        """Note what is to be noted about a folder, or about some names in it.

        Args:
            listing: The folder as it is on disk.
            names: What was looked at; None for all.
        """
        folder = files.folder(self._connection, listing.path)
        if folder is None and not listing.files and listing.volume is None:
            return
        stored_volume = None if folder is None else folder.volume
        absence = absence_below(stored_volume, listing.volume)
        if absence == "offline":
            self._offline.append(listing.path)
        elif is_below_any(listing.path, self._offline):
            absence = "offline"
        found = [stat.name for stat in listing.files]
        asked = None if names is None else {*names, *found}
        known = (
            {}
            if folder is None
            else files.files_in(self._connection, folder.id, self._pack_id, asked)
        )
        unsure = listing.unsure
        if names is not None:
            unsure |= _unsettled(listing, names, known)
        in_hand = self._watcher.in_hand()
        pairs = self._pairs([*found, *listing.unsure])
        changes = compare(listing.files, known, absence, unsure, in_hand, pairs)
        self.counts.unchanged += changes.unchanged
        for name in changes.held:
            # What has not settled is announced by the kernel once more, and looked at then.
            is_in_hand = name in known and known[name].id in in_hand
            if names is None or name not in unsure or is_in_hand:
                self._watcher.on_held(listing.path, name)
        # Some names alone say nothing about what else lies on the volume.
        has_new_volume = (
            names is None and listing.volume is not None and listing.volume != stored_volume
        )
        if has_new_volume or not changes.is_empty:
            with transaction(self._connection):
                folder_id = files.add_folder(self._connection, listing.path)
                if listing.volume is not None and has_new_volume:
                    files.set_volume(self._connection, folder_id, listing.volume)
                self._note(folder_id, changes, known)
                files.mark_absent(self._connection, changes.gone, absence)
        elif folder is not None and absence == "missing" and not changes.held:
            self._keep(folder, listing, changes)

    def _keep(self, folder: KnownFolder, listing: Listing, changes: Changes) -> None:
        """Remember that there is nothing to note about a whole folder as it is."""
        if listing.digest is not None:
            with transaction(self._connection):
                known = KnownListing(listing.path, listing.digest, changes.unchanged)
                listings.keep(self._connection, folder.id, self._pack_id, known)

    def _pairs(self, names: Collection[str]) -> Mapping[str, str]:
        return photos_of(names) if self._rules.pair_raw else {}

    def _note(self, folder_id: int, changes: Changes, known: Mapping[str, KnownFile]) -> None:
        ids = {name: file.id for name, file in known.items()}
        for file_id in changes.parted:
            companions.part(self._connection, file_id)
        for stat in changes.new:
            ids[stat.name] = files.add_file(self._connection, folder_id, stat)
            jobs.queue(self._connection, ids[stat.name], first=self._is_news)
        for file_id, stat in changes.changed:
            files.update_file(self._connection, file_id, stat)
            jobs.queue(self._connection, file_id, first=self._is_news)
        for file_id, stat in changes.returned:
            files.update_file(self._connection, file_id, stat)
        for one in changes.covered:
            if one.stat.name not in ids:
                ids[one.stat.name] = files.add_file(self._connection, folder_id, one.stat)
            file_id, photo_id = ids[one.stat.name], ids[one.photo]
            files.update_file(self._connection, file_id, one.stat)
            companions.cover(self._connection, file_id, photo_id, is_as_read=one.is_as_read)
        for name, photo in changes.standing_in:
            companions.pair(self._connection, ids[name], ids[photo])
        self.counts.queued += len(changes.new) + len(changes.changed)
        self.counts.unchanged += len(changes.returned)

    def _note_away(self, path: str) -> None:
        """Remember the folder above a path, or the path itself, whose own disk is not mounted there."""
        while len(path) >= len(self._root):
            known = files.folder(self._connection, path)
            if known is not None and known.volume is not None:
                if absence_below(known.volume, volume_at(path)) == "offline":
                    self._offline.append(path)
                return
            path = os.path.dirname(path)  # noqa: PTH120 - see walk
            if path == "/":
                return

    def _mark_absent_folders(self, top: str) -> None:
        absent = absent_folders(
            files.folders_below(self._connection, top, besides=self._visited),
            unreadable=[folder.path for folder in self.counts.unreadable],
            offline=self._offline,
        )
        with transaction(self._connection):
            for folder, absence in absent:
                files.mark_folder_absent(self._connection, folder.id, absence)


def scan(
    connection: Connection,
    root: str,
    rules: Rules,
    pack_id: int,
    on_progress: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> ScanCounts:
    """Bring the index up to date with what lies at and below a path, without opening a photo.

    Args:
        connection: The index.
        root: An absolute path of a folder, or of one photo.
        rules: Which names are taken.
        pack_id: The pack in use.
        on_progress: Told how many photos were seen, ten times a second and at the end.
        should_stop: Asked at each folder; the index is right whenever it stops.

    Returns:
        The counts, after a stop those of the part that was done.
    """
    one = Scan(connection, root, rules, pack_id)
    next_news = 0.0
    for _ in one.steps():
        if (now := time.monotonic()) >= next_news:
            on_progress(one.counts.queued + one.counts.unchanged)
            next_news = now + _NEWS_SECONDS
        if should_stop():
            break
    on_progress(one.counts.queued + one.counts.unchanged)
    return one.counts


def _unsettled(
    listing: Listing, names: Collection[str], known: Mapping[str, KnownFile]
) -> frozenset[str]:
    """Of the files beside those that were to be looked at, those that may still be written to."""
    return frozenset(
        stat.name
        for stat in listing.files
        if stat.name not in names
        and not (stat.name in known and is_same(stat, known[stat.name].stat))
    )


def _is_empty(root: str) -> bool:
    """Whether there is nothing to be seen at a path: no folder, or one without any entry."""
    try:
        with os.scandir(root) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it is there; the walk says what is the matter with it
