"""Looking for duplicates while the daemon is at work on the same index."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.conftest import Command
from tests.daemon.conftest import RunningDaemon


def test_missing_hashes_are_filled_while_the_daemon_indexes(
    photond: Command,
    photos: Path,
    sample: Callable[..., Path],
    daemon: Callable[..., RunningDaemon],
) -> None:
    copies = [sample("cat", photos / f"{number}.jpg") for number in range(2)]
    running = daemon(photos)
    running.wait_for(*copies)
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        connection.execute("update contents set perceptual_hash = null")
    more = [sample(name, photos / f"{name}.jpg") for name in ("moon", "coffee", "arches")]
    found = photond("duplicates", "--json").json
    assert [group["kind"] for group in found["groups"]] == ["identical"]
    assert found["not_compared"]["unreadable"] == 0
    running.wait_for(*copies, *more)
    assert running.rows("select count(*) from contents where perceptual_hash is null") == [(0,)]
