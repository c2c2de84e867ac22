"""The daemon's process: what `photond run` becomes once its arguments are understood.

An idle daemon stays for weeks, so what it has in memory counts. Reading the command line takes libraries
of some 9 MB that are not needed again; so `photond run` starts its own program once more, under the
same process id, and that begins here.
"""

import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from photond.cli.session import Session
from photond.errors import UsageError

if TYPE_CHECKING:
    from photond.daemon.control import Control
    from photond.daemon.setup import Setup

_VARIABLE = "_PHOTOND_KEEP"


def start_again(session: Session) -> NoReturn:
    """Have this process begin anew with `keep` and the same session."""
    config = None if session.config is None else str(session.config)
    # With the process id, so that no child process takes it for its own.
    said = {"pid": os.getpid(), "config": config, "verbosity": session.verbosity}
    environ = os.environ | {_VARIABLE: json.dumps(said)}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606


def session_to_keep() -> Session | None:
    """The session of the process that has begun anew; None in any other."""
    said = os.environ.pop(_VARIABLE, None)
    if said is None:
        return None
    value = json.loads(said)
    if value["pid"] != os.getpid():
        return None
    config = value["config"]
    return Session(None if config is None else Path(config), value["verbosity"])


def keep(session: Session) -> None:
    """Keep the index up to date with the configured folders, until stopped.

    Raises:
        PhotondError: It cannot begin, or cannot go on.
    """
    # structlog loads it, where it is installed, for tracebacks that photond does not print; 4 MB.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from photond.config import locations
    from photond.config.fingerprint import fingerprint
    from photond.daemon.daemon import Daemon
    from photond.daemon.listening import inherited_socket
    from photond.daemon.memory import be_frugal
    from photond.daemon.notify import Notifier
    from photond.daemon.patience import open_patiently
    from photond.daemon.power import Power
    from photond.daemon.searching import DaemonSearches
    from photond.daemon.server import Server
    from photond.daemon.surroundings import Surroundings
    from photond.store.database import explained
    from photond.store.lock import IndexLock

    be_frugal()
    configuration = fingerprint(session.config)
    _require_folders(session)
    database = session.database
    with (
        closing(open_patiently(database)) as connection,
        explained(database),
        IndexLock(database, stays=True) as lock,
    ):
        lock.take()  # where another daemon runs, that is said before anything else
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
            if daemon.wait_for_its_turn(lock.take):
                daemon.run()


def _require_folders(session: Session) -> None:
    if not session.settings.folders:
        raise UsageError(
            "there is no folder to keep",
            "Set `folders` in the configuration (`photond config init`).",
        )


def _load(session: Session, database: Path) -> "Setup":
    from photond.config.fingerprint import fingerprint
    from photond.daemon.setup import Setup
    from photond.pipeline.engine import examine_new_pack

    fresh = session.anew()
    configuration = fingerprint(fresh.config)
    _require_folders(fresh)
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
