"""Watches: the kernel tells what happens in folders, through inotify.

watchdog reads and takes apart the kernel's queue (`InotifyFD`). Its observers on top of that are not
used, because they keep from their caller what a daemon must know: that the queue overflowed, that the
limit of watches kept folders below the root from being watched, and that a folder that was moved away
goes on reporting under its old path (docs/decisions.md). Here each folder is watched by the very scan
that lists it, just before it does, so that what is watched is exactly what is scanned and nothing falls
between the two.
"""

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from threading import RLock

from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchDescriptor
from watchdog.observers.inotify_c import InotifyConstants as In

from photond.daemon.hints import WATCHED, Hint, LostHint, RootHint, TreeHint, hint_of
from photond.errors import PhotondError

_LIMITS = {
    errno.ENOSPC: "the limit of inotify watches is reached",
    errno.EMFILE: "the limit of inotify instances is reached",
    errno.ENFILE: "the limit of open files is reached",
    errno.ENOMEM: "the kernel has no memory for inotify watches",
}
_FLAGS = In.IN_ONLYDIR | In.IN_EXCL_UNLINK | In.IN_MASK_ADD
_ITSELF = In.IN_MOVE_SELF | In.IN_DELETE_SELF

RAISE_LIMIT = "sudo sysctl fs.inotify.max_user_watches=1048576"


class WatchLimitError(PhotondError):
    """The kernel gives no more watches."""

    def __init__(self, number: int) -> None:
        super().__init__(_LIMITS[number], f"To raise it: {RAISE_LIMIT}")


class Watches:
    """The folders that are watched. Safe to use from any thread.

    Args:
        on_hint: Told what to look at, on a thread of its own.

    Raises:
        WatchLimitError: The kernel allows no inotify instance.
    """

    def __init__(self, on_hint: Callable[[Hint], None]) -> None:
        self._hint_to: Callable[[Hint], None] | None = on_hint
        self._lock = RLock()
        self._ids = count(1)
        # Several where links or bind mounts lead to the same folder.
        self._paths_of: dict[WatchDescriptor, list[str]] = {}
        self._id_of: dict[WatchDescriptor, CallbackId] = {}
        self._watch_of: dict[str, WatchDescriptor] = {}
        self._guards: dict[str, _Guard] = {}
        try:
            self._inotify = InotifyFD()
        except OSError as error:
            raise _limit(error) from error
        self._inotify.start()

    def __len__(self) -> int:
        return len(self._watch_of)

    def watch(self, path: str) -> None:
        """Watch a folder, or make sure that the one that is there now is the one that is watched.

        A folder that is not there, or may not be read, is not watched; listing it tells that too.

        Raises:
            WatchLimitError: The kernel gives no more watches.
        """
        with self._lock:
            id_ = CallbackId(next(self._ids))
            watch = _add(self._inotify, path, Mask(WATCHED | _FLAGS), self, id_)
            before = self._watch_of.get(path)
            if before is not None and before != watch:
                self._drop(path)  # another folder stands there now
            if watch is None:
                return
            if watch in self._id_of:
                self._inotify.remove_callbacks([(watch, self._id_of[watch])])
            # Of its other paths, those under which it was before it was moved are none any more.
            others = [one for one in self._paths_of.get(watch, ()) if one != path]
            stale = [one for one in others if not _is_same(one, path)]
            for one in stale:
                del self._watch_of[one]
            self._paths_of[watch] = [path, *(one for one in others if one not in stale)]
            self._id_of[watch] = id_
            self._watch_of[path] = watch

    def forget(self, path: str) -> None:
        """Stop watching a folder that is not there any more, and those below it."""
        with self._lock:
            if path not in self._watch_of:
                return  # and none below: a folder is watched before what lies in it
            prefix = path.rstrip("/") + "/"
            for inner in [one for one in self._watch_of if one == path or one.startswith(prefix)]:
                self._drop(inner)

    def guard(self, root: str) -> None:
        """Tell when a root may have been moved, removed, or put back, by watching what stands above it.

        Raises:
            WatchLimitError: The kernel gives no more watches.
        """
        with self._lock:
            guard = self._guards.get(root)
            if guard is None:
                guard = self._guards[root] = _Guard(self._inotify, root, self._ids, self._tell)
            guard.renew()

    def close(self) -> None:
        """Watch nothing any more."""
        self._hint_to = None  # each watch that ends would be told of
        self._inotify.stop()
        self._inotify.join()

    def on_event(self, event: InotifyEvent) -> None:
        with self._lock:
            paths = tuple(self._paths_of.get(event.wd, ()))
        for path in paths:
            hint = hint_of(path, event.mask, os.fsdecode(event.name))
            if hint is not None:
                self._tell(hint)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        with self._lock:
            paths = self._paths_of.pop(wd, [])
            self._id_of.pop(wd, None)
            for path in paths:
                del self._watch_of[path]
        for path in paths:
            self._tell(TreeHint(path))

    def on_queue_overflow(self) -> None:
        self._tell(LostHint())

    def _tell(self, hint: Hint) -> None:
        tell = self._hint_to
        if tell is not None:
            tell(hint)

    def _drop(self, path: str) -> None:
        watch = self._watch_of.pop(path)
        self._paths_of[watch].remove(path)
        if not self._paths_of[watch]:
            del self._paths_of[watch]
            self._inotify.remove_callbacks([(watch, self._id_of.pop(watch))])


