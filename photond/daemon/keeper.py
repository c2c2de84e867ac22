"""The keeper: keeps the index true to the folders, by looking where hints point.

It decides nothing about photos: what a look means is decided by the code that decides what a scan
means. It runs on one thread, a short step at a time, and never waits.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from photond.config.settings import WatchSettings
from photond.daemon import mounts
from photond.daemon.agenda import Agenda
from photond.daemon.hints import FileHint, Hint, LostHint, RootHint, TreeHint
from photond.daemon.passes import Pass
from photond.daemon.settle import Settling
from photond.daemon.status import WatchMode
from photond.daemon.watches import Watches, WatchLimitError
from photond.imaging.formats import is_photo_name
from photond.logs import get_logger
from photond.pipeline.rules import Rules
from photond.pipeline.scan import Scan, Watcher
from photond.store import files
from photond.store.clock import now as utc_now
from photond.store.database import Connection

log = get_logger(__name__)

# How long a step may take, in seconds, before the daemon looks about again.
_STEP_SECONDS = 0.05

Identity = tuple[int, int]


@dataclass(slots=True)
class Root:
    """A folder that is kept.

    Attributes:
        path: Absolute.
        watch: How changes in it are noticed.
        detail: Why, where it is not by events alone.
        limited: What keeps it from being watched, if anything does.
        identity: Device and inode of the folder that was scanned last.
        scan_at: When it is to be scanned again, by the monotonic clock.
        scanned_at: When it was scanned last; ISO 8601, UTC.
    """

    path: str
    watch: WatchMode = "offline"
    detail: str = ""
    limited: str = ""
    identity: Identity | None = None
    scan_at: float = 0.0
    scanned_at: str | None = None


class Keeper:
    """Keeps the index true to some folders.

    Args:
        connection: The index.
        pack_id: The pack in use.
        rules: Which names are taken.
        roots: Absolute paths of the folders.
        settings: How they are watched.
        on_hint: Told what the kernel says, on another thread; what it is told goes to `note`.
        in_hand: The ids of the files that are being read just now.
    """

    def __init__(
        self,
        connection: Connection,
        pack_id: int,
        rules: Rules,
        roots: Sequence[str],
        settings: WatchSettings,
        on_hint: Callable[[Hint], None],
        in_hand: Callable[[], Collection[int]],
    ) -> None:
        self._connection = connection
        self._pack_id = pack_id
        self._rules = rules
        self._settings = settings
        self.roots = {path: Root(path) for path in roots}
        self._agenda = Agenda(roots)
        self._settling = Settling(settings.settle_seconds)
        self._scanning: Iterator[None] | None = None
        self._mounts = mounts.read()
        self._pass: Pass | None = None
        self._watcher = Watcher(settings.settle_seconds, self._enter, self._hold, in_hand)
        self._watches: Watches | None = None
        self._no_watches = ""
        try:
            self._watches = Watches(on_hint)
        except WatchLimitError as error:
            self._no_watches = str(error)
        self.rescan(roots)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._watches is not None:
            self._watches.close()

    def rescan(self, paths: Collection[str] = ()) -> None:
        """Compare roots, or what lies below other paths, with the index; all roots if none is named."""
        for path in paths or self.roots:
            self._agenda.add_tree(path)

    def make(self, one: Pass) -> None:
        """Make a pass that was asked for: scan what it names and is kept."""
        self._pass = one
        one.asked = {path for path in one.asked if self._agenda.root_of(path) is not None}
        for path in one.asked:
            self._agenda.add_tree(path)

    def note(self, hint: Hint) -> None:
        """Take a hint."""
        match hint:
            case FileHint(folder, name) if is_photo_name(name):
                self._settling.note(folder, name, time.monotonic())
            case FileHint(folder, name):
                path = f"{folder.rstrip('/')}/{name}"
                # A symbolic link to a folder is announced as a file.
                if self._rules.follow_symlinks and (
                    os.path.isdir(path) or files.folder(self._connection, path)  # noqa: PTH112
                ):
                    self._agenda.add_tree(path)
            case TreeHint(path):
                self._agenda.add_tree(path)
            case RootHint(path) if path in self.roots:
                self._guard(self.roots[path])
                if _identity(path) != self.roots[path].identity:
                    self._agenda.add_root(path)
            case LostHint():
                log.warning("events were lost, all folders are scanned")
                self.rescan()

    def mounts_changed(self) -> None:
        """Something was mounted or unmounted somewhere."""
        before, self._mounts = self._mounts, mounts.read()
        for root in mounts.concerned(self.roots, before, self._mounts):
            log.info("a mount has changed", folder=root)
            self._agenda.add_root(root)

    def step(self) -> bool:
        """Do some of what is to be done; returns whether there is more to be done at once."""
        now = time.monotonic()
        for root in self.roots.values():
            if root.scan_at <= now and root.scan_at:
                root.scan_at = 0.0
                self._agenda.add_root(root.path)
        self._look(now)
        for folder in self._settling.crowded_due(now):
            self._agenda.add_tree(folder)
        end = now + _STEP_SECONDS
        while time.monotonic() < end:
            if self._scanning is None:
                path = self._agenda.take()
                if path is None:
                    return False
                self._scanning = self._scan(path)
            if next(self._scanning, self) is self:
                self._scanning = None
        return True

    @property
    def is_scanning(self) -> bool:
        """Whether a scan is going on or waiting."""
        return self._scanning is not None or bool(self._agenda)

    @property
    def settling(self) -> int:
        """How many photos changed a moment ago."""
        return len(self._settling)

    @property
    def next_at(self) -> float | None:
        """When `step` will have something to do, if no hint comes; None for never."""
        times = [root.scan_at for root in self.roots.values() if root.scan_at]
        if (settled := self._settling.next_at) is not None:
            times.append(settled)
        return min(times, default=None)

    def doubt(self) -> None:
        """Begin anew with everything: what was being noted may not have been."""
        self._scanning = None
        self.rescan()

    def _look(self, now: float) -> None:
        settled: defaultdict[str, set[str]] = defaultdict(set)
        for folder, name in self._settling.due(now):
            signature = _signature(f"{folder.rstrip('/')}/{name}")
            if self._settling.looked(folder, name, signature, now):
                settled[folder].add(name)
        for folder, names in settled.items():
            root = self._agenda.root_of(folder)
            if root is None:
                continue
            for path in self._new_scan(root).look(folder, names):
                self._agenda.add_tree(path)
            if self.roots[root].watch == "offline":
                self._agenda.add_root(root)  # it is back

    def _scan(self, path: str) -> Iterator[None]:
        scan = self._new_scan(self._agenda.root_of(path) or path)
        made = self._pass
        covered = [] if made is None else made.covered_by(path)
        yield from self._scan_with(scan, path)
        if made is not None and covered:
            made.scanned(covered, scan.counts)

    def _scan_with(self, scan: Scan, path: str) -> Iterator[None]:
        root = self.roots[self._agenda.root_of(path) or path]
        if path != root.path:
            if self._watches is not None and not os.path.isdir(path):  # noqa: PTH112
                self._watches.forget(path)
            yield from scan.steps_below(path)
            return
        root.limited = self._no_watches
        self._guard(root)
        root.identity = _identity(path)
        yield from scan.steps()
        if scan.counts.is_offline or scan.counts.is_absent:
            self._set_watch(
                root, "offline", "its disk or the folder itself is not there, or it is empty"
            )
        elif root.limited:
            self._set_watch(root, "polling", root.limited)
        elif not os.path.isdir(path):  # noqa: PTH112
            self._set_watch(root, "polling", "it is a single photo")
        elif kind := mounts.silent_kind(path, self._mounts):
            self._set_watch(root, "polling", f"{kind} does not announce what others change")
        else:
            self._set_watch(root, "events", "")
        minutes = (
            self._settings.poll_minutes
            if root.watch == "polling"
            else self._settings.rescan_hours * 60
        )
        root.scan_at = time.monotonic() + minutes * 60
        root.scanned_at = utc_now()

    def _set_watch(self, root: Root, watch: WatchMode, detail: str) -> None:
        if (root.watch, root.detail) != (watch, detail):
            say = log.info if watch == "events" else log.warning
            say("folder is watched" if watch != "offline" else "folder is offline",
                folder=root.path, by=watch, reason=detail)  # fmt: skip
        root.watch, root.detail = watch, detail

    def _new_scan(self, root: str) -> Scan:
        return Scan(self._connection, root, self._rules, self._pack_id, self._watcher)

    def _enter(self, path: str) -> None:
        root = self.roots.get(self._agenda.root_of(path) or "")
        if self._watches is None or root is None or root.limited:
            return
        try:
            self._watches.watch(path)
        except WatchLimitError as error:
            root.limited = str(error)

    def _guard(self, root: Root) -> None:
        if self._watches is not None:
            try:
                self._watches.guard(root.path)
            except WatchLimitError as error:
                root.limited = str(error)

    def _hold(self, folder: str, name: str) -> None:
        self._settling.note(folder, name, time.monotonic())


def _signature(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may have surrogates
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino
