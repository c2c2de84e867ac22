"""What commands make of an index that a disk, another program or a user has damaged, and what helps.

Most commands run in this process, so that each kind of damage can be tried with each of them.
"""

import io
import os
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photond.__main__ import _run
from photond.store import copying, database
from photond.store.database import connect
from photond.store.embeddings import dimension_of
from photond.store.kept import kept_folders, set_kept_folders
from photond.store.vector_layout import Layout
from tests.conftest import SAMPLES, Command, Run, make_command

PAGE = 4096
PHOTOS = ("astronaut", "cat", "coffee", "coins", "rocket")
PAGES_TRIED = 60

# What an index is damaged for is one of these, and so is what helps.
DAMAGED = ("is damaged", "damaged:")
HELP = ("Restore a backup", "db check --repair", "Look at `database`")


@dataclass(frozen=True)
class Library:
    """A command with an index of five photos; each test begins with it whole."""

    photond: Command
    photos: Path
    whole: bytes

    @property
    def database(self) -> Path:
        return self.photond.database

    def beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)

    def put(self, content: bytes, suffix: str = "") -> None:
        self.beside(suffix).write_bytes(content)
        self.beside(suffix).chmod(0o600)

    def restore(self) -> None:
        """What a user does who has a backup."""
        for file in self.database.parent.glob("index.db*"):
            file.unlink()
        self.put(self.whole)

    def __call__(self, *arguments: str | Path) -> Run:
        """Run the command in this process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
        before = dict(os.environ), sys.argv
        os.environ.clear()
        os.environ.update(self.photond.environ)
        sys.argv = ["photond", *map(str, arguments)]
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = int(_run())
        finally:
            os.environ.clear()
            os.environ.update(before[0])
            sys.argv = before[1]
        said = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        run = Run(code, *said)
        assert "unexpected error" not in run.stderr
        assert "Traceback" not in run.stderr
        return run

    def commands(self) -> list[tuple[str | Path, ...]]:
        """What is tried on each damage: asking, looking, tagging and indexing."""
        cat = self.photos / "cat.jpg"
        return [
            ("query", "cat", "--json"),
            ("tags", cat),
            ("tag", cat, "--add", "Tom"),
            ("index", self.photos),
        ]

    def found(self) -> list[str]:
        """The names of what a search finds, best first."""
        run = self("query", "cat", "--json")
        assert run.code == 0, run.stderr
        return [Path(hit["path"]).name for hit in run.json]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Library:
    place = tmp_path_factory.mktemp("damage")
    photond = make_command(place / "home")
    photos = place / "photos"
    photos.mkdir()
    for name in PHOTOS:
        with Image.open(SAMPLES / f"{name}.jpg") as picture:
            picture.convert("RGB").resize((96, 96)).save(photos / f"{name}.jpg")
    photond("index", photos)
    photond("query", "cat")  # so that its embedding is kept, and asking again loads no model
    photond("tag", photos / "cat.jpg", "--add", "Felix")
    with closing(connect(photond.database)) as connection:
        connection.execute("create table ballast as select randomblob(60000)")
        connection.execute("drop table ballast")
        connection.execute("pragma wal_checkpoint(truncate)")
    return Library(photond, photos, photond.database.read_bytes())


@pytest.fixture
def library(made: Library) -> Iterator[Library]:
    made.restore()
    yield made
    made.restore()


def flipped(content: bytes, page: int, offset: int, count: int = 200) -> bytes:
    """With bits of a page turned over."""
    start = (page - 1) * PAGE + offset
    end = start + count
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start:end]) + content[end:]


def pages(library: Library) -> list[tuple[str, int]]:
    """A page of each kind of each table and index, with its name; the freelist's trunk is the last."""
    with closing(connect(library.database)) as connection:
        rows = connection.execute(
            "select name || ' ' || pagetype, max(pageno) from dbstat group by name, pagetype"
        ).fetchall()
    (trunk,) = struct.unpack(">I", library.whole[32:36])
    return [("header", 1), *rows, ("freelist", trunk)]


