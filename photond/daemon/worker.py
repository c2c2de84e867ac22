"""The daemon's engine: loaded when photos are waiting, let go when none were for a while."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from photond.config.settings import Settings
from photond.daemon.memory import give_back
from photond.errors import ModelError
from photond.logs import get_logger
from photond.models.pack import Pack
from photond.pipeline.engine import (
    TICK_SECONDS,
    Engine,
    forget,
    hand_over,
    stored_pack,
    workers_for,
)
from photond.pipeline.tagger import Tagger
from photond.store import jobs
from photond.store.copying import keep_ready
from photond.store.database import Connection, shrink
from photond.vocabulary.concepts import Vocabulary

log = get_logger(__name__)

# After what a model that cannot be used is tried again.
_MODEL_RETRY_SECONDS = 300.0
# How often labels are asked for that are embedded while nothing else is to be done.
_LABEL_SECONDS = 0.5


class LazyEngine:
    """Works off what is waiting, with an engine that is there only as long as it is needed.

    Args:
        connection: The index.
        database: Its file.
        pack: The pack in use.
        vocabulary: What photos are tagged with.
        settings: The user's.

    Raises:
        ModelError: The pack is damaged.
    """

    def __init__(
        self,
        connection: Connection,
        database: Path,
        pack: Pack,
        vocabulary: Vocabulary,
        settings: Settings,
    ) -> None:
        self._connection = connection
        self._database = database
        self._pack = pack
        self._vocabulary = vocabulary
        self._settings = settings
        self._stored = stored_pack(connection, pack)
        self._tagger: Tagger | None = None
        self._engine: Engine | None = None
        self._used_at = 0.0
        self._not_before = 0.0
        self._is_untidy = True
        self._results: Counter[str] = Counter()
        self.trouble = ""

    @property
    def pack_id(self) -> int:
        """The id of the pack in use."""
        return self._stored.id

    @property
    def in_hand(self) -> Collection[int]:
        """The ids of the files that are being read."""
        return self._engine.backlog.in_hand if self._engine else ()

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._engine is not None and self._engine.is_loaded

    @property
    def results(self) -> Counter[str]:
        """What came of the photos so far, with how many ended so; see `Result`, and "forgotten"."""
        return self._results + (self._engine.backlog.results if self._engine else Counter())

    def step(self, *, may_wait: bool, most: int | None, should_stop: Callable[[], bool]) -> bool:
        """Take photos in hand, and commit what is finished.

        Args:
            may_wait: Wait a moment for what is in hand.
            most: How many photos may be in hand, none at all for 0; None for as many as is good.
            should_stop: Asked now and then while something takes longer.

        Returns:
            Whether there is more to be done.
        """
        claim = most != 0
        if self._engine is None:
            if not claim or time.monotonic() < self._not_before:
                return False
            if not jobs.count_waiting(self._connection):
                self.trouble = ""
                self._tidy(should_stop)
                return self._engine is not None  # there are labels to embed
            if not self._load():
                return False
        assert self._engine is not None
        timeout = TICK_SECONDS if may_wait else 0.0
        if self._engine.step(timeout, most=most):
            self._used_at = time.monotonic()
            self._is_untidy = True
            return True
        if self._engine.labels_left and claim:
            if may_wait:
                time.sleep(_LABEL_SECONDS)
            return True
        if claim:
            self._tidy(should_stop)
        return False

    def rest(self) -> None:
        """Let go of the engine if it was idle for long enough."""
        at = self.unload_at
        if at is not None and at <= time.monotonic():
            self.close()
            shrink(self._connection)
            give_back()
            log.debug("the model is unloaded")

    @property
    def unload_at(self) -> float | None:
        """When the engine is to be let go if it is not needed; None for never."""
        seconds = self._settings.model.idle_unload_seconds
        return self._used_at + seconds if self._engine is not None and seconds else None

    @property
    def retry_at(self) -> float | None:
        """When a model that could not be used is tried again, if it is not time yet."""
        is_ahead = self._not_before > time.monotonic()
        return self._not_before if self.trouble and is_ahead else None

    def close(self) -> None:
        """Put everything in hand back, and let go of the engine."""
        try:
            if self._engine is not None:
                self._engine.stop()
        finally:
            self._results = self.results
            self._engine = self._tagger = None

    def _load(self) -> bool:
        try:
            self._engine = Engine(
                self._connection,
                self._database,
                self._pack,
                self._stored,
                self._make_tagger(),
                self._settings,
                workers_for(self._settings),
            )
        except ModelError as error:
            self._not_before = time.monotonic() + _MODEL_RETRY_SECONDS
            self.trouble = str(error)
            log.warning("the model cannot be used", reason=str(error))
            return False
        self.trouble = ""
        self._used_at = time.monotonic()
        return True

    def _make_tagger(self) -> Tagger:
        if self._tagger is None:
            self._tagger = Tagger(
                self._connection, self._pack, self._stored, self._vocabulary, self._settings.tags
            )
        return self._tagger

    def _tidy(self, should_stop: Callable[[], bool]) -> None:
        """What is done when no photo is waiting any more."""
        if not self._is_untidy:
            return
        self._is_untidy = False
        tagger = self._make_tagger()
        if tagger.is_due:
            if tagger.book.lacking and self._engine is None:
                self._load()  # it embeds labels beside photos
                self._is_untidy = self._engine is not None
                return
            log.info("all photos are tagged anew")
            if not tagger.retag(should_stop):
                return
        handed = hand_over(
            self._connection, self._pack, self._stored, keep_old=self._settings.model.keep_old
        )
        if handed.answers == self._pack.name:
            log.info("another pack answers from now on", pack=self._pack.name)
        forgotten = forget(self._connection, self._settings.index.forget_after_days)
        self._results["forgotten"] += forgotten
        if forgotten:
            log.info("photos are forgotten that were missing for long", photos=forgotten)
        keep_ready(self._connection, self._database, should_stop)
        if self._engine is None:
            self._tagger = None
            give_back()
