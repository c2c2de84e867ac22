"""The worker pool, with the real tower and files that misbehave."""

import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from PIL import Image

from photond.errors import ModelError
from photond.imaging.picture import Limits
from photond.models.pack import Pack
from photond.models.towers import ImageTower
from photond.pipeline import work
from photond.pipeline.inputs import input_spec
from photond.pipeline.work import Embedded, Failed, Outcome, Same, Task, Vanished, Workers
from photond.store.jobs import Job
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def tower(mini: Pack) -> ImageTower:
    return ImageTower(mini)


@pytest.fixture
def task(mini: Pack, tower: ImageTower) -> Task:
    return Task(lambda: tower, input_spec(mini.image), Limits(), 10**8, lambda _sha256: False)


def outcomes_of(workers: Workers, count: int, seconds: float = 30) -> list[Outcome]:
    outcomes: list[Outcome] = []
    end = time.monotonic() + seconds
    while len(outcomes) < count and time.monotonic() < end:
        outcomes += workers.take(0.05)
    return outcomes


def test_each_job_has_one_outcome(task: Task, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    paths = [SAMPLES / "cat.jpg", tmp_path / "bad.jpg", tmp_path / "gone.jpg"]
    workers = Workers(task, 2)
    for number, path in enumerate(paths):
        workers.give(Job(number, str(path), None))
    found = {one.job.file_id: type(one) for one in outcomes_of(workers, 3)}
    workers.stop()
    assert found == {0: Embedded, 1: Failed, 2: Vanished}
    assert workers.in_hand == []


def test_threads_get_the_same_embedding_as_one(task: Task) -> None:
    workers = Workers(task, 4)
    paths = sorted(SAMPLES.glob("*.jpg"))[:8]
    for number, path in enumerate(paths):
        workers.give(Job(number, str(path), None))
    together = {o.job.file_id: o for o in outcomes_of(workers, len(paths))}
    workers.stop()
    single = Workers(task, 1)
    for number, path in enumerate(paths):
        single.give(Job(number, str(path), None))
    for alone in outcomes_of(single, len(paths)):
        other = together[alone.job.file_id]
        assert isinstance(alone, Embedded)
        assert isinstance(other, Embedded)
        assert np.linalg.norm(alone.embedding) == pytest.approx(1, abs=1e-5)
        assert float(alone.embedding @ other.embedding) > 0.999999
    single.stop()


def test_photos_of_one_call_get_the_same_embeddings_as_alone(task: Task) -> None:
    paths = sorted(SAMPLES.glob("*.jpg"))[:5]
    found = []
    for batch in (1, 4):
        workers = Workers(replace(task, batch=batch), 1)
        for number, path in enumerate(paths):
            workers.give(Job(number, str(path), None))
        outcomes = {one.job.file_id: one for one in outcomes_of(workers, len(paths))}
        workers.stop()
        found.append([outcomes[number].embedding for number in range(len(paths))])
    assert np.sum(np.multiply(*found), axis=1) == pytest.approx(np.ones(len(paths)), abs=1e-5)


class Counting:
    """A tower that counts the pictures of each call, and refuses the black ones."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        self.calls.append(len(pixels))
        if any(np.ptp(one) == 0 for one in pixels):
            raise ModelError("it has no direction")
        return np.ones((len(pixels), 1), np.float32)


def test_a_worker_takes_as_many_photos_as_are_waiting_up_to_a_batch(task: Task) -> None:
    tower = Counting()
    workers = Workers(replace(task, tower=lambda: tower, batch=4), 1)
    assert workers.capacity == 4
    for number, path in enumerate(sorted(SAMPLES.glob("*.jpg"))[:9]):
        workers.give(Job(number, str(path), None))
    assert len(outcomes_of(workers, 9)) == 9
    workers.stop()
    assert sum(tower.calls) == 9
    assert max(tower.calls) <= 4
    assert len(tower.calls) <= 4


def test_a_photo_that_cannot_be_embedded_does_not_stop_those_of_its_batch(
    task: Task, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    paths = [SAMPLES / "cat.jpg", tmp_path / "black.png", SAMPLES / "moon.jpg"]
    workers = Workers(replace(task, tower=Counting, batch=3), 1)
    for number, path in enumerate(paths):
        workers.give(Job(number, str(path), None))
    found = {one.job.file_id: type(one) for one in outcomes_of(workers, 3)}
    workers.stop()
    assert found == {0: Embedded, 1: Failed, 2: Embedded}


def test_copies_in_hand_at_once_are_embedded_once(task: Task, tmp_path: Path) -> None:
    for number in range(6):
        shutil.copy(SAMPLES / "cat.jpg", tmp_path / f"{number}.jpg")
    workers = Workers(task, 3)
    for number in range(6):
        workers.give(Job(number, str(tmp_path / f"{number}.jpg"), None))
    found = [type(one) for one in outcomes_of(workers, 6)]
    workers.stop()
    assert sorted(found, key=str) == [Embedded, *[Same] * 5]


def test_a_known_content_is_not_decoded(task: Task, tower: ImageTower) -> None:
    known = Task(lambda: tower, task.input_spec, task.limits, task.max_bytes, lambda _sha256: True)
    workers = Workers(known, 1)
    workers.give(Job(1, str(SAMPLES / "cat.jpg"), None))
    (outcome,) = outcomes_of(workers, 1)
    workers.stop()
    assert isinstance(outcome, Same)


def test_a_worker_that_does_not_come_back_is_replaced(
    task: Task, tower: ImageTower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk hangs, as far as the pool can tell: here it waits for an event instead."""
    monkeypatch.setattr(work, "_PATIENCE_SECONDS", 0.0)
    release = threading.Event()
    hung: list[str] = []

    def is_known(sha256: str) -> bool:
        if not hung:
            hung.append(sha256)
            release.wait(30)
        return False

    limits = Limits(max_seconds=2.0)
    workers = Workers(Task(lambda: tower, task.input_spec, limits, task.max_bytes, is_known), 1)
    workers.give(Job(1, str(SAMPLES / "cat.jpg"), None))
    (outcome,) = outcomes_of(workers, 1)
    assert isinstance(outcome, Failed)
    assert "took more than" in outcome.reason
    # Its copies wait for the outcome of these bytes, so it says which they are.
    assert outcome.sha256 == hung[0]
    release.set()
    workers.give(Job(2, str(SAMPLES / "coffee.jpg"), None))
    (second,) = outcomes_of(workers, 1)
    workers.stop()
    assert (type(second), second.job.file_id) == (Embedded, 2)


class _SlowlyPut(SimpleQueue[Outcome]):
    """A queue that keeps whoever puts something into it until that has long been taken out."""

    def put(self, item: Outcome, *_: object) -> None:
        super().put(item)
        time.sleep(0.1)


def test_a_worker_whose_outcome_was_taken_at_once_works_on(task: Task) -> None:
    """It once took itself for given up, and when all had, the pass waited for ever."""
    workers = Workers(task, 1)
    workers._outcomes = _SlowlyPut()
    for number in range(3):
        workers.give(Job(number, "/gone.jpg", None))
        (outcome,) = outcomes_of(workers, 1)
        assert isinstance(outcome, Vanished)
    workers.stop()


def test_a_photo_of_which_the_decoder_crashes_costs_only_itself(task: Task, tmp_path: Path) -> None:
    crashing = (
        "import ctypes\n"
        "from photond.imaging import child\n"
        "good = child.decode\n"
        "def decode(data, *, name, **more):\n"
        "    return ctypes.string_at(0) if name == 'evil.jpg' else good(data, name=name, **more)\n"
        "child.decode = decode\n"
        "child.main()\n"
    )
    shutil.copy(SAMPLES / "coffee.jpg", tmp_path / "evil.jpg")
    workers = Workers(replace(task, command=(sys.executable, "-c", crashing)), 1)
    for number, path in enumerate([tmp_path / "evil.jpg", SAMPLES / "cat.jpg"]):
        workers.give(Job(number, str(path), None))
    evil, cat = outcomes_of(workers, 2)
    workers.stop()
    assert isinstance(evil, Failed)
    assert (evil.failure, evil.reason) == ("crashed", "the decoder crashed (SIGSEGV)")
    assert isinstance(cat, Embedded)
