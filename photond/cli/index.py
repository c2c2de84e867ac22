"""`photond index`."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line
from photond.cli.session import Session, absolute
from photond.cli.summary import print_summary
from photond.errors import ConfigError, ExitCode, UsageError

if TYPE_CHECKING:
    from photond.pipeline.summary import Summary


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "index")(index)


def index(
    session: Session,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Folders or photos; without any, the folders of the configuration.",
            show_default=False,
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try photos again that failed and have not changed.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Make one pass over photo folders: find what is new, embed it, tag it.

    Can be interrupted at any time; the next pass goes on where this one was. Where a daemon keeps the
    folders, it makes the pass.
    """
    roots = [absolute(path) for path in paths or ()] or _configured_roots(session)
    from photond.cli.control import has_daemon

    if has_daemon(session):
        from photond.cli.handed_over import index_by_daemon

        with stop_on_signal() as should_stop:
            index_by_daemon(session, roots, should_stop, retry=retry, json=json)
        return
    is_first = not session.database.exists()
    with stop_on_signal() as should_stop:
        summary = _index(session, roots, should_stop, retry=retry, quiet=json)
    if json:
        print_json(asdict(summary))
    elif len(summary.absent_folders) < len(roots):
        print_summary(summary)
        if is_first and session.has_built_in_pack:
            print_line(
                "  This was the small model that comes along; `photond models download` fetches SigLIP, "
                "a far better one."
            )
    if summary.interrupted:
        note(
            "photond: interrupted; what was finished is kept, and the next pass goes on from there"
        )
        finish(ExitCode.INTERRUPTED)
    if summary.absent_folders:
        error = UsageError if paths else ConfigError
        raise error(f"there is no {' and no '.join(summary.absent_folders)}")
    finish(ExitCode.DONE if summary.is_whole else ExitCode.INCOMPLETE)


def _index(
    session: Session,
    roots: list[str],
    should_stop: Callable[[], bool],
    *,
    retry: bool,
    quiet: bool,
) -> "Summary":
    from photond.cli.progress import progress_bar
    from photond.daemon.memory import be_frugal
    from photond.pipeline.engine import examine_new_pack
    from photond.pipeline.index import Indexer
    from photond.store.database import explained
    from photond.store.lock import only_indexer

    pack = session.pack
    vocabulary = session.vocabulary
    database = session.database
    be_frugal()
    examine_new_pack(database, pack)
    with (
        closing(session.open_index(create=True)) as connection,
        explained(database),
        only_indexer(database),
        progress_bar(hidden=quiet) as on_progress,
    ):
        # What has been imported stays, and is looked through for garbage again and again otherwise,
        # which is a twentieth of a scan in which nothing has changed.
        gc.freeze()
        indexer = Indexer(
            connection, database, pack, vocabulary, session.settings, on_progress, should_stop
        )
        return indexer.run(roots, retry=retry)


def _configured_roots(session: Session) -> list[str]:
    roots = [str(path) for path in session.settings.folder_paths()]
    if not roots:
        raise UsageError(
            "there is no folder to index",
            "Name one, as in `photond index ~/Pictures`, or set `folders` in the configuration "
            "(`photond config init`).",
        )
    return roots


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a wish to stop, which the body may ask for."""
    stop = Event()

    def on_signal(number: int, frame: object) -> None:
        del number, frame
        stop.set()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
