"""The copy of the vectors beside the index: whatever happens to it, answers agree with the snapshot."""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from photond.store import changes, copying, embeddings, packs, vec0
from photond.store.comparing import what_is_wrong
from photond.store.copied import CopiedVectors, DamagedVectorsError
from photond.store.copies import VectorCopies, count_spoilt
from photond.store.copying import keep_ready, refresh
from photond.store.database import Connection, connect, open_index, snapshot, transaction
from photond.store.embeddings import Embedding
from photond.store.vector_file import VectorFile, vector_file
from photond.store.vector_layout import BLOCK_ROWS, Layout
from photond.store.vectors import StoredVectors, Vectors

DIMENSION = 8
ROOT = Path(__file__).parents[2]
ONE = np.eye(DIMENSION, dtype=np.float32)


@pytest.fixture(autouse=True)
def _few_are_worth_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "WORTH_A_FILE", 3)
    monkeypatch.setattr(copying, "TAIL_ROWS", 2)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def connection(database: Path) -> Iterator[Connection]:
    with closing(open_index(database, create=True)) as connection:
        with transaction(connection):
            packs.add_pack(connection, "pack", "pack", DIMENSION)
        yield connection


def vector_of(seed: int) -> Embedding:
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def add(connection: Connection, *ids: int, seed: int = 0) -> None:
    with transaction(connection):
        for id_ in ids:
            embeddings.add_embedding(connection, 1, id_, vector_of(id_ + 1000 * seed))


def remove(connection: Connection, *ids: int) -> None:
    with transaction(connection):
        embeddings.delete_embeddings(connection, ids)


def by_id(vectors: Vectors) -> dict[int, tuple[float, ...]]:
    """What they say of each content: its embedding, got back by multiplying with the axes."""
    products = vectors.times(ONE)
    rows = np.arange(len(vectors.ids))
    exact = products.exact(rows)
    assert (np.abs(products.about - exact) <= products.off[:, np.newaxis]).all()
    return dict(zip(vectors.ids.tolist(), map(tuple, exact.tolist()), strict=True))


def stored(connection: Connection) -> dict[int, tuple[float, ...]]:
    """The same, from sqlite-vec as anybody would ask it."""
    rows = connection.execute("select content_id, embedding from embeddings_1").fetchall()
    return {id_: tuple(np.frombuffer(blob, "<f4").tolist()) for id_, blob in rows}


def check(copies: VectorCopies, connection: Connection, kind: type | None = None) -> None:
    with snapshot(connection):
        vectors = copies.at(connection, 1)
        assert kind is None or isinstance(vectors, kind)
        assert by_id(vectors) == stored(connection)


def bring_up(connection: Connection, database: Path) -> bool:
    with snapshot(connection):
        return refresh(connection, database, 1)


