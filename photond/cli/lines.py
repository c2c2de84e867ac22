"""The photos of an answer as lines and as JSON, for pipes and programs."""

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from photond.cli.output import print_cells
from photond.cli.photo import Photo
from photond.printable import printable

if TYPE_CHECKING:
    from photond.cli.answer import Photos, Step
    from photond.cli.line_format import LineFormat


def as_json(photos: Iterator[Photo]) -> "Photos":
    """Print one JSON array, which is begun with the first photo and not held back for the last."""
    before = "["
    for photo in photos:
        text = json.dumps(photo.item, indent=2).replace("\n", "\n  ")
        _write(f"{before}\n  {text}")
        before = ","
        yield photo
    _write("[]\n" if before == "[" else "\n]\n")
    sys.stdout.buffer.flush()


def as_json_lines(photos: Iterator[Photo]) -> "Photos":
    """Print a JSON object a line."""
    for photo in photos:
        _write(json.dumps(photo.item) + "\n")
        yield photo
    sys.stdout.buffer.flush()


def as_lines(photos: Iterator[Photo]) -> "Photos":
    """Print a line for each photo: score, path, time and tags, with tabs between them."""
    for photo in photos:
        score = "" if photo.score is None else f"{photo.score:.3f}"
        print_cells((score, photo.path, photo.moment, ", ".join(photo.tags)))
        yield photo


def as_paths(*, null: bool) -> "Step":
    """Print paths as the bytes that they are, one a line or each ended by a NUL.

    On a terminal, which a name could command, control characters are escaped.
    """
    is_raw = not sys.stdout.isatty()

    def printing(photos: Iterator[Photo]) -> "Photos":
        for photo in photos:
            path = photo.path if is_raw else printable(photo.path)
            sys.stdout.buffer.write(os.fsencode(path) + (b"\0" if null else b"\n"))
            yield photo
        sys.stdout.buffer.flush()

    return printing


def formatted(line: "LineFormat", *, null: bool) -> "Step":
    """Print lines of the user's own, with paths as the bytes that they are; see `as_paths`."""
    is_raw = not sys.stdout.isatty()

    def printing(photos: Iterator[Photo]) -> "Photos":
        for photo in photos:
            text = line.of(photo, str if is_raw else printable)
            sys.stdout.buffer.write(os.fsencode(text) + (b"\0" if null else b"\n"))
            yield photo
        sys.stdout.buffer.flush()

    return printing


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("ascii"))
