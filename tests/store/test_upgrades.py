"""Indices of every earlier schema, with data in them, brought up to date, also when interrupted."""

import importlib.util
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlean.dbapi2
from sqlite_utils import Database, Migrations

from photond.errors import IndexDatabaseError
from photond.store import check, embeddings, schema
from photond.store.database import Connection, connect, open_index, transaction

VERSIONS = [file.stem for file in schema.migration_files()]
_STATES = ("queued", "running", "suspect", "failed", "quarantined")
_PACKS = (1, 2)
_OPEN = """
import pathlib, sys
from photond.store import database, schema
is_current = schema.is_current
def asked(connection):
    found = is_current(connection)
    if not found:
        print("outdated", flush=True)
    return found
schema.is_current = asked
database.open_index(pathlib.Path(sys.argv[1])).close()
"""

Rows = dict[str, list[tuple[object, ...]]]


def _apply(connection: Connection, versions: list[str]) -> None:
    migrations = Migrations(schema.MIGRATION_SET)
    for file in schema.migration_files():
        if file.stem in versions:
            spec = importlib.util.spec_from_file_location(file.stem, file)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            migrations(name=file.stem)(getattr(module, file.stem))
    migrations.apply(Database(connection))


def _fill(connection: Connection) -> None:
    """Rows of each kind that the first schema knows, with a folder and a name that are no UTF-8."""
    connection.executemany(
        "insert into folders (id, path) values (?, ?)", [(1, "/p"), (2, b"/\xff")]
    )
    connection.execute("insert into labels (id, name) values (1, 'cat'), (2, 'dog')")
    for pack in _PACKS:
        connection.execute(
            "insert into packs (id, name, fingerprint, embedding_dimension, added_at) "
            "values (?, ?, ?, 2, '2024-06-01')",
            (pack, f"pack{pack}", f"fingerprint{pack}"),
        )
        embeddings.create_table(connection, pack, 2)
    for number in range(1, 5):
        connection.execute(
            "insert into contents (id, sha256, size, format, width, height, indexed_at) "
            "values (?, ?, 1, 'JPEG', 1, 1, '2024-06-01')",
            (number, f"{number:064x}"),
        )
        connection.execute(
            "insert into files (id, folder_id, name, size, mtime_ns, inode, content_id) "
            "values (?, ?, ?, 1, 1, ?, ?)",
            (
                number,
                1 + number % 2,
                b"\xfe.jpg" if number == 4 else f"{number}.jpg",
                number,
                number,
            ),
        )
        for pack in _PACKS:
            connection.execute(
                f"insert into embeddings_{pack} values (?, ?)", (number, b"\0\0\x80\x3f\0\0\0\0")
            )
            connection.execute("insert into tags values (?, ?, 1, 0.5)", (pack, number))
    for number, state in enumerate(_STATES, 5):
        connection.execute(
            "insert into files (id, folder_id, name, size, mtime_ns, inode) values (?, 1, ?, 1, 1, ?)",
            (number, f"{number}.jpg", number),
        )
        failure = "undecodable" if state in {"failed", "quarantined"} else None
        connection.execute(
            "insert into jobs (file_id, state, failure, reason, modified_ns, queued_at) "
            "values (?, ?, ?, ?, 1, '2024-06-01')",
            (number, state, failure, failure),
        )