def test_what_comes_and_goes_is_followed_also_under_ids_that_were_used_before(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    copies = VectorCopies(database)
    check(copies, connection, CopiedVectors)
    made = vector_file(database, 1).stat().st_ino
    remove(connection, 3, 10)
    add(connection, 10, 11, seed=1)
    add(connection, 12)
    remove(connection, 12)
    check(copies, connection, CopiedVectors)
    remove(connection, 11)
    check(copies, connection, CopiedVectors)
    check(VectorCopies(database), connection, CopiedVectors)
    assert vector_file(database, 1).stat().st_ino == made


class Following(RuleBasedStateMachine):
    """Any sequence of changes, refreshes, searches and searches in snapshots that are older."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(copying, "WORTH_A_FILE", 3)
        self.patch.setattr(copying, "TAIL_ROWS", 2)
        self.folder = TemporaryDirectory()
        self.database = Path(self.folder.name) / "index.db"
        self.writer = open_index(self.database, create=True)
        self.reader = connect(self.database)
        self.copies = VectorCopies(self.database)
        self.seed = 0
        with transaction(self.writer):
            packs.add_pack(self.writer, "pack", "pack", DIMENSION)
        add(self.writer, *range(1, 7))

    def teardown(self) -> None:
        self.reader.close()
        self.writer.close()
        self.folder.cleanup()
        self.patch.undo()

    @rule(ids=st.sets(st.integers(1, 12), min_size=1, max_size=5))
    def photos_come(self, ids: set[int]) -> None:
        self.seed += 1
        add(self.writer, *ids, seed=self.seed)

    @rule(ids=st.sets(st.integers(1, 12), min_size=1, max_size=5))
    def photos_go(self, ids: set[int]) -> None:
        remove(self.writer, *ids)

    @rule()
    def somebody_refreshes(self) -> None:
        bring_up(self.writer, self.database)

    @rule()
    def the_process_is_another(self) -> None:
        self.copies = VectorCopies(self.database)

    @precondition(lambda self: not self.reader.in_transaction)
    @rule()
    def a_snapshot_begins(self) -> None:
        self.reader.execute("begin")
        self.reader.execute("select count(*) from packs").fetchone()

    @precondition(lambda self: self.reader.in_transaction)
    @rule()
    def the_snapshot_ends(self) -> None:
        self.reader.execute("rollback")

    @invariant()
    def answers_agree_with_the_snapshot(self) -> None:
        if self.reader.in_transaction:
            assert by_id(self.copies.at(self.reader, 1)) == stored(self.reader)
        else:
            check(self.copies, self.reader)


Following.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestFollowing = Following.TestCase


def in_another_process(
    code: str, *arguments: object, within: str | None = None
) -> subprocess.Popen[str]:
    """Run code that has everything of this module, with the same small numbers.

    `within` is what a shell does before, in a mount namespace of its own.
    """
    prelude = (
        "import os, signal, sys, time\n"
        "from tests.store.test_copying import *\n"
        "copying.WORTH_A_FILE, copying.TAIL_ROWS, copying._RESERVE_BYTES = 3, 2, 0\n"
    )
    command = [sys.executable, "-c", prelude + code, *map(str, arguments)]
    if within is not None:
        shell = within + shlex.join(command)
        command = ["unshare", "--mount", "--map-root-user", "bash", "-euc", shell]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


DIES_WHILE_WRITING = """
database, number = Path(sys.argv[1]), int(sys.argv[2])
write, left = os.pwrite, iter(range(number))
def pwrite(descriptor, data, offset):
    if next(left, None) is None:
        write(descriptor, data[: len(data) // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)
    return write(descriptor, data, offset)
os.pwrite = pwrite
with closing(connect(database)) as connection:
    bring_up(connection, database)
"""


@pytest.mark.slow
def test_a_refresh_that_is_killed_at_any_write_leaves_a_copy_that_is_right_or_none(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 8))
    for seed in range(100):
        # The first time it is made, then it is followed; each time it dies one write later.
        with in_another_process(DIES_WHILE_WRITING, database, seed) as process:
            survived = process.wait(timeout=60) == 0
        check(VectorCopies(database), connection)
        if seed > 20 and survived:
            return
        remove(connection, 1, 7)
        add(connection, 1, 2, 7, 20 + seed, seed=seed)
    pytest.fail("it writes more often than it should")


@pytest.mark.slow
def test_what_was_written_for_changes_that_a_power_cut_undid_does_not_count(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    for number in range(1, 20):
        connection.execute("vacuum into ?", (str(database.with_name("before")),))
        remove(connection, 1, 2, 3)
        add(connection, 3, 11, seed=number)
        with in_another_process(DIES_WHILE_WRITING, database, number) as process:
            survived = process.wait(timeout=60) == 0
        connection.close()
        database.with_name("before").replace(database)
        connection = open_index(database)
        add(connection, 20 + number, 50 + number)
        remove(connection, 20 + number - 1)
        check(VectorCopies(database), connection, CopiedVectors)
        bring_up(connection, database)
        check(VectorCopies(database), connection, CopiedVectors)
        if survived:
            connection.close()
            return
    pytest.fail("it writes more often than it should")


WRITES_AND_REFRESHES = """
database = Path(sys.argv[1])
with closing(connect(database)) as connection:
    for seed in range(1, 60):
        remove(connection, *range(1 + seed % 3, 30, 3))
        add(connection, *range(1 + seed % 2, 30, 2), seed=seed)
        if seed % 4 == 0:
            bring_up(connection, database)
"""


def test_a_search_agrees_with_its_snapshot_while_others_write_and_refresh(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 30))
    copies = VectorCopies(database)
    with in_another_process(WRITES_AND_REFRESHES, database) as process:
        states = set()
        while process.poll() is None:
            check(copies, connection)
            states.add(changes.current(connection, 1))
        assert process.returncode == 0
    assert len(states) > 3
    check(copies, connection)


@pytest.mark.parametrize("was_copied", [True, False])
def test_a_search_whose_snapshot_is_older_than_the_copy_finds_what_was_there_then(
    database: Path, connection: Connection, *, was_copied: bool
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    add(connection, 11)
    if was_copied:
        bring_up(connection, database)
    with closing(connect(database)) as reader, snapshot(reader):
        before = stored(reader)
        remove(connection, 1, 11)
        add(connection, 11, 12, seed=1)
        assert bring_up(connection, database)
        vectors = VectorCopies(database).at(reader, 1)
        # What came and went between two refreshes is not in the file.
        assert isinstance(vectors, CopiedVectors if was_copied else StoredVectors)
        assert by_id(vectors) == before
        remove(connection, 5)
    with closing(connect(database)) as reader, snapshot(reader):
        before = stored(reader)
        add(connection, 13)
        assert bring_up(connection, database)
        assert isinstance(vectors := VectorCopies(database).at(reader, 1), CopiedVectors)
        assert by_id(vectors) == before


def test_a_copy_that_is_newer_than_a_snapshot_in_all_it_has_is_left_alone(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    with closing(connect(database)) as reader, snapshot(reader):
        before = stored(reader)
        remove(connection, 1)
        assert bring_up(connection, database)
        made = vector_file(database, 1).stat()
        vectors = VectorCopies(database).at(reader, 1)
        assert isinstance(vectors, StoredVectors)
        assert by_id(vectors) == before
        assert vector_file(database, 1).stat().st_mtime_ns == made.st_mtime_ns
    check(VectorCopies(database), connection, CopiedVectors)


@pytest.mark.parametrize("photos_since", [0, 1, 40])
def test_a_backup_that_is_put_back_has_another_history(
    database: Path, connection: Connection, photos_since: int
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    connection.execute("vacuum into ?", (str(database.with_name("backup")),))
    add(connection, *range(11, 21))
    bring_up(connection, database)
    connection.close()
    for name in ("index.db-wal", "index.db-shm"):
        database.with_name(name).unlink(missing_ok=True)
    database.with_name("backup").replace(database)
    copies = VectorCopies(database)
    with closing(open_index(database)) as back:
        if photos_since:
            add(back, *range(11, 11 + photos_since), seed=5)
        check(copies, back, CopiedVectors)
        remove(back, 2, 3, 4)
        check(copies, back, CopiedVectors)


def test_a_pack_that_is_made_under_the_id_of_a_removed_one_has_none_of_its_vectors(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    left = vector_file(database, 1).read_bytes()
    with transaction(connection):
        packs.remove_pack(connection, 1)
    assert not vector_file(database, 1).exists()
    vector_file(database, 1).write_bytes(left)
    with transaction(connection):
        packs.add_pack(connection, "other", "other", DIMENSION)
    add(connection, *range(1, 11), seed=1)
    check(VectorCopies(database), connection, CopiedVectors)


def damage(file: Path, at: int, length: int = 16) -> None:
    data = bytearray(file.read_bytes())
    for place in range(at, at + length):
        data[place] ^= 0x55
    file.write_bytes(data)


@pytest.mark.parametrize("left", [0, 1, 50, 5000, 70_000])
def test_a_file_that_is_cut_short_is_made_again(
    database: Path, connection: Connection, left: int
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    os.truncate(vector_file(database, 1), left)
    check(VectorCopies(database), connection, CopiedVectors)


def test_a_file_of_another_kind_is_made_again(database: Path, connection: Connection) -> None:
    add(connection, *range(1, 11))
    for data in (b"", b"photondv" * 20_000, os.urandom(200_000)):
        vector_file(database, 1).write_bytes(data)
        check(VectorCopies(database), connection, CopiedVectors)


def test_a_damaged_header_is_the_header_before(database: Path, connection: Connection) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    add(connection, *range(11, 21))
    bring_up(connection, database)
    with closing(VectorFile(vector_file(database, 1))) as file:
        newest = file.header.commits % 2 * 4096
    damage(vector_file(database, 1), newest + 16)
    check(VectorCopies(database), connection, CopiedVectors)


def test_vectors_that_are_damaged_are_noticed(database: Path, connection: Connection) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    first = vector_of(1).tobytes()
    damage(vector_file(database, 1), vector_file(database, 1).read_bytes().index(first), 1)
    copies = VectorCopies(database)
    with snapshot(connection):
        products = copies.at(connection, 1).times(ONE)
        with pytest.raises(DamagedVectorsError):
            products.exact(np.arange(10))
    copies.discard(1)
    check(copies, connection, CopiedVectors)


def test_the_copy_is_made_anew_when_much_of_it_is_gone(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 41))
    bring_up(connection, database)
    remove(connection, *range(1, 31))
    bring_up(connection, database)
    add(connection, *range(1, 5))
    bring_up(connection, database)
    with closing(VectorFile(vector_file(database, 1))) as file:
        assert file.header.rows == 14
    check(VectorCopies(database), connection, CopiedVectors)


def test_a_log_that_was_cut_has_the_copy_made_again(
    database: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT_CHANGES", 5)
    monkeypatch.setattr(changes, "_TIDY_EVERY", 1)
    add(connection, *range(1, 11))
    bring_up(connection, database)
    add(connection, *range(11, 31))
    (kept,) = connection.execute("select count(*) from embedding_changes").fetchone()
    assert kept == 6
    check(VectorCopies(database), connection, CopiedVectors)


def test_rows_beyond_a_block_are_found(database: Path, connection: Connection) -> None:
    add(connection, *range(1, BLOCK_ROWS + 100))
    copies = VectorCopies(database)
    check(copies, connection, CopiedVectors)
    add(connection, *range(BLOCK_ROWS + 100, 2 * BLOCK_ROWS + 10))
    check(copies, connection, CopiedVectors)


def test_only_the_owner_may_read_the_copy(database: Path, connection: Connection) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    assert vector_file(database, 1).stat().st_mode & 0o777 == 0o600
    assert {one.name for one in database.parent.glob("index.db-v*")} == {"index.db-vectors-1"}


def test_few_photos_have_no_copy(database: Path, connection: Connection) -> None:
    add(connection, 1, 2, 3)
    assert not bring_up(connection, database)
    check(VectorCopies(database), connection, StoredVectors)
    assert not vector_file(database, 1).exists()


def test_where_no_file_can_be_made_the_index_answers(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    vector_file(database, 1).mkdir()
    check(VectorCopies(database), connection, StoredVectors)


def test_while_another_process_refreshes_what_it_has_not_written_is_read_beside_it(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    add(connection, *range(11, 31))
    remove(connection, 4)
    with vector_file(database, 1).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not bring_up(connection, database)
        check(VectorCopies(database), connection, CopiedVectors)


def test_a_disk_without_room_is_not_filled(
    database: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(connection, *range(1, 11))
    monkeypatch.setattr(copying, "_RESERVE_BYTES", 1 << 60)
    copies = VectorCopies(database)
    check(copies, connection, StoredVectors)
    assert "No space left" in copies.trouble
    assert list(database.parent.glob("index.db-v*")) == []


def test_what_was_let_go_is_found_again(database: Path, connection: Connection) -> None:
    add(connection, *range(1, 11))
    copies = VectorCopies(database)
    with snapshot(connection):
        vectors = copies.at(connection, 1)
        copies.let_go()
        assert by_id(vectors) == stored(connection)
    check(copies, connection, CopiedVectors)


def test_the_copy_is_ready_after_a_pass_and_left_alone_after_few_changes(
    database: Path, connection: Connection
) -> None:
    keep_ready(connection, database)
    assert not vector_file(database, 1).exists()
    add(connection, *range(1, 11))
    keep_ready(connection, database)
    made = vector_file(database, 1).stat().st_mtime_ns
    add(connection, 11)
    keep_ready(connection, database)
    assert vector_file(database, 1).stat().st_mtime_ns == made
    add(connection, 12, 13)
    keep_ready(connection, database)
    with closing(VectorFile(vector_file(database, 1))) as file:
        assert file.header.rows == 13


def test_a_copy_is_no_longer_made_when_it_is_to_stop(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    with snapshot(connection):
        assert not refresh(connection, database, 1, lambda: True)
    assert list(database.parent.glob("index.db-v*")) == []


def namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


FILLS_THE_DISK = """
database = Path(sys.argv[1]) / "index.db"
with closing(open_index(database, create=True)) as connection:
    with transaction(connection):
        packs.add_pack(connection, "pack", "pack", DIMENSION)
    add(connection, *range(1, 11))
    bring_up(connection, database)
    add(connection, *range(11, 6000))
    connection.execute("pragma wal_checkpoint(truncate)")
    with open(database.with_name("ballast"), "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)): pass
        except OSError: pass
    copies = VectorCopies(database)
    check(copies, connection, CopiedVectors)
    assert "No space left" in copies.trouble, copies.trouble
    database.with_name("ballast").unlink()
    check(VectorCopies(database), connection, CopiedVectors)
    with closing(VectorFile(vector_file(database, 1))) as file:
        assert file.header.rows == 5999
"""

READ_ONLY = """
database = Path(sys.argv[1]) / "index.db"
with closing(open_index(database, create=True)) as connection:
    with transaction(connection):
        packs.add_pack(connection, "pack", "pack", DIMENSION)
    add(connection, *range(1, 11))
    bring_up(connection, database)
    file = str(vector_file(database, 1))
    subprocess.run(["mount", "--bind", file, file], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", file], check=True)
    add(connection, *range(11, 31))
    remove(connection, 3)
    copies = VectorCopies(database)
    check(copies, connection, CopiedVectors)
    assert "Read-only" in copies.trouble, copies.trouble
"""


@pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")
@pytest.mark.parametrize("code", [FILLS_THE_DISK, READ_ONLY])
def test_what_cannot_be_written_into_the_copy_is_read_beside_it(tmp_path: Path, code: str) -> None:
    prelude = f"mount -t tmpfs -o size=16M disk {tmp_path}; exec "
    with in_another_process(code, tmp_path, within=prelude) as process:
        assert process.wait(timeout=120) == 0


def wrong(connection: Connection, database: Path) -> str:
    with snapshot(connection):
        return what_is_wrong(connection, database, 1)


def overwrite(database: Path, field: str, row: int, value: np.ndarray) -> None:
    layout = Layout(DIMENSION)
    with vector_file(database, 1).open("r+b") as file:
        file.seek(layout.block(0) + layout.region(field) + row * value.nbytes)
        file.write(value.tobytes())


def test_a_copy_is_held_against_what_it_covers_however_far_it_lags(
    database: Path, connection: Connection
) -> None:
    assert wrong(connection, database) == ""
    add(connection, *range(1, 11))
    bring_up(connection, database)
    assert wrong(connection, database) == ""
    with closing(connect(database)) as other, snapshot(other):
        changes.current(other, 1)
        remove(connection, 2, 3)
        add(connection, 3, 11, 12, seed=1)
        assert wrong(connection, database) == ""  # the copy lags
        overwrite(database, "sums", 7, np.zeros(1, "<u4"))
        assert wrong(connection, database) == "has 1 vectors of 8 wrong"
        vector_file(database, 1).unlink()
        bring_up(connection, database)
        # It is ahead of who looks, and not of another state's making.
        assert what_is_wrong(other, database, 1) == ""
    assert wrong(connection, database) == ""


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("vectors", -ONE[0], "has 1 vectors of 10 wrong"),
        ("codes", np.full(DIMENSION, 7, "i1"), "has 1 vectors of 10 wrong"),
        ("scales", np.full(1, np.nan, "<f4"), "has 1 vectors of 10 wrong"),
        ("lost", np.full(1, -1, "<f4"), "has 1 vectors of 10 wrong"),
        ("sums", np.zeros(1, "<u4"), "has 1 vectors of 10 wrong"),
        ("ids", np.full(1, 99, "<i8"), "has vectors of other photos"),
        ("ids", np.full(1, 4, "<i8"), "has vectors of other photos"),
        ("until", np.zeros(1, "<i8"), "has vectors of other photos"),
    ],
)
def test_a_copy_that_says_what_the_index_does_not_is_found(
    database: Path, connection: Connection, field: str, value: np.ndarray, found: str
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    overwrite(database, field, 5, value)
    assert wrong(connection, database) == found


def test_a_copy_from_another_history_of_the_index_is_not_held_against_it(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    bring_up(connection, database)
    overwrite(database, "sums", 7, np.zeros(1, "<u4"))
    with transaction(connection):
        changes.begin_anew(connection, 1)
    assert wrong(connection, database) == ""


def test_a_copy_that_is_not_whole_or_cannot_be_read_is_found(
    database: Path, connection: Connection
) -> None:
    add(connection, *range(1, 11))
    vector_file(database, 1).touch()
    assert wrong(connection, database) == ""  # somebody is about to make it
    vector_file(database, 1).write_bytes(b"no copy")
    assert wrong(connection, database) == "is not whole"
    vector_file(database, 1).unlink()
    vector_file(database, 1).symlink_to(database)
    assert "cannot be read" in wrong(connection, database)


def spoil(connection: Connection, content_id: int) -> None:
    """Make the embedding of a content one that is none, as a disk does that turns bits over."""
    ((chunk, place, vectors),) = connection.execute(
        """
        select chunk_id, chunk_offset, vectors from embeddings_1_rowids as places
        join embeddings_1_vector_chunks00 as chunks on chunks._rowid_ = chunk_id
        where places.rowid = ?
        """,
        (content_id,),
    ).fetchall()
    spoilt = np.frombuffer(vectors, "<f4").reshape(vec0.CHUNK_PLACES, -1).copy()
    spoilt[place] *= 3
    connection.execute(
        "update embeddings_1_vector_chunks00 set vectors = ? where _rowid_ = ?",
        (spoilt.tobytes(), chunk),
    )


def test_the_copy_is_kept_ready_without_what_is_spoilt_and_says_how_much_that_is(
    database: Path, connection: Connection
) -> None:
    def left(kind: type = CopiedVectors) -> tuple[list[int], int, int]:
        with snapshot(connection):
            vectors = VectorCopies(database).at(connection, 1)
            assert isinstance(vectors, kind)
            known = count_spoilt(connection, database, 1)
            return sorted(vectors.ids.tolist()), vectors.spoilt, known

    add(connection, *range(1, 11))
    spoil(connection, 3)
    copying.keep_ready(connection, database)
    assert left() == ([1, 2, *range(4, 11)], 1, 1)
    # It is followed as any other, be what comes spoilt as well.
    add(connection, 11, 12)
    spoil(connection, 12)
    assert left() == ([1, 2, *range(4, 12)], 2, 2)
    remove(connection, 3)
    assert left() == ([1, 2, *range(4, 12)], 1, 1)
    vector_file(database, 1).unlink()
    remove(connection, *range(4, 12))
    assert left(StoredVectors) == ([1, 2], 1, 1)
