"""Tells systemd how the daemon fares: sd_notify(3), a datagram to the socket in `NOTIFY_SOCKET`."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

from photond.printable import printable

_TIMEOUT = 1.0  # seconds; systemd is there, or it is not


class Notifier:
    """Speaks to whoever started the daemon, and to nobody if that does not listen.

    Args:
        environ: Where `NOTIFY_SOCKET` and `WATCHDOG_*` are read from, if not the process's own.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog(environ)
        """How often `watchdog` must be called: systemd waits twice as long. None if it does not wait."""

    def ready(self) -> None:
        """Starting, or reloading, is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say what is being done, in one line; `systemctl status` shows it."""
        self._send("STATUS=" + printable(text))

    def watchdog(self) -> None:
        """The main loop is alive."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` must follow."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        # Work must not stop for want of somebody to report it to.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
        ):
            connection.settimeout(_TIMEOUT)
            connection.sendto(message.encode(), self._address)


def _address(name: str) -> bytes | None:
    """A socket's address: a path, or after an @ a name in the abstract namespace."""
    if name.startswith("/"):
        return os.fsencode(name)
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    return None


def _watchdog(environ: Mapping[str, str]) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not (microseconds.isascii() and microseconds.isdecimal()) or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000 / 2
