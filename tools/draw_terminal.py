"""Draws the README's picture: a real run of photond on a terminal, on photos in some folder.

python tools/draw_terminal.py ~/Pictures docs/terminal.svg
"""

import base64
import fcntl
import io
import os
import re
import struct
import sys
import tempfile
import termios
from dataclasses import dataclass
from pathlib import Path

import pexpect
from PIL import Image
from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 104, 40
COMMANDS = (
    ["index", "."],
    ["query", "cup of coffee", "--limit", "2"],
    ["query", "a wild animal", "--limit", "1"],
    ["similar", "mountain.jpg", "--limit", "1"],
)
# Of a character, in pixels of the picture that rich makes.
CELL = (12.2, 24.4)
QUALITY = 80

# What photond asks the terminal, and what one says that shows pictures as kitty does.
_QUESTION = "\x1b[c"
_ANSWER = "\x1b_Gi=31;OK\x1b\\\x1b[?62;c"
_TO_COLUMN = re.compile(r"\x1b\[(\d+)G")
_DRAWN = re.compile(r"\x1b7\x1b\[(\d+)A\x1b\[(\d+)G((?:\x1b_G[^\x1b]*\x1b\\)+)\x1b8")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on the terminal, with the line and the column of its upper left corner, from 0."""

    row: int
    column: int
    png: bytes

    def as_svg(self) -> str:
        """It as a part of a drawing, as JPEG, which is smaller."""
        jpeg = io.BytesIO()
        with Image.open(io.BytesIO(self.png)) as image:
            width, height = image.size
            image.save(jpeg, "JPEG", quality=QUALITY)
        code = base64.b64encode(jpeg.getvalue()).decode()
        x, y = self.column * CELL[0], self.row * CELL[1]
        return (
            f'<image x="{x:.1f}" y="{y:.1f}" width="{width}" height="{height}" '
            f'href="data:image/jpeg;base64,{code}"/>'
        )


def run(argv: list[str], folder: str, environ: dict[str, str]) -> str:
    """What a command leaves on the terminal, with its colours and pictures."""
    terminal = pexpect.spawn(
        argv[0],
        argv[1:],
        cwd=folder,
        env=os.environ | environ,
        encoding="utf-8",
        dimensions=(ROWS, COLUMNS),
        timeout=120,
    )
    size = struct.pack("4H", ROWS, COLUMNS, int(COLUMNS * CELL[0]), int(ROWS * CELL[1]))
    fcntl.ioctl(terminal.child_fd, termios.TIOCSWINSZ, size)
    if terminal.expect_exact([_QUESTION, pexpect.EOF]) == 0:
        terminal.send(_ANSWER)
        terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


def laid_out(line: str) -> Text:
    """A line of a terminal, with what is written to a column in that column."""
    parts = _TO_COLUMN.split(line)
    text = Text.from_ansi(parts[0])
    for column, part in zip(parts[1::2], parts[2::2], strict=True):
        text.pad_right(int(column) - 1 - text.cell_len)
        text.append_text(Text.from_ansi(part))
    return text


def taken_out(line: str, row: int) -> tuple[str, list[Picture]]:
    """A line of a terminal without the pictures that are drawn from it, and those."""
    pictures = [
        Picture(
            row - int(up),
            int(column) - 1,
            base64.b64decode("".join(re.findall(r";([^\x1b;]*)\x1b", messages))),
        )
        for up, column, messages in _DRAWN.findall(line)
    ]
    return _DRAWN.sub("", line), pictures


def main(folder: str, picture: str) -> None:
    """Run the commands and write the picture."""
    console = Console(
        record=True, width=COLUMNS, height=ROWS, file=io.StringIO(), force_terminal=True
    )
    pictures: list[Picture] = []
    row = 0
    with tempfile.TemporaryDirectory() as home:
        environ = {
            "PHOTOND_DATABASE": f"{home}/index.db",
            "XDG_CONFIG_HOME": home,
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
        }
        for command in COMMANDS:
            typed = " ".join(f'"{word}"' if " " in word else word for word in command)
            shown = run([sys.executable, "-m", "photond", *command], folder, environ)
            # The progress bar is drawn and wiped; what stays is what follows the last wipe.
            shown = shown.rpartition("\x1b[2K")[2].rpartition("\x1b[?25h")[2]
            lines = [f"\x1b[1m$ photond {typed}\x1b[0m", *shown.replace("\r\n", "\n").split("\n")]
            while not lines[-1]:
                lines.pop()
            # One line is free before the next command; what draws the last picture stands in one.
            if not _DRAWN.match(lines[-1]):
                lines.append("")
            for line in lines:
                text, drawn = taken_out(line, row)
                pictures += drawn
                console.print(laid_out(text), overflow="crop", no_wrap=True)
                row += 1
    # Without the web fonts that rich asks for: a picture has no business fetching anything.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="photond"), flags=re.DOTALL)
    inside = re.search(r'<g transform="translate\(9, 41\)"[^>]*>', svg)
    assert inside is not None
    drawings = "".join(one.as_svg() for one in pictures)
    Path(picture).write_text(svg[: inside.end()] + drawings + svg[inside.end() :], "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
