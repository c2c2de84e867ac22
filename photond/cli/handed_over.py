"""A pass that the running daemon makes: `photond index` asks it, and waits until it is done."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from photond.cli.output import finish, note, print_json
from photond.cli.session import Session
from photond.cli.summary import print_summary
from photond.errors import ExitCode, IndexDatabaseError, PhotondError, UsageError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.pipeline.summary import Summary
    from photond.store.database import Connection

_LOOK_SECONDS = 0.3


def index_by_daemon(
    session: Session,
    roots: Sequence[str],
    should_stop: Callable[[], bool],
    *,
    retry: bool,
    json: bool,
) -> None:
    """Have the daemon compare folders with the index, and wait until all photos are read.

    Raises:
        UsageError: The daemon does not keep one of these folders.
        PhotondError: The daemon went away.
    """
    from photond.store.clock import now

    started, began = time.monotonic(), now()
    before = _status_once_begun()
    _require_kept(roots, before)
    number = _ask_for_pass(roots, retry=retry)
    status = _wait(number, should_stop)
    if status["state"] in {"paused", "waiting"}:
        note(f"photond: the daemon does not go on: {printable(status['doing'])}")
    summary = _summary(session, roots, began, status["rescan"])
    summary.seconds = time.monotonic() - started
    summary.interrupted = should_stop()
    if json:
        print_json(asdict(summary) | {"daemon": status["pid"]})
    else:
        print_summary(summary, by="by the daemon")
    if summary.interrupted:
        note("photond: interrupted; the daemon goes on")
        finish(ExitCode.INTERRUPTED)
    is_done = summary.is_whole and not summary.waiting
    finish(ExitCode.DONE if is_done else ExitCode.INCOMPLETE)


def _require_kept(roots: Sequence[str], status: dict[str, Any]) -> None:
    kept = [root["path"] for root in status["roots"]]
    for root in roots:
        if not any(root == one or root.startswith(one.rstrip("/") + "/") for one in kept):
            raise UsageError(
                f"the daemon (process {status['pid']}) keeps the index, and {root} is in none of "
                "its folders",
                "Add it to `folders` in the configuration, or stop the daemon.",
            )


def _ask_for_pass(roots: Sequence[str], *, retry: bool) -> int:
    """Have the daemon make a pass; returns the pass's number."""
    from photond.daemon.client import ask

    if retry:
        ask("retry", paths=list(roots))
    answer = ask("rescan", paths=list(roots))
    if answer is None:
        raise _went_away()
    return int(answer.result["rescan"])


def _wait(number: int, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """The daemon's status once it has scanned for a pass, and has nothing to do."""
    while True:
        status = _status()
        is_quiet = status["state"] in {"idle", "paused", "waiting"} and not status["settling"]
        made = status["rescan"]
        if is_quiet and made and made["number"] >= number and made["scanned"]:
            return status
        if should_stop() and made:
            return status
        time.sleep(_LOOK_SECONDS)


def _summary(session: Session, roots: Sequence[str], began: str, made: dict[str, Any]) -> "Summary":
    """What a pass came to: what the daemon counted, and what the index says now."""
    from contextlib import closing

    from photond.pipeline.summary import Summary
    from photond.store import files, jobs
    from photond.store.database import explained

    counted = {name: count for name, count in made.items() if name not in {"number", "scanned"}}
    summary = Summary(**counted)
    reasons: Counter[str] = Counter()
    with closing(session.open_index()) as connection, explained(session.database):
        for root in roots:
            failures = jobs.failures(connection, root)
            summary.failed += len(failures)
            reasons.update(failure.reason for failure in failures)
            summary.missing += files.count_missing(connection, root, began)
            summary.offline += files.count_offline(connection, root)
        summary.waiting = jobs.count_waiting(connection)
        _add_switch(summary, session, connection)
    summary.reasons = dict(reasons.most_common())
    return summary


def _add_switch(summary: "Summary", session: Session, connection: "Connection") -> None:
    """Say which pack answers, where the one in use does not have every photo yet."""
    from photond.store import packs

    serving = packs.serving_pack(connection)
    stored = packs.find_pack(connection, session.pack.fingerprint)
    if serving is not None and stored is not None and serving.id != stored.id:
        summary.answers = serving.name
        summary.lacking = packs.count_lacking(connection, stored.id)


def _status_once_begun() -> dict[str, Any]:
    """The daemon's status, once it knows which folders it keeps.

    Raises:
        IndexDatabaseError: It waits for something before it can begin.
    """
    while True:
        status = _status()
        if status["roots"]:
            return status
        if status["state"] != "starting":
            raise IndexDatabaseError(
                f"the daemon (process {status['pid']}) has not begun: {printable(status['doing'])}"
            )
        time.sleep(_LOOK_SECONDS)


def _status() -> dict[str, Any]:
    from photond.daemon.client import ask

    answer = ask("status")
    if answer is None:
        raise _went_away()
    return answer.result


def _went_away() -> PhotondError:
    return PhotondError("the daemon went away", "`photond index` makes the pass by itself.")
