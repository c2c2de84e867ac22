"""The worker pool: jobs go in, outcomes come out.

Each worker takes one photo from its bytes to its embedding by itself, with a decoder process of its own
that it waits for, and one thread in the tower: a processor second goes into decoding or into the tower
and nowhere else, so the cores are all busy and no queue stands between the two (docs/decisions.md).
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError, PictureError
from photond.imaging.decoder import COMMAND, CrashedError, Decoded, Decoder, StartError
from photond.imaging.picture import Facts, Limits
from photond.imaging.preprocess import InputSpec
from photond.logs import get_logger
from photond.models.towers import ImageTower
from photond.pipeline.read import UnreadableError, read_photo
from photond.pipeline.walk import file_stat
from photond.store.files import FileStat
from photond.store.jobs import Failure, Job

log = get_logger(__name__)

# A thread that never comes back, from a network disk that is gone for example, cannot be stopped, only
# left behind. A decoder is stopped at the limit of one photo, and gets two processes at most; so much
# more is waited for.
_PATIENCE = 2.0
_PATIENCE_SECONDS = 65.0
# A decoder that has had nothing to do for so long is ended.
_IDLE_SECONDS = 5.0
# How long `stop` waits for threads that are nearly done.
_GRACE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Embedded:
    """A photo that was decoded and embedded.

    Attributes:
        job: What was to be done.
        stat: Of the file, as it was read.
        sha256: Of its bytes.
        facts: What it says about itself.
        perceptual_hash: See `photond.imaging.perceptual`.
        embedding: float32 of shape (dimension,), unit length.
    """

    job: Job
    stat: FileStat
    sha256: str
    facts: Facts
    perceptual_hash: bytes
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Same:
    """A photo whose bytes are known, or are being worked on under another path: nothing to compute."""

    job: Job
    stat: FileStat
    sha256: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A photo that could not be read; `sha256` is known where its bytes could."""

    job: Job
    failure: Failure
    reason: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Vanished:
    """A photo that was not there any more."""

    job: Job


Outcome = Embedded | Same | Failed | Vanished


@dataclass(frozen=True, slots=True)
class _Ready:
    """A photo that is only to be embedded."""

    job: Job
    stat: FileStat
    sha256: str
    picture: Decoded


@dataclass(frozen=True, slots=True)
class Task:
    """What the workers have in common.

    Attributes:
        tower: Gives the image tower, which all of them use at once.
        input_spec: What it takes.
        limits: Of decoding.
        max_bytes: Of a file.
        is_known: Whether the index has an embedding of the content with a hash; thread-safe.
        batch: How many pictures a worker gives to the tower at once, if so many are waiting.
        command: Runs a decoder process.
    """

    tower: Callable[[], ImageTower]
    input_spec: InputSpec
    limits: Limits
    max_bytes: int
    is_known: Callable[[str], bool]
    batch: int = 1
    command: tuple[str, ...] = COMMAND


