"""One process indexes at a time: a daemon that starts during a pass waits for its end."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from photond.store.lock import IndexLock, only_indexer
from tests.cli.test_index import make_photos
from tests.daemon.conftest import RunningDaemon


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Listens as systemd does to what the service tells it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def hear(systemd: socket.socket, said: str) -> str:
    """The first message that begins so."""
    while not (message := systemd.recv(4096).decode()).startswith(said):
        pass
    return message


@pytest.fixture
def waiting(
    daemon, photond, photos, sample, systemd
) -> Iterator[tuple[RunningDaemon, Callable[[], None]]]:
    """A daemon that was started while this process indexes, and what ends that."""
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    sample("coffee", photos / "b.jpg")
    with ExitStack() as stack:
        stack.enter_context(only_indexer(photond.database))
        with closing(sqlite3.connect(photond.database)) as connection, connection:
            connection.execute(
                "insert into jobs (file_id, state, modified_ns, queued_at) "
                "select id, 'running', 0, '2024-01-01T00:00:00+00:00' from files"
            )
        running = daemon(photos, until="waiting", NOTIFY_SOCKET=systemd.getsockname())
        yield running, stack.close


def test_a_daemon_that_starts_during_a_pass_waits_says_so_and_then_runs(
    waiting, photond, photos, systemd
) -> None:
    running, end_pass = waiting
    whom = f"waiting until another photond (process {os.getpid()}) has finished"
    assert whom in hear(systemd, "STATUS=")
    hear(systemd, "READY=1")
    assert whom in photond("status", code=None).stdout
    assert photond("query", "a cat", "--json").json[0]["path"] == str(photos / "a.jpg")
    assert whom in photond("index", photos, code=5).stderr
    end_pass()
    running.wait_for_log("folders are kept")
    running.wait_for(photos / "a.jpg", photos / "b.jpg")


def test_a_daemon_that_waits_ends_at_once_and_leaves_the_jobs_to_whom_they_belong(
    waiting,
) -> None:
    running, _ = waiting
    asked = time.monotonic()
    assert running.stop(signal.SIGTERM) == 0
    assert time.monotonic() - asked < 5
    assert running.rows("select state, attempts from jobs") == [("running", 0)]


def test_a_second_daemon_is_refused_while_the_first_one_waits(waiting, photos) -> None:
    running, _ = waiting
    run = running.photond("run", code=5, PHOTOND_FOLDERS=str(photos))
    assert "another photond daemon answers" in run.stderr
    assert running.process.poll() is None


def test_a_daemon_starts_after_a_real_pass(daemon, photond, photos) -> None:
    make_photos(photos, 40, side=1200)
    index = subprocess.Popen(photond.argv("index", photos), env=photond.environ)
    lock = photond.database.with_name("index.db.lock")
    while not (lock.exists() and lock.read_text().strip()):
        time.sleep(0.01)
    running = daemon(photos, until="")
    assert index.wait(120) == 0
    running.wait_for_log("folders are kept")
    running.wait_for(*photos.glob("*.jpg"))
    assert running.embedded == 40


def test_whoever_waits_learns_who_has_the_lock_and_takes_it_when_it_is_free(tmp_path) -> None:
    database = tmp_path / "index.db"
    with IndexLock(database, stays=True) as mine:
        with only_indexer(database):
            assert mine.take() == str(os.getpid())
        assert mine.take() is None
        assert mine.take() is None
        with pytest.raises(Exception, match=re.escape("`photond run` (process ")):
            IndexLock(database).take()
