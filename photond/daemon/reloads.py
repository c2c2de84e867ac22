"""Reading the configuration again while the daemon goes on."""

from collections.abc import Callable

from photond.daemon.aside import Aside
from photond.daemon.setup import Setup


class Reloads:
    """Reads the configuration on another thread, once for all who asked before that was begun.

    Args:
        load: Reads it.
        wake: Called when it was read, on the other thread.
    """

    def __init__(self, load: Callable[[], Setup], wake: Callable[[], None]) -> None:
        self._load = load
        self._wake = wake
        self._asked = self._answered = 0
        self._reading: Aside[Setup] | None = None

    def ask(self) -> None:
        """Have it read as soon as a reading that is under way has ended."""
        self._asked += 1

    def begin(self) -> bool:
        """Begin, if that was asked for and can be; returns whether it did."""
        if self._reading is not None or not self._asked:
            return False
        self._answered, self._asked = self._asked, 0
        self._reading = Aside(self._load, self._wake)
        return True

    @property
    def finished(self) -> Aside[Setup] | None:
        """What was read, until `end` is called."""
        return self._reading if self._reading is not None and self._reading.is_done else None

    def end(self) -> int:
        """Be done with what was read; returns how often it was asked for."""
        self._reading = None
        return self._answered
