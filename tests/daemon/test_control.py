"""The daemon's own loop, asked by another thread as a server asks it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from photond.config.settings import ModelSettings, Settings, WatchSettings
from photond.daemon.control import MAX_HINTS, Control
from photond.daemon.daemon import Daemon
from photond.daemon.hints import FileHint, LostHint
from photond.daemon.notify import Notifier
from photond.daemon.power import Power
from photond.daemon.searching import DaemonSearches
from photond.daemon.setup import Setup
from photond.daemon.status import DaemonStatus, Rate
from photond.daemon.surroundings import Surroundings
from photond.daemon.wake import Sleeper, Woken
from photond.errors import ModelError
from photond.models.loading import Towers
from photond.models.pack import Pack
from photond.models.towers import ImageTower
from photond.pipeline.scan import Scan
from photond.pipeline.tagger import Tagger
from photond.store.database import Connection, connect, open_index
from photond.vocabulary.concepts import Vocabulary


class Kept:
    """A daemon on a thread of its own, and the index that it keeps.

    Attributes:
        setup: What its configuration says.
        may_load: Whether reading it comes to an end.
    """

    def __init__(
        self, setup: Setup, make: Callable[[Callable[[], Setup]], Daemon], reader: Connection
    ) -> None:
        self.setup = setup
        self.may_load = threading.Event()
        self.may_load.set()
        self.daemon = daemon = make(self._load)
        self.control = daemon.control
        self.reader = reader
        self.thread = threading.Thread(target=daemon.run)
        self.thread.start()

    def _load(self) -> Setup:
        assert self.may_load.wait(60)
        return self.setup

    @property
    def photos(self) -> int:
        query = "select count(*) from files where content_id is not null and state = 'present'"
        return self.reader.execute(query).fetchone()[0]

    def wait(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.thread.is_alive()
            assert time.monotonic() < end, self.control.status()
            time.sleep(0.02)


@pytest.fixture
def pulses() -> list[float]:
    return []


@pytest.fixture
def kept(tmp_path: Path, photos: Path, mini: Pack, pulses: list[float]) -> Iterator[Kept]:
    database = tmp_path / "index.db"
    settings = Settings(
        folders=(str(photos),),
        watch=WatchSettings(settle_seconds=0.2),
        model=ModelSettings(idle_unload_seconds=1),
    )

    class Counted(Surroundings):
        def pulse(self, status: DaemonStatus) -> float:
            super().pulse(status)
            pulses.append(time.monotonic())
            return 0.2

    with (
        closing(open_index(database, create=True)) as connection,
        closing(connect(database)) as reader,
    ):
        setup = Setup(settings, None, mini, Vocabulary(()))
        surroundings = Counted(Notifier({}), DaemonSearches(settings, None, database))
        power = Power(tmp_path / "no supplies")
        kept = Kept(
            setup, lambda load: Daemon(connection, database, load, surroundings, power), reader
        )
        yield kept
        kept.control.stop()
        kept.thread.join(20)
        assert not kept.thread.is_alive()
        assert kept.control.status().state == "stopping"


def test_while_it_is_paused_no_photo_is_read_and_each_reason_counts(kept, photos, sample) -> None:
    kept.control.pause()
    kept.control.pause("battery")
    sample("cat", photos / "a.jpg")
    kept.wait(lambda: kept.control.status().waiting == 1)
    status = kept.control.status()
    assert (status.state, status.paused_by) == ("paused", ("battery", "user"))
    kept.control.resume()
    time.sleep(0.5)
    assert kept.photos == 0
    kept.control.resume("battery")
    kept.wait(lambda: kept.photos == 1)
    kept.wait(lambda: kept.control.status().state == "idle")


def test_its_status_says_what_it_has_done_and_how_folders_are_watched(kept, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    (photos / "bad.jpg").write_bytes(b"no photo")
    kept.wait(lambda: kept.control.status().done == 2)
    kept.wait(lambda: kept.control.status().state == "idle")
    status = kept.control.status()
    assert (status.failed, status.waiting, status.settling) == (1, 0, 0)
    (root,) = status.roots
    assert (root.path, root.watch, root.waiting) == (str(photos), "events", 0)
    assert root.scanned_at is not None
    assert status.loaded
    kept.wait(lambda: not kept.control.status().loaded)
    assert kept.control.status().done == 2


def test_photos_that_failed_are_tried_again_when_asked(kept, photos) -> None:
    (photos / "bad.jpg").write_bytes(b"no photo")
    kept.wait(lambda: kept.control.status().failed == 1)
    kept.control.retry()
    kept.wait(lambda: kept.control.status().failed == 2)
    kept.control.retry([str(photos / "bad.jpg")])
    kept.wait(lambda: kept.control.status().failed == 3)


def test_a_rescan_is_done_when_asked(kept, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    kept.wait(lambda: kept.photos == 1)
    before = kept.reader.execute("select finished_at from scans").fetchone()
    time.sleep(1.1)
    kept.control.rescan()
    kept.wait(lambda: kept.reader.execute("select finished_at from scans").fetchone() != before)


def test_its_pulse_beats_as_often_as_it_was_asked_to(kept, pulses) -> None:
    kept.wait(lambda: kept.control.status().state == "idle")
    before = len(pulses)
    time.sleep(1.1)
    assert 3 <= len(pulses) - before <= 12


def test_each_piece_of_tagging_anew_is_a_sign_of_life(
    kept, photos, sample, pulses, monkeypatch
) -> None:
    """Of a million photos it takes longer than systemd waits for one."""
    for name in ("cat", "coffee", "drink", "sunflowers"):
        sample(name, photos / f"{name}.jpg")
    kept.wait(lambda: kept.photos == 4)
    kept.wait(lambda: kept.control.status().state == "idle")
    monkeypatch.setattr("photond.store.embeddings._ROWS_AT_ONCE", 1)
    told: list[int] = []
    retag = Tagger.retag

    def watched(tagger: Tagger, should_stop: Callable[[], bool]) -> bool:
        before = len(pulses)
        done = retag(tagger, should_stop)
        told.append(len(pulses) - before)
        return done

    monkeypatch.setattr(Tagger, "retag", watched)
    kept.reader.execute("update packs set tagging_fingerprint = null")
    kept.control.reload()
    kept.wait(lambda: bool(told))
    assert told == [4]


def test_while_the_configuration_is_read_again_everything_goes_on(
    kept, photos, sample, pulses, tmp_path
) -> None:
    """To try a large pack out for the first time takes longer than systemd waits for a sign of life."""
    kept.wait(lambda: kept.control.status().state == "idle")
    commands = kept.control.status().commands
    kept.may_load.clear()
    other = tmp_path / "Other"
    sample("coffee", other / "c.jpg")
    folders = (str(photos), str(other))
    kept.setup = replace(kept.setup, settings=structs.replace(kept.setup.settings, folders=folders))
    kept.control.reload()
    sample("cat", photos / "a.jpg")
    kept.wait(lambda: kept.photos == 1)
    before = len(pulses)
    kept.wait(lambda: len(pulses) > before + 3)
    kept.control.reload()
    kept.wait(lambda: kept.control.status().state == "idle")
    assert len(kept.control.status().roots) == 1
    assert kept.control.status().commands == commands
    kept.may_load.set()
    kept.wait(lambda: kept.photos == 2)
    kept.wait(lambda: kept.control.status().commands == commands + 2)
    assert kept.control.status().done == 2


def test_it_ends_at_once_while_the_configuration_is_being_read(kept) -> None:
    kept.wait(lambda: kept.control.status().state == "idle")
    kept.may_load.clear()
    kept.control.reload()
    kept.control.nudge()
    kept.control.stop()
    kept.thread.join(20)
    assert not kept.thread.is_alive()
    kept.may_load.set()


def test_an_index_that_cannot_be_written_to_only_delays_a_reload(kept, photos, tmp_path) -> None:
    kept.wait(lambda: kept.control.status().state == "idle")
    other = tmp_path / "Other"
    other.mkdir()
    kept.reader.execute("pragma busy_timeout = 60000")
    settings = structs.replace(kept.setup.settings, folders=(str(other),))
    kept.setup = replace(kept.setup, settings=settings)
    kept.daemon._connection.execute("pragma busy_timeout = 10")
    kept.reader.execute("begin immediate")
    kept.control.reload()
    kept.wait(lambda: kept.control.status().state == "waiting")
    assert [root.path for root in kept.control.status().roots] == [str(photos)]
    kept.reader.execute("rollback")
    kept.wait(lambda: [root.path for root in kept.control.status().roots] == [str(other)])


def test_a_pack_that_cannot_be_used_is_tried_again_after_a_while(
    kept, photos, sample, monkeypatch
) -> None:
    monkeypatch.setattr("photond.daemon.worker._MODEL_RETRY_SECONDS", 0.5)
    trials: list[float] = []
    load = Towers.image

    def fail(towers: Towers) -> ImageTower:
        trials.append(time.monotonic())
        if len(trials) < 3:
            raise ModelError("the model is not there just now")
        return load(towers)

    monkeypatch.setattr(Towers, "image", fail)
    sample("cat", photos / "a.jpg")
    kept.wait(lambda: kept.control.status().state == "waiting")
    assert kept.control.status().doing == "the model is not there just now"
    kept.wait(lambda: kept.photos == 1)
    kept.wait(lambda: kept.control.status().state == "idle")
    assert kept.control.status().failed == 0
    assert min(trials[1] - trials[0], trials[2] - trials[1]) >= 0.5


@pytest.mark.parametrize(
    ("woken", "is_scanned"),
    [
        (Woken(slept_seconds=3600.0), True),
        (Woken(clock_set=True), True),
        (Woken(mounts_changed=True), False),
        (Woken(), False),
    ],
)
def test_after_a_suspend_and_when_the_clock_was_set_everything_is_looked_at(
    kept, photos, sample, monkeypatch, woken, is_scanned
) -> None:
    sample("cat", photos / "a.jpg")
    kept.wait(lambda: kept.photos == 1)
    kept.wait(lambda: kept.control.status().state == "idle")
    scans: list[str] = []
    steps = Scan.steps

    def noted(scan: Scan) -> Iterator[None]:
        scans.append(scan._root)
        yield from steps(scan)

    monkeypatch.setattr(Scan, "steps", noted)
    pending = [woken]
    sleep = Sleeper.sleep

    def wake_up(sleeper: Sleeper, seconds: float | None) -> Woken:
        found = sleep(sleeper, seconds)
        return pending.pop() if pending else found

    monkeypatch.setattr(Sleeper, "sleep", wake_up)
    kept.control.nudge()
    kept.wait(lambda: not pending)
    kept.control.rescan([str(photos / "a.jpg")])  # something to wait for: it comes after that
    commands = kept.control.status().commands
    kept.wait(lambda: kept.control.status().commands > commands)
    kept.wait(lambda: kept.control.status().state == "idle")
    assert scans == ([str(photos)] if is_scanned else [])


def test_hints_are_kept_once_and_not_without_end() -> None:
    woken: list[int] = []
    control = Control(lambda: woken.append(1), DaemonStatus(1, "", ""))
    for _ in range(3):
        control.hint(FileHint("/p", "a.jpg"))
    assert control.take_hints() == [FileHint("/p", "a.jpg")]
    assert len(woken) == 1
    for number in range(MAX_HINTS + 1):
        control.hint(FileHint("/p", str(number)))
    assert control.take_hints() == [LostHint()]


def test_a_rate_is_that_of_the_last_minute() -> None:
    rate = Rate(60)
    assert rate.value is None
    for second in range(0, 200, 2):
        rate.note(second * (10 if second < 100 else 5), float(second))
    assert rate.value == pytest.approx(5)
    rate.clear()
    assert rate.value is None