def index_of(path: Path, version: str) -> Rows:
    """Make an index that began with the first schema and was last opened by the one of `version`."""
    path.touch(0o600)
    applied = VERSIONS[: VERSIONS.index(version) + 1]
    with closing(connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        _apply(connection, applied[:1])
        _fill(connection)
        _apply(connection, applied)
        if len(applied) > 1:
            connection.execute(
                "insert into user_tags values (?, 2, 'added', '2024-06-01'), "
                "(?, 1, 'removed', '2024-06-01')",
                (f"{1:064x}", f"{9:064x}"),
            )
        if len(applied) > 2:
            connection.execute(
                "insert into files (id, folder_id, name, size, mtime_ns, inode, companion_of) "
                "values (10, 2, '1.ARW', 1, 1, 10, 1)"
            )
        return rows_of(connection)


def rows_of(connection: Connection, like: Rows | None = None) -> Rows:
    """What is in the tables; with `like`, in the tables and columns that it has."""
    tables = [
        name
        for (name,) in connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
            "and name not like '%\\_names%' escape '\\' and name <> '_sqlite_migrations'"
        ).fetchall()
    ]
    found: Rows = {}
    for table in tables:
        columns = [one[1] for one in connection.execute(f"pragma table_info('{table}')")]
        if like is not None:
            (head, *_) = like.get(table, [()])
            columns = [str(name) for name in head]
        # Which pack serves is what the second migration decides.
        columns = [name for name in columns if (table, name) != ("packs", "state")]
        if columns:
            listed = ", ".join(f'"{name}"' for name in columns)
            rows = connection.execute(f"select {listed} from {table}").fetchall()
            found[table] = [tuple(columns), *sorted(rows, key=repr)]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_an_index_of_each_schema_keeps_its_rows_and_is_whole(tmp_path: Path, version: str) -> None:
    path = tmp_path / "index.db"
    before = index_of(path, version)
    assert len(before["jobs"]) == 1 + len(_STATES)
    with closing(open_index(path)) as connection:
        assert rows_of(connection, before) == before
        assert check.findings(connection) == []


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_process_that_dies_at_any_statement_of_an_upgrade_loses_nothing(
    tmp_path: Path, version: str
) -> None:
    path = tmp_path / "index.db"
    before = index_of(path, version)
    left: list[Path] = []

    def leave(_statement: str) -> None:
        # What a process that is killed here leaves on the disk.
        folder = tmp_path / str(len(left))
        folder.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", folder)
        left.append(folder / path.name)

    with closing(connect(path)) as connection:
        connection.execute(
            "select count(*) from files"
        ).fetchone()  # the -wal is there from here on
        connection.set_trace_callback(leave)
        connection.execute("begin immediate")
        schema.migrate(connection)
        connection.execute("commit")
        connection.set_trace_callback(None)
    assert len(left) > 3
    for one in left:
        with closing(connect(one)) as connection:
            assert rows_of(connection).keys() == before.keys()
        with closing(open_index(one)) as connection:
            assert rows_of(connection, before) == before
            assert check.findings(connection) == []


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_an_upgrade_for_which_there_is_no_room_leaves_the_index_as_it_was(
    tmp_path: Path, version: str
) -> None:
    path = tmp_path / "index.db"
    before = index_of(path, version)
    with closing(connect(path)) as connection:
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(sqlean.dbapi2.Error, match="full"), transaction(connection):
            schema.migrate(connection)
        assert rows_of(connection) == before
    with closing(open_index(path)) as connection:
        assert rows_of(connection, before) == before
        assert check.findings(connection) == []


def test_who_finds_an_index_being_brought_up_to_date_waits_and_does_not_do_it_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "index.db"
    before = index_of(path, VERSIONS[0])
    with closing(connect(path)) as first:
        first.execute("begin immediate")
        opener = subprocess.Popen(
            [sys.executable, "-c", _OPEN, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert opener.stdout is not None
        assert opener.stdout.readline() == "outdated\n"
        time.sleep(0.5)  # so that it is at the lock: sooner, it would have less to get wrong
        schema.migrate(first)
        first.execute("commit")
    with opener:
        assert opener.stdout.read() == ""
    assert opener.returncode == 0
    with closing(open_index(path)) as connection:
        assert rows_of(connection, before) == before


def test_an_index_of_a_newer_schema_is_refused_and_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    index_of(path, VERSIONS[-1])
    with closing(connect(path)) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values (?, 'm9999_x', '')",
            (schema.MIGRATION_SET,),
        )
    before = path.read_bytes()
    with pytest.raises(IndexDatabaseError, match="newer photond"):
        open_index(path)
    assert path.read_bytes() == before
