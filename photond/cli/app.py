"""The `photond` command and its subcommands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from photond import __version__
from photond.cli.command import ConfigOption, QuietOption, VerboseOption, root_options
from photond.cli.lazy import LazyCommand
from photond.printable import printable

# Each command with its module in `photond.cli` and the first paragraph of its help, in the order of
# `photond --help`. A test holds this table against the modules.
COMMANDS = {
    "index": ("index", "Make one pass over photo folders: find what is new, embed it, tag it."),
    "run": (
        "run",
        "Keep the index up to date with the configured folders, until stopped.",
    ),
    "query": ("query", "Find photos by what is in them, described in words, best first."),
    "similar": (
        "query",
        "Find the photos that look most like one photo, which is left out itself.",
    ),
    "duplicates": (
        "duplicates",
        "Show which photos you have more than once, and which copy is the best. Nothing is deleted.",
    ),
    "show": (
        "show",
        "Show everything that is known of photos: facts, tags, copies, what failed and why.",
    ),
    "tags": ("tags", "Show the tags of photos, or all tags with how many photos have them."),
    "tag": (
        "tags",
        "Set your own tags. No re-tagging ever touches them; they follow the photo wherever it moves.",
    ),
    "retag": (
        "tags",
        "Tag the whole library anew from the stored embeddings; no photo is opened.",
    ),
    "status": (
        "status",
        "Show what the daemon does, what is in the index, what is waiting, and what failed and why.",
    ),
    "pause": (
        "control",
        "Have the daemon read no more photos until `photond resume`; searches are still answered.",
    ),
    "resume": ("control", "Have the daemon go on after `photond pause`."),
    "rescan": (
        "control",
        "Have the daemon compare folders with the index now, whatever it has noticed by itself.",
    ),
    "retry": ("control", "Try photos again that failed and have not changed since."),
    "export": (
        "export",
        "Hand the embeddings over to another program, as an Apache Parquet file.",
    ),
    "doctor": (
        "doctor",
        "Test everything that photond relies on, one line each, with the remedy where it is not so.",
    ),
    "models": ("models", "Model packs: what understands the photos and the words."),
    "vocabulary": ("vocabulary", "What photos are tagged with."),
    "service": ("service", "The daemon as a systemd service."),
    "config": ("config", "The configuration file."),
    "db": ("db", "The index's file: check it, copy it, put a copy back, save it, make it smaller."),
}


class _Root(TyperGroup):
    """All commands, none of them loaded."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's to pass
        super().__init__(**attributes)
        for name, (module, summary) in COMMANDS.items():
            self.add_command(LazyCommand(name, f"photond.cli.{module}", summary, self))

    def make_context(self, *arguments: Any, **extra: Any) -> Any:  # noqa: ANN401 - typer's types are private
        """Parse what stands before the command's name."""
        with _printable_mistakes():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Parse the rest, and do it."""
        with _printable_mistakes():
            return super().invoke(ctx)


@contextmanager
def _printable_mistakes() -> Iterator[None]:
    """Say on one line what is wrong with the arguments: a shell puts names of files into their place."""
    try:
        yield
    except Exception as error:
        # Of typer's errors alone; their classes are its own.
        if (format_message := getattr(error, "format_message", None)) is not None:
            said = printable(format_message())
            error.format_message = lambda: said  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="photond",
    cls=_Root,
    help="Search your own photos in words, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Boxes and colours are for people, and take as long again as all the rest of `photond --help`.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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
