"""Asking the index: the running daemon, which has the model in memory, or else this process."""

from typing import TYPE_CHECKING, Any

from photond.cli.session import Session
from photond.errors import ExitCode

if TYPE_CHECKING:
    from photond.daemon.client import Answer

_PATIENCE = 15.0  # seconds until a daemon that does not answer is done without


def find(session: Session, command: str, fields: dict[str, Any]) -> dict[str, Any]:
    """What a search finds, as the protocol has it: `photos`, a list of items, and `notes`.

    Args:
        session: Where the index is.
        command: "query" or "similar".
        fields: What else the request holds, see docs/protocol.md.

    Raises:
        PhotondError: The question is wrong, or there is nothing to ask it of.
    """
    answer = _ask_daemon(session, command, fields)
    if answer is not None:
        return answer.result | {"photos": answer.items}

    from msgspec import to_builtins

    from photond.daemon.protocol import QueryRequest, SimilarRequest
    from photond.daemon.searching import find as find_here
    from photond.daemon.searching import searcher_for

    kind = QueryRequest if command == "query" else SimilarRequest
    searcher = searcher_for(session.settings, session.database)
    found: dict[str, Any] = to_builtins(
        find_here(searcher, kind(**fields), session.settings.query.limit)
    )
    return found


def _ask_daemon(session: Session, command: str, fields: dict[str, Any]) -> "Answer | None":
    """The daemon's answer; None if none is running, or if it cannot give one.

    Raises:
        ConfigError: The configuration is wrong.
    """
    from photond.config.fingerprint import fingerprint
    from photond.daemon.client import DaemonError, ask

    try:
        configuration = fingerprint(session.config)
        return ask(command, timeout=_PATIENCE, configuration=configuration, **fields)
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
        return ask(command, timeout=_PATIENCE, **fields | means)
    except DaemonError:
        return None
