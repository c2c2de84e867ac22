"""An index that an earlier version wrote, opened by this one."""

import importlib.util
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from photond.store import changes, companions, embeddings, packs
from photond.store.database import Connection, connect, open_index, transaction
from photond.store.schema import MIGRATION_SET, migration_files


def made_by_the_first_version(path: Path) -> Connection:
    """An index with the first schema, as photond had it before packs could be switched."""
    path.touch(0o600)
    connection = connect(path)
    (file,) = (one for one in migration_files() if one.stem == "m0001_initial")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    migrations = Migrations(MIGRATION_SET)
    migrations(name=file.stem)(module.m0001_initial)
    migrations.apply(Database(connection))
    return connection


@pytest.mark.parametrize(("sizes", "serving"), [([3, 5], "second"), ([4, 0], "first")])
def test_of_the_packs_that_were_used_the_fullest_answers(
    tmp_path: Path, sizes: list[int], serving: str
) -> None:
    path = tmp_path / "index.db"
    with closing(made_by_the_first_version(path)) as connection:
        for id_, (name, size) in enumerate(zip(("first", "second"), sizes, strict=True), 1):
            connection.execute(
                "insert into packs (id, name, fingerprint, embedding_dimension, added_at) "
                "values (?, ?, ?, 2, '2024-06-01')",
                (id_, name, name),
            )
            embeddings.create_table(connection, id_, 2)
            for content in range(1, size + 1):
                connection.execute(
                    "insert or ignore into contents (id, sha256, size, format, width, height, "
                    "indexed_at) values (?, ?, 1, 'JPEG', 1, 1, '2024-06-01')",
                    (content, f"{content:064x}"),
                )
                connection.execute(
                    f"insert into embeddings_{id_} values (?, ?)", (content, b"\0\0\x80\x3f" * 2)
                )
    with closing(open_index(path)) as connection:
        found = packs.serving_pack(connection)
        assert found is not None
        assert found.name == serving
        assert {one.state for one in packs.all_packs(connection)} == {"serving", "building"}
        assert embeddings.count_embeddings(connection, found.id) == max(sizes)
        # The log of each pack begins with what there was.
        for one in packs.all_packs(connection):
            assert changes.since(connection, one.id, changes.current(connection, one.id)) == []


def test_pairs_of_an_older_index_are_found_by_the_next_scan(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with closing(made_by_the_first_version(path)) as connection:
        connection.execute("insert into folders (id, path) values (1, '/p')")
        for id_, name in enumerate(("a.ARW", "a.JPG"), 1):
            connection.execute(
                "insert into contents (id, sha256, size, format, width, height, indexed_at) "
                "values (?, ?, 1, 'JPEG', 1, 1, '2024-06-01')",
                (id_, f"{id_:064x}"),
            )
            connection.execute(
                "insert into files (id, folder_id, name, size, mtime_ns, inode, content_id) "
                "values (?, 1, ?, 1, 1, 1, ?)",
                (id_, name, id_),
            )
    with closing(open_index(path)) as connection:
        rows = connection.execute("select path, raw from photos order by path").fetchall()
        assert rows == [("/p/a.ARW", None), ("/p/a.JPG", None)]
        with transaction(connection):
            companions.cover(connection, 1, 2, is_as_read=True)
        assert connection.execute("select path, raw from photos").fetchall() == [
            ("/p/a.JPG", "a.ARW")
        ]


def test_an_index_without_any_photo_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    made_by_the_first_version(path).close()
    with closing(open_index(path)) as connection:
        assert packs.serving_pack(connection) is None
        with transaction(connection):
            packs.add_pack(connection, "mini", "fingerprint", 2)
        serving = packs.serving_pack(connection)
        assert serving is not None
        assert serving.name == "mini"
