"""The `photond` command and its subcommands."""

from typing import Annotated

import typer

from photond import __version__
from photond.cli import (
    config,
    control,
    doctor,
    duplicates,
    index,
    models,
    query,
    run,
    service,
    show,
    status,
    tags,
    vocabulary,
)
from photond.cli.command import ConfigOption, QuietOption, VerboseOption, root_options

app = typer.Typer(
    name="photond",
    help="Search your own photos in words, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"photond {__version__}")
        raise typer.Exit


@app.callback()
def photond(
    context: typer.Context,
    config: ConfigOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Search your own photos in words, on your own machine. Nothing is sent anywhere.

    Begin with `photond index ~/Pictures`, then ask: `photond query "beach"`.
    """
    del version
    root_options(context, config, verbose, quiet)


for module in (index, run, query, duplicates, show, tags, status, control, doctor):
    module.register(app)
app.add_typer(models.app, name="models")
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(service.app, name="service")
app.add_typer(config.app, name="config")