def helps(run: Run) -> bool:
    said = run.stderr + run.stdout
    return any(word in said for word in DAMAGED) and any(word in said for word in HELP)


@pytest.mark.parametrize("offset", [0, 2000])
def test_whatever_page_is_spoilt_no_command_fails_unexplained_or_finds_something_else(
    library: Library, offset: int
) -> None:
    tried = pages(library)
    kinds = {name.rpartition(" ")[2] for name, _ in tried}
    assert {"header", "internal", "leaf", "overflow", "freelist"} == kinds
    assert len(tried) >= PAGES_TRIED
    right = library.found()
    refused = 0
    for name, page in tried:
        for command in library.commands():
            library.restore()
            library.put(flipped(library.whole, page, offset))
            run = library(*command)
            assert run.code == 0 or (run.code == 5 and helps(run)), (name, command, run)
            refused += run.code == 5
            if command[0] == "query" and run.code == 0:
                found = [Path(hit["path"]).name for hit in run.json]
                assert found == right, (name, run.stderr)
    assert refused


def test_a_page_that_is_spoilt_is_found_by_the_check_and_mended_by_a_backup(
    library: Library,
) -> None:
    for name, page in pages(library):
        library.restore()
        library.put(flipped(library.whole, page, 0))
        run = library("db", "check")
        assert run.code == 5, (name, run.stdout)
        assert helps(run), (name, run)
    library.restore()
    assert library("db", "check").code == 0


def spoil_a_vector(library: Library) -> str:
    """Turn bits of a photo's embedding over; says which photo's."""
    with closing(connect(library.database)) as connection:
        ((vectors, rowids),) = connection.execute(
            """
            select vectors, chunks.rowids from embeddings_1_chunks as chunks
            join embeddings_1_vector_chunks00 as vectors on vectors._rowid_ = chunk_id
            """
        ).fetchall()
        spoilt = np.frombuffer(vectors, np.uint8).copy()
        spoilt[100:200] ^= 0xFF
        connection.execute("update embeddings_1_vector_chunks00 set vectors = ?", (spoilt.data,))
        (name,) = connection.execute(
            "select name from files where content_id = ?", struct.unpack_from("<q", rowids)
        ).fetchone()
    return str(name)


def mend(library: Library) -> None:
    """What every word on spoilt embeddings tells the user to do."""
    assert library("db", "check").code == 5
    assert library("db", "check", "--repair").code == 0
    assert library("index", library.photos).code == 0


def test_a_photo_whose_vector_is_spoilt_is_left_out_of_searches_with_a_word_until_it_is_mended(
    library: Library,
) -> None:
    right = library.found()
    name = spoil_a_vector(library)
    run = library("query", "cat", "--json")
    assert run.code == 0
    assert [Path(hit["path"]).name for hit in run.json] == [one for one in right if one != name]
    assert run.stderr.count("1 photo whose embedding is spoilt") == 1
    assert "`photond db check --repair`" in run.stderr
    # What needs no embedding finds the photo, and has nothing to say.
    by_date = library("query", "since:1990", "--json")
    assert "spoilt" not in by_date.stderr
    mend(library)
    run = library("query", "cat", "--json")
    assert [Path(hit["path"]).name for hit in run.json] == right
    assert "spoilt" not in run.stderr


def test_a_spoilt_vector_shows_in_the_status_and_stops_nothing(library: Library) -> None:
    status = library("status", "--json")
    assert (status.code, status.json["spoilt"]) == (0, 0)
    name = spoil_a_vector(library)
    status = library("status", "--json")
    assert (status.code, status.json["spoilt"]) == (1, 1)
    assert "1 embedding (`photond db check --repair`" in library("status").stdout
    for command in (("retag",), ("index", library.photos), ("duplicates",)):
        assert library(*command).code == 0, command
    # The photo itself can be asked about: it is embedded on the spot.
    like = library("similar", library.photos / name, "--json")
    assert (like.code, len(like.json)) == (0, len(PHOTOS) - 1)
    mend(library)
    assert library("status").code == 0


