"""`photond config`."""

import os
from typing import Annotated

import typer

from photond.cli.command import command
from photond.cli.output import print_json, print_line, print_text
from photond.cli.session import Session
from photond.errors import ConfigError

app = typer.Typer(help="The configuration file.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group of commands."""
    root.add_typer(app, name="config")


def init(
    session: Session,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
) -> None:
    """Write a configuration file with every key, its meaning and its default."""
    from photond.config.edit import replace_file
    from photond.config.example import example
    from photond.config.locations import chosen_file

    file = chosen_file(session.config)
    if os.path.lexists(file) and not force:
        raise ConfigError(f"{file} is there already", "--force replaces it.")
    replace_file(file, example())
    print_line(f"{file} is written; set `folders` in it to where your photos are")


def show(
    session: Session, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show the settings in effect, each with where it comes from."""
    import msgspec

    from photond.config.example import render_origins
    from photond.config.load import load_with_origins

    settings, origins = load_with_origins(session.config)
    if json:
        print_json(msgspec.to_builtins(settings))
    else:
        print_text(render_origins(settings, origins))


def path(session: Session) -> None:
    """Print where the configuration file is, or would be."""
    from photond.config.locations import chosen_file

    print_line(str(chosen_file(session.config)))


def check(session: Session) -> None:
    """Check the configuration; says what is wrong, and where, and exits with 3 if anything is."""
    from photond.config.locations import chosen_file

    settings = session.settings
    absent = [folder for folder in settings.folder_paths() if not folder.is_dir()]
    settings.database_path()
    if absent:
        raise ConfigError(f"folders: there is no folder {', '.join(map(str, absent))}")
    file = chosen_file(session.config)
    print_line(f"{file}: in order" if file.exists() else f"{file}: not there, the defaults hold")


command(app, "init")(init)
command(app, "show")(show)
command(app, "path")(path)
command(app, "check")(check)
