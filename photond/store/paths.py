"""Paths as they stand in the database: text where a path is UTF-8, bytes where it is not.

Linux allows every byte but NUL and `/` in a name. Python carries the undecodable ones as lone
surrogates (PEP 383), which SQLite's text cannot hold; such a path is stored as the bytes it is made
of. Each path has exactly one stored form, so uniqueness and look-ups work on the column as it is.
"""

import os
from collections.abc import Sequence


def to_column(path: str) -> str | bytes:
    """The form of a path (or of a name) that the database keeps."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def from_column(value: str | bytes) -> str:
    """The path that `to_column` was given; undecodable bytes come back as surrogates."""
    return value if isinstance(value, str) else os.fsdecode(value)


def joined(folder: str | bytes, name: str | bytes) -> str:
    """The path of a file, from the columns of its folder and its name."""
    return f"{from_column(folder).rstrip('/')}/{from_column(name)}"


def below(column: str, folder: str) -> tuple[str, Sequence[str | bytes]]:
    """A condition that holds for `folder` itself and for every path below it.

    Args:
        column: The SQL expression that holds the path.
        folder: An absolute path without a slash at its end (except for `/`).

    Returns:
        The condition and the values to bind to it, in order.
    """
    prefix = folder.rstrip("/") + "/"
    # "0" follows "/" in ASCII, so that [prefix/, prefix0) is exactly what starts with the prefix.
    end = prefix[:-1] + "0"
    if folder == "/":
        return "1", ()
    either = " or ".join([f"({column} >= ? and {column} < ?)"] * 2)
    condition = f"({column} in (?, ?) or {either})"
    return condition, (
        to_column(folder),
        os.fsencode(folder),
        to_column(prefix),
        to_column(end),
        os.fsencode(prefix),
        os.fsencode(end),
    )
