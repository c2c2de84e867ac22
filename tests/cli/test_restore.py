"""`photond db restore` as a user calls it, with real indexers and searches beside it."""

import re
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from photond.store.database import connect, open_index
from photond.store.kept import kept_folders, set_kept_folders
from photond.store.vector_file import vector_file
from tests.cli.test_db import flip, holding_lock, indexed, root_page
from tests.conftest import SAMPLES, Command

__all__ = ["indexed"]  # a fixture


@pytest.fixture
def backup(indexed: Command, tmp_path: Path) -> Path:
    """A backup of the index, in which the user has a tag that the index has no more."""
    target = tmp_path / "backup.db"
    indexed("tag", SAMPLES / "cat.jpg", "--add", "whiskers")
    indexed("db", "backup", target)
    indexed("tag", SAMPLES / "cat.jpg", "--remove", "whiskers")
    return target


def tags(photond: Command) -> str:
    return photond("tags", SAMPLES / "cat.jpg").stdout


def kept(photond: Command) -> list[Path]:
    return sorted(photond.database.parent.glob("index.db.kept-*"))


def state(photond: Command) -> dict[str, bytes]:
    return {
        file.name: file.read_bytes()
        for file in photond.database.parent.glob("*index.db*")
        if not file.name.endswith(("-shm", ".lock"))
    }


@contextmanager
def having_it_open(database: Path) -> Iterator[None]:
    with closing(open_index(database)) as connection:
        connection.execute("select * from files").fetchone()
        yield


def test_a_backup_takes_the_place_of_the_index_which_is_kept_beside_it(
    indexed: Command, backup: Path
) -> None:
    set_kept_folders(indexed.database, ["/photos"])
    vector_file(indexed.database, 1).write_bytes(b"the vectors of the index that was there")
    assert "whiskers" not in tags(indexed)
    said = indexed("db", "restore", backup).stdout
    assert "24 photos, 1 tags of your own, as of 2" in said
    (old,) = kept(indexed)
    assert re.fullmatch(r"index\.db\.kept-\d{4}-\d\d-\d\dT\d{6}", old.name)
    assert str(old) in said
    assert "whiskers" in tags(indexed)
    assert stat.S_IMODE(indexed.database.stat().st_mode) == 0o600
    assert not vector_file(indexed.database, 1).exists()
    assert kept_folders(indexed.database) == ["/photos"]
    indexed("db", "check")
    # And back again.
    summary = indexed("db", "restore", old, "--discard", "--json").json
    assert (summary["photos"], summary["kept"]) == (24, None)
    assert "whiskers" not in tags(indexed)
    assert kept(indexed) == [old]


def test_where_there_is_no_index_the_backup_becomes_it(photond: Command, backup: Path) -> None:
    assert photond("db", "restore", backup, "--json").json["kept"] is None
    assert "whiskers" in tags(photond)
    assert stat.S_IMODE(photond.database.parent.stat().st_mode) == 0o700
    assert {one.name for one in photond.database.parent.iterdir()} >= {"index.db"}


def test_an_index_that_is_damaged_beyond_reading_is_replaced_and_kept(
    indexed: Command, backup: Path
) -> None:
    flip(indexed.database, 1)
    damaged = indexed.database.read_bytes()
    indexed("db", "restore", backup)
    assert kept(indexed)[0].read_bytes() == damaged
    assert "whiskers" in tags(indexed)


def test_nothing_is_restored_while_another_process_indexes(indexed: Command, backup: Path) -> None:
    before = state(indexed)
    with holding_lock(indexed):
        assert "is indexing into" in indexed("db", "restore", backup, code=5).stderr
    assert state(indexed) == before


