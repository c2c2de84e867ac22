"""Answers questions about one index, and keeps what it loaded for the next question."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from photond.config.settings import Settings
from photond.models.pack import Pack
from photond.models.shelf import find_pack
from photond.models.towers import TextTower, available_cores
from photond.search.dates import end_moment, first_moment
from photond.search.filters import Filters, tag_filter
from photond.search.ranking import Direction, Ranking, Rankings
from photond.search.search import Hit, answering_pack, search
from photond.store.database import Connection, explained, open_index, snapshot
from photond.store.files import count_unread
from photond.store.jobs import count_waiting
from photond.vocabulary.own import load_vocabulary


@dataclass(frozen=True, slots=True)
class Among:
    """Which photos a question is about, in the words of the user.

    Attributes:
        folders: Absolute paths; the photos lie below one of them. Empty for anywhere.
        since: Taken on that day or later, see `photond.search.dates`.
        until: Taken on that day or earlier.
        tags: See `photond.search.filters.tag_filter`.
        min_score: Photos with a lower cosine similarity are left out.
        limit: How many photos at most.
    """

    folders: tuple[str, ...]
    since: str | None
    until: str | None
    tags: tuple[str, ...]
    min_score: float
    limit: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The photos that were found, best first, and what the user should know of them."""

    hits: list[Hit]
    notes: list[str]


class Searcher:
    """Searches an index; several threads may ask at the same time.

    Args:
        database: The index.
        settings: Which pack is meant, and what a photo may be like.
        models_dir: Where the user's packs lie.
        vocabulary_file: The user's own part of the vocabulary, which says what is a kind of what.
    """

    def __init__(
        self, database: Path, settings: Settings, *, models_dir: Path, vocabulary_file: Path
    ) -> None:
        self._database = database
        self._settings = settings
        self._models_dir = models_dir
        self._vocabulary_file = vocabulary_file
        self._rankings = Rankings(database)
        self._loading = threading.Lock()
        self._loaded: tuple[str, TextTower] | None = None
        self._is_used = False
        self._last_used = time.monotonic()

    def by_text(self, text: str, among: Among) -> Answer:
        """The photos that show what a text says.

        Raises:
            PhotondError: The question is wrong, or there is nothing to ask it of.
        """
        filters = self._filters(among)
        with self._index() as connection:
            configured = self._configured_pack()
            answering = answering_pack(connection, configured, self._models_dir)
            hits = search(
                connection,
                answering.stored,
                self._ranking(connection, answering.stored.id),
                Direction(self._text_tower(answering.pack).embed_query(text)),
                filters,
                limit=among.limit,
                min_score=among.min_score,
                pack=answering.pack,
            )
            return Answer(hits, _notes(connection, configured, answering.pack))

    def by_example(self, photo: str, among: Among) -> Answer:
        """The photos that look most like one, which is left out itself.

        Args:
            photo: Its absolute path; it need not be indexed.
            among: Which photos may be found.

        Raises:
            PhotondError: As for `by_text`.
        """
        # Brings the decoders with it, which a question in words does without.
        from photond.search.example import embed_example  # noqa: PLC0415

        with self._index() as connection:
            answering = answering_pack(connection, self._configured_pack(), self._models_dir)
            example = embed_example(connection, answering, photo, self._settings)
            hits = search(
                connection,
                answering.stored,
                self._ranking(connection, answering.stored.id),
                Direction(example.embedding),
                self._filters(among, is_not=example.content_id),
                limit=among.limit,
                min_score=among.min_score,
            )
            return Answer(hits, [])

    def unload_unused(self, seconds: float) -> bool:
        """Let go of model and vectors if nobody has asked for so long; returns whether they were."""
        with self._loading:
            if not self._is_used or time.monotonic() - self._last_used < seconds:
                return False
            self._loaded = None
            self._is_used = False
            self._rankings.let_go()
            return True

    @property
    def unused_at(self) -> float | None:
        """Since when nobody has asked, by the monotonic clock; None if nothing is kept in memory."""
        with self._loading:
            return self._last_used if self._is_used else None

    @contextmanager
    def _index(self) -> Iterator[Connection]:
        """One state of the index, for one question: nothing is held open between questions."""
        with (
            closing(open_index(self._database)) as connection,
            explained(self._database),
            snapshot(connection),
        ):
            yield connection

    def _configured_pack(self) -> Pack:
        return find_pack(self._settings.model.pack, self._models_dir)

    def _text_tower(self, pack: Pack) -> TextTower:
        """The tower of a pack, loaded by the first who asks and kept for the others."""
        with self._loading:
            if self._loaded is None or self._loaded[0] != pack.fingerprint:
                self._loaded = None  # not two at a time
                self._loaded = pack.fingerprint, TextTower(pack, available_cores())
            self._note_use()
            return self._loaded[1]

    def _ranking(self, connection: Connection, pack_id: int) -> Ranking:
        with self._loading:
            self._note_use()
        return self._rankings.at(connection, pack_id)

    def _note_use(self) -> None:
        self._is_used = True
        self._last_used = time.monotonic()

    def _filters(self, among: Among, is_not: int | None = None) -> Filters:
        # The vocabulary is only read when a tag is asked for.
        vocabulary = load_vocabulary(self._vocabulary_file) if among.tags else None
        return Filters(
            folders=among.folders,
            since=None if among.since is None else first_moment(among.since),
            before=None if among.until is None else end_moment(among.until),
            tags=[tag_filter(tag, vocabulary) for tag in among.tags if vocabulary is not None],
            is_not=is_not,
        )


def _notes(connection: Connection, configured: Pack, answering: Pack) -> list[str]:
    notes = []
    waiting = count_waiting(connection)
    if configured.fingerprint != answering.fingerprint:
        notes.append(
            f"the pack {answering.name!r} answers until `photond index` has embedded "
            f"all photos with {configured.name!r}"
        )
        waiting = count_unread(connection)
    if waiting:
        notes.append(f"{waiting:,} photos are not indexed yet and cannot be found")
    return notes