class Workers:
    """Threads that turn jobs into outcomes, in whatever order they finish.

    Args:
        task: What to do.
        count: How many threads.

    Attributes:
        capacity: How many photos are worked on at once, if so many are waiting.
    """

    def __init__(self, task: Task, count: int) -> None:
        self._task = task
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._hashes = _HashesInHand()
        self._started: dict[int, tuple[float, threading.Thread]] = {}
        # Threads that were given up as overdue, and replaced.
        self._given_up: set[threading.Thread] = set()
        self._in_hand: dict[int, Job] = {}
        self._hash_of: dict[int, str] = {}
        self._threads: list[threading.Thread] = []
        self.capacity = count * task.batch
        for _ in range(count):
            self._add_thread()

    def give(self, job: Job) -> None:
        """Hand a job to the workers."""
        self._in_hand[job.file_id] = job
        self._jobs.put(job)

    def take(self, timeout: float) -> list[Outcome]:
        """The outcomes that are there, after waiting up to `timeout` seconds for the first."""
        outcomes: list[Outcome] = []
        with suppress(Empty):
            outcomes.append(self._outcomes.get(timeout=timeout))
            while True:
                outcomes.append(self._outcomes.get_nowait())
        outcomes = [one for one in outcomes if one.job.file_id in self._in_hand]
        for outcome in outcomes:
            self._put_down(outcome.job)
        return outcomes + self._overdue()

    def done_with(self, sha256: str) -> None:
        """Say that what is known of a content stands in the index now, for all to find."""
        self._hashes.release(sha256)

    @property
    def in_hand(self) -> list[Job]:
        """The jobs that were given and have not come back."""
        return list(self._in_hand.values())

    def stop(self) -> None:
        """Take the jobs back that no thread has begun, and let the threads end."""
        with suppress(Empty):
            while True:
                self._jobs.get_nowait()
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _add_thread(self) -> None:
        # Daemon threads: one that hangs in a decoder must not keep the process from ending.
        thread = threading.Thread(target=self._work, name="photond-worker", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        me = threading.current_thread()
        task = self._task
        with closing(Decoder(task.limits, task.max_bytes, task.command)) as decoder:
            while me not in self._given_up and (job := self._next(decoder)) is not None:
                ready: list[_Ready] = []
                while job is not None:
                    self._started[job.file_id] = time.monotonic(), me
                    read = self._read(job, decoder)
                    if isinstance(read, _Ready):
                        ready.append(read)
                    else:
                        self._outcomes.put(read)
                    job = self._another() if len(ready) < task.batch else None
                for outcome in self._embed(ready):
                    self._outcomes.put(outcome)

    def _another(self) -> Job | None:
        """A job, if one is waiting."""
        with suppress(Empty):
            job = self._jobs.get_nowait()
            if job is not None:
                return job
            self._jobs.put(None)  # the end is for after what is in hand
        return None

    def _next(self, decoder: Decoder) -> Job | None:
        try:
            return self._jobs.get(timeout=_IDLE_SECONDS)
        except Empty:
            decoder.close()
            return self._jobs.get()

    def _read(  # noqa: PLR0911 - one return an outcome
        self, job: Job, decoder: Decoder
    ) -> _Ready | Same | Failed | Vanished:
        sha256 = None
        try:
            photo = read_photo(job.path, self._task.max_bytes, decoder.room)
            name = job.path.rpartition("/")[2]
            stat = file_stat(name, photo.status)
            sha256 = photo.sha256
            self._hash_of[job.file_id] = sha256
            if not self._hashes.acquire(sha256, self._task.is_known):
                return Same(job, stat, sha256)
            picture = decoder.decode(photo.data, name, self._task.input_spec)
            return _Ready(job, stat, sha256, picture)
        except FileNotFoundError:
            return Vanished(job)
        except UnreadableError as error:
            return Failed(job, "unreadable", error.reason)
        except CrashedError as error:
            return Failed(job, "crashed", error.reason, sha256)
        except PictureError as error:
            return Failed(job, "undecodable", error.reason, sha256)
        except Exception as error:  # noqa: BLE001 - one photo never stops the others
            return _failed(job, sha256, error)

    def _embed(self, ready: Sequence[_Ready]) -> Iterator[Outcome]:
        """The outcomes of photos that are given to the tower together."""
        if not ready:
            return
        try:
            pixels = [one.picture.pixels for one in ready]
            # One is not copied.
            batch = pixels[0][np.newaxis] if len(pixels) == 1 else np.stack(pixels)
            embeddings = self._task.tower().embed(batch)
        except Exception as error:  # noqa: BLE001 - as above
            if len(ready) == 1:
                yield _failed(ready[0].job, ready[0].sha256, error)
            else:
                for one in ready:  # the one that cannot be embedded does not stop the others
                    yield from self._embed([one])
            return
        for one, embedding in zip(ready, embeddings, strict=True):
            log.debug("embedded", path=one.job.path, sha256=one.sha256)
            facts, looks = one.picture.facts, one.picture.perceptual_hash
            yield Embedded(one.job, one.stat, one.sha256, facts, looks, embedding)

    def _overdue(self) -> list[Outcome]:
        # The first photo of a batch waits for the others.
        limit = self._task.batch * (self._task.limits.max_seconds * _PATIENCE + _PATIENCE_SECONDS)
        now = time.monotonic()
        overdue: list[Outcome] = []
        for file_id, (started, thread) in list(self._started.items()):
            if file_id in self._in_hand and now - started > limit:
                job = self._in_hand[file_id]
                reason = f"reading took more than {limit:.0f} s"
                # With its hash, because copies of the photo may be waiting for this outcome.
                sha256 = self._hash_of.get(file_id)
                overdue.append(Failed(job, "undecodable", reason, sha256))
                self._put_down(job)
                self._given_up.add(thread)
                self._add_thread()
        return overdue

    def _put_down(self, job: Job) -> None:
        self._in_hand.pop(job.file_id, None)
        self._started.pop(job.file_id, None)
        self._hash_of.pop(job.file_id, None)


def _failed(job: Job, sha256: str | None, error: Exception) -> Failed:
    if isinstance(error, ModelError | MemoryError | StartError):
        # Not the photo's fault, as far as anyone can tell.
        return Failed(job, "unreadable", str(error) or "not enough memory", sha256)
    log.error("unexpected failure", path=job.path, exc_info=error)
    return Failed(job, "undecodable", f"{type(error).__name__}: {error}", sha256)


class _HashesInHand:
    """Which contents are being worked on, so that copies of a photo are embedded once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: set[str] = set()

    def acquire(self, sha256: str, is_known: Callable[[str], bool]) -> bool:
        """Whether the caller is the one to work on a content."""
        with self._lock:
            if sha256 in self._hashes or is_known(sha256):
                return False
            self._hashes.add(sha256)
            return True

    def release(self, sha256: str) -> None:
        with self._lock:
            self._hashes.discard(sha256)
