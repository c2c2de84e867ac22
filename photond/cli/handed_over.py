"""A pass that the running daemon makes: `photond index` asks it, and waits until it is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from photond.cli.output import finish, note, print_json, print_line, printable
from photond.cli.session import Session
from photond.errors import ExitCode, IndexDatabaseError, PhotondError, UsageError

_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of a pass that the daemon made, in photos.

    Attributes:
        daemon: Its process.
        read: Read meanwhile, by whatever cause.
        failed: Of the folders in question, those that could not be read.
        waiting: Still to be read.
        seconds: How long it took.
    """

    daemon: int
    read: int
    failed: int
    waiting: int
    seconds: float


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
    from photond.daemon.client import ask

    started = time.monotonic()
    before = _status_once_begun()
    kept = [root["path"] for root in before["roots"]]
    for root in roots:
        if not any(root == one or root.startswith(one.rstrip("/") + "/") for one in kept):
            raise UsageError(
                f"the daemon (process {before['pid']}) keeps the index, and {root} is in none of "
                "its folders",
                "Add it to `folders` in the configuration, or stop the daemon.",
            )
    if retry:
        ask("retry", paths=list(roots))
    ask("rescan", paths=list(roots))
    status = _wait(before["commands"], should_stop)
    if status["state"] in {"paused", "waiting"}:
        note(f"photond: the daemon does not go on: {printable(status['doing'])}")
    handed = Handed(
        daemon=status["pid"],
        read=status["done"] - before["done"],
        failed=_count_failed(session, roots),
        waiting=status["waiting"],
        seconds=round(time.monotonic() - started, 1),
    )
    if json:
        print_json(asdict(handed))
    else:
        print_line(
            f"{handed.read:,} read, {handed.failed:,} failed, {handed.waiting:,} waiting "
            f"({handed.seconds} s, by the daemon)"
        )
    if should_stop():
        note("photond: interrupted; the daemon goes on")
        finish(ExitCode.INTERRUPTED)
    finish(ExitCode.INCOMPLETE if handed.failed or handed.waiting else ExitCode.DONE)


def _wait(commands: int, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """The daemon's status once it has obeyed more commands than so many, and has nothing to do."""
    while True:
        status = _status()
        is_quiet = status["state"] in {"idle", "paused", "waiting"} and not status["settling"]
        if should_stop() or (status["commands"] > commands and is_quiet):
            return status
        time.sleep(_LOOK_SECONDS)


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
        raise PhotondError("the daemon went away", "`photond index` makes the pass by itself.")
    return answer.result


def _count_failed(session: Session, roots: Sequence[str]) -> int:
    from contextlib import closing

    from photond.store.database import explained
    from photond.store.jobs import failures

    with closing(session.open_index()) as connection, explained(session.database):
        return sum(len(failures(connection, root)) for root in roots)
