"""Writing to the terminal: people get tables, pipes get lines, programs get JSON."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from photond.errors import ExitCode
from photond.printable import printable

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
    _write_line(json.dumps(value, indent=2))


def print_line(line: str = "") -> None:
    """Print one line for people, wherever it goes: through a pipe, too, it mostly ends on a terminal."""
    _write_line(printable(line))


def print_cells(cells: Iterable[str]) -> None:
    """Print one line of several parts, with tabs between them and nowhere else."""
    _write_line("\t".join(map(printable, cells)))


def print_text(text: str) -> None:
    """Print a text of several lines, such as a file's."""
    for line in text.removesuffix("\n").split("\n"):
        print_line(line)


def print_paths(paths: Iterable[str], *, null: bool) -> None:
    """Print paths for programs, as the bytes that they are: one a line, or each ended by a NUL.

    On a terminal, which a name could command, they are escaped like everything else.
    """
    end = b"\0" if null else b"\n"
    as_shown = printable if sys.stdout.isatty() else str
    for path in paths:
        sys.stdout.buffer.write(os.fsencode(as_shown(path)) + end)
    sys.stdout.buffer.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: with aligned columns under a heading on a terminal, else parted by tabs."""
    if not sys.stdout.isatty():
        for row in rows:
            print_cells(row)
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


def note(text: str) -> None:
    """Tell the user, in a line, something that is not the command's result."""
    print(printable(text), file=sys.stderr)  # noqa: T201


def _write_line(line: str) -> None:
    # In UTF-8, also where the terminal's encoding lacks a character of it.
    sys.stdout.buffer.write(line.encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()


def finish(code: ExitCode) -> None:
    """End the command with an exit code."""
    if code is not ExitCode.DONE:
        import typer

        raise typer.Exit(code)
