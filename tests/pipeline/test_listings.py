"""Folders that are unchanged are not compared photo by photo, and nothing is missed for that."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from photond.imaging.picture import Facts
from photond.pipeline.commit import Committer
from photond.pipeline.rules import Rules
from photond.pipeline.scan import Scan, Watcher
from photond.pipeline.work import Embedded, Failed
from photond.store import check, files, jobs, packs
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat

DIMENSION = 4
FOLDERS = ["", "in", "in/deep", "other"]
NAMES = ["a.jpg", "a.arw", "b.jpg", "c.png", "note.txt", ".hidden.jpg"]


class StubTagger:
    def tag(self, content_ids: list[int], vectors: np.ndarray) -> None:
        """No tags."""


def add_pack(connection: Connection, name: str) -> int:
    with transaction(connection):
        return packs.add_pack(connection, name, name, DIMENSION).id


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Connection]:
    with closing(open_index(tmp_path / "index.db", create=True)) as connection:
        add_pack(connection, "one")
        yield connection


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Photos"
    (folder / "in").mkdir(parents=True)
    for path in ("a.jpg", "b.jpg", "in/c.jpg"):
        (folder / path).write_bytes(path.encode())
    return folder


def scan(
    index: Connection, root: Path, rules: Rules | None = None, pack_id: int = 1, **watching: object
) -> Scan:
    one = Scan(index, str(root), rules or Rules(), pack_id, Watcher(**watching))
    for _ in one.steps():
        pass
    return one


def read_all(index: Connection, pack_id: int = 1, failure: str | None = None) -> None:
    """Read what is waiting as the workers would; with a failure, what is called b cannot be read."""
    for job in jobs.claim(index, 1000):
        path = Path(job.path)
        if not path.exists():
            continue
        status = path.stat()
        stat = FileStat(path.name, status.st_size, status.st_mtime_ns, status.st_ino)
        outcome: Embedded | Failed = Embedded(
            job,
            stat,
            f"{hash((stat.size, stat.mtime_ns)) & (1 << 62):064x}",
            Facts("JPEG", 1, 1),
            bytes(16),
            np.eye(1, DIMENSION, dtype=np.float32)[0],
        )
        if failure is not None and path.name.startswith("b"):
            outcome = Failed(job, failure, "no reason")
        Committer(index, pack_id, StubTagger()).commit([outcome])


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the folders whose rows were compared one by one."""
    folders: list[int] = []
    files_in = files.files_in

    def noted(connection: Connection, folder_id: int, *arguments: object) -> object:
        folders.append(folder_id)
        return files_in(connection, folder_id, *arguments)

    monkeypatch.setattr("photond.store.files.files_in", noted)
    return folders


def test_a_folder_that_is_unchanged_is_not_compared_photo_by_photo(
    index, root, looked_into
) -> None:
    scan(index, root)
    read_all(index)
    assert scan(index, root).counts.unchanged == 3
    looked_into.clear()
    entered: list[str] = []
    assert scan(index, root, on_enter=entered.append).counts.unchanged == 3
    assert looked_into == []
    assert entered == [str(root), str(root / "in")]


def rewritten(root: Path) -> None:
    (root / "b.jpg").write_bytes(b"longer than it was")


def touched(root: Path) -> None:
    os.utime(root / "b.jpg", (1e9, 1e9))


def replaced(root: Path) -> None:
    before = (root / "b.jpg").stat()
    (root / "new").write_bytes(b"-" * before.st_size)
    os.utime(root / "new", ns=(before.st_mtime_ns, before.st_mtime_ns))
    (root / "new").rename(root / "b.jpg")


def in_another_century(root: Path) -> None:
    os.utime(root / "b.jpg", (-(2**33), -(2**33)))


@pytest.mark.parametrize("change", [rewritten, touched, replaced, in_another_century])
def test_a_photo_that_changes_is_seen(
    index: Connection, root: Path, change: Callable[[Path], None]
) -> None:
    scan(index, root)
    read_all(index)
    scan(index, root)
    change(root)
    scan(index, root)
    assert [Path(job.path).name for job in jobs.claim(index, 9)] == ["b.jpg"]


def test_a_photo_that_is_hard_to_read_is_tried_at_every_scan(index, root) -> None:
    scan(index, root)
    read_all(index, failure="unreadable")
    for _ in range(3):
        assert scan(index, root).counts.queued == 1
        read_all(index, failure="unreadable")


def test_a_photo_that_is_none_is_not_tried_again_until_somebody_says_so(
    index, root, looked_into
) -> None:
    scan(index, root)
    read_all(index, failure="undecodable")
    scan(index, root)
    looked_into.clear()
    assert scan(index, root).counts.unchanged == 2
    assert looked_into == []
    with transaction(index):
        jobs.retry_failed(index, "/")
    assert [Path(job.path).name for job in jobs.claim(index, 9)] == ["b.jpg"]


