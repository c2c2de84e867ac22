"""Searches as they are asked for in the protocol; `photond query` does them itself without a daemon."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from photond.config import locations
from photond.config.settings import Settings
from photond.daemon.protocol import Found, FoundPhoto, FoundTag, QueryRequest
from photond.errors import ConfigError, UsageError
from photond.search.hits import Hit
from photond.search.language import parse
from photond.search.searcher import Answer, Searcher, Wish
from photond.search.when import resolve


def searcher_for(settings: Settings, database: Path, *, once: bool = False) -> Searcher:
    """A searcher that looks for packs and vocabulary where the user has them.

    Args:
        settings: Those in effect.
        database: The index.
        once: It is asked one question.
    """
    return Searcher(
        database,
        settings,
        models_dir=locations.models_dir(),
        vocabulary_file=locations.vocabulary_file(),
        once=once,
    )


@contextmanager
def answer(searcher: Searcher, request: QueryRequest, limit: int | None) -> Iterator[Answer]:
    """What an index has to say to a request, for as long as the block lasts.

    Args:
        searcher: Of the index.
        request: What to look for.
        limit: How many photos, where the request does not say; None for all of them.

    Raises:
        PhotondError: The question is wrong, or there is nothing to ask it of.
    """
    # Local wall time, as the cameras' is.
    question = parse(request.text, partial(resolve, now=datetime.now()))  # noqa: DTZ005
    wish = Wish(
        limit=request.limit or limit,
        offset=request.offset,
        min_score=request.min_score,
        each_copy=request.each_copy,
        offline=request.offline,
        names_only=request.names_only,
    )
    with searcher.answer(question, wish) as found:
        yield found


class DaemonSearches:
    """Answers the searches that the daemon is asked for.

    Args:
        settings: Those in effect; `use` changes them.
        configuration: Their fingerprint, taken before they were read; None if that is not known.
        database: The index that the daemon keeps.

    Attributes:
        on_loaded: Called when a model may have been loaded, so that it can be let go in time.
    """

    def __init__(self, settings: Settings, configuration: str | None, database: Path) -> None:
        self._database = database
        self.on_loaded: Callable[[], None] = lambda: None
        self.use(settings, configuration)

    def use(self, settings: Settings, configuration: str | None) -> None:
        """Search by other settings from now on, after the configuration was read again."""
        # The index stays until a restart; and what a variable in its path is to the asker is not known.
        if settings.database_path() != self._database or "$" in settings.database:
            configuration = None
        # In one step, for those who are asking meanwhile.
        self._current = settings, configuration, searcher_for(settings, self._database)

    def unload_unused(self, seconds: float) -> bool:
        """Let go of the model if nobody has asked for so long; returns whether one was let go."""
        return self._current[-1].unload_unused(seconds)

    @property
    def unused_at(self) -> float | None:
        """Since when nobody has asked, by the monotonic clock; None if no model is loaded."""
        return self._current[-1].unused_at

    @property
    def trouble(self) -> str:
        """Why answers take longer than they could; empty if they do not."""
        return self._current[-1].trouble

    def query(self, request: QueryRequest) -> Found:
        """The answer to a question.

        Raises:
            ConfigError: It means another configuration than the daemon's.
            PhotondError: See `answer`; or it is about another index than the daemon's, or another pack.
        """
        settings, configuration, searcher = self._current
        if request.configuration is not None:
            if request.configuration != configuration:
                raise ConfigError(
                    "the daemon runs with another configuration than yours, or with what it was before",
                    "Name `database` and `pack`, or have it read the configuration again.",
                )
        else:
            self._check(request, settings.model.pack)
        try:
            with answer(searcher, request, settings.query.limit) as said:
                photos = tuple(map(found, said.hits))
                return Found(photos=photos, notes=tuple(said.notes))
        finally:
            self.on_loaded()

    def _check(self, request: QueryRequest, pack: str) -> None:
        # Whoever sets PHOTOND_DATABASE for one query gets it answered, by their own process.
        if (request.database, request.pack) != (str(self._database), pack):
            raise UsageError(
                f"the daemon keeps {self._database} with the pack {pack!r}, and not "
                f"{request.database} with {request.pack!r}",
                "Ask without the daemon, or have it read the configuration again.",
            )


def found(hit: Hit) -> FoundPhoto:
    """A photo that was found, as it is told."""
    return FoundPhoto(
        path=hit.path,
        score=None if hit.score is None else round(hit.score, 6),
        probability=None if hit.probability is None else round(hit.probability, 6),
        tags=tuple(
            FoundTag(tag=tag.label, confidence=round(tag.confidence, 6)) for tag in hit.tags
        ),
        taken_at=hit.taken_at,
        width=hit.width,
        height=hit.height,
        copies=hit.copies,
        offline=hit.offline,
    )
