"""The engine: a pack and all that it takes to turn waiting photos into rows of the index."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from photond.config.settings import Settings
from photond.errors import PhotondError
from photond.logs import get_logger
from photond.models.loading import Towers
from photond.models.pack import Pack
from photond.models.prepared import prepared_towers
from photond.models.shelf import BUILT_IN
from photond.models.towers import available_cores
from photond.pipeline.alignment import try_out
from photond.pipeline.backlog import Backlog
from photond.pipeline.commit import Committer
from photond.pipeline.inputs import input_spec, max_bytes, picture_limits
from photond.pipeline.labels import LabelEncoder
from photond.pipeline.tagger import Tagger
from photond.pipeline.work import Task
from photond.store import contents, files, jobs, packs
from photond.store.database import Connection, connect, open_index, transaction
from photond.store.packs import StoredPack

log = get_logger(__name__)


def examine_new_pack(database: Path, pack: Pack) -> None:
    """Try a pack out before anything is indexed with it for the first time.

    Args:
        database: The index's file, which need not exist.
        pack: The pack to embed with.

    Raises:
        ModelError: The pack does not do what its `model.toml` says; nothing was written.
        IndexDatabaseError: There is an index, and it cannot be opened.
    """
    if pack.folder.parent == BUILT_IN:
        return  # it was tried out when photond was built
    if database.is_file():
        connection = open_index(database)
        stored = packs.find_pack(connection, pack.fingerprint)
        connection.close()
        if stored is not None:
            return
    try_out(pack)


def stored_pack(connection: Connection, pack: Pack) -> StoredPack:
    """A pack as the index has it, made known first if it was not.

    Raises:
        ModelError: The pack is damaged; it left no trace in the index.
    """
    pack.verify_once(pack.image)
    with transaction(connection):
        stored = packs.find_pack(connection, pack.fingerprint) or packs.add_pack(
            connection, pack.name, pack.fingerprint, pack.embedding_dimension
        )
        if stored.state != "serving":
            # Another pack answers until this one has every photo, wherever the photos lie.
            jobs.queue_lacking(connection, stored.id)
    return stored


@dataclass(frozen=True, slots=True)
class HandOver:
    """Which pack answers.

    Attributes:
        answers: Its name, where another one was to be replaced; else None.
        lacking: Photos that are still to be embedded before the new one can answer.
    """

    answers: str | None = None
    lacking: int = 0


class Engine:
    """Works off what is waiting: photos, and beside them the labels that are not embedded yet.

    Args:
        connection: The index, written to by the calling thread alone.
        database: Its file, for a second connection that the workers read with.
        pack: The pack to embed with.
        stored: The same as the index has it.
        tagger: Gives the photos their tags.
        settings: The user's.
        workers: How many photos are worked on at a time.

    Raises:
        ModelError: The pack cannot be used.
    """

    def __init__(
        self,
        connection: Connection,
        database: Path,
        pack: Pack,
        stored: StoredPack,
        tagger: Tagger,
        settings: Settings,
        workers: int,
    ) -> None:
        self._tagger = tagger
        self._idle_seconds = settings.model.idle_unload_seconds
        self._towers = Towers(pack, prepared=prepared_towers(settings.model))
        self._towers.image()  # a pack that cannot be used is no photo's fault
        lacking = tagger.book.lacking
        if lacking:
            pack.verify_once(pack.text, pack.tokenizer)
        self._encoder = LabelEncoder(lacking, self._towers.text)
        task = Task(
            tower=self._towers.image,
            input_spec=input_spec(pack.image),
            limits=picture_limits(settings),
            max_bytes=max_bytes(settings),
            is_known=_known_to(database, stored.id),
            batch=pack.image.batch,
        )
        self.backlog = Backlog(Committer(connection, stored.id, tagger), task, workers)

    def step(self, timeout: float, *, most: int | None = None) -> bool:
        """Take photos in hand and commit what is finished, as `Backlog.step` does, and take labels."""
        is_busy = self.backlog.step(timeout, most=most)
        self._tagger.absorb(self._encoder.take())
        if self._idle_seconds:
            self._towers.unload_idle(self._idle_seconds)
        return is_busy

    @property
    def labels_left(self) -> int:
        """How many prompts of labels are still to be embedded."""
        return self._encoder.left

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._towers.is_loaded

    def work_off(
        self, on_progress: Callable[[int, int], None], should_stop: Callable[[], bool]
    ) -> None:
        """Take photos in hand until none is waiting, and stop the engine.

        Args:
            on_progress: Told how many photos are done and how many have failed.
            should_stop: Asked several times a second; what is finished then is committed, and what
                is not goes back among the waiting.
        """
        try:
            while not should_stop() and self.step(TICK_SECONDS):
                results = self.backlog.results
                on_progress(results.total(), results["failed"])
        except PhotondError:
            self.stop()  # what went wrong is no photo's fault
            raise
        except BaseException:
            self.abandon()
            raise
        self.stop()

    def stop(self) -> None:
        """Commit what is finished within a moment, and put the rest back among the waiting."""
        self._encoder.stop()
        self.backlog.give_up()
        self._tagger.absorb(self._encoder.take())

    def abandon(self) -> None:
        """Let the threads end, and write nothing: the index cannot be written to."""
        self._encoder.stop()
        self.backlog.stop()


TICK_SECONDS = 0.1
"""How long a step waits, so that whoever takes steps is asked several times a second."""


def workers_for(settings: Settings) -> int:
    """How many photos are worked on at a time, if so many are waiting."""
    return settings.index.workers or available_cores()


def hand_over(
    connection: Connection, pack: Pack, stored: StoredPack, *, keep_old: bool
) -> HandOver:
    """Let a pack answer if it has every photo that can be read.

    Args:
        connection: The index.
        pack: The pack in use.
        stored: The same as the index has it.
        keep_old: Keep the embeddings of the pack that it replaces.
    """
    result = HandOver()
    with transaction(connection):
        serving = packs.serving_pack(connection)
        assert serving is not None
        if serving.id != stored.id:
            result = HandOver(serving.name, packs.count_lacking(connection, stored.id))
            if result.lacking == 0:
                packs.hand_over(connection, stored.id, keep_old=keep_old)
                result = HandOver(pack.name)
        packs.prune_retired(connection)
    return result


def forget(connection: Connection, after_days: int) -> int:
    """Forget the photos that have been missing for so many days; returns how many."""
    with transaction(connection):
        forgotten = files.forget_missing(connection, after_days)
        for sha256 in contents.delete_unused(connection):
            log.debug("no file has this content any more", sha256=sha256)
    return forgotten


def _known_to(database: Path, pack_id: int) -> Callable[[str], bool]:
    lock = Lock()
    # Never closed: a worker that an interruption left behind may still ask.
    reader = connect(database)

    def is_known(sha256: str) -> bool:
        with lock:
            found = contents.find_embedded(reader, sha256, pack_id)
        return found is not None

    return is_known
