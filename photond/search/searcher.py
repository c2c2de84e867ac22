"""Answers questions about one index, and keeps what it loaded for the next question."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from photond.config.settings import Settings
from photond.errors import IndexDatabaseError, UsageError
from photond.models.pack import Pack
from photond.models.prepared import prepared_towers
from photond.models.score import confidence
from photond.models.shelf import find_pack
from photond.search.answering import Answering, answering_pack
from photond.search.dates import end_moment, first_moment
from photond.search.filters import Filters, tag_filter
from photond.search.hits import Hit, Scored, hits
from photond.search.mixing import Part, mixed
from photond.search.question import Question, is_path
from photond.search.ranking import Ranking, Rankings
from photond.search.reasons import reasons
from photond.search.search import Allowed, by_date, by_look, by_name, by_name_alone, with_names
from photond.search.texts import QueryText, QueryTexts
from photond.store.database import Connection, explained, open_index, snapshot
from photond.store.embeddings import EMBEDDED_AGAIN
from photond.store.files import count_unread
from photond.store.jobs import count_waiting
from photond.store.queries import keep_query
from photond.vocabulary.own import load_vocabulary

if TYPE_CHECKING:
    from photond.search.example import Example

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Wish:
    """How much of the answer is wanted, and of what kind.

    Attributes:
        limit: How many photos at most; all if None.
        offset: How many of the best are left out, as having been seen.
        min_score: Photos with a lower cosine similarity are left out.
        each_copy: Whether identical files are a hit each, instead of one that stands for them.
        offline: Whether photos on disks that are not there are found, too.
        names_only: Whether photos are found by the words in their names alone.
    """

    limit: int | None
    offset: int = 0
    min_score: float = -1.0
    each_copy: bool = False
    offline: bool = False
    names_only: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The photos that were found, best first, and what the user should know of them.

    Attributes:
        hits: To be read once.
        notes: Sentences; all of them once the hits were read.
    """

    hits: Iterator[Hit]
    notes: list[str]


