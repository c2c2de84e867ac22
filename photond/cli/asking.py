"""Asking the index: the running daemon, which has the model in memory, or else this process."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photond.cli.session import Session
from photond.errors import ExitCode

if TYPE_CHECKING:
    from photond.daemon.client import Answer
    from photond.search.question import Question

_PATIENCE = 15.0  # seconds until a daemon that does not answer is done without


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        photos: As docs/protocol.md has them, best first; to be read once.
        notes: What the user should know of it, a sentence each; all of them once the photos were read.
    """

    photos: Iterable[dict[str, Any]]
    notes: Sequence[str]


@contextmanager
def asked(
    session: Session, question: "Question", fields: Mapping[str, Any], *, stream: bool = False
) -> Iterator[Found]:
    """What the index has to say to a question, for as long as the block lasts.

    Args:
        session: Where the index is.
        question: With dates and paths that mean the same to everyone.
        fields: What else the request holds, see docs/protocol.md.
        stream: Whether all photos are wanted, one after the other as they are found.

    Raises:
        PhotondError: The question is wrong, or there is nothing to ask it of.
    """
    from photond.search.language import render

    fields = {**fields, "text": render(question)}
    # What may be the whole library is read from the index without a detour.
    answer = None if stream else _ask_daemon(session, fields)
    if answer is not None:
        yield Found(answer.items, answer.result["notes"])
        return

    from msgspec import to_builtins

    from photond.daemon.protocol import QueryRequest
    from photond.daemon.searching import answer as answer_here
    from photond.daemon.searching import found, searcher_for

    searcher = searcher_for(session.settings, session.database, once=True)
    limit = None if stream else session.settings.query.limit
    with answer_here(searcher, QueryRequest(**fields), limit) as said:
        yield Found((to_builtins(found(hit)) for hit in said.hits), said.notes)


def _ask_daemon(session: Session, fields: dict[str, Any]) -> "Answer | None":
    """The daemon's answer; None if none is running, or if it cannot give one.

    Raises:
        ConfigError: The configuration is wrong.
    """
    from photond.config.fingerprint import fingerprint
    from photond.daemon.client import DaemonError, ask

    try:
        configuration = fingerprint(session.config)
        return ask("query", timeout=_PATIENCE, configuration=configuration, **fields)
    except DaemonError as error:
        if error.exit_code is not ExitCode.CONFIGURATION:
            # It is ill, or the question is wrong: what is to be said of that is found out without it.
            return None
    # It has other settings, or the file has changed since: it may keep the index that is meant anyway.
    means = {
        "database": str(session.database),
        "pack": session.settings.model.pack,
        "limit": fields["limit"] or session.settings.query.limit,
    }
    try:
        return ask("query", timeout=_PATIENCE, **fields | means)
    except DaemonError:
        return None
