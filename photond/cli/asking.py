"""Asking the index: the running daemon, which has the model in memory, or else this process."""

from typing import Any

from photond.cli.session import Session

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
    from photond.daemon.client import DaemonError, ask

    try:
        answer = ask(command, timeout=_PATIENCE, **fields)
    except DaemonError:
        # It keeps another index, or is ill, or the question is wrong: what is to be said of that is
        # found out by asking without it.
        answer = None
    if answer is not None:
        return answer.result | {"photos": answer.items}

    from msgspec import to_builtins

    from photond.daemon.protocol import QueryRequest, SimilarRequest
    from photond.daemon.searching import find as find_here
    from photond.daemon.searching import searcher_for

    kind = QueryRequest if command == "query" else SimilarRequest
    found: dict[str, Any] = to_builtins(
        find_here(searcher_for(session.settings, session.database), kind(**fields))
    )
    return found