class Searcher:
    """Searches an index; several threads may ask at the same time.

    Args:
        database: The index.
        settings: Which pack is meant, and what a photo may be like.
        models_dir: Where the user's packs lie.
        vocabulary_file: The user's own part of the vocabulary, which says what is a kind of what.
        once: It is asked one question.
    """

    def __init__(
        self,
        database: Path,
        settings: Settings,
        *,
        models_dir: Path,
        vocabulary_file: Path,
        once: bool = False,
    ) -> None:
        self._database = database
        self._settings = settings
        self._models_dir = models_dir
        self._vocabulary_file = vocabulary_file
        self._texts = QueryTexts(once=once, prepared=prepared_towers(settings.model))
        self._rankings = Rankings(database)
        self._using = threading.Lock()
        self._used_at: float | None = None

    @contextmanager
    def answer(self, question: Question, wish: Wish) -> Iterator[Answer]:
        """What one state of the index has to say to a question, for as long as the block lasts.

        Args:
            question: Its paths are absolute.
            wish: How much of the answer is wanted.

        Raises:
            PhotondError: The question is wrong, or there is nothing to ask it of.
        """
        if wish.names_only and (question.like or question.not_like):
            raise UsageError("an example cannot be compared with by names only")
        if question == Question():
            raise UsageError("the query is empty", 'Say what to look for: photond query "beach".')
        with self._using:
            self._used_at = time.monotonic()
        with closing(open_index(self._database)) as connection, explained(self._database):
            with snapshot(connection):
                configured = find_pack(self._settings.model.pack, self._models_dir)
                answering = answering_pack(connection, configured, self._models_dir)
                texts = [
                    self._texts.embed(connection, answering, term.text)
                    for term in ([] if wish.names_only else question.terms)
                ]
                answer = self._answer(connection, answering, question, texts, wish)
                answer.notes[:0] = _notes(connection, configured, answering.pack)
                yield answer
            self._remember(connection, answering, texts)

    def unload_unused(self, seconds: float) -> bool:
        """Let go of model and vectors if nobody has asked for so long; returns whether they were."""
        with self._using:
            if self._used_at is None or time.monotonic() - self._used_at < seconds:
                return False
            self._used_at = None
            self._texts.let_go()
            self._rankings.let_go()
            return True

    @property
    def trouble(self) -> str:
        """Why answers take longer than they could; empty if they do not."""
        return self._rankings.trouble

    @property
    def unused_at(self) -> float | None:
        """Since when nobody has asked, by the monotonic clock; None if nothing is kept in memory."""
        with self._using:
            return self._used_at

    def _answer(
        self,
        connection: Connection,
        answering: Answering,
        question: Question,
        texts: Sequence[QueryText],
        wish: Wish,
    ) -> Answer:
        pack, pack_id = answering.pack, answering.stored.id
        examples = self._examples(connection, answering, question)
        filters = self._filters(question, wish, [one for one, _ in examples])
        weights = [term.weight for term in question.terms]
        parts = [Part(one.embedding, weight) for one, weight in examples]
        parts += [
            Part(text.embedding, weight) for text, weight in zip(texts, weights, strict=False)
        ]
        found, ranking = self._found(connection, pack_id, question, parts, filters, wish)
        if not wish.each_copy:
            found = _page(found, wish)
        is_plain_text = weights == [1.0] and not examples
        told = hits(
            connection,
            pack_id,
            found,
            filters,
            (lambda score: float(confidence(score, pack.score))) if is_plain_text else None,
            each_copy=wish.each_copy,
        )
        notes = [
            f"{text.prompt[:40]!r}... is longer than the model reads, and counts as far as it does"
            for text in texts
            if text.is_cut
        ]
        told = _page(told, wish) if wish.each_copy else told
        why = partial(reasons, connection, pack_id, question, filters)
        return Answer(_with_notes(told, ranking, why, notes), notes)

    def _found(
        self,
        connection: Connection,
        pack_id: int,
        question: Question,
        parts: Sequence[Part],
        filters: Filters,
        wish: Wish,
    ) -> tuple[Iterator[Scored], Ranking | None]:
        """What suits a question, best first, and by what it was ranked, if by the look of photos."""
        wanted = " ".join(term.text for term in question.terms if term.weight > 0)
        if wish.names_only:
            unwanted = [term.text for term in question.terms if term.weight < 0]
            return by_name_alone(connection, filters, pack_id, wanted, unwanted), None
        if not parts:
            return by_date(connection, filters, pack_id), None
        direction = mixed(parts)
        allowed = Allowed.by(connection, filters, pack_id)
        ranking = self._rankings.at(connection, pack_id)
        look = by_look(ranking, direction, allowed, wish.min_score)
        if wish.limit is None:  # all of them, so that it does not matter which come first
            return look, ranking
        named = by_name(ranking, direction, allowed, wish.min_score, wanted)
        return with_names(look, named), ranking

    def _examples(
        self, connection: Connection, answering: Answering, question: Question
    ) -> "list[tuple[Example, float]]":
        """The photos that the question compares with, each with its weight."""
        if not question.like and not question.not_like:
            return []
        # Brings the decoders with it, which a question in words does without.
        from photond.search.example import embed_example  # noqa: PLC0415

        weighed = [(path, 1.0) for path in question.like]
        weighed += [(path, -1.0) for path in question.not_like]
        return [
            (embed_example(connection, answering, path, self._settings), weight)
            for path, weight in weighed
        ]

    def _filters(self, question: Question, wish: Wish, examples: "Sequence[Example]") -> Filters:
        # The vocabulary is only read when a tag is asked for.
        vocabulary = load_vocabulary(self._vocabulary_file) if question.tags else None
        return Filters(
            folders=tuple(folder for folder in question.folders if is_path(folder)),
            folder_names=tuple(folder for folder in question.folders if not is_path(folder)),
            since=None if question.since is None else first_moment(question.since),
            before=None if question.until is None else end_moment(question.until),
            tags=tuple(
                tag_filter(tag, vocabulary) for tag in question.tags if vocabulary is not None
            ),
            cameras=question.cameras,
            lenses=question.lenses,
            near=question.near,
            orientation=question.orientation,
            is_not=tuple(one.content_id for one in examples if one.content_id is not None),
            offline=wish.offline,
        )

    def _remember(
        self, connection: Connection, answering: Answering, texts: Sequence[QueryText]
    ) -> None:
        """Keep what was computed, if that is possible at once; it is only for the next time."""
        for text in texts:
            if text.is_new:
                with suppress(IndexDatabaseError), explained(self._database):
                    keep_query(connection, answering.stored.id, text.prompt, text.embedding)


def _with_notes(
    found: Iterator[Hit], ranking: Ranking | None, why: Callable[[], list[str]], notes: list[str]
) -> Iterator[Hit]:
    """What was found; the notes say what could not be, and where that is nothing, why."""
    is_empty = True
    for one in found:
        is_empty = False
        yield one
    if ranking is not None and ranking.spoilt:
        notes.append(_spoilt(ranking.spoilt))
    if is_empty:
        notes += why()


def _spoilt(count: int) -> str:
    photos = (
        "1 photo whose embedding is" if count == 1 else f"{count:,} photos whose embeddings are"
    )
    return f"{photos} spoilt cannot be found by look; {EMBEDDED_AGAIN}"


def _page(found: Iterator[One], wish: Wish) -> Iterator[One]:
    end = None if wish.limit is None else wish.offset + wish.limit
    return islice(found, wish.offset, end)


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
