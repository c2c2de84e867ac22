"""Stands in for the daemon behind its socket: has nothing to do, and notes what it is told."""

import os
import threading
from collections.abc import Sequence

from photond.daemon.status import DaemonStatus
from photond.errors import ConfigError


class StandIn:
    """A daemon without work.

    Attributes:
        asked: What it was told, and whatever its searches add.
        may_answer: Whether it says what it is doing; it waits otherwise.
    """

    trouble = ""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def status(self) -> DaemonStatus:
        assert self.may_answer.wait(30)
        return DaemonStatus(
            pid=os.getpid(),
            started_at="2024-01-01T00:00:00+00:00",
            database="/index.db",
            state="idle",
            doing="waiting for photos",
        )

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def rescan(self, paths: Sequence[str]) -> int:
        self.asked.append(("rescan", paths))
        return 7

    def retry(self, paths: Sequence[str]) -> None:
        self.asked.append(("retry", paths))

    def reload(self) -> None:
        raise ConfigError("line 3 is wrong", "Mend it.")

    def stop(self) -> None:
        self.asked.append("stop")
