"""Control: what others may ask of the running daemon, from any thread."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from photond.daemon.hints import Hint, LostHint
from photond.daemon.status import DaemonStatus

# More hints than this are not kept: looking at everything is quicker then.
MAX_HINTS = 50_000


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done by the daemon's own thread.

    Attributes:
        kind: What.
        paths: With which folders or photos; all if empty.
        number: That of the request, where it has one.
    """

    kind: Literal["rescan", "retry", "reload"]
    paths: tuple[str, ...] = ()
    number: int = 0


class Control:
    """The daemon as others see it. Every method may be called from any thread or signal handler.

    Args:
        wake: Ends the daemon's sleep.
        status: What it says of itself before it has begun.
    """

    def __init__(self, wake: Callable[[], None], status: DaemonStatus) -> None:
        self._wake = wake
        self._status = status
        self._commands: deque[Command] = deque()
        self._stopping = threading.Event()
        # Reentrant, because a signal handler may come while its own thread holds it.
        self._lock = threading.RLock()
        self._paused_by: frozenset[str] = frozenset()
        self._hints: dict[Hint, None] = {}
        self._rescans = 0

    def pause(self, reason: str = "user") -> None:
        """Read no photo until `resume` was called for every reason to pause."""
        with self._lock:
            self._paused_by |= {reason}
        self._wake()

    def resume(self, reason: str = "user") -> None:
        """Take a reason to pause back."""
        with self._lock:
            self._paused_by -= {reason}
        self._wake()

    def rescan(self, paths: Sequence[str] = ()) -> int:
        """Compare folders with the index; returns the number of the pass, which the status names."""
        with self._lock:
            self._rescans += 1
            number = self._rescans
            self._give(Command("rescan", tuple(paths), number))
        return number

    def retry(self, paths: Sequence[str] = ()) -> None:
        """Try photos again that failed."""
        self._give(Command("retry", tuple(paths)))

    def reload(self) -> None:
        """Read the configuration again."""
        self._give(Command("reload"))

    def nudge(self) -> None:
        """Have the daemon look round: something that it minds may have changed."""
        self._wake()

    def stop(self) -> None:
        """Finish what is nearly done, and end."""
        self._stopping.set()
        self._wake()

    def hint(self, hint: Hint) -> None:
        """Say where something may have changed."""
        with self._lock:
            is_first = not self._hints
            if len(self._hints) >= MAX_HINTS:
                self._hints.clear()
                hint = LostHint()
            self._hints[hint] = None
        if is_first:
            self._wake()

    def status(self) -> DaemonStatus:
        """What the daemon is doing, as of a moment ago."""
        return self._status

    def publish(self, status: DaemonStatus) -> None:
        """Say what the daemon is doing; called by the daemon alone."""
        self._status = status

    @property
    def is_stopping(self) -> bool:
        """Whether the daemon was asked to end."""
        return self._stopping.is_set()

    @property
    def paused_by(self) -> tuple[str, ...]:
        """Who wants the daemon to rest."""
        return tuple(sorted(self._paused_by))

    def take_commands(self) -> list[Command]:
        """What was asked for since the last call; called by the daemon alone."""
        taken: list[Command] = []
        while self._commands:
            taken.append(self._commands.popleft())
        return taken

    def take_hints(self) -> list[Hint]:
        """Where something may have changed since the last call; called by the daemon alone."""
        with self._lock:
            taken, self._hints = list(self._hints), {}
        return taken

    def _give(self, command: Command) -> None:
        self._commands.append(command)
        self._wake()
