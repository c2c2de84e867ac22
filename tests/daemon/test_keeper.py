"""Whatever happens to the folders, in whatever order it is noticed: the index ends up right.

The files, the kernel's events and the database are real. Only the model is not: what a photo shows does
not matter here, and a thousand histories must not take a day.
"""

import hashlib
import io
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photond.config.settings import WatchSettings
from photond.daemon.control import Control
from photond.daemon.hints import FileHint
from photond.daemon.keeper import Keeper
from photond.daemon.status import DaemonStatus
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec
from photond.models.pack import Pack
from photond.pipeline.backlog import Backlog
from photond.pipeline.commit import Committer
from photond.pipeline.rules import Rules
from photond.pipeline.work import Task
from photond.store import check, contents, packs
from photond.store.database import connect, open_index, transaction

SETTLE_SECONDS = 0.02
DIMENSION = 4
ROOTS = ("one", "two")
FOLDERS = ("one", "one/a", "one/a/b", "two", "two/c", "outside", "outside/d")
FILES = tuple(
    f"{folder}/{name}"
    for folder in FOLDERS
    for name in ("x.png", "y.jpg", "y.heic", "y.dng", "Y.ARW")
)
# Of what lies beside it in one folder, the first stands for a RAW.
READ_FOR_RAW = ("y.jpg", "y.heic")
RAWS = ("y.dng", "Y.ARW")


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (number, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [picture(number) for number in range(4)]
# The last is none, whatever its name.
CONTENTS = [*PICTURES, b"no picture, but as long as one could be"]
PATTERNS = ("", "y.jpg", "*.heic", "*.dng", "Y.*")


class StubTower:
    """Counts what it is asked for: each content is to be embedded once."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        self.asked[pixels.tobytes()] += 1
        return np.eye(1, DIMENSION, dtype=np.float32)


class StubTagger:
    def tag(self, content_ids: list[int], vectors: np.ndarray) -> None:
        """No tags."""


class World:
    """Two roots and a folder outside of them, a keeper, and workers."""

    def __init__(self, place: Path, mini: Pack) -> None:
        self.place = place
        for folder in FOLDERS:
            (place / folder).mkdir(parents=True, exist_ok=True)
        (place / "sentinel").mkdir()
        self.sentinels = 0
        database = place / "index.db"
        self.connection = open_index(database, create=True)
        self.reader = connect(database)
        with transaction(self.connection):
            pack = packs.add_pack(self.connection, "stub", "stub", DIMENSION)
        self.tower = StubTower()
        task = Task(
            tower=lambda: self.tower,
            input_spec=InputSpec(8, "squash", "bilinear", (0.5,) * 3, (0.5,) * 3),
            limits=Limits(),
            max_bytes=10**6,
            is_known=lambda sha: contents.find_embedded(self.reader, sha, pack.id) is not None,
        )
        del mini
        self.backlog = Backlog(Committer(self.connection, pack.id, StubTagger()), task, 1)
        self.control = Control(lambda: None, DaemonStatus(0, "", ""))
        self.keeper = Keeper(
            self.connection,
            pack.id,
            Rules(),
            [str(place / root) for root in ROOTS],
            WatchSettings(settle_seconds=SETTLE_SECONDS),
            self.control.hint,
            lambda: self.backlog.in_hand,
        )
        self.keeper._watches.watch(str(place / "sentinel"))

    def close(self) -> None:
        self.keeper.close()
        self.backlog.give_up()
        self.reader.close()
        self.connection.close()

    def turn(self) -> bool:
        for hint in self.control.take_hints():
            self.keeper.note(hint)
        return self.keeper.step() | self.backlog.step(0.001)

    def settle(self) -> None:
        """Go on until all that the kernel has to tell was told, and everything is done."""
        self.sentinels += 1
        sentinel = self.place / "sentinel" / f"{self.sentinels}.png"
        sentinel.touch()
        end = time.monotonic() + 30
        awaited = FileHint(str(sentinel.parent), sentinel.name)
        while awaited not in (hints := self.control.take_hints()):
            assert time.monotonic() < end
            for hint in hints:
                self.keeper.note(hint)
            time.sleep(0.001)
        for hint in hints:
            self.keeper.note(hint)
        while self.turn() or self.keeper.settling or self.keeper.is_scanning:
            assert time.monotonic() < end
            time.sleep(0.001)

    def indexed(self) -> dict[str, str]:
        return dict(
            self.connection.execute(
                """
                select folders.path || '/' || name, sha256 from files
                join folders on folders.id = folder_id join contents on contents.id = content_id
                where files.state = 'present'
                """
            ).fetchall()
        )

    def on_disk(self) -> dict[str, str]:
        """What is to be read, with its hash."""
        pairs = self.pairs_on_disk()
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.taken()
            if path.read_bytes() in PICTURES
            # A RAW is read where it lies alone, or what lies beside it is no picture.
            and (str(path) not in pairs or Path(pairs[str(path)]).read_bytes() not in PICTURES)
        }

    def pairs_on_disk(self) -> dict[str, str]:
        """Each RAW that has something beside it that is to be read in its place."""
        taken = self.taken()
        return {
            str(path): str(beside[0])
            for path in taken
            if path.name in RAWS
            and (beside := [one for name in READ_FOR_RAW if (one := path.with_name(name)) in taken])
        }

    def taken(self) -> set[Path]:
        """The files in the roots that are not passed by."""
        return {
            path
            for root in ROOTS
            for path in (self.place / root).rglob("?.*")
            if path.is_file() and not self.is_passed_by(path)
        }

    def is_passed_by(self, path: Path) -> bool:
        above = [folder / ".photondignore" for folder in path.parents]
        inside = [file for file in above if file.is_relative_to(self.place) and file.is_file()]
        return any(fnmatchcase(path.name, file.read_text()) for file in inside)

    def pairs(self) -> dict[str, str]:
        """Which RAW is known to be whose companion."""
        return dict(
            self.connection.execute(
                """
                select folders.path || '/' || files.name, folders.path || '/' || photo.name
                from files join folders on folders.id = files.folder_id
                join files as photo on photo.id = files.companion_of
                where files.state = 'present'
                """
            ).fetchall()
        )

    def assert_right(self) -> None:
        assert self.indexed() == self.on_disk()
        assert self.pairs() == self.pairs_on_disk()
        assert check.findings(self.connection) == []
        # Nothing is embedded twice, however it was moved about.
        assert set(self.tower.asked.values()) <= {1}

    def act(self, operation: str, one: str, other: str, number: int) -> None:
        """Do something, if it is possible."""
        with suppress(FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
            getattr(self, operation)(self.place / one, self.place / other, number)

    def write(self, path: Path, _: Path, number: int) -> None:
        path.write_bytes(CONTENTS[number])

    def write_slowly(self, path: Path, _: Path, number: int) -> None:
        with path.open("wb", buffering=0) as file:
            file.write(CONTENTS[number][:30])
            self.turn()
            time.sleep(SETTLE_SECONDS * number)
            self.turn()
            file.write(CONTENTS[number][30:])

    def replace(self, path: Path, _: Path, number: int) -> None:
        temporary = path.with_name("tmp.part")
        temporary.write_bytes(CONTENTS[number])
        temporary.replace(path)

    def delete(self, path: Path, _: Path, _number: int) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def make(self, path: Path, _: Path, _number: int) -> None:
        path.mkdir(parents=True)

    def move(self, path: Path, to: Path, _number: int) -> None:
        if not to.exists() and not to.is_relative_to(path):
            path.rename(to)

    def copy(self, path: Path, to: Path, _number: int) -> None:
        if not to.is_relative_to(path):
            shutil.copytree(path, to)

    def pass_by(self, path: Path, _: Path, number: int) -> None:
        path.with_name(".photondignore").write_text(PATTERNS[number])

    def scan(self, *_: object) -> None:
        self.keeper.rescan()

    def calm(self, *_: object) -> None:
        self.settle()

    def pass_time(self, _: Path, __: Path, number: int) -> None:
        time.sleep(SETTLE_SECONDS / 2 * number)
        self.turn()


def file_operations(files: Sequence[str]) -> st.SearchStrategy[tuple]:
    return st.tuples(
        st.sampled_from(["write", "write_slowly", "replace", "delete", "move", "pass_by"]),
        st.sampled_from(files),
        st.sampled_from(files),
        st.integers(0, len(CONTENTS) - 1),
    )


FOLDER_OPERATIONS = st.tuples(
    st.sampled_from(["make", "delete", "move", "copy"]),
    st.sampled_from(FOLDERS),
    st.sampled_from([*FOLDERS, "one/new", "two/c/new"]),
    st.just(0),
)
PAUSES = st.tuples(
    st.sampled_from(["scan", "pass_time", "calm"]), st.just(""), st.just(""), st.integers(0, 3)
)
HISTORIES = st.lists(st.one_of(file_operations(FILES), FOLDER_OPERATIONS, PAUSES), max_size=25)
# A pair that is or is not indexed already, what may happen to it, and to what comes in its place.
HALVES = ("one/a/y.jpg", "one/a/y.dng")
PAIRED = (*HALVES, "one/a/y.heic", "two/c/y.jpg", "two/c/y.dng")
CALM = ("calm", "", "", 0)
BEGINNINGS = st.permutations(
    [*(("write", half, half, number) for number, half in enumerate(HALVES)), CALM]
)
HISTORIES_OF_PAIRS = st.builds(
    lambda beginning, rest: [*beginning, *rest],
    BEGINNINGS,
    st.lists(st.one_of(file_operations(PAIRED), FOLDER_OPERATIONS, PAUSES), max_size=8),
)


@pytest.fixture
def world(tmp_path: Path, mini: Pack) -> Iterator[World]:
    made = World(tmp_path / "world", mini)
    yield made
    made.close()


@settings(max_examples=60)
@given(history=HISTORIES)
def test_any_history_ends_in_the_index_that_a_fresh_scan_would_make(
    tmp_path_factory: pytest.TempPathFactory, mini: Pack, history
) -> None:
    run_history(tmp_path_factory.mktemp("world"), mini, history)


@settings(max_examples=60)
@given(history=HISTORIES_OF_PAIRS)
def test_any_history_of_a_raw_and_its_jpeg_ends_so_too(
    tmp_path_factory: pytest.TempPathFactory, mini: Pack, history
) -> None:
    run_history(tmp_path_factory.mktemp("world"), mini, history)


def run_history(place: Path, mini: Pack, history: Sequence[tuple]) -> None:
    with closing(World(place, mini)) as world:
        for one in history:
            world.act(*one)
        world.settle()
        world.assert_right()
        # Nor is there anything that a scan of everything would still find.
        world.keeper.rescan()
        world.settle()
        world.assert_right()


def test_lost_events_are_made_up_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's queue overflows while nobody reads it, as it does in a very large burst."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip("the kernel's queue is too long to fill")
    read: Callable[..., object] = world.keeper._watches._inotify.handle_event
    is_stuck = True

    def handle(event: object) -> None:
        while is_stuck:
            time.sleep(0.01)
        read(event)

    monkeypatch.setattr(world.keeper._watches._inotify, "handle_event", handle)
    folder = world.place / "one"
    (folder / "y.png").write_bytes(PICTURES[0])
    for _ in range(limit // 2 + 10):
        (folder / "a.txt").touch()
        (folder / "a.txt").unlink()
    (folder / "x.png").write_bytes(PICTURES[1])
    is_stuck = False
    world.settle()
    assert world.indexed() == world.on_disk()
    assert len(world.indexed()) == 2


def test_a_limit_of_watches_is_said_and_the_root_is_polled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle()
    add = world.keeper._watches._inotify.add_callback

    def refuse(path: bytes, *rest: object) -> object:
        if path.endswith(b"/b"):
            raise OSError(28, "inotify watch limit reached")
        return add(path, *rest)

    monkeypatch.setattr(world.keeper._watches._inotify, "add_callback", refuse)
    (world.place / "one" / "x.png").write_bytes(PICTURES[0])
    world.keeper.rescan()
    world.settle()
    root = world.keeper.roots[str(world.place / "one")]
    assert root.watch == "polling"
    assert "sysctl fs.inotify.max_user_watches" in root.detail
    assert root.scan_at - time.monotonic() < 16 * 60
    # What cannot be watched is found by the next look.
    (world.place / "one" / "a" / "b" / "x.png").write_bytes(PICTURES[1])
    root.scan_at = time.monotonic()
    world.settle()
    assert world.indexed() == world.on_disk()
    # And when the limit was raised, events are enough again.
    monkeypatch.setattr(world.keeper._watches._inotify, "add_callback", add)
    world.keeper.rescan()
    world.settle()
    assert root.watch == "events"


def test_each_folder_that_is_scanned_is_watched_and_no_other(world: World) -> None:
    (world.place / "one" / "@eaDir").mkdir()
    world.settle()
    watched = set(world.keeper._watches._watch_of) - {str(world.place / "sentinel")}
    assert watched == {str(world.place / one) for one in FOLDERS if "outside" not in one}
    shutil.rmtree(world.place / "one" / "a")
    world.settle()
    assert str(world.place / "one" / "a" / "b") not in world.keeper._watches._watch_of
