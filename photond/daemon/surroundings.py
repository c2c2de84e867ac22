"""What the daemon's loop owes to others: systemd, which watches over it, and those who search."""

import time
from typing import Protocol

from photond.config.settings import Settings
from photond.daemon.notify import Notifier
from photond.daemon.status import DaemonStatus


class Model(Protocol):
    """Searches, which keep a model in memory for the next one."""

    def use(self, settings: Settings, configuration: str | None) -> None:
        """Search by these settings, of this fingerprint, from now on."""

    def unload_unused(self, seconds: float) -> bool:
        """Let go of the model if nobody has asked for so long; returns whether one was let go."""

    @property
    def unused_at(self) -> float | None:
        """Since when nobody has asked, by the monotonic clock; None if no model is loaded."""


class Surroundings:
    """Tells systemd how the daemon fares, and lets go of what searches do not need any more.

    Args:
        notifier: Speaks to systemd.
        searches: Those who search.
    """

    def __init__(self, notifier: Notifier, searches: Model) -> None:
        self._notifier = notifier
        self._searches = searches
        self._idle_seconds = 0
        self._fed_at = float("-inf")
        self._said = ""

    def settings_changed(self, settings: Settings, configuration: str | None) -> None:
        """The daemon works by these settings, of this fingerprint, from now on."""
        self._idle_seconds = settings.model.idle_unload_seconds
        self._searches.use(settings, configuration)

    def ready(self) -> None:
        """Everything is watched for, and the first scan is under way; or reloading is over."""
        self._notifier.ready()

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._notifier.reloading()

    def stopping(self) -> None:
        """The end has begun."""
        self._notifier.stopping()

    def pulse(self, status: DaemonStatus) -> float | None:
        """Called at each turn of the daemon's loop, which thereby shows that it is alive.

        Returns:
            After how many seconds it wants to be called again at the latest; None for whenever.
        """
        now = time.monotonic()
        if status.doing != self._said:
            self._said = status.doing
            self._notifier.status(status.doing)
        waits = []
        every = self._notifier.watchdog_seconds
        if every is not None:
            if now - self._fed_at >= every / 2:
                self._fed_at = now
                self._notifier.watchdog()
            waits.append(self._fed_at + every - now)
        if self._idle_seconds and (unused_at := self._searches.unused_at) is not None:
            self._searches.unload_unused(self._idle_seconds)
            waits.append(max(0.0, unused_at + self._idle_seconds - now))
        return min(waits, default=None)
