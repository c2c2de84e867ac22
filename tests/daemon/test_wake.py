"""How the daemon sleeps, and what it notices when it wakes up.

The clocks are the kernel's. Nothing sets the machine's own: a suspend is a move into a time namespace in
which more time has passed.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from photond.daemon import wake
from photond.daemon.wake import Sleeper, Woken

# The child makes the system call, as a process may only move while it has a single thread.
IN_ANOTHER_TIME = """
import ctypes, os, sys, time
from photond.daemon.wake import Sleeper
sleeper = Sleeper()
assert sleeper.sleep(0).slept_seconds == 0
before = time.monotonic()
libc = ctypes.CDLL(None, use_errno=True)
namespace = os.open(f"/proc/{sys.argv[1]}/ns/time", os.O_RDONLY)
if libc.setns(namespace, 0x80):  # CLONE_NEWTIME
    sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
assert time.monotonic() - before < 60
print(sleeper.sleep(0).slept_seconds)
print(sleeper.sleep(0).slept_seconds)
"""


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    made = Sleeper()
    yield made
    made.close()


@contextmanager
def time_namespace(boottime: int) -> Iterator[str]:
    """The id of a process that lives where so many seconds more have passed since the start."""
    shell = ["sh", "-c", "echo $$; exec sleep 60"]
    with subprocess.Popen(
        ["unshare", "--time", "--boottime", str(boottime), "--fork", *shell],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            pid = process.stdout.readline().strip()
            if not pid:
                pytest.skip("there may be no time namespace here")
            yield pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare")
def test_a_suspend_is_noticed_once_and_for_how_long() -> None:
    with time_namespace(3600) as pid:
        child = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_TIME, pid],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if "setns: " in child.stderr:
        pytest.skip(child.stderr)
    assert child.returncode == 0, child.stderr
    first, second = map(float, child.stdout.split())
    assert first == pytest.approx(3600, abs=2)
    assert second == 0


def test_clocks_that_drift_apart_a_little_are_no_suspend(
    sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = wake._seconds_asleep()
    for drift, expected in ((1.9, 0), (3.8, 0), (6.0, 2.2), (6.0, 0), (5.0, 0)):
        monkeypatch.setattr(wake, "_seconds_asleep", lambda drift=drift: asleep + drift)
        assert sleeper.sleep(0).slept_seconds == pytest.approx(expected, abs=0.01)


def test_the_kernel_is_to_tell_when_the_clock_is_set(sleeper: Sleeper) -> None:
    assert sleeper._clock is not None
    lines = Path(f"/proc/self/fdinfo/{sleeper._clock}").read_text().splitlines()
    facts = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert facts["clockid"] == str(time.CLOCK_REALTIME)
    assert int(facts["settime flags"], 8) == 3  # at a moment of that clock, and if it is set
    # Nothing else may end the wait: the moment itself is as far away as the kernel can count.
    seconds = int(facts["it_value"].strip("()").split(",")[0])
    assert seconds > 100 * 365 * 86_400


def test_a_clock_that_was_set_is_told_once_and_watched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock_watch = wake._clock_watch

    def about_to_fire() -> int | None:
        descriptor = clock_watch()
        if descriptor is not None:
            with monkeypatch.context() as patch:
                patch.setattr(wake, "_FAR_FUTURE", 1)  # long ago: readable at once, as if set
                wake._arm(descriptor)
        return descriptor

    monkeypatch.setattr(wake, "_clock_watch", about_to_fire)
    sleeper = Sleeper()
    assert sleeper.sleep(10) == Woken(clock_set=True)
    assert sleeper.sleep(0) == Woken()
    sleeper.close()


def test_it_sleeps_until_it_is_woken_and_no_more_often_than_that(sleeper: Sleeper) -> None:
    for _ in range(3):
        sleeper.wake()
    assert sleeper.sleep(None) == Woken()
    waker = threading.Timer(0.2, sleeper.wake)
    waker.start()
    before = time.monotonic()
    sleeper.sleep(None)
    assert time.monotonic() - before >= 0.15
    waker.join()