def test_photos_are_not_called_alike_by_a_vector_that_is_spoilt(
    library: Library, tmp_path: Path
) -> None:
    name = spoil_a_vector(library)
    library.restore()
    for photo in library.photos.iterdir():
        with Image.open(photo) as picture:
            picture.resize((80, 80)).save(tmp_path / photo.name)
    assert library("index", tmp_path).code == 0
    alike = {
        Path(copy["path"]).name
        for group in library("duplicates", "--json").json["groups"]
        for copy in group["copies"]
    }
    assert name in alike
    spoil_a_vector(library)
    run = library("duplicates", "--json")
    assert run.json["not_compared"]["spoilt"] == 1
    left = {Path(copy["path"]).name for group in run.json["groups"] for copy in group["copies"]}
    assert left == alike - {name}
    assert "1 have a spoilt embedding" in library("duplicates").stderr


def test_a_file_of_embeddings_lacks_those_that_are_spoilt_and_the_exit_code_says_so(
    library: Library, tmp_path: Path
) -> None:
    spoil_a_vector(library)
    run = library("export", "--parquet", tmp_path / "photos.parquet", "--json")
    assert (run.code, run.json["photos"], run.json["spoilt"]) == (1, len(PHOTOS) - 1, 1)
    assert "1 have a spoilt embedding" in run.stderr


