"""Writing to the terminal: people get tables, pipes get lines, programs get JSON."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from photond.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


@cache
def console(*, stderr: bool = False) -> "Console":
    """Standard output or error as rich sees it; it honours NO_COLOR and the width of the terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print one JSON document.

    In ASCII, because a path may hold bytes that are no text: such a byte stands as the escape of the
    lone surrogate that Python's `os.fsdecode` makes of it, and `os.fsencode` brings it back.
    """
    print_line(json.dumps(value, indent=2))


def print_line(line: str = "") -> None:
    """Print one line, also where the terminal's encoding lacks a character of it."""
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()


def print_paths(paths: Iterable[str], *, null: bool) -> None:
    """Print paths as the bytes that they are, one a line or each ended by a NUL."""
    end = b"\0" if null else b"\n"
    for path in paths:
        sys.stdout.buffer.write(os.fsencode(path) + end)
    sys.stdout.buffer.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: with aligned columns under a heading on a terminal, else parted by tabs."""
    if not sys.stdout.isatty():
        for row in rows:
            print_line("\t".join(cell.replace("\t", " ") for cell in row))
        return
    from rich.table import Table

    cells = [[printable(cell) for cell in row] for row in rows]
    # A column in which nothing stands would only take the others' room.
    shown = [index for index in range(len(columns)) if any(row[index] for row in cells)]
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in (columns[index] for index in shown):
        is_number = column.startswith(">")
        table.add_column(
            column.removeprefix(">"),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*(row[index] for index in shown))
    console().print(table, soft_wrap=False)


def printable(text: str) -> str:
    """A text without control characters, which could command a terminal, and without raw bytes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def note(text: str) -> None:
    """Tell the user something that is not the command's result."""
    print(text, file=sys.stderr)  # noqa: T201


def finish(code: ExitCode) -> None:
    """End the command with an exit code."""
    if code is not ExitCode.DONE:
        import typer

        raise typer.Exit(code)
