"""`photond pause`, `resume`, `rescan` and `retry`: what the running daemon is told."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from photond.cli.command import command
from photond.cli.output import finish, print_line
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, PhotondError

_PATIENCE = 10.0  # seconds


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "pause")(pause)
    command(app, "resume")(resume)
    command(app, "rescan")(rescan)
    command(app, "retry")(retry)


def pause(session: Session) -> None:
    """Have the daemon read no more photos until `photond resume`; searches are still answered."""
    del session
    _tell("pause")
    print_line("photond is paused; `photond resume` has it go on")


def resume(session: Session) -> None:
    """Have the daemon go on after `photond pause`."""
    del session
    _tell("resume")
    print_line("photond goes on")


def rescan(
    session: Session,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Folders; without any, all that are configured.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Have the daemon compare folders with the index now, whatever it has noticed by itself."""
    del session
    _tell(
        "rescan",
        "`photond index` makes a pass by hand.",
        paths=[absolute(path) for path in paths or ()],
    )
    print_line("photond looks at the folders again; `photond status` says how far it is")


def retry(
    session: Session,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Photos, or folders with all below; without any, all that failed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Try photos again that failed and have not changed since.

    The daemon does it at once; without one it is done by the next `photond index`.
    """
    below = [absolute(path) for path in paths or ()]
    if has_daemon(session):
        count = _count_failed(session, below)
        if count:
            _tell("retry", paths=below)
            print_line(
                f"{_photos(count)} tried again now; `photond status` lists those that fail anew"
            )
    else:
        count = _queue(session, below)
        if count:
            print_line(f"{_photos(count)} tried again by the next `photond index`")
    if not count:
        print_line("no photo there has failed" if below else "no photo has failed")
        finish(ExitCode.INCOMPLETE if below else ExitCode.DONE)


def _photos(count: int) -> str:
    return "1 photo is" if count == 1 else f"{count:,} photos are"


def has_daemon(session: Session) -> bool:
    """Whether a daemon keeps the index of this command.

    Raises:
        DaemonError: There is one, and it does not answer.
    """
    from photond.daemon.client import ask

    answer = ask("status", timeout=_PATIENCE)
    return answer is not None and answer.result["database"] == str(session.database)


def told_to_reload(session: Session) -> bool:
    """Have the daemon that keeps the index of this command read what was changed, if there is one.

    Raises:
        DaemonError: There is one, and it does not answer.
    """
    if not has_daemon(session):
        return False
    _tell("reload")
    return True


def _tell(
    what: str,
    else_: str = "`photond service install` has one run.",
    *,
    paths: list[str] | None = None,
) -> None:
    """Tell the daemon something.

    Raises:
        PhotondError: It could not do it, or there is none; then `else_` is what to do instead.
    """
    from photond.daemon.client import ask

    fields: dict[str, Any] = {} if paths is None else {"paths": paths}
    if ask(what, timeout=_PATIENCE, **fields) is None:
        raise PhotondError("no photond daemon is running", else_)


def _queue(session: Session, below: list[str]) -> int:
    from photond.store.database import explained, transaction
    from photond.store.jobs import retry_failed

    with (
        closing(session.open_index()) as connection,
        explained(session.database),
        transaction(connection),
    ):
        return sum(retry_failed(connection, path) for path in below or ["/"])


def _count_failed(session: Session, below: list[str]) -> int:
    from photond.store.database import explained
    from photond.store.jobs import count_failed

    with closing(session.open_index()) as connection, explained(session.database):
        return sum(count_failed(connection, path) for path in below or ["/"])