def test_the_copy_of_the_vectors_is_made_without_those_that_are_spoilt(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = library.found()
    monkeypatch.setattr(copying, "WORTH_A_FILE", 2)
    name = spoil_a_vector(library)
    for _ in range(2):
        assert library.found() == [one for one in right if one != name]
        made = library.beside("-vectors-1").stat().st_ino
        assert library("status", "--json").json["spoilt"] == 1
    assert library.beside("-vectors-1").stat().st_ino == made
    assert "spoilt" in library("query", "dog").stderr
    mend(library)
    assert library.found() == right
    assert library("status", "--json").json["spoilt"] == 0


def test_a_vector_that_is_spoilt_after_it_was_copied_is_searched_by_the_copy(
    library: Library, copied: Path
) -> None:
    right = library.found()
    spoil_a_vector(library)
    run = library("query", "cat", "--json")
    assert [Path(hit["path"]).name for hit in run.json] == right
    assert "spoilt" not in run.stderr
    assert copied.exists()


@pytest.mark.parametrize(
    "change",
    [
        "update embeddings_1_chunks set rowids = zeroblob(3)",
        "update embeddings_1_vector_chunks00 set vectors = zeroblob(5)",
        "delete from embeddings_1_vector_chunks00",
    ],
)
def test_tables_of_vectors_that_make_no_sense_are_said_to_be_damaged(
    library: Library, change: str
) -> None:
    with closing(connect(library.database)) as connection:
        connection.execute(change)
    run = library("query", "cat")
    assert (run.code, helps(run)) == (5, True), run
    assert library("db", "check", "--repair").code == 0
    assert library("index", library.photos).code == 0
    assert library.found()[0] == "cat.jpg"


def test_a_kept_query_that_is_spoilt_is_embedded_again(library: Library) -> None:
    right = library.found()
    with closing(connect(library.database)) as connection:
        connection.execute("update query_embeddings set embedding = zeroblob(length(embedding))")
    assert library.found() == right


@pytest.mark.parametrize("size", [100, PAGE, 50 * PAGE])
def test_a_file_that_was_cut_off_is_refused_by_every_command(library: Library, size: int) -> None:
    for command in (*library.commands(), ("db", "check"), ("status",)):
        library.restore()
        library.put(library.whole[:size])
        run = library(*command)
        assert (run.code, helps(run)) == (5, True), (command, run)
        assert library.database.read_bytes() == library.whole[:size]


def test_an_empty_file_is_an_index_of_nothing_and_is_filled_by_the_next_pass(
    library: Library,
) -> None:
    right = library.found()
    library.restore()
    library.put(b"")
    run = library("query", "cat")
    assert run.code == 5
    assert "nothing is indexed" in run.stderr
    assert "photond index" in run.stderr
    assert library("index", library.photos).code == 0
    assert library.found() == right


def test_a_folder_in_the_place_of_the_index_is_said_to_be_one(library: Library) -> None:
    library.database.unlink()
    library.database.mkdir()
    try:
        run = library("query", "cat")
    finally:
        library.database.rmdir()
    assert run.code == 5
    assert "is a folder and no index" in run.stderr


def test_a_text_in_the_place_of_the_index_is_left_alone(library: Library) -> None:
    text = b"my diary\n" * 1000
    for command in library.commands():
        library.restore()
        library.put(text)
        run = library(*command)
        assert (run.code, helps(run)) == (5, True)
        assert library.database.read_bytes() == text
        assert not library.beside("-wal").exists()


def foreign(place: Path) -> tuple[bytes, bytes]:
    """Another program's database, and the log of one that was not folded in."""
    other = place / "other.db"
    with closing(connect(other)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table diary as select randomblob(9000) as entry")
        log = other.with_name("other.db-wal").read_bytes()
        connection.execute("pragma wal_checkpoint(truncate)")
        return other.read_bytes(), log


def test_a_database_of_another_program_is_left_alone(library: Library, tmp_path: Path) -> None:
    content, _ = foreign(tmp_path)
    for command in library.commands():
        library.restore()
        library.put(content)
        run = library(*command)
        assert run.code == 5
        assert "database of another program" in run.stderr
        assert library.database.read_bytes() == content


def test_the_log_of_another_database_is_not_folded_into_the_index(
    library: Library, tmp_path: Path
) -> None:
    right = library.found()
    _, log = foreign(tmp_path)
    for command in library.commands():
        library.restore()
        library.put(log, "-wal")
        run = library(*command)
        assert run.code == 5
        assert "-wal beside it that belongs to another file" in run.stderr
        assert library.database.read_bytes() == library.whole
    library.beside("-wal").unlink()
    library.beside("-shm").unlink(missing_ok=True)
    assert library.found() == right
    assert library("db", "check").code == 0


def logged(library: Library, tmp_path: Path) -> tuple[bytes, bytes]:
    """The log of two tags that were not folded in, and its index of pages."""
    shutil.copy(library.database, tmp_path / "index.db")
    with closing(connect(tmp_path / "index.db")) as connection:
        for name in ("one", "two"):
            connection.execute("insert into labels (name) values (?)", (name,))
        return (tmp_path / "index.db-wal").read_bytes(), (tmp_path / "index.db-shm").read_bytes()


@pytest.mark.parametrize("kind", ["whole", "cut off", "spoilt", "noise", "empty", "header"])
def test_of_a_log_that_is_not_whole_the_transactions_before_count(
    library: Library, tmp_path: Path, kind: str
) -> None:
    right = library.found()
    library.restore()
    log, _ = logged(library, tmp_path)
    noise = np.random.default_rng(1).bytes(len(log))
    content, kept = {
        "whole": (log, ["one", "two"]),
        "cut off": (log[:-100], ["one"]),
        "spoilt": (log[:-100] + bytes(100), ["one"]),
        "noise": (noise, []),
        "empty": (b"", []),
        "header": (log[:20], []),
    }[kind]
    library.put(content, "-wal")
    assert library.found() == right
    with closing(connect(library.database)) as connection:
        names = connection.execute("select name from labels where name in ('one', 'two')")
        assert [name for (name,) in names] == kept
    assert library("db", "check").code == 0
    assert library("tag", library.photos / "cat.jpg", "--add", "Tom").code == 0


@pytest.mark.parametrize("kind", ["noise", "of another time", "missing"])
def test_an_index_of_the_log_that_is_wrong_is_made_anew(
    library: Library, tmp_path: Path, kind: str
) -> None:
    right = library.found()
    library.restore()
    log, pages_of_log = logged(library, tmp_path)
    library.put(log, "-wal")
    if kind != "missing":
        library.put(
            np.random.default_rng(1).bytes(32768) if kind == "noise" else pages_of_log, "-shm"
        )
    assert library.found() == right
    with closing(connect(library.database)) as connection:
        assert connection.execute(
            "select count(*) from labels where name in ('one', 'two')"
        ).fetchone() == (2,)
    assert library("db", "check").code == 0


def test_an_index_of_a_newer_photond_is_refused_by_every_command(library: Library) -> None:
    with closing(connect(library.database)) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('photond', 'm9999_x', '')"
        )
    before = library.database.read_bytes()
    for command in (*library.commands(), ("db", "check"), ("status",)):
        run = library(*command)
        assert run.code == 5
        assert "newer photond" in run.stderr
        assert "Update photond" in run.stderr
    assert library.database.read_bytes() == before


def test_an_index_that_another_program_locks_for_long_is_searched_and_not_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = library.found()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 100)
    with closing(connect(library.database)) as other:
        other.execute("begin immediate")
        assert library.found() == right
        for command in library.commands()[2:]:
            run = library(*command)
            assert run.code == 5
            assert "is locked by another program" in run.stderr
            assert "Try again" in run.stderr
    assert library("tag", library.photos / "cat.jpg", "--add", "Tom").code == 0


