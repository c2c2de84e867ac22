"""What a terminal can show, found out by asking it."""

import fcntl
import os
import re
import select
import struct
import sys
import termios
import time
import tty
from dataclasses import dataclass
from enum import Enum, auto

# Every terminal answers the last of these, so that nothing has to be waited for which does not come.
_KITTY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_NAME = "\x1b[>q"
_CELL_SIZE = "\x1b[16t"
_ATTRIBUTES = "\x1b[c"
_LAST = re.compile(rb"\x1b\[\?([\d;]*)c")
_PATIENCE = 1.0  # seconds, for a terminal at the other end of the world

_SIXEL = b"4"
# These know the graphics of iTerm2, and some of them other kinds less well.
_LIKE_ITERM2 = (b"iTerm2", b"WezTerm", b"mintty")
_USUAL_CELL = (10, 20)


class Graphics(Enum):
    """How a terminal shows pictures."""

    KITTY = auto()
    ITERM2 = auto()
    SIXEL = auto()
    BLOCKS = auto()
    """Not at all; two coloured halves of a character pass for two pixels."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a terminal can show.

    Attributes:
        graphics: How it shows pictures.
        cell: Width and height of a character, in pixels; a guess where only the proportion counts.
        is_true_colour: Whether it knows 16 million colours, and not 256.
    """

    graphics: Graphics
    cell: tuple[int, int]
    is_true_colour: bool


def asked_terminal() -> Terminal:
    """What the terminal at standard output can show.

    It is asked over standard input. Where that is something else, or where the user has typed ahead or
    has sent the command to the background, it is not, and pictures are made of half blocks.
    """
    is_true_colour = os.environ.get("COLORTERM", "") in {"truecolor", "24bit"}
    cell = _cell_by_kernel()
    said = _answer(_KITTY + _NAME + ("" if cell else _CELL_SIZE) + _ATTRIBUTES)
    graphics = _graphics(said)
    if size := re.search(rb"\x1b\[6;(\d{1,4});(\d{1,4})t", said):
        cell = cell or (int(size[2]), int(size[1]))
    return Terminal(
        graphics, cell or _USUAL_CELL, is_true_colour or graphics is not Graphics.BLOCKS
    )


def _graphics(said: bytes) -> Graphics:
    if re.search(rb"\x1b_Gi=31;OK\x1b\\", said):
        return Graphics.KITTY
    name = re.search(rb"\x1bP>\|([^\x1b]*)\x1b\\", said)
    if name and name[1].startswith(_LIKE_ITERM2):
        return Graphics.ITERM2
    attributes = _LAST.search(said)
    if attributes and _SIXEL in attributes[1].split(b";"):
        return Graphics.SIXEL
    return Graphics.BLOCKS


def _cell_by_kernel() -> tuple[int, int] | None:
    """What the terminal told the kernel of the size of a character, if it did."""
    try:
        packed = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("4H", packed)
    if not (rows and columns and width >= columns and height >= rows):
        return None
    return width // columns, height // rows


def _answer(question: str) -> bytes:
    """What the terminal says to a question whose last part is about its attributes; may be nothing."""
    if os.environ.get("TERM", "dumb") in {"dumb", "linux"} or not sys.stdin.isatty():
        return b""
    source = sys.stdin.fileno()
    if not _is_in_foreground(source):
        return b""
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source, termios.TCSANOW)
        if select.select([source], [], [], 0)[0]:
            return b""
        sys.stdout.write(question)
        sys.stdout.flush()
        said = b""
        until = time.monotonic() + _PATIENCE
        while not _LAST.search(said):
            left = max(0.0, until - time.monotonic())
            if not select.select([source], [], [], left)[0]:
                break
            said += os.read(source, 4096)
        return said
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)


def _is_in_foreground(source: int) -> bool:
    """Whether the terminal is this process's to ask: else the kernel would stop it for trying."""
    try:
        return os.tcgetpgrp(source) == os.getpgrp()
    except OSError:
        return False
