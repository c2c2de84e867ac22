"""`photond db` as a user calls it: real damage to the file, real processes beside it."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from photond.store.database import connect, open_index
from tests.cli.test_disks import namespaces_work
from tests.conftest import SAMPLES, Command, make_command

PAGE = 4096

# Adds photos as fast as it can until it is killed: a transaction each, as the daemon does.
WRITER = """
import sys
from pathlib import Path
from photond.store import jobs, files
from photond.store.database import open_index, transaction
from photond.store.files import FileStat
connection = open_index(Path(sys.argv[1]))
with transaction(connection):
    folder = files.add_folder(connection, "/elsewhere")
number = 0
while True:
    number += 1
    with transaction(connection):
        for part in "abcdefgh":
            name = f"{number}{part}.jpg"
            jobs.queue(connection, files.add_file(connection, folder, FileStat(name, 1, 1, number)))
    if number == 20:
        print("writing", flush=True)
"""


@pytest.fixture
def indexed(indexed_samples: Command, tmp_path: Path) -> Command:
    """A command with an index of the samples of its own."""
    command = make_command(tmp_path / "own")
    command.database.parent.mkdir(parents=True)
    indexed_samples("db", "backup", command.database)
    return command


@contextmanager
def writing(database: Path) -> Iterator[subprocess.Popen]:
    """While another process writes to an index."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, database], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "writing\n"
            yield process
            assert process.poll() is None
        finally:
            process.kill()


@contextmanager
def holding_lock(photond: Command) -> Iterator[None]:
    holder = (
        "import sys, time; from pathlib import Path; from photond.store.lock import only_indexer\n"
        "with only_indexer(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, photond.database], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield
        finally:
            process.kill()


def flip(database: Path, page: int, *, count: int = 200) -> None:
    """Turn bits of a page of the file over, as a failing disk does."""
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        data = file.read(count)
        file.seek((page - 1) * PAGE)
        file.write(bytes(byte ^ 0xFF for byte in data))


def root_page(database: Path, name: str) -> int:
    with closing(connect(database)) as connection:
        (page,) = connection.execute(
            "select rootpage from sqlite_master where name = ?", (name,)
        ).fetchone()
    return page


def test_an_index_that_is_whole_is_said_to_be(indexed_samples: Command) -> None:
    assert indexed_samples("db", "check").stdout == f"{indexed_samples.database} is whole\n"
    assert indexed_samples("db", "check", "--json").json == {
        "index": str(indexed_samples.database),
        "is_whole": True,
        "mended": [],
        "findings": [],
    }


@pytest.mark.parametrize("table", ["files", "contents", "tags", "embeddings_1_rowids"])
def test_a_page_that_a_disk_has_spoilt_is_found_and_nothing_is_made_of_it(
    indexed: Command, table: str
) -> None:
    flip(indexed.database, root_page(indexed.database, table))
    run = indexed("db", "check", code=5)
    assert "damaged" in run.stdout + run.stderr
    assert "Restore a backup" in run.stdout + run.stderr
    damaged = indexed.database.read_bytes()
    run = indexed("db", "check", "--repair", "--json", code=5)
    assert run.json["mended"] == []
    assert not any(finding["can_be_mended"] for finding in run.json["findings"])
    assert indexed.database.read_bytes() == damaged
    target = indexed.home / "backup.db"
    target.write_text("the last good one")
    assert "no backup was made" in indexed("db", "backup", target, "--force", code=5).stderr
    assert target.read_text() == "the last good one"
    assert [file.name for file in indexed.home.iterdir() if "backup" in file.name] == ["backup.db"]
    assert "damaged" in indexed("doctor", code=1).stdout


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.02])
def test_a_file_that_was_cut_off_is_found(indexed: Command, keep: float) -> None:
    os.truncate(indexed.database, int(indexed.database.stat().st_size * keep))
    run = indexed("db", "check", code=5)
    assert "damaged" in run.stdout + run.stderr


def test_a_file_that_is_no_database_is_said_to_be_none(indexed: Command) -> None:
    flip(indexed.database, 1)
    assert "not a database" in indexed("db", "check", code=5).stderr


