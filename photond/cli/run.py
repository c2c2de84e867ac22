"""`photond run`."""

import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from photond.cli.command import command
from photond.cli.session import Session
from photond.errors import UsageError

if TYPE_CHECKING:
    from photond.daemon.control import Control
    from photond.daemon.daemon import Setup


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "run")(run)


def run(session: Session) -> None:
    """Keep the index up to date with the configured folders, until stopped.

    Sees every photo that appears, changes, moves or goes. Ctrl-C and SIGTERM end it, SIGHUP makes it
    read the configuration again.
    """
    from photond.config import locations
    from photond.config.fingerprint import fingerprint
    from photond.daemon.daemon import Daemon
    from photond.daemon.memory import be_frugal
    from photond.daemon.notify import Notifier
    from photond.daemon.power import Power
    from photond.daemon.searching import DaemonSearches
    from photond.daemon.server import Server, inherited_socket
    from photond.daemon.surroundings import Surroundings
    from photond.store.database import explained
    from photond.store.lock import only_indexer

    be_frugal()
    configuration = fingerprint(session.config)
    if not session.settings.folders:
        raise UsageError(
            "there is no folder to keep",
            "Set `folders` in the configuration (`photond config init`).",
        )
    database = session.database
    with (
        closing(session.open_index(create=True)) as connection,
        explained(database),
        only_indexer(database, stays=True),
    ):
        searches = DaemonSearches(session.settings, configuration, database)
        surroundings = Surroundings(Notifier(), searches)
        daemon = Daemon(
            connection, database, lambda: _load(session, database), surroundings, Power()
        )
        searches.on_loaded = daemon.control.nudge
        _obey_signals(daemon.control)
        with Server(
            daemon.control, searches, locations.socket_file(), inherited=inherited_socket()
        ):
            daemon.run()


def _load(session: Session, database: Path) -> "Setup":
    from photond.config.fingerprint import fingerprint
    from photond.daemon.daemon import Setup
    from photond.pipeline.engine import examine_new_pack

    fresh = session.anew()
    configuration = fingerprint(fresh.config)
    examine_new_pack(database, fresh.pack)
    return Setup(fresh.settings, configuration, fresh.pack, fresh.vocabulary)


def _obey_signals(control: "Control") -> None:
    def end(number: int, frame: object) -> None:
        del number, frame
        control.stop()

    def reload(number: int, frame: object) -> None:
        del number, frame
        control.reload()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, reload)