class _Guard:
    """Watches on the folders above a root.

    A folder is not told that a folder above it was moved, and what is not there cannot be watched.
    """

    def __init__(
        self, inotify: InotifyFD, root: str, ids: Iterator[int], on_hint: Callable[[Hint], None]
    ) -> None:
        self._inotify = inotify
        self._root = root
        self._ids = ids
        self._on_hint = on_hint
        self._watches: dict[WatchDescriptor, CallbackId] = {}
        # The name that matters in the deepest folder that is there.
        self._awaited = ""

    def renew(self) -> None:
        before = dict(self._watches)
        self._watches.clear()
        path, is_deepest = self._root, True
        while path != "/":
            path, _, name = path.rpartition("/")
            path = path or "/"
            events = _ITSELF | (In.IN_CREATE | In.IN_MOVED_TO if is_deepest else 0)
            id_ = CallbackId(next(self._ids))
            watch = _add(self._inotify, path, Mask(events | _FLAGS), self, id_)
            if watch is not None:
                self._watches[watch] = id_
                if is_deepest:
                    self._awaited, is_deepest = name, False
        self._inotify.remove_callbacks(list(before.items()))

    def on_event(self, event: InotifyEvent) -> None:
        is_awaited = os.fsdecode(event.name) == self._awaited
        if event.wd in self._watches and (event.mask & _ITSELF or is_awaited):
            self._on_hint(RootHint(self._root))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        if self._watches.pop(wd, None) is not None:
            self._on_hint(RootHint(self._root))

    def on_queue_overflow(self) -> None:
        """Nothing: the watches on the folders themselves tell that."""


def _add(
    inotify: InotifyFD, path: str, mask: Mask, callback: "Watches | _Guard", id_: CallbackId
) -> WatchDescriptor | None:
    """A watch on a folder; None if it is not there or may not be read.

    Raises:
        WatchLimitError: The kernel gives no more watches.
    """
    try:
        watch = inotify.add_callback(os.fsencode(path), mask, callback, id_)
    except OSError as error:
        if error.errno in _LIMITS:
            raise _limit(error) from error
        return None
    if watch < 0:  # what InotifyFD makes of a folder that may not be read
        inotify.remove_callbacks([(watch, id_)])
        return None
    return watch


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - a path may have surrogates
    except OSError:
        return False


def _limit(error: OSError) -> WatchLimitError:
    return WatchLimitError(error.errno if error.errno in _LIMITS else errno.EMFILE)