def test_what_repairing_takes_away_is_embedded_again_by_the_next_pass(indexed: Command) -> None:
    with closing(connect(indexed.database)) as connection:
        connection.execute("update embeddings_1_chunks set validity = zeroblob(128)")
    run = indexed("db", "check", "--json", code=5)
    assert [finding["can_be_mended"] for finding in run.json["findings"]] == [True]
    assert "cannot be read" in run.json["findings"][0]["detail"]
    mended = indexed("db", "check", "--repair", "--json").json
    assert (mended["is_whole"], len(mended["mended"])) == (True, 1)
    assert indexed("status", "--json", code=1).json["waiting"] == 24
    with closing(connect(indexed.database)) as connection:
        (folder,) = connection.execute("select path from folders").fetchone()
    assert indexed("index", folder, "--json").json["reembedded"] == 24
    assert indexed("query", "cat", "--limit", "1", "--paths").stdout.endswith("cat.jpg\n")
    indexed("db", "check")


def test_no_repair_and_no_vacuum_while_another_process_indexes(indexed: Command) -> None:
    with holding_lock(indexed):
        for arguments in (["check", "--repair"], ["vacuum"]):
            assert "is indexing into" in indexed("db", *arguments, code=5).stderr
        indexed("db", "check")
    indexed("db", "check", "--repair")


