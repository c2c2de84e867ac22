"""The options that every command has, so that they may stand before or after its name."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from photond.cli.session import Session

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Read this configuration file instead of the usual one.",
        rich_help_panel="General",
    ),
]
VerboseOption = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        help="Log more.",
        rich_help_panel="General",
        metavar="",
        show_default=False,
    ),
]
QuietOption = Annotated[
    int,
    typer.Option(
        "--quiet",
        "-q",
        count=True,
        help="Log less.",
        rich_help_panel="General",
        metavar="",
        show_default=False,
    ),
]


def root_options(
    context: typer.Context,
    config: ConfigOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
) -> None:
    """Keep the options that stand before the command's name for the command."""
    context.obj = (config, verbose - quiet)


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command; it gets a `Session` first and its own options after that."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(context: typer.Context, **options: Any) -> None:  # noqa: ANN401 - typer's to check
            before_config, before_verbosity = context.obj or (None, 0)
            config = options.pop("config") or before_config
            verbosity = before_verbosity + options.pop("verbose") - options.pop("quiet")
            function(Session(config, verbosity), **options)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        general = [
            inspect.Parameter("config", keyword, default=None, annotation=ConfigOption),
            inspect.Parameter("verbose", keyword, default=0, annotation=VerboseOption),
            inspect.Parameter("quiet", keyword, default=0, annotation=QuietOption),
        ]
        context = inspect.Parameter("context", keyword, annotation=typer.Context)
        parameters = [context, *(one.replace(kind=keyword) for one in own), *general]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        # Without a summary of its own, help that is not laid out by rich cuts it off after some words.
        summary = inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        return app.command(name, short_help=summary)(run)

    return register
