"""What is saved of an index that a disk has spoilt, page by page."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photond.errors import IndexDatabaseError
from photond.store import packs, tags
from photond.store.check import findings
from photond.store.database import Connection, open_index, transaction
from photond.store.pages import Found, PagedFile
from photond.store.salvage import Salvage, is_damaged, salvage
from photond.store.salvaged_vectors import part_of
from tests.store.conftest import DIMENSION, add_photo

PAGE = 4096
PHOTOS = 2500
A_PAGE_OF_VECTORS = PAGE // (4 * DIMENSION) + 1
Damage = Callable[[bytes], bytes]


def turned_over(page: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in page[:200]) + page[200:]


def zeroed(page: bytes) -> bytes:
    return bytes(len(page))


@dataclass(frozen=True)
class Whole:
    """An index, what is in it, and what each of its pages is for.

    Attributes:
        pages: The table, the kind of page and how many rows it has, by its number.
    """

    data: bytes
    own_tags: set[tuple[str, str, str]]
    embeddings: dict[str, bytes]
    pages: dict[int, tuple[str, str, int]]

    def page(self, table: str, kind: str) -> int:
        of_kind = [page for page, what in self.pages.items() if what[:2] == (table, kind)]
        return of_kind[len(of_kind) // 2]

    def with_damage(self, damage: Damage, *pages: int) -> bytes:
        data = bytearray(self.data)
        for page in pages:
            data[(page - 1) * PAGE : page * PAGE] = damage(data[(page - 1) * PAGE : page * PAGE])
        return bytes(data)


def own_tags(connection: Connection) -> set[tuple[str, str, str]]:
    return set(
        connection.execute(
            "select sha256, name, verdict from user_tags join labels on labels.id = label_id"
        )
    )


def stored(connection: Connection) -> dict[str, bytes]:
    # Where neither the packs nor the index of them can be read, whose embeddings were is not known.
    if connection.execute("select 1 from packs").fetchone() is None:
        return {}
    return dict(
        connection.execute(
            "select sha256, embedding from embeddings_1 join contents on contents.id = content_id"
        )
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    path = tmp_path_factory.mktemp("whole") / "index.db"
    with closing(open_index(path, create=True)) as connection:
        with transaction(connection):
            pack = packs.add_pack(connection, "small", "f" * 64, DIMENSION)
            for number in range(1, PHOTOS + 1):
                content_id = add_photo(connection, pack.id, number)
                if number % 3 == 0:
                    tags.set_user_tag(connection, content_id, "mine", "added")
                if number % 5 == 0:
                    tags.set_user_tag(connection, content_id, "cat", "removed")
        connection.execute("pragma journal_mode = delete")
        pages = connection.execute("select pageno, name, pagetype, ncell from dbstat").fetchall()
        return Whole(
            path.read_bytes(),
            own_tags(connection),
            stored(connection),
            {number: (name, kind, cells) for number, name, kind, cells in pages},
        )


@dataclass
class Saved:
    found: Salvage
    own_tags: set[tuple[str, str, str]]
    embeddings: dict[str, bytes]


def saved(database: Path, data: bytes) -> Saved:
    database.write_bytes(data)
    database.chmod(0o600)
    found = salvage(database, {})
    assert found.kept is not None
    assert found.kept.read_bytes() == data
    with closing(open_index(database)) as connection:
        assert findings(connection) == []
        return Saved(found, own_tags(connection), stored(connection))


@pytest.mark.parametrize("damage", [turned_over, zeroed])
@pytest.mark.parametrize(
    ("table", "kind", "lost_embeddings"),
    [
        ("sqlite_schema", "internal", 0),
        ("sqlite_schema", "leaf", 0),
        ("contents", "internal", 0),
        ("contents", "leaf", 60),
        ("files", "internal", 0),
        ("files", "leaf", 0),
        ("folders", "leaf", 0),
        ("labels", "leaf", 0),
        ("packs", "leaf", 0),
        ("tags", "internal", 0),
        ("user_tags", "internal", 0),
        ("user_tags", "leaf", 0),
        ("embeddings_1_rowids", "internal", 0),
        ("embeddings_1_rowids", "leaf", 0),
        ("embeddings_1_chunks", "leaf", 0),
        ("embeddings_1_chunks", "overflow", 512),
        ("embeddings_1_vector_chunks00", "overflow", A_PAGE_OF_VECTORS),
    ],
)
def test_a_spoilt_page_costs_what_stood_in_it_and_nothing_else(
    whole: Whole, tmp_path: Path, damage: Damage, table: str, kind: str, lost_embeddings: int
) -> None:
    page = whole.page(table, kind)
    after = saved(tmp_path / "index.db", whole.with_damage(damage, page))
    assert after.own_tags <= whole.own_tags
    lost = whole.own_tags - after.own_tags
    assert len(lost) == (whole.pages[page][2] if table == "user_tags" else 0)
    assert {name for name, _ in after.found.lost_tags} == {name for _, name, _ in lost}
    assert len(after.found.lost_tags) == len(lost)
    assert after.embeddings.items() <= whole.embeddings.items()
    assert len(whole.embeddings) - len(after.embeddings) <= lost_embeddings
    assert after.found.embeddings == {
        "f" * 64 if table == "packs" else "small": len(after.embeddings)
    }
    assert after.found.waiting == PHOTOS - len(after.embeddings) or table == "files"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_spoilt_nothing_is_made_up(whole: Whole, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    pages = set(chance.sample(range(1, len(whole.data) // PAGE + 1), chance.randint(1, 12)))
    damage = chance.choice([turned_over, zeroed])
    after = saved(tmp_path / "index.db", whole.with_damage(damage, *pages))
    spoilt = [whole.pages[page] for page in pages if page in whole.pages]  # the others are unused
    tagged = sum(cells for table, _, cells in spoilt if table == "user_tags")
    assert after.own_tags <= whole.own_tags
    assert len(whole.own_tags - after.own_tags) <= tagged or _names_are_lost(spoilt)
    assert after.embeddings.items() <= whole.embeddings.items()


def _names_are_lost(spoilt: list[tuple[str, str, int]]) -> bool:
    """Whether labels, and the index by which they can be had without their table, are spoilt both."""
    tables = {table for table, _, _ in spoilt}
    return "sqlite_autoindex_labels_1" in tables and bool({"labels", "sqlite_schema"} & tables)


def test_a_file_that_was_cut_off_gives_what_is_left(whole: Whole, tmp_path: Path) -> None:
    after = saved(tmp_path / "index.db", whole.data[: len(whole.data) // 2 + 100])
    assert 0 < len(after.own_tags) < len(whole.own_tags)
    assert after.own_tags <= whole.own_tags
    assert after.embeddings.items() <= whole.embeddings.items()


def test_what_sqlite_has_not_yet_written_into_the_file_is_saved_as_well(
    whole: Whole, tmp_path: Path
) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(whole.data)
    with closing(open_index(database)) as connection:
        with transaction(connection):
            tags.set_user_tag(connection, 7, "late", "added")
        late = {name: (tmp_path / name).read_bytes() for name in ("index.db", "index.db-wal")}
    for name, data in late.items():
        (tmp_path / name).write_bytes(data)
    page = whole.page("contents", "leaf")
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(bytes(PAGE))
    salvage(database, {})
    with closing(open_index(database)) as connection:
        assert own_tags(connection) == whole.own_tags | {(f"{7:064x}", "late", "added")}


def test_what_was_deleted_does_not_come_back(whole: Whole, tmp_path: Path) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(whole.data)
    with closing(open_index(database)) as connection:
        with transaction(connection):
            connection.execute("delete from user_tags where sha256 > ?", (f"{100:064x}",))
        connection.execute("pragma journal_mode = delete")
        left = own_tags(connection)
        (root,) = connection.execute(
            "select rootpage from sqlite_master where name = 'contents'"
        ).fetchone()
    data = bytearray(database.read_bytes())
    data[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    assert saved(database, bytes(data)).own_tags == left


def test_an_index_that_is_whole_or_can_be_mended_is_not_damaged(
    whole: Whole, tmp_path: Path
) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(whole.data)
    assert not is_damaged(database)
    with closing(open_index(database)) as connection:
        connection.execute("update packs set state = 'kept'")
    assert not is_damaged(database)
    for page in (1, whole.page("contents", "leaf")):
        database.write_bytes(whole.with_damage(zeroed, page))
        assert is_damaged(database)


def left_in(folder: Path) -> list[str]:
    return [one.name for one in folder.glob("*index.db*") if one.suffix != ".lock"]


@pytest.mark.parametrize("data", [b"", b"no index", bytes(5 * PAGE)])
def test_nothing_is_replaced_where_there_is_nothing_to_save(tmp_path: Path, data: bytes) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(data)
    with pytest.raises(IndexDatabaseError, match=r"is empty|nothing can be salvaged"):
        salvage(database, {})
    assert database.read_bytes() == data
    assert left_in(tmp_path) == ["index.db"]


def test_an_index_of_a_newer_version_is_left_to_that(whole: Whole, tmp_path: Path) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(whole.data)
    with closing(open_index(database)) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('photond', 'm9999_future', '')"
        )
        connection.execute("pragma journal_mode = delete")
    with pytest.raises(IndexDatabaseError, match="a newer photond"):
        salvage(database, {})
    assert left_in(tmp_path) == ["index.db"]


def test_an_index_of_an_older_version_is_brought_up_to_date(whole: Whole, tmp_path: Path) -> None:
    database = tmp_path / "index.db"
    database.write_bytes(whole.data)
    with closing(open_index(database)) as connection:
        connection.execute("drop index contents_unhashed")
        connection.execute("alter table contents drop column perceptual_hash")
        connection.execute("delete from _sqlite_migrations where name = 'm0006_perceptual_hash'")
        connection.execute("pragma journal_mode = delete")
        pages = connection.execute("select pageno from dbstat where name = 'tags'").fetchall()
    data = bytearray(database.read_bytes())
    data[(pages[0][0] - 1) * PAGE : pages[0][0] * PAGE] = bytes(PAGE)
    after = saved(database, bytes(data))
    assert after.own_tags == whole.own_tags
    assert after.embeddings == whole.embeddings


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-200, 200),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.text(max_size=5).map(lambda text: text * 3000),
    st.integers(0, 20_000).map(lambda size: np.random.default_rng(size).bytes(size)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.tuples(VALUES, VALUES), max_size=40),
    size=st.sampled_from([512, 1024, 4096, 65536]),
)
def test_rows_are_read_as_sqlite_reads_them(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[int, tuple], size: int
) -> None:
    path = tmp_path_factory.mktemp("plain") / "plain.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma page_size = {size}")
        connection.execute("create table rowids (id integer primary key, a, b)")
        connection.execute("create table keys (a, id primary key, b) without rowid")
        for id_, (one, other) in rows.items():
            connection.execute("insert into rowids values (?, ?, ?)", (id_, one, other))
            connection.execute("insert into keys values (?, ?, ?)", (one, id_, other))
        connection.commit()
        roots = dict(connection.execute("select name, rootpage from sqlite_master"))
        by_rowid = connection.execute("select id, a, b from rowids order by id").fetchall()
        by_key = connection.execute("select id, a, b from keys order by id").fetchall()
    pages, found = PagedFile(path.read_bytes()), Found()
    assert [(row.rowid, *row.values[1:]) for row in pages.rows(roots["rowids"], found)] == by_rowid
    assert sorted(row.values for row in pages.rows(roots["keys"], found)) == by_key
    assert not found.spoilt


@settings(max_examples=100)
@given(st.binary(min_size=100, max_size=20_000))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    for content in (data, b"SQLite format 3\0\x02\0" + data):
        pages = PagedFile(content)
        found = Found()
        list(pages.rows(1, found))
        for number in pages.strays(pages.unused()):
            list(pages.page_rows(number))


def test_the_parts_of_embeddings_are_known_by_the_names_of_their_tables() -> None:
    assert part_of("embeddings_12_rowids") == (12, "rowids")
    assert part_of("embeddings_12_vector_chunks00") == (12, "vector_chunks00")
    assert part_of("embeddings_12") is None
    assert part_of("embedding_changes") is None


def test_an_entry_of_the_index_of_tags_that_has_lost_a_column_is_passed_over(
    whole: Whole, tmp_path: Path
) -> None:
    def as_one_blob(page: bytes) -> bytes:
        # A header of 4 bytes for an integer of one byte and 64 characters, then for 65 bytes.
        assert b"\x04\x01\x81\x0d" in page
        return page.replace(b"\x04\x01\x81\x0d", b"\x04\x80\x81\x0e", 1)

    data = whole.with_damage(as_one_blob, whole.page("user_tags_by_label", "leaf"))
    assert saved(tmp_path / "index.db", data).own_tags == whole.own_tags


def test_a_pack_whose_dimension_cannot_be_is_told_by_its_vectors(
    whole: Whole, tmp_path: Path
) -> None:
    def with_dimension(page: bytes) -> bytes:
        at = page.index(b"f" * 64) + 64
        assert page[at] == DIMENSION
        return page[:at] + b"\x80" + page[at + 1 :]

    data = whole.with_damage(with_dimension, whole.page("packs", "leaf"))
    assert saved(tmp_path / "index.db", data).embeddings == whole.embeddings