@pytest.fixture
def copied(library: Library, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library's copy of its vectors."""
    monkeypatch.setattr(copying, "WORTH_A_FILE", 2)
    monkeypatch.setattr(copying, "TAIL_ROWS", 0)
    library.found()
    file = library.beside("-vectors-1")
    assert file.exists()
    return file


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"no vectors\n" * 100, id="text"),
        pytest.param(lambda content: content[:1000], id="cut off in the header"),
        pytest.param(lambda content: content[:100_000], id="cut off in the rows"),
        pytest.param(lambda content: bytes(8192) + content[8192:], id="no header"),
        pytest.param(lambda content: b"x" + content[1:4096] + b"x" + content[4097:], id="magic"),
        pytest.param(lambda content: content[:-1_000_000] + bytes(1_000_000), id="vectors end"),
    ],
)
def test_a_copy_of_the_vectors_that_is_not_whole_is_made_anew(
    library: Library, copied: Path, damage: Damage
) -> None:
    right = library.found()
    content = copied.read_bytes()
    copied.unlink()
    library.put(damage(content), "-vectors-1")
    assert library.found() == right
    assert library("index", library.photos).code == 0
    assert library.found() == right


def test_vectors_of_the_copy_that_are_spoilt_are_read_from_the_index(
    library: Library, copied: Path
) -> None:
    right = library.found()
    content = bytearray(copied.read_bytes())
    with closing(connect(library.database)) as connection:
        layout = Layout(dimension_of(connection, 1))
    at = layout.block(0) + layout.region("vectors")
    content[at : at + 100] = bytes(100)
    copied.unlink()
    library.put(bytes(content), "-vectors-1")
    assert library.found() == right
    assert not copied.exists()


@pytest.mark.parametrize(
    "content", [b"", b"[", b'["/a', b"\xff\xfe", b"{}", b"[1, null]", b"\0" * 99]
)
def test_a_list_of_folders_that_is_torn_is_no_list(library: Library, content: bytes) -> None:
    library.put(content, ".folders")
    assert kept_folders(library.database) == []
    set_kept_folders(library.database, ["/photos"])
    assert kept_folders(library.database) == ["/photos"]


def test_the_list_of_folders_is_not_written_through_a_link_that_lies_in_wait(
    library: Library, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    diary.write_text("dear diary")
    for suffix in (".folders", ".folders.new"):
        library.beside(suffix).symlink_to(diary)
        set_kept_folders(library.database, ["/photos"])
    assert diary.read_text() == "dear diary"
    assert kept_folders(library.database) == ["/photos"]
