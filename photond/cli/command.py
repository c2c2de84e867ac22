"""The options that every command has, so that they may stand before or after its name."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

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


class Command(TyperCommand):
    """A command among whose options may be such as can stand without their value.

    Their metavar is written in brackets, `--open [N]`, and their value is a whole number; without one
    it is the empty text. typer knows nothing of the kind, so that is put there before typer looks.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click is within typer
        alone = {
            name for one in self.params if (one.metavar or "").startswith("[") for name in one.opts
        }
        end = args.index("--") if "--" in args else len(args)
        following = [*args[1:end], ""]
        completed = [
            f"{word}=" if word in alone and not after.isdecimal() else word
            for word, after in zip(args[:end], following, strict=False)
        ]
        return super().parse_args(ctx, [*completed, *args[end:]])


def command(
    app: typer.Typer, name: str, cls: type[Command] = Command
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command; it gets a `Session` first and its own options after that.

    A parameter that is a dataclass stands for options that several commands have: one for each field,
    of the field's name, annotation and default.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        groups: dict[str, type[Any]] = {
            one.name: one.annotation
            for one in own
            if isinstance(one.annotation, type) and is_dataclass(one.annotation)
        }

        @wraps(function)
        def run(context: typer.Context, **options: Any) -> None:  # noqa: ANN401 - typer's to check
            before_config, before_verbosity = context.obj or (None, 0)
            config = options.pop("config") or before_config
            verbosity = before_verbosity + options.pop("verbose") - options.pop("quiet")
            for group, kind in groups.items():
                options[group] = kind(**{one.name: options.pop(one.name) for one in fields(kind)})
            function(Session(config, verbosity), **options)

        keyword = inspect.Parameter.KEYWORD_ONLY
        general = [
            inspect.Parameter("config", keyword, default=None, annotation=ConfigOption),
            inspect.Parameter("verbose", keyword, default=0, annotation=VerboseOption),
            inspect.Parameter("quiet", keyword, default=0, annotation=QuietOption),
        ]
        context = inspect.Parameter("context", keyword, annotation=typer.Context)
        expanded = [
            parameter
            for one in own
            for parameter in (_options_of(one.annotation) if one.name in groups else (one,))
        ]
        parameters = [context, *(one.replace(kind=keyword) for one in expanded), *general]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        # Without a summary of its own, help that is not laid out by rich cuts it off after some words.
        text = _flowing(inspect.getdoc(function) or "")
        summary = text.partition("\n\n")[0]
        return app.command(name, cls=cls, help=text, short_help=summary)(run)

    return register


def _flowing(text: str) -> str:
    """A text without line breaks within its paragraphs: how wide a terminal is shows when it is read."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _options_of(kind: type) -> Iterator[inspect.Parameter]:
    """The options that the fields of a dataclass stand for."""
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        yield inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=hints[one.name],
        )
