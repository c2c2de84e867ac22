"""Waiting without ticking: the daemon sleeps until something happens or is due."""

import ctypes
import os
import select
import struct
import time
from contextlib import suppress
from dataclasses import dataclass

from photond.daemon.mounts import MOUNTINFO

# timerfd_create(2). Python has it from 3.13 on.
_TFD_NONBLOCK, _TFD_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC
_TFD_TIMER_ABSTIME, _TFD_TIMER_CANCEL_ON_SET = 1, 2
_FAR_FUTURE = 2**40  # seconds since 1970
# The clocks differ by this much, in seconds, after a suspend that matters.
_SUSPENDED = 2.0


@dataclass(frozen=True, slots=True)
class Woken:
    """What has happened while the daemon slept, besides what others told it.

    Attributes:
        mounts_changed: Something was mounted or unmounted.
        clock_set: The time of day was set, or the machine was asleep, for so many seconds.
        slept_seconds: How long the machine was suspended.
    """

    mounts_changed: bool = False
    clock_set: bool = False
    slept_seconds: float = 0.0


class Sleeper:
    """Sleeps until it is woken, a mount changes, the clock is set, or the machine wakes up."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._mounts = os.open(MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)
        self._clock = _clock_watch()
        self._asleep = _seconds_asleep()
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)
        # proc_pid_mountinfo(5): readable always, and exceptional when something changed.
        self._poll.register(self._mounts, select.POLLPRI)
        if self._clock is not None:
            self._poll.register(self._clock, select.POLLIN)

    def wake(self) -> None:
        """End the sleep; may be called from any thread and from a signal handler."""
        with suppress(BlockingIOError):  # it is awake already, and very much so
            os.eventfd_write(self._event, 1)

    def sleep(self, seconds: float | None) -> Woken:
        """Sleep for so long at most; for ever if None."""
        # Rounded up: waking a little too early would mean to do so again and again.
        milliseconds = None if seconds is None else max(0, int(seconds * 1000) + 1)
        ready = {fd for fd, _ in self._poll.poll(milliseconds)}
        if self._event in ready:
            with suppress(BlockingIOError):
                os.eventfd_read(self._event)
        clock_set = self._clock in ready
        if self._clock is not None and clock_set:
            with suppress(OSError):  # ECANCELED says that the clock was set
                os.read(self._clock, 8)
            _arm(self._clock)
        asleep = _seconds_asleep()
        slept, self._asleep = asleep - self._asleep, asleep
        return Woken(self._mounts in ready, clock_set, slept if slept > _SUSPENDED else 0.0)

    def close(self) -> None:
        for descriptor in (self._event, self._mounts, self._clock):
            if descriptor is not None:
                os.close(descriptor)


def _seconds_asleep() -> float:
    """How long the machine has been suspended since it was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _clock_watch() -> int | None:
    """A descriptor that becomes readable when the clock is set, which waking up does as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.timerfd_create(time.CLOCK_REALTIME, _TFD_NONBLOCK | _TFD_CLOEXEC)
    if descriptor < 0:
        return None
    _arm(descriptor)
    return descriptor


def _arm(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    when = struct.pack("@4l", 0, 0, _FAR_FUTURE, 0)
    libc.timerfd_settime(descriptor, _TFD_TIMER_ABSTIME | _TFD_TIMER_CANCEL_ON_SET, when, None)