def test_nothing_is_restored_while_the_daemon_runs_and_the_remedy_is_said(
    indexed: Command, backup: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    indexed.config_file.parent.mkdir(parents=True)
    indexed.config_file.write_text(f'folders = ["{tmp_path}/photos"]\n')
    with subprocess.Popen(indexed.argv("run"), env=indexed.environ, stderr=subprocess.PIPE) as run:
        try:
            deadline = time.monotonic() + 60
            lock = indexed.database.with_name("index.db.lock")
            while not lock.exists() or "run" not in lock.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            said = indexed("db", "restore", backup, code=5).stderr
        finally:
            run.terminate()
            run.communicate(timeout=60)
    assert "systemctl --user stop photond" in said
    assert "whiskers" not in tags(indexed)


def test_nothing_is_restored_under_a_search_that_has_the_index_open(
    indexed: Command, backup: Path
) -> None:
    with having_it_open(indexed.database):
        assert "locked by another program" in indexed("db", "restore", backup, code=5).stderr
    assert kept(indexed) == []
    assert "whiskers" not in tags(indexed)


def test_a_backup_that_is_damaged_is_refused_and_everything_stays(
    indexed: Command, backup: Path
) -> None:
    flip(backup, root_page(backup, "files"))
    before, damaged = state(indexed), backup.read_bytes()
    assert "damaged" in indexed("db", "restore", backup, code=5).stderr
    backup.write_bytes(b"")
    assert "it is empty" in indexed("db", "restore", backup, code=5).stderr
    backup.write_bytes(damaged[: len(damaged) // 2])
    said = indexed("db", "restore", backup, code=5).stderr
    assert f"{backup} cannot be restored: database disk image is malformed" in said
    assert "The index is as it was" in said
    assert "db salvage" not in said
    backup.write_bytes(b"something else")
    assert "not a database" in indexed("db", "restore", backup, code=5).stderr
    assert state(indexed) == before


def test_a_backup_of_a_newer_photond_or_of_another_program_is_refused(
    indexed: Command, backup: Path, tmp_path: Path
) -> None:
    before = state(indexed)
    with closing(connect(backup)) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('photond', 'm9999_future', '')"
        )
    assert "a newer photond" in indexed("db", "restore", backup, code=5).stderr
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("create table bookmarks (url)")
    assert "another program" in indexed("db", "restore", tmp_path / "other.db", code=5).stderr
    assert state(indexed) == before


def test_what_can_be_mended_of_a_backup_is_mended_in_the_copy(
    indexed: Command, backup: Path
) -> None:
    with closing(connect(backup)) as connection:
        connection.execute("update packs set state = 'kept'")
    before = backup.read_bytes()
    assert "mended: no model pack answers" in indexed("db", "restore", backup).stdout
    assert backup.read_bytes() == before
    indexed("db", "check")
    assert "whiskers" in tags(indexed)


def test_what_is_no_backup_is_a_mistake_of_use(indexed: Command, tmp_path: Path) -> None:
    assert "is no file" in indexed("db", "restore", tmp_path / "no.db", code=2).stderr
    assert "index itself" in indexed("db", "restore", indexed.database, code=2).stderr


def test_what_a_backup_has_that_was_taken_during_a_pass_is_not_embedded_again(
    photond: Command, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        for sample in SAMPLES.glob("*.jpg"):
            # What stands behind a photo makes it another one.
            (photos / f"{number}{sample.name}").write_bytes(sample.read_bytes() + bytes([number]))
    count, backup = len(list(photos.iterdir())), tmp_path / "backup.db"
    with subprocess.Popen(
        photond.argv("index", photos), env=photond.environ, stderr=subprocess.DEVNULL
    ) as indexing:
        embedded, deadline = 0, time.monotonic() + 120
        while not embedded:
            assert time.monotonic() < deadline
            assert indexing.poll() is None
            time.sleep(0.05)
            if photond.database.exists():
                with closing(open_index(photond.database)) as connection:
                    if connection.execute("select 1 from packs").fetchone():
                        embedded = _embedded(connection)
        photond("db", "backup", backup)
        indexing.send_signal(signal.SIGINT)
    with closing(connect(backup)) as connection:
        embedded = _embedded(connection)
    photond("db", "restore", backup)
    summary = photond("index", photos, "--json").json
    assert embedded > 0
    assert (summary["new"], summary["reembedded"]) == (count - embedded, 0)
    photond("db", "check")


def _embedded(connection) -> int:
    (count,) = connection.execute("select count(*) from embeddings_1_rowids").fetchone()
    return count
