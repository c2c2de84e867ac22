"""`photond run`."""

import typer

from photond.cli.command import command
from photond.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "run")(run)


def run(session: Session) -> None:
    """Keep the index up to date with the configured folders, until stopped.

    Sees every photo that appears, changes, moves or goes. Ctrl-C and SIGTERM end it, SIGHUP makes it
    read the configuration again. Where a pass is being made, it waits for its end first.
    """
    from photond.cli.keep import start_again

    start_again(session)
