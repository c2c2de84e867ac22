"""Finds the line on which a key of a TOML document is set.

`tomllib` tells values but not where they stand. It is made to tell by feeding it the document
statement by statement: in a valid document, a run of lines that begins at a statement's start parses
on its own exactly when it ends at a statement's end, because an open string, array or inline table
never parses. So comments, quotes and multi-line values need no rules here. Only errors and
`photond config show` need the lines, so this is never on the way of a command that works.
"""

import tomllib
from collections.abc import Iterator

# A statement over several lines can only end on a line that ends with one of these or with a comment.
_CLOSERS = ("]", "}", '"""', "'''")

KeyPath = tuple[str, ...]


def statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a document, each with the number of its first line.

    Blank lines and comments count as statements that set nothing. In a document with a syntax error
    the last statement is everything from the one with the error on.
    """
    start, pending = 1, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not pending:
            start = number
        elif "#" not in line and not line.rstrip().endswith(_CLOSERS):
            pending += line + "\n"
            continue
        pending += line + "\n"
        if _parse(pending) is not None:
            yield start, pending
            pending = ""
    if pending:
        yield start, pending


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of the first statement that sets each key or opens each table of a valid document.

    What stands inside an inline table or an array of tables has the line of the whole statement.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in statements(text):
        content = _parse(statement) or {}
        inside = table
        if statement.lstrip(" \t").startswith("["):
            table, inside = _header(content), ()
        for path in _paths(content):
            lines.setdefault(inside + path, number)
    return lines


def _parse(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _header(content: object) -> KeyPath:
    """The one path of a document that is nothing but a table's header."""
    path: KeyPath = ()
    while content:
        if isinstance(content, list):
            content = content[0]
        elif isinstance(content, dict):
            name, content = next(iter(content.items()))
            path += (name,)
    return path


def _paths(content: object) -> Iterator[KeyPath]:
    if isinstance(content, list):
        for item in content:
            yield from _paths(item)
    elif isinstance(content, dict):
        for name, value in content.items():
            yield (name,)
            for path in _paths(value):
                yield (name, *path)