def test_a_change_of_the_rules_is_seen(index, root) -> None:
    scan(index, root)
    read_all(index)
    scan(index, root)
    (root / ".hidden.jpg").write_bytes(b"hidden")
    scan(index, root)
    assert scan(index, root, Rules(hidden=True)).counts.queued == 1
    read_all(index)
    scan(index, root, Rules(hidden=True).within("", ["b.jpg"]))
    assert dict(index.execute("select name, state from files"))["b.jpg"] == "missing"


def test_a_change_of_the_patterns_above_is_seen(index, root) -> None:
    (root / ".photondignore").write_text("nothing.jpg\n")
    scan(index, root)
    read_all(index)
    scan(index, root)
    (root / ".photondignore").write_text("nothing.jpg\nc.jpg\n")
    scan(index, root)
    assert dict(index.execute("select name, state from files"))["c.jpg"] == "missing"


def test_patterns_hold_below_a_folder_that_is_unchanged(index, root) -> None:
    (root / ".photondignore").write_text("c.jpg\n/in/deep/\n")
    scan(index, root)
    read_all(index)
    scan(index, root)
    (root / "in" / "d.jpg").write_bytes(b"d")
    (root / "in" / "deep").mkdir()
    (root / "in" / "deep" / "e.jpg").write_bytes(b"e")
    scan(index, root)
    assert {name for (name,) in index.execute("select name from files")} == {
        "a.jpg",
        "b.jpg",
        "d.jpg",
    }


def test_another_pack_looks_at_every_photo(index, root) -> None:
    scan(index, root)
    read_all(index)
    scan(index, root)
    other = add_pack(index, "two")
    assert scan(index, root, pack_id=other).counts.queued == 3


def test_a_photo_without_its_embedding_is_found_after_a_repair(index, root) -> None:
    scan(index, root)
    read_all(index)
    scan(index, root)
    index.execute("delete from embeddings_1")
    check.repair(index)
    assert len(jobs.claim(index, 9)) == 3


def test_a_link_that_leads_nowhere_does_not_matter_until_it_leads_somewhere(
    index, root, looked_into
) -> None:
    (root / "gone.jpg").symlink_to(root / "nothing")
    scan(index, root)
    read_all(index)
    scan(index, root)
    looked_into.clear()
    assert scan(index, root).counts.unchanged == 3
    assert looked_into == []
    (root / "nothing").write_bytes(b"something")
    assert scan(index, root).counts.queued == 1


def test_patterns_with_the_size_and_time_of_the_ones_before_are_seen(index, root) -> None:
    patterns = root / ".photondignore"
    patterns.write_text("b.jpg\n")
    before = patterns.stat()
    scan(index, root)
    read_all(index)
    scan(index, root)
    patterns.write_text("a.jpg\n")
    os.utime(patterns, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert scan(index, root).counts.queued == 1
    assert dict(index.execute("select name, state from files"))["a.jpg"] == "missing"


def test_of_many_entries_each_counts(index, root) -> None:
    for number in range(4100):
        (root / f"{number}.txt").touch()
    (root / "zzz.jpg").touch()
    scan(index, root)
    read_all(index)
    scan(index, root)
    (root / "zzz.jpg").write_bytes(b"something")
    assert scan(index, root).counts.queued == 1


def test_in_a_tree_of_many_folders_only_those_with_a_change_are_compared(
    index, root, looked_into
) -> None:
    folders = [root / f"{number:03}" for number in range(150)]
    folders += [root / f"{number:03}" / "edited" for number in range(0, 150, 7)]
    folders.append(root / os.fsdecode(b"\xe9t\xe9"))
    for folder in folders:
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"a")
    scan(index, root)
    read_all(index)
    assert scan(index, root).counts.unchanged == 3 + len(folders)
    looked_into.clear()
    assert scan(index, root).counts.unchanged == 3 + len(folders)
    assert looked_into == []
    changed = [folders[number] for number in (0, 70, 149, 151, -1)]
    for folder in changed:
        (folder / "a.jpg").write_bytes(b"longer than it was")
    assert scan(index, root).counts.queued == len(changed)
    assert {Path(job.path).parent for job in jobs.claim(index, 99)} == set(changed)
    assert len(looked_into) == len(changed)


def test_a_folder_that_the_index_came_to_know_during_a_scan_is_compared_with_that(
    index, root
) -> None:
    (root / "out").mkdir()
    one = Scan(index, str(root), Rules(), 1)
    steps = one.steps()
    next(steps)
    next(steps)  # "in", when "out" was asked about, too
    (root / "out" / "d.jpg").write_bytes(b"d")
    Scan(index, str(root), Rules(), 1).look(str(root / "out"), {"d.jpg"})
    for _ in steps:
        pass
    assert [name for (name,) in index.execute("select name from files order by name")] == [
        "a.jpg",
        "b.jpg",
        "c.jpg",
        "d.jpg",
    ]


