"""A RAW and its JPEG through scans and outcomes, without a model: what is read, found and tagged."""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from photond.imaging.picture import Facts
from photond.pipeline.commit import Committer
from photond.pipeline.rules import Rules
from photond.pipeline.scan import Scan, Watcher
from photond.pipeline.work import Embedded, Failed, Outcome, Vanished
from photond.store import check, companions, contents, files, jobs, packs, tags
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat
from photond.store.jobs import Failure, Job

DIMENSION = 4


class StubTagger:
    def tag(self, content_ids: list[int], vectors: np.ndarray) -> None:
        """No tags."""


class Library:
    """A folder, its index, and somebody who reads what is waiting."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "Photos"
        self.folder.mkdir()
        self.rules = Rules()
        self.index: Connection = open_index(place / "index.db", create=True)
        with transaction(self.index):
            packs.add_pack(self.index, "stub", "stub", DIMENSION)
        self.committer = Committer(self.index, 1, StubTagger())
        self.read: list[str] = []
        self.bad: dict[str, Failure] = {}

    def put(self, *names: str) -> None:
        for name in names:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(f"what {name} shows".encode())

    def scan(self, root: Path | None = None, **watching: object) -> Scan:
        one = Scan(self.index, str(root or self.folder), self.rules, 1, Watcher(**watching))
        for _ in one.steps():
            pass
        return one

    def look(self, *names: str, in_hand: Collection[int] = ()) -> set[str]:
        """Look at some names; returns those that are to be looked at again."""
        held: set[str] = set()
        watcher = Watcher(on_held=lambda _, name: held.add(name), in_hand=lambda: in_hand)
        Scan(self.index, str(self.folder), self.rules, 1, watcher).look(str(self.folder), names)
        return held

    def work(self) -> None:
        """Read all that is waiting, and prove that the index is whole before and after."""
        assert check.findings(self.index) == []
        while claimed := jobs.claim(self.index, 10):
            self.read += [Path(job.path).name for job in claimed]
            self.committer.commit([self.outcome(job) for job in claimed])
        assert check.findings(self.index) == []

    def outcome(self, job: Job) -> Outcome:
        path = Path(job.path)
        if failure := self.bad.get(path.name):
            return Failed(job, failure, "it is no photo")
        if not path.exists():
            return Vanished(job)
        status = path.stat()
        return Embedded(
            job,
            FileStat(path.name, status.st_size, status.st_mtime_ns, status.st_ino),
            path.read_bytes().hex().ljust(64, "0")[-64:],
            Facts("JPEG", 1, 1),
            bytes(16),
            np.eye(1, DIMENSION, dtype=np.float32)[0],
        )

    def settle(self) -> list[str]:
        """Scan and read; returns what was read."""
        self.scan()
        self.read.clear()
        self.work()
        return sorted(self.read)

    def found(self) -> list[str]:
        """The names that a search could answer with."""
        return sorted(
            Path(place.path).name
            for places in files.places_of(self.index, files.present_contents(self.index)).values()
            for place in places
        )

    def tag(self, name: str, label: str, verdict: str = "added", at: str = "") -> None:
        content_id = files.content_at(self.index, str(self.folder / name))
        assert content_id is not None
        tags.set_user_tag(self.index, content_id, label, verdict)
        if at:
            self.index.execute(
                "update user_tags set decided_at = ? where decided_at > '2020'", (at,)
            )

    def tags_of(self, name: str) -> list[str]:
        content_id = files.content_at(self.index, str(self.folder / name))
        assert content_id is not None
        return [tag.label for tag in tags.tags_of(self.index, 1, [content_id])[content_id]]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    with closing(made.index):
        yield made


@pytest.fixture
def pair(library: Library) -> Library:
    """A library whose only photo is a RAW and its JPEG, indexed."""
    library.put("a.ARW", "a.JPG")
    assert library.settle() == ["a.JPG"]
    return library


def test_of_a_raw_and_its_jpeg_only_the_jpeg_is_read_and_found(pair: Library) -> None:
    assert pair.found() == ["a.JPG"]
    assert companions.count_companions(pair.index) == 1
    assert packs.count_lacking(pair.index, 1) == 0
    assert pair.index.execute("select raw from photos").fetchall() == [("a.ARW",)]
    assert pair.settle() == []
    assert pair.scan().counts.unchanged == 1


@pytest.mark.parametrize("movie", ["a.MOV", "a.mp4"])
def test_the_movie_of_a_live_photo_is_no_photo_and_is_not_read(library: Library, movie) -> None:
    library.put("a.HEIC", movie)
    assert library.settle() == ["a.HEIC"]
    assert library.look(movie) == set()
    assert library.index.execute("select name from files").fetchall() == [("a.HEIC",)]


def test_a_raw_that_was_indexed_gives_way_to_its_jpeg_when_that_was_read(library: Library) -> None:
    library.put("a.ARW")
    assert library.settle() == ["a.ARW"]
    library.put("a.JPG")
    library.look("a.JPG")
    # Until then it is found, and it is not read again.
    assert library.found() == ["a.ARW"]
    assert library.settle() == ["a.JPG"]
    assert library.found() == ["a.JPG"]
    # Its embedding goes with all that no file has.
    with transaction(library.index):
        assert len(contents.delete_unused(library.index)) == 1


def test_a_jpeg_that_comes_late_takes_a_waiting_raw_out_of_the_queue(library: Library) -> None:
    library.put("a.ARW")
    library.look("a.ARW")
    library.put("a.JPG")
    library.look("a.JPG")
    library.work()
    assert library.read == ["a.JPG"]


def test_a_raw_waits_for_a_jpeg_that_is_still_being_written(library: Library) -> None:
    library.put("a.ARW", "a.JPG")
    assert library.look("a.ARW") == {"a.ARW"}
    assert library.look("a.ARW", "a.JPG") == set()
    library.work()
    assert library.read == ["a.JPG"]


def test_a_raw_in_hand_is_read_to_its_end_and_then_gives_way(library: Library) -> None:
    library.put("a.ARW")
    library.scan()
    (job,) = jobs.claim(library.index, 1)
    library.put("a.JPG")
    assert library.look("a.JPG", in_hand={job.file_id}) == {"a.ARW"}
    library.work()
    library.committer.commit([library.outcome(job)])
    assert library.found() == ["a.ARW", "a.JPG"]
    assert library.look("a.ARW") == set()
    assert library.found() == ["a.JPG"]
    assert check.findings(library.index) == []


GOING: dict[str, Callable[[Library], object]] = {
    "deleted": lambda library: (library.folder / "a.JPG").unlink(),
    "renamed": lambda library: (library.folder / "a.JPG").rename(library.folder / "b.JPG"),
    "moved": lambda library: (library.folder / "a.JPG").rename(library.folder.parent / "a.JPG"),
    "ignored": lambda library: (library.folder / ".photondignore").write_text("*.JPG"),
}


@pytest.mark.parametrize("how", GOING)
@pytest.mark.parametrize("noticed", ["by a look", "by a scan"])
def test_a_raw_is_read_by_itself_when_its_jpeg_is(pair: Library, how: str, noticed: str) -> None:
    GOING[how](pair)
    if noticed == "by a look":
        pair.look("a.JPG", "b.JPG")
        # The photo is found all the time.
        assert "a.ARW" in pair.found()
        pair.read.clear()
        pair.work()
    else:
        pair.settle()
    assert sorted(pair.read) == (["a.ARW", "b.JPG"] if how == "renamed" else ["a.ARW"])
    assert pair.found() == (["a.ARW", "b.JPG"] if how == "renamed" else ["a.ARW"])
    assert companions.count_companions(pair.index) == 0


def test_a_jpeg_that_was_found_elsewhere_first_leaves_its_raw_to_be_read(pair: Library) -> None:
    elsewhere = pair.folder.parent / "elsewhere"
    elsewhere.mkdir()
    (pair.folder / "a.JPG").rename(elsewhere / "a.JPG")
    pair.tag("a.ARW", "Minka")
    pair.scan(elsewhere)
    pair.work()
    assert sorted(pair.read) == ["a.ARW", "a.JPG", "a.JPG"]
    assert pair.found() == ["a.ARW", "a.JPG"]
    assert pair.tags_of("a.ARW") == ["Minka"]


def test_a_jpeg_that_vanishes_before_it_is_read_leaves_its_raw_to_be_read(library: Library) -> None:
    library.put("a.ARW", "a.JPG")
    library.scan()
    (library.folder / "a.JPG").unlink()
    library.work()
    assert library.read == ["a.JPG", "a.ARW"]
    assert library.found() == ["a.ARW"]


def test_a_pair_that_is_moved_together_is_a_pair_there_and_only_its_jpeg_is_hashed(
    pair: Library,
) -> None:
    (pair.folder / "in").mkdir()
    for name in ("a.ARW", "a.JPG"):
        (pair.folder / name).rename(pair.folder / "in" / name)
    assert pair.settle() == ["a.JPG"]
    assert pair.found() == ["a.JPG"]
    assert companions.count_companions(pair.index) == 1


@pytest.mark.parametrize("failure", ["undecodable", "unreadable"])
def test_a_raw_stands_in_for_a_jpeg_that_cannot_be_read(library: Library, failure) -> None:
    library.put("a.ARW", "a.JPG")
    library.bad["a.JPG"] = failure
    assert library.settle() == ["a.ARW", "a.JPG"]
    assert library.found() == ["a.ARW"]
    # It stays so, and is not read over and over.
    assert library.settle() == ([] if failure == "undecodable" else ["a.JPG"])
    assert library.found() == ["a.ARW"]
    # Until the JPEG can be read.
    library.bad.clear()
    (library.folder / "a.JPG").write_bytes(b"mended")
    assert library.settle() == ["a.JPG"]
    assert library.found() == ["a.JPG"]


def test_a_raw_stands_in_for_a_jpeg_that_was_fine_and_is_damaged(pair: Library) -> None:
    pair.tag("a.JPG", "Minka")
    (pair.folder / "a.JPG").write_bytes(b"damaged")
    pair.bad["a.JPG"] = "undecodable"
    assert pair.settle() == ["a.ARW", "a.JPG"]
    assert pair.found() == ["a.ARW"]
    assert pair.tags_of("a.ARW") == ["Minka"]
    # In time, and by retrying, it comes to the same as in a new index.
    jobs.retry_failed(pair.index, str(pair.folder))
    pair.bad.clear()
    pair.work()
    assert pair.found() == ["a.JPG"]
    assert pair.tags_of("a.JPG") == ["Minka"]


def test_what_a_raw_was_read_as_counts_no_more_if_it_changed_beside_its_jpeg(
    library: Library,
) -> None:
    library.put("a.ARW")
    library.settle()
    library.put("a.JPG")
    (library.folder / "a.ARW").write_bytes(b"something else")
    library.bad["a.JPG"] = "undecodable"
    assert library.settle() == ["a.ARW", "a.JPG"]
    assert library.found() == ["a.ARW"]


def test_a_raw_stands_in_for_a_jpeg_that_is_quarantined(library: Library) -> None:
    library.put("a.ARW", "a.JPG")
    library.scan()
    for _ in range(jobs.MAX_CRASHES):
        assert jobs.claim_suspect(library.index) or jobs.claim(library.index, 1)
        jobs.recover(library.index)
    library.work()
    assert library.read == ["a.ARW"]
    assert library.settle() == []


def test_the_users_tags_follow_the_photo_from_half_to_half(library: Library) -> None:
    library.put("a.ARW")
    library.settle()
    library.tag("a.ARW", "Minka", at="2021-01-01T00:00:00+00:00")
    library.tag("a.ARW", "garden", at="2021-01-01T00:00:00+00:00")
    library.put("a.JPG")
    library.settle()
    assert library.tags_of("a.JPG") == library.tags_of("a.ARW") == ["Minka", "garden"]
    library.tag("a.ARW", "Minka", "removed")
    library.tag("a.ARW", "summer")
    (library.folder / "a.JPG").unlink()
    library.settle()
    # What was decided last counts, whichever half it was said of.
    assert library.tags_of("a.ARW") == ["garden", "summer"]


def test_a_pair_goes_offline_and_returns_together_without_being_read(pair: Library) -> None:
    away = pair.folder.rename(pair.folder.with_name("away"))
    pair.scan()
    assert pair.found() == []
    assert files.count_offline(pair.index, str(pair.folder)) == 1
    assert check.findings(pair.index) == []
    away.rename(pair.folder)
    assert pair.settle() == []
    assert pair.found() == ["a.JPG"]
    assert companions.count_companions(pair.index) == 1


def test_a_pair_that_returns_without_its_jpeg_is_a_raw(pair: Library) -> None:
    away = pair.folder.rename(pair.folder.with_name("away"))
    pair.scan()
    (away / "a.JPG").unlink()
    away.rename(pair.folder)
    assert pair.settle() == ["a.ARW"]
    assert pair.found() == ["a.ARW"]


def test_a_raw_that_changes_beside_its_jpeg_is_not_read(pair: Library) -> None:
    (pair.folder / "a.ARW").write_bytes(b"developed in place")
    pair.look("a.ARW")
    assert pair.settle() == []
    stored = pair.index.execute("select size from files where name = 'a.ARW'").fetchone()
    assert stored == (len(b"developed in place"),)


def test_a_jpeg_that_changes_is_read_and_stays_the_one_that_is_found(pair: Library) -> None:
    (pair.folder / "a.JPG").write_bytes(b"edited")
    pair.look("a.JPG")
    assert pair.found() == ["a.JPG"]
    pair.read.clear()
    pair.work()
    assert pair.read == ["a.JPG"]
    assert pair.found() == ["a.JPG"]


def test_without_pairing_both_are_photos_and_switching_it_is_taken_up_by_a_scan(
    pair: Library,
) -> None:
    pair.tag("a.JPG", "Minka")
    pair.rules = Rules(pair_raw=False)
    assert pair.settle() == ["a.ARW"]
    assert pair.found() == ["a.ARW", "a.JPG"]
    assert pair.tags_of("a.ARW") == ["Minka"]
    pair.rules = Rules()
    assert pair.settle() == []
    assert pair.found() == ["a.JPG"]


@pytest.mark.parametrize("named", ["a.ARW", "a.JPG"])
def test_a_half_that_is_named_alone_is_seen_as_what_it_is(library: Library, named) -> None:
    library.put("a.ARW", "a.JPG")
    library.scan(library.folder / named)
    library.work()
    assert library.read == ["a.JPG"]
    assert companions.count_companions(library.index) == 1


def test_a_check_finds_a_raw_that_is_indexed_beside_its_jpeg(pair: Library) -> None:
    pair.index.execute("update files set content_id = 1 where name = 'a.ARW'")
    assert [one.detail for one in check.findings(pair.index)] == [
        "1 RAW files are indexed beside the photo that is read in their place"
    ]
    pair.index.execute(
        "update files set content_id = null, state = 'missing', missing_since = '2024-06-01' "
        "where name = 'a.JPG'"
    )
    assert [one.detail for one in check.findings(pair.index)] == [
        "1 RAW files are paired with a photo that is not beside them"
    ]
