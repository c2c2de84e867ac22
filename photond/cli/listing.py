"""The photos of an answer on a terminal: each with its number, its picture and what is known of it."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Console
from rich.style import Style
from rich.text import Text

from photond.cli.output import console
from photond.cli.photo import Photo
from photond.errors import PictureError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.cli.answer import Photos, Step
    from photond.cli.graphics import Drawing
    from photond.cli.session import Session
    from photond.cli.terminal import Terminal
    from photond.imaging.decoder import Decoder

_MIN_COLUMN = 76
"""Characters that a photo has at least, where there are several beside each other."""
_GAP = 2
_INDENT = 4


def listing(session: "Session", thumbnails: bool | None) -> "Step":
    """Show photos on the terminal, beside each other where it is wide.

    Args:
        session: For the settings.
        thumbnails: Whether to show pictures; None leaves it to the settings and the terminal.
    """

    def step(photos: Iterator[Photo]) -> "Photos":
        terminal = _terminal(session, thumbnails)
        layout = _Layout.of(console(), has_pictures=terminal is not None)
        shown = (
            ((photo, None) for photo in photos)
            if terminal is None
            else _drawn(photos, terminal, layout, session)
        )
        while row := list(islice(shown, layout.beside)):
            sys.stdout.write(layout.rendered(row))
            sys.stdout.flush()
            yield from (photo for photo, _ in row)

    return step


def _terminal(session: "Session", wanted: bool | None) -> "Terminal | None":
    """The terminal, if pictures are to be shown on it."""
    if wanted is False or (wanted is None and "NO_COLOR" in os.environ):
        return None
    setting = "auto" if wanted else session.settings.query.thumbnails
    if setting == "never" or os.environ.get("TERM", "dumb") == "dumb":
        return None
    from photond.cli.terminal import Graphics, asked_terminal

    terminal = asked_terminal()
    return None if setting == "pixels" and terminal.graphics is Graphics.BLOCKS else terminal


def _drawn(
    photos: Iterator[Photo], terminal: "Terminal", layout: "_Layout", session: "Session"
) -> "Iterator[tuple[Photo, Drawing | str]]":
    """Photos with their pictures, or with what is to be said in their place."""
    from photond.cli.graphics import draw, pixels
    from photond.cli.thumbnails import made_ahead, thumbnail

    size = pixels(terminal, layout.picture_columns, layout.picture_rows)

    def make(photo: Photo, decoder: "Decoder") -> "Drawing | str":
        try:
            return draw(thumbnail(photo, size, session.settings, decoder), terminal)
        except PictureError as error:
            return error.reason

    return made_ahead(photos, make, session.settings)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand.

    Attributes:
        console: What styles text for the terminal.
        beside: How many photos stand beside each other.
        width: Of a photo with its text, in characters.
        picture_columns: How wide a picture may be; 0 where there are none.
        picture_rows: How high, in lines.
    """

    console: Console
    beside: int
    width: int
    picture_columns: int
    picture_rows: int

    @classmethod
    def of(cls, terminal: Console, *, has_pictures: bool) -> "_Layout":
        # What cannot move the cursor cannot begin a line in its middle.
        widest = _MIN_COLUMN if terminal.is_dumb_terminal else terminal.width
        beside = max(1, (widest + _GAP) // (_MIN_COLUMN + _GAP))
        width = (terminal.width + _GAP) // beside - _GAP
        if not has_pictures:
            return cls(terminal, beside, width, 0, 0)
        # Half of a narrow terminal is the text's.
        columns = min(30, max(8, width // 3))
        return cls(terminal, beside, width, columns, columns * 3 // 8 + 1)

    def rendered(self, row: "Sequence[tuple[Photo, Drawing | str | None]]") -> str:
        """Photos beside each other, as what is to be written to the terminal."""
        texts = [self._text(photo) for photo, _ in row]
        boxes = [self._box(drawing) for _, drawing in row]
        height = max(map(len, [*texts, *boxes]))
        lines = []
        for place in range(height):
            line = ""
            for beside, (text, box) in enumerate(zip(texts, boxes, strict=True)):
                # By its number and not by spaces: how wide a character is, terminals disagree about.
                for column, part in ((0, box), (self._text_column, text)):
                    if place < len(part) and part[place]:
                        start = beside * (self.width + _GAP) + column
                        line += (f"\x1b[{start + 1}G" if start else "") + part[place]
            lines.append(line + "\n")
        return (
            "".join(lines)
            + "".join(
                self._over(drawing, beside, height) for beside, (_, drawing) in enumerate(row)
            )
            + ("\n" if self.picture_columns else "")
        )

    @property
    def _text_column(self) -> int:
        return self.picture_columns + _GAP if self.picture_columns else 0

    def _box(self, drawing: "Drawing | str | None") -> Sequence[str]:
        """What stands in the lines beside the text: a picture of characters, or room for one."""
        if drawing is None:
            return ()
        if isinstance(drawing, str):
            return self._placeholder(drawing)
        return drawing.lines or [""] * drawing.rows

    def _placeholder(self, reason: str) -> Sequence[str]:
        inner = self.picture_columns - 2
        words = printable(reason)[:inner].center(inner)
        rows = max(3, self.picture_rows)
        middle = [(words if row == rows // 2 - 1 else " " * inner) for row in range(rows - 2)]
        frame = [f"╭{'─' * inner}╮", *(f"│{line}│" for line in middle), f"╰{'─' * inner}╯"]
        return [self._styled(Text(line, "dim")) for line in frame]

    def _over(self, drawing: "Drawing | str | None", beside: int, height: int) -> str:
        """What draws a picture of pixels over the room that was left for it."""
        if drawing is None or isinstance(drawing, str) or not drawing.code:
            return ""
        column = beside * (self.width + _GAP) + 1
        return f"\x1b7\x1b[{height}A\x1b[{column}G{drawing.code}\x1b8"

    def _text(self, photo: Photo) -> Sequence[str]:
        """What is known of a photo, in lines."""
        from photond.cli.file_uri import file_uri

        width = self.width - self._text_column - _INDENT
        number = f"{photo.number}."
        name = Text(printable(photo.name), "bold")
        name.stylize(Style(link=file_uri(photo.path)))
        facts = [photo.moment[:16], photo.size]
        if photo.score is not None:
            facts.insert(0, f"{photo.score:.3f}")
        if photo.copies > 1:
            facts.append(f"{photo.copies} copies")
        if photo.is_offline:
            facts.append("disk not there")
        first = [name, Text("  ".join(fact for fact in facts if fact))]
        second = [
            Text(printable(photo.folder), "dim"),
            Text(printable(", ".join(photo.tags)), "cyan"),
        ]
        parts = [*self._joined(first, width), *self._joined(second, width)]
        lines = [line for part in parts if part for line in self._wrapped(part, width)]
        indent = [f"{number:<{_INDENT - 1}} ", *[" " * _INDENT] * (len(lines) - 1)]
        return [before + self._styled(line) for before, line in zip(indent, lines, strict=True)]

    def _joined(self, parts: Sequence[Text], width: int) -> Sequence[Text]:
        """What stands in one line where there is room, unless a picture makes room for several."""
        line = Text("  ").join(part for part in parts if part)
        return parts if self.picture_columns or line.cell_len > width else [line]

    def _wrapped(self, text: Text, width: int) -> list[Text]:
        lines = list(text.wrap(self.console, max(8, width), overflow="fold", no_wrap=False))
        for line in lines:
            line.rstrip()
        return lines

    def _styled(self, text: Text) -> str:
        with self.console.capture() as capture:
            self.console.print(text, end="", soft_wrap=True)
        return capture.get()