class Histories(RuleBasedStateMachine):
    """One index uses what it knows of whole folders, another one forgets it before each scan."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.place = Path(self.stack.enter_context(TemporaryDirectory()))
        self.root = self.place / "Photos"
        self.rules = Rules()
        self.pack_id = 1
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.indexes = []
        for name in ("knows", "forgets"):
            index = open_index(self.place / f"{name}.db", create=True)
            self.stack.enter_context(closing(index))
            add_pack(index, "one")
            add_pack(index, "two")
            self.indexes.append(index)

    def teardown(self) -> None:
        self.stack.close()

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), size=st.integers(0, 3))
    def write(self, folder: str, name: str, size: int) -> None:
        if (self.root / folder).is_dir():
            (self.root / folder / name).write_bytes(b"-" * size)

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), age=st.integers(0, 2))
    def touch(self, folder: str, name: str, age: int) -> None:
        if (self.root / folder / name).is_file():
            os.utime(self.root / folder / name, (age, age))

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES))
    def remove(self, folder: str, name: str) -> None:
        (self.root / folder / name).unlink(missing_ok=True)

    @rule(folder=st.sampled_from(FOLDERS[1:]), other=st.sampled_from(["in", "other", "third"]))
    def move(self, folder: str, other: str) -> None:
        source, target = self.root / folder, self.root / other
        if source.is_dir() and not target.exists():
            source.rename(target)

    @rule(folder=st.sampled_from(FOLDERS[1:]))
    def remove_folder(self, folder: str) -> None:
        shutil.rmtree(self.root / folder, ignore_errors=True)

    @rule(folder=st.sampled_from(FOLDERS), pattern=st.sampled_from(["b.jpg", "deep/", "!b.jpg"]))
    def ignore(self, folder: str, pattern: str) -> None:
        if (self.root / folder).is_dir():
            (self.root / folder / ".photondignore").write_text(pattern)

    @rule(hidden=st.booleans(), pair_raw=st.booleans())
    def configure(self, hidden: bool, pair_raw: bool) -> None:
        self.rules = Rules(hidden=hidden, pair_raw=pair_raw)

    @rule(pack_id=st.sampled_from([1, 2]))
    def use(self, pack_id: int) -> None:
        self.pack_id = pack_id

    @rule(failure=st.sampled_from([None, "undecodable", "unreadable"]))
    def read(self, failure: str | None) -> None:
        for index in self.indexes:
            read_all(index, self.pack_id, failure)

    @rule()
    def retry(self) -> None:
        for index in self.indexes:
            with transaction(index):
                jobs.retry_failed(index, "/")

    @rule(away=st.booleans())
    def unplug(self, away: bool) -> None:
        absent = self.root.with_name("away")
        source, target = (self.root, absent) if away else (absent, self.root)
        if source.is_dir() and not target.exists():
            source.rename(target)

    @rule(part=st.sampled_from(["", "in", "in/deep"]))
    def scan(self, part: str) -> None:
        knows, forgets = self.indexes
        forgets.execute("delete from listings")
        counts = []
        for index in (knows, forgets):
            one = Scan(index, str(self.root), self.rules, self.pack_id)
            for _ in one.steps_below(str(self.root / part)) if part else one.steps():
                pass
            counts.append(one.counts)
        assert counts[0] == counts[1]

    @rule(
        steps=st.integers(1, 5),
        folder=st.sampled_from(FOLDERS),
        name=st.sampled_from(NAMES),
        size=st.none() | st.integers(0, 3),
    )
    def scan_while_somebody_changes_a_file(
        self, steps: int, folder: str, name: str, size: int | None
    ) -> None:
        self.indexes[1].execute("delete from listings")
        scans = [Scan(index, str(self.root), self.rules, self.pack_id) for index in self.indexes]
        running = [one.steps() for one in scans]
        for _ in range(steps):
            for one in running:
                next(one, None)
        if size is None:
            self.remove(folder, name)
        else:
            self.write(folder, name, size)
        for index in self.indexes:
            told = Scan(index, str(self.root), self.rules, self.pack_id)
            told.look(str(self.root / folder), {name})
        for one in running:
            for _ in one:
                pass
        assert scans[0].counts == scans[1].counts

    @invariant()
    def both_are_the_same(self) -> None:
        rows = [
            index.execute(
                """
                select path, files.name, files.size, mtime_ns, inode, files.state, sha256,
                  jobs.state, failure, (select name from files as photo where id = files.companion_of)
                from files join folders on folders.id = folder_id
                left join contents on contents.id = content_id
                left join jobs on jobs.file_id = files.id
                order by path, files.name
                """
            ).fetchall()
            for index in self.indexes
        ]
        assert rows[0] == rows[1]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
