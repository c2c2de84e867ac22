"""What the daemon says of itself, as plain data."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

State = Literal["starting", "scanning", "indexing", "idle", "paused", "waiting", "stopping"]
WatchMode = Literal["events", "polling", "offline"]


@dataclass(frozen=True, slots=True)
class RootStatus:
    """How one folder of the configuration fares.

    Attributes:
        path: Absolute.
        watch: How changes are noticed: the kernel tells, it is looked every so often, or not at all
            because the folder or its disk is not there.
        detail: Why, and what the user can do about it; empty where all is well.
        waiting: How many of its photos are still to be read.
        scanned_at: When it was last compared with the index as a whole; ISO 8601, UTC.
    """

    path: str
    watch: WatchMode
    detail: str = ""
    waiting: int = 0
    scanned_at: str | None = None


@dataclass(frozen=True, slots=True)
class PassStatus:
    """What the last pass that was asked for came to so far, in photos.

    What the daemon read meanwhile for other reasons is counted, too.

    Attributes:
        number: The pass's, or that of the last one where several were asked for at a time.
        scanned: Whether everything was looked at; what is waiting then is still to be read.
        new: Indexed for the first time.
        changed: Indexed again, because their bytes changed.
        moved: Found at another place than before.
        unchanged: As they were.
        reembedded: As they were, and embedded with another pack than before.
        forgotten: Missing for so long that nothing is kept of them any more.
        unreadable_folders: Folders that could not be listed.
    """

    number: int
    scanned: bool = False
    new: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    reembedded: int = 0
    forgotten: int = 0
    unreadable_folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """What the daemon is doing.

    Attributes:
        pid: Of its process.
        started_at: ISO 8601, UTC.
        database: The index that it keeps.
        state: In one word. "waiting" is for something without which it cannot work.
        doing: The same in a sentence.
        waiting: How many photos are still to be read.
        settling: How many changed a moment ago and may change again.
        commands: How many commands it has obeyed since it started.
        done: How many were read since it started.
        failed: How many of those could not be.
        rate: Photos a second, lately; None while nothing is being read.
        seconds_left: Until nothing waits any more, at that rate.
        paused_by: Who wants it to rest, such as "user" or "battery".
        loaded: Whether the model is in memory.
        search_trouble: Why searches are slower than they could be; empty if they are not.
        roots: One for each folder of the configuration.
        rescan: The last pass that was asked for, if one was.
    """

    pid: int
    started_at: str
    database: str
    state: State = "starting"
    doing: str = "starting"
    waiting: int = 0
    settling: int = 0
    commands: int = 0
    done: int = 0
    failed: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    paused_by: tuple[str, ...] = ()
    loaded: bool = False
    search_trouble: str = ""
    roots: tuple[RootStatus, ...] = ()
    rescan: PassStatus | None = None


@dataclass(slots=True)
class Rate:
    """How many photos a second, over the last minute or so. Pure: the time comes in."""

    seconds: float = 60.0
    _points: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, done: int, now: float) -> None:
        """So many photos are done by now."""
        self._points.append((now, done))
        while self._points[-1][0] - self._points[0][0] > self.seconds:
            self._points.popleft()

    def clear(self) -> None:
        """Begin anew, after a rest."""
        self._points.clear()

    @property
    def value(self) -> float | None:
        """Photos a second; None while that cannot be said."""
        if len(self._points) < 2:  # noqa: PLR2004 - it takes two to make a rate
            return None
        (then, before), (now, done) = self._points[0], self._points[-1]
        return (done - before) / (now - then) if now > then and done > before else None
