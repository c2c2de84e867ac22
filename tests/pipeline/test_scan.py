"""Scanning real folders into a real index; nothing is read, so no model is needed."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from photond.imaging.picture import Facts
from photond.pipeline.commit import Committer
from photond.pipeline.rules import Rules
from photond.pipeline.scan import Scan, Watcher
from photond.pipeline.work import Embedded, Failed, Vanished
from photond.store import jobs, packs
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat

DIMENSION = 4


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Connection]:
    with closing(open_index(tmp_path / "index.db", create=True)) as connection:
        with transaction(connection):
            packs.add_pack(connection, "stub", "stub", DIMENSION)
        yield connection


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Photos"
    folder.mkdir()
    return folder


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"looks like a photo")


def scan(index: Connection, root: Path, rules: Rules | None = None, **watching: object) -> Scan:
    one = Scan(index, str(root), rules or Rules(), 1, Watcher(**watching))
    for _ in one.steps():
        pass
    return one


def states(index: Connection) -> dict[str, str]:
    return dict(index.execute("select name, state from files").fetchall())


def waiting(index: Connection) -> list[str]:
    return [Path(job.path).name for job in jobs.claim(index, 100)]


def test_patterns_in_a_folder_hold_there_and_below_and_the_innermost_decides(index, root) -> None:
    put(
        root / "a.jpg", root / "in" / "a.jpg", root / "in" / "b.jpg", root / "in" / "deep" / "a.jpg"
    )
    put(root / "in" / "drafts" / "c.jpg")
    (root / ".photondignore").write_text("# exports\na.jpg\n/b.jpg\n")
    (root / "in" / ".photondignore").write_text("drafts/\n")
    (root / "in" / "deep" / ".photondignore").write_text("!a.jpg\n")
    scan(index, root)
    found = index.execute("select path, name from folders join files on folder_id = folders.id")
    assert {f"{Path(path).name}/{name}" for path, name in found} == {"in/b.jpg", "deep/a.jpg"}


def test_a_part_of_a_root_is_scanned_by_the_rules_of_the_whole(index, root) -> None:
    put(root / "out" / "a.jpg", root / "in" / "b_draft.jpg", root / "in" / "c.jpg")
    put(root / "other" / "d.jpg")
    (root / ".photondignore").write_text("*_draft.jpg\n")
    rules = Rules().within("", ["/out/"])
    for part in ("in", "out"):
        for _ in Scan(index, str(root), rules, 1).steps_below(str(root / part)):
            pass
    assert states(index) == {"c.jpg": "present"}


def test_a_file_of_patterns_that_cannot_be_used_is_passed_by(index, root) -> None:
    put(root / "a.jpg")
    (root / ".photondignore").mkdir()
    scan(index, root)
    assert states(index) == {"a.jpg": "present"}


def test_a_photo_that_changed_a_moment_ago_is_held_back_and_said(index, root) -> None:
    put(root / "new.jpg")
    held: list[tuple[str, str]] = []
    scan(index, root, settle_seconds=60, on_held=lambda *one: held.append(one))
    assert held == [(str(root), "new.jpg")]
    assert states(index) == {}
    scan(index, root, settle_seconds=0, on_held=lambda *one: held.append(one))
    assert states(index) == {"new.jpg": "present"}
    # What is known already is not held back.
    scan(index, root, settle_seconds=60, on_held=lambda *one: held.append(one))
    assert len(held) == 1


def test_a_photo_in_hand_is_left_alone_until_it_is_read(index, root) -> None:
    put(root / "changes.jpg", root / "goes.jpg")
    scan(index, root)
    in_hand = {job.file_id for job in jobs.claim(index, 2)}
    (root / "changes.jpg").write_bytes(b"something else")
    (root / "goes.jpg").unlink()
    held: set[str] = set()
    scan(index, root, in_hand=lambda: in_hand, on_held=lambda _folder, name: held.add(name))
    assert held == {"changes.jpg", "goes.jpg"}
    assert index.execute("select count(*) from jobs where state = 'running'").fetchone() == (2,)


def test_some_names_are_looked_at_without_the_rest(index, root) -> None:
    put(root / "a.jpg", root / "b.jpg", root / "c.txt")
    (root / "folder.jpg").mkdir()
    scan(index, root)
    (root / "a.jpg").unlink()
    (root / "b.jpg").unlink()
    put(root / "new.jpg", root / "unseen.jpg")
    folders = Scan(index, str(root), Rules(), 1).look(
        str(root), {"a.jpg", "new.jpg", "c.txt", "folder.jpg", "never.jpg"}
    )
    assert states(index) == {"a.jpg": "missing", "b.jpg": "present", "new.jpg": "present"}
    assert folders == [str(root / "folder.jpg")]


@pytest.mark.parametrize("how", ["a name", "a folder"])
def test_looking_into_a_root_that_is_away_deletes_nothing(index, root, how) -> None:
    put(root / "deep" / "a.jpg")
    scan(index, root)
    root.rename(root.with_name("away"))
    if how == "a name":
        Scan(index, str(root), Rules(), 1).look(str(root / "deep"), {"a.jpg"})
    else:
        for _ in Scan(index, str(root), Rules(), 1).steps_below(str(root / "deep")):
            pass
    assert states(index) == {"a.jpg": "offline"}


def test_what_somebody_has_just_done_goes_before_what_a_scan_found(index, root) -> None:
    put(root / "newest.jpg", root / "old.jpg", root / "just copied.jpg")
    os.utime(root / "old.jpg", (1e9, 1e9))
    os.utime(root / "just copied.jpg", (5e8, 5e8))
    (root / "just copied.jpg").rename(root.parent / "aside.jpg")
    scan(index, root)
    (root.parent / "aside.jpg").rename(root / "just copied.jpg")
    Scan(index, str(root), Rules(), 1).look(str(root), {"just copied.jpg"})
    assert waiting(index) == ["just copied.jpg", "newest.jpg", "old.jpg"]


class StubTagger:
    def tag(self, content_ids: list[int], vectors: np.ndarray) -> None:
        """No tags."""


def embedded(job: jobs.Job, path: Path) -> Embedded:
    """The outcome of reading a photo as it is."""
    status = path.stat()
    return Embedded(
        job,
        FileStat(path.name, status.st_size, status.st_mtime_ns, status.st_ino),
        f"{status.st_mtime_ns:064x}",
        Facts("JPEG", 1, 1),
        bytes(16),
        np.eye(1, DIMENSION, dtype=np.float32)[0],
    )


@pytest.mark.parametrize("is_in_hand", [False, True])
def test_a_photo_that_changed_and_went_away_unread_is_read_when_it_is_back(
    index, root, is_in_hand
) -> None:
    photo = root / "a.jpg"
    put(photo)
    scan(index, root)
    committer = Committer(index, 1, StubTagger())
    (job,) = jobs.claim(index, 1)
    committer.commit([embedded(job, photo)])
    os.utime(photo, (1e9, 1e9))
    scan(index, root)
    changed = jobs.claim(index, 1) if is_in_hand else []
    root.rename(root.with_name("away"))
    scan(index, root)
    assert states(index) == {"a.jpg": "offline"}
    committer.commit([Vanished(job) for job in changed])
    root.with_name("away").rename(root)
    scan(index, root)
    (job,) = jobs.claim(index, 1)
    committer.commit([embedded(job, photo)])
    assert states(index) == {"a.jpg": "present"}
    scan(index, root)
    assert waiting(index) == []


@pytest.mark.parametrize("kind", [Embedded, Failed, Vanished])
def test_an_outcome_of_a_photo_that_left_meanwhile_changes_nothing(index, root, kind) -> None:
    put(root / "a.jpg", root / "stays.jpg")
    scan(index, root)
    job = next(job for job in jobs.claim(index, 2) if job.path.endswith("a.jpg"))
    (root / "a.jpg").unlink()
    scan(index, root)
    outcome = {
        Embedded: lambda: Embedded(
            job,
            FileStat("a.jpg", 1, 1, 1),
            "0" * 64,
            Facts("JPEG", 1, 1),
            bytes(16),
            np.eye(1, DIMENSION, dtype=np.float32)[0],
        ),
        Failed: lambda: Failed(job, "undecodable", "it is no photo"),
        Vanished: lambda: Vanished(job),
    }[kind]()
    committer = Committer(index, 1, StubTagger())
    assert committer.commit([outcome]) == ["vanished"]
    assert states(index)["a.jpg"] == "missing"
    assert jobs.failures(index) == []
    # But what was computed is kept: the photo may turn up elsewhere.
    assert committer.is_known("0" * 64) == (kind is Embedded)
