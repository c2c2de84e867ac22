"""What systemd hears, over a real NOTIFY_SOCKET."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from photond.daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens as systemd does, and its name in NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = str(tmp_path / "n") if request.param == "path" else f"@photond-test-{os.getpid()}"
        listener.bind(name.replace("@", "\0"))
        listener.settimeout(5)
        yield listener, name


def test_each_message_is_what_sd_notify_would_send(systemd) -> None:
    listener, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})

    def heard() -> bytes:
        return listener.recv(4096)

    notifier.ready()
    assert heard() == b"READY=1"
    notifier.status("indexing: 3 of 10 photos")
    assert heard() == b"STATUS=indexing: 3 of 10 photos"
    notifier.watchdog()
    assert heard() == b"WATCHDOG=1"
    notifier.stopping()
    assert heard() == b"STOPPING=1"
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.reloading()
    kind, moment = heard().split(b"\n")
    assert kind == b"RELOADING=1"
    assert before <= int(moment.removeprefix(b"MONOTONIC_USEC=")) <= before + 60_000_000


def test_a_name_with_a_line_feed_cannot_forge_a_message(systemd) -> None:
    listener, name = systemd
    Notifier({"NOTIFY_SOCKET": name}).status("reading a\nSTOPPING=1\r\udcff.jpg")
    assert listener.recv(4096) == b"STATUS=reading a\\nSTOPPING=1\\r\\udcff.jpg"


@pytest.mark.parametrize("name", ["", "relative", "vsock:2:1234", "/nobody/listens/here", "@"])
def test_nobody_who_listens_is_no_reason_to_fail(name) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.watchdog()


def test_a_listener_that_does_not_read_costs_a_second_and_not_the_daemon(systemd) -> None:
    listener, name = systemd
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        while True:
            filler.sendto(b"x", listener.getsockname())
    filler.close()
    began = time.monotonic()
    Notifier({"NOTIFY_SOCKET": name}).watchdog()
    assert time.monotonic() - began < 30


def test_the_watchdog_is_fed_twice_as_often_as_it_asks() -> None:
    assert Notifier({"WATCHDOG_USEC": "60000000"}).watchdog_seconds == 30
    mine = {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier(mine).watchdog_seconds == 30
    for other in ({}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, mine | {"WATCHDOG_PID": "1"}):
        assert Notifier(other).watchdog_seconds is None