def test_one_state_is_checked_and_copied_while_another_process_writes(
    indexed: Command, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    with writing(indexed.database):
        for _ in range(3):
            indexed("db", "check")
            indexed("db", "backup", target, "--force")
    with closing(connect(target)) as connection:
        ((copied,),) = connection.execute(
            "select count(*) from files join folders on folders.id = folder_id "
            "where path = '/elsewhere'"
        ).fetchall()
        assert connection.execute("pragma journal_mode").fetchone() == ("delete",)
    assert copied > 0
    assert copied % 8 == 0  # whole transactions
    assert {file.name for file in tmp_path.iterdir()} == {"backup.db", "own"}


def test_a_backup_is_the_owners_alone_and_is_restored_by_copying_it(
    indexed: Command, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    found = indexed("query", "cat", "--json").json
    indexed("db", "backup", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for file in indexed.database.parent.glob("index.db*"):
        file.unlink()
    shutil.copy(target, indexed.database)
    assert indexed("query", "cat", "--json").json == found


def test_a_backup_replaces_nothing_unless_it_is_told_to(indexed: Command, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("something else")
    assert "--force" in indexed("db", "backup", target, code=2).stderr
    assert target.read_text() == "something else"
    assert indexed("db", "backup", target, "--force", "--json").json == {
        "backup": str(target),
        "bytes": target.stat().st_size,
    }
    for suffix in ("", "-wal", "-shm", "-journal"):
        own = indexed.database.with_name(indexed.database.name + suffix)
        assert "index itself" in indexed("db", "backup", own, "--force", code=2).stderr
    assert "cannot be written" in indexed("db", "backup", tmp_path / "no" / "b.db", code=5).stderr


def test_vacuum_gives_back_the_room_of_photos_that_are_gone(indexed: Command) -> None:
    with closing(open_index(indexed.database)) as connection:
        connection.execute("create table ballast as select randomblob(3000000)")
        connection.execute("drop table ballast")
        connection.execute("insert into embeddings_1 select content_id + 9000, embedding "
                           "from embeddings_1")  # fmt: skip
        for start in range(10_000, 12_000, 24):
            connection.execute(
                "insert into embeddings_1 select content_id + ?, embedding from embeddings_1 "
                "where content_id < 9000", (start,)
            )  # fmt: skip
        connection.execute("delete from embeddings_1 where content_id > 9000 and content_id % 400")
        connection.execute("delete from embeddings_1 where content_id > 9000")
    before = indexed("db", "stats", "--json").json
    assert before["free_bytes"] > 3_000_000
    freed = indexed("db", "vacuum", "--json").json
    assert freed["freed_bytes"] > 3_000_000
    after = indexed("db", "stats", "--json").json
    assert (after["free_bytes"], after["file_bytes"]) == (0, freed["bytes"])
    assert after["packs"][0]["embeddings"] == before["packs"][0]["embeddings"] == 24
    indexed("db", "check")


def test_stats_say_what_takes_the_room(indexed: Command) -> None:
    found = indexed("db", "stats", "--json").json
    assert found["files"] == {"present": 24}
    assert (found["contents"], found["unused_contents"], found["jobs"]) == (24, 0, {})
    (pack,) = found["packs"]
    assert (pack["name"], pack["state"], pack["embeddings"]) == ("mini", "serving", 24)
    assert found["tables"]["embeddings_1"] == pack["bytes"] > 24 * pack["dimension"] * 4
    assert sum(found["tables"].values()) + found["free_bytes"] == found["file_bytes"]
    text = indexed("db", "stats").stdout
    assert "24 present" in text
    assert "table embeddings_1" in text


def test_what_a_backup_that_was_killed_has_left_behind_goes_with_one_a_day_later(
    indexed: Command, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    running, old, journal = (
        tmp_path / f".backup.db.{name}"
        for name in ("a.unfinished", "b.unfinished", "b.unfinished-journal")
    )
    own = tmp_path / ".backup.db.mine"
    for file in (running, old, journal, own):
        file.touch()
    for file in (old, journal, own):
        os.utime(file, (1e9, 1e9))
    indexed("db", "backup", target)
    assert {file for file in tmp_path.iterdir() if file.is_file()} == {target, running, own}


@pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")
def test_a_backup_that_does_not_fit_leaves_nothing_behind(indexed: Command, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = """
        mount -t tmpfs -o size=300k small "$1"
        echo "the last good one" > "$1/backup.db"
        shift
        "$@" && exit 9
        cat "${!#}"
        ls -A "$(dirname "${!#}")"
    """
    inside = ["unshare", "--mount", "--map-root-user", "bash", "-c", script, "-", disk]
    done = subprocess.run(
        [*inside, *indexed.argv("db", "backup", "--force", disk / "backup.db")],
        env=indexed.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the disk that holds the backup" in done.stderr
    assert done.stdout == "the last good one\nbackup.db\n"


@pytest.mark.parametrize("table", [None, "contents", "user_tags_by_label"])
def test_what_a_disk_has_spoilt_is_salvaged_and_the_next_pass_embeds_what_is_lost_alone(
    indexed: Command, table: str | None
) -> None:
    indexed("tag", SAMPLES / "cat.jpg", "--add", "whiskers")
    flip(indexed.database, 1 if table is None else root_page(indexed.database, table))
    damaged = indexed.database.read_bytes()[PAGE:]
    with holding_lock(indexed):
        assert "is indexing into" in indexed("db", "salvage", code=5).stderr
    found = indexed("db", "salvage", "--json").json
    assert found["saved"]["user_tags"] == 1
    assert Path(found["kept"]).read_bytes()[PAGE:] == damaged
    assert stat.S_IMODE(indexed.database.stat().st_mode) == 0o600
    indexed("db", "check")
    waiting = found["waiting"]
    assert waiting == (24 - found["embeddings"]["mini"])
    summary = indexed("index", SAMPLES, "--json").json
    again = summary["new"] + summary["changed"] + summary["reembedded"]
    assert again == waiting
    assert (waiting == 0) == (table != "contents")
    assert "whiskers" in indexed("tags", SAMPLES / "cat.jpg").stdout
    assert indexed("query", "cat", "--limit", "1", "--paths").stdout.endswith("cat.jpg\n")


def test_it_is_said_which_of_the_users_tags_are_lost(indexed: Command) -> None:
    indexed("tag", SAMPLES / "cat.jpg", "--add", "whiskers")
    flip(indexed.database, root_page(indexed.database, "user_tags"))
    said = indexed("db", "salvage").stdout
    assert f"lost what you said of the tag whiskers on {SAMPLES}/cat.jpg" in said
    assert "saved 0 tags of your own, 24 files, 24 contents" in said
    assert "saved 24 embeddings" in said


def test_an_index_that_is_not_damaged_is_not_salvaged(indexed: Command) -> None:
    before = indexed.database.read_bytes()[PAGE:]
    assert "is not damaged" in indexed("db", "salvage").stdout
    assert indexed("db", "salvage", "--json").json["is_damaged"] is False
    assert indexed.database.read_bytes()[PAGE:] == before
    indexed.database.unlink()
    assert "there is no index" in indexed("db", "salvage", code=5).stderr
