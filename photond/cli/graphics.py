"""Pictures as a terminal takes them."""

import base64
import io
from dataclasses import dataclass

from PIL import Image
from timg.methods.ansi_methods import Ansi8HblockMethod, Ansi24HblockMethod
from timg.methods.sixel import SixelMethod

from photond.cli.terminal import Graphics, Terminal

_CHUNK = 4096
_BAND = 6
"""How many rows of pixels are one row of sixels."""
_COLOURS = 128


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture for a terminal.

    Attributes:
        columns: Its width, in characters.
        rows: Its height, in lines.
        lines: What makes it up where it consists of characters: a text for each line.
        code: Else what draws it, rightwards and downwards from where the cursor is, which then may be
            anywhere.
    """

    columns: int
    rows: int
    lines: tuple[str, ...] = ()
    code: str = ""


def pixels(terminal: Terminal, columns: int, rows: int) -> tuple[int, int]:
    """How wide and high a picture is, in pixels, that fills so many characters."""
    if terminal.graphics is Graphics.BLOCKS:
        # A half block is as high as a character is wide, or nearly.
        return columns, 2 * rows
    return columns * terminal.cell[0], rows * terminal.cell[1]


def draw(image: Image.Image, terminal: Terminal) -> Drawing:
    """A picture in RGB for a terminal, no larger than it is."""
    if terminal.graphics is Graphics.BLOCKS:
        return _blocks(image, is_true_colour=terminal.is_true_colour)
    columns = max(1, -(-image.width // terminal.cell[0]))
    rows = max(1, -(-image.height // terminal.cell[1]))
    if terminal.graphics is Graphics.KITTY:
        code = _kitty(image)
    elif terminal.graphics is Graphics.ITERM2:
        code = _iterm2(image, columns, rows)
    else:
        code = _sixel(image)
    return Drawing(columns, rows, code=code)


def _blocks(image: Image.Image, *, is_true_colour: bool) -> Drawing:
    even = image.resize((image.width, max(2, image.height // 2 * 2)))
    method = Ansi24HblockMethod if is_true_colour else Ansi8HblockMethod
    lines = tuple(method(even).to_string().splitlines())
    return Drawing(even.width, len(lines), lines)


def _kitty(image: Image.Image) -> str:
    """By kitty's protocol: a PNG in pieces, to be drawn at once, without an answer (q)."""
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=1)
    code = base64.b64encode(data.getvalue()).decode()
    pieces = [code[start : start + _CHUNK] for start in range(0, len(code), _CHUNK)]
    said = []
    for place, piece in enumerate(pieces):
        control = "a=T,f=100,q=2,C=1," if place == 0 else ""
        has_more = int(place + 1 < len(pieces))
        said.append(f"\x1b_G{control}m={has_more};{piece}\x1b\\")
    return "".join(said)


def _iterm2(image: Image.Image, columns: int, rows: int) -> str:
    # In characters, since its pixels are not those of the screen where that has very many.
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    code = base64.b64encode(data.getvalue()).decode()
    size = f"width={columns};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File=inline=1;size={len(data.getvalue())};{size}:{code}\a"


def _sixel(image: Image.Image) -> str:
    # What is left of a band is not drawn at all.
    banded = image.resize((image.width, max(_BAND, image.height // _BAND * _BAND)))
    return str(SixelMethod(banded.quantize(_COLOURS)).to_string())
