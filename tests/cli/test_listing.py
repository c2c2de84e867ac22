"""Photos on a terminal: a real one, whose other end is held by the test."""

import base64
import fcntl
import io
import os
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn
from PIL import Image

from tests.conftest import SAMPLES, Command

ATTRIBUTES = "\x1b[?62;22c"
SIXEL = "\x1b[?62;4;22c"
KITTY = "\x1b_Gi=31;OK\x1b\\" + ATTRIBUTES
ITERM2 = "\x1bP>|iTerm2 3.5.2\x1b\\" + SIXEL
CELL = (8, 16)
ROWS = 50
TIMES = "\N{MULTIPLICATION SIGN}"


def run(
    command: Command,
    *arguments: str | Path,
    answer: str | None = ATTRIBUTES,
    columns: int = 80,
    typed: str = "",
    has_pixels: bool = True,
    **environ: str | None,
) -> str:
    """What a command writes to a terminal that answers what it is asked.

    Args:
        answer: What the terminal says of itself; None if it must not be asked.
        columns: Its width.
        typed: What the user types before the command begins.
        has_pixels: Whether it tells the kernel how large it is in pixels.
        environ: Changes to the environment; None removes a variable.
    """
    env = command.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environ
    env = {name: value for name, value in env.items() if value is not None}
    ours, theirs = os.openpty()
    size = (columns * CELL[0], ROWS * CELL[1]) if has_pixels else (0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, columns, *size))
    process = subprocess.Popen(
        command.argv(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=command.home,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY),  # noqa: PLW1509 - no threads here
    )
    os.close(theirs)
    terminal = fdspawn(ours, encoding="utf-8", timeout=120)
    if typed:
        terminal.send(typed)
    asked = ""
    if answer is not None:
        terminal.expect_exact("\x1b[c")
        asked = terminal.before
        terminal.send(answer)
    terminal.expect(pexpect.EOF)
    os.close(ours)
    assert process.wait() == 0, terminal.before
    assert "\x1b[c" not in asked + terminal.before
    return str(terminal.before)


@pytest.fixture(scope="module")
def in_colour(indexed_samples: Command) -> Command:
    environ = {
        name: value
        for name, value in indexed_samples.environ.items()
        if name not in {"NO_COLOR", "COLUMNS"}
    }
    return Command(indexed_samples.home, environ)


def plain(text: str) -> list[str]:
    """The lines of what is written, without what colours or links it."""
    text = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;.*?\x1b\\", "", text)
    return [line.rstrip() for line in text.replace("\r\n", "\n").splitlines()]


def mean(image: Image.Image) -> tuple[int, int, int]:
    return image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))


def assert_shows(image: Image.Image, name: str) -> None:
    """That a picture is the sample: its proportions, and its colours in four corners."""
    with Image.open(SAMPLES / f"{name}.jpg") as sample:
        assert image.width / image.height == pytest.approx(sample.width / sample.height, rel=0.12)
        small = sample.convert("RGB").resize((2, 2), Image.Resampling.BOX)
    shown = image.convert("RGB").resize((2, 2), Image.Resampling.BOX)
    for place in ((0, 0), (1, 0), (0, 1), (1, 1)):
        for one, other in zip(shown.getpixel(place), small.getpixel(place), strict=True):
            assert abs(one - other) < 24, (place, shown.getpixel(place), small.getpixel(place))


def blocks(text: str) -> Image.Image:
    """The picture that half blocks make up."""
    rows: list[list[tuple[int, ...]]] = []
    for line in text.splitlines():
        cells = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+)m\x1b\[48;2;(\d+);(\d+);(\d+)m▄", line)
        if cells:
            pairs = [tuple(map(int, cell)) for cell in cells]
            rows += [[pair[3:] for pair in pairs], [pair[:3] for pair in pairs]]
    image = Image.new("RGB", (len(rows[0]), len(rows)))
    image.putdata([pixel for row in rows for pixel in row])
    return image


def sixels(code: str) -> Image.Image:
    """The picture that sixels draw."""
    colours: dict[int, tuple[int, ...]] = {}
    pixels: dict[tuple[int, int], tuple[int, ...]] = {}
    x, y, colour = 0, 0, 0
    for token in re.finditer(
        r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])", code
    ):
        if token[1]:
            colours[int(token[1])] = tuple(int(token[n]) * 255 // 100 for n in (2, 3, 4))
        elif token[5]:
            colour = int(token[5])
        elif token[9]:
            x, y = 0, y + 6 * (token[9] == "-")
        else:
            bits = ord(token[7] or token[8]) - 63
            for _ in range(int(token[6] or 1)):
                for bit in range(6):
                    if bits >> bit & 1:
                        pixels[x, y + bit] = colours[colour]
                x += 1  # noqa: SIM113 - it also goes back
    image = Image.new("RGB", (max(x for x, _ in pixels) + 1, max(y for _, y in pixels) + 1))
    for place, value in pixels.items():
        image.putpixel(place, value)
    return image


def test_without_pictures_a_photo_takes_two_lines_where_they_fit(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "2", "--no-thumbnails", answer=None, columns=150)
    shown = plain(text)
    best = in_colour("query", "cat", "-n", "2", "--json").json
    assert shown == [
        f"1.  cat.jpg  {best[0]['score']:.3f}  451 {TIMES} 300",
        f"    {SAMPLES}  {', '.join(tag['tag'] for tag in best[0]['tags'])}",
        f"2.  raccoon.jpg  {best[1]['score']:.3f}  640 {TIMES} 480",
        f"    {SAMPLES}  {', '.join(tag['tag'] for tag in best[1]['tags'])}",
    ]


@pytest.mark.parametrize("columns", [20, 40, 80, 120, 200, 400])
def test_no_line_is_longer_than_the_terminal_is_wide(in_colour, columns) -> None:
    text = run(
        in_colour, "query", "cat", "-n", "5", "--no-thumbnails", answer=None, columns=columns
    )
    for line in plain(text):
        at = 0
        for place, words in re.findall(r"(?:\x1b\[(\d+)G)?([^\x1b]*)", line):
            at = (int(place) - 1 if place else at) + len(words)
            assert at <= columns, line
    beside = max(len(re.findall(r"\d\.  \w+\.jpg", line)) for line in plain(text))
    assert beside == {200: 2, 400: 5}.get(columns, 1)


def test_half_blocks_show_the_photo_beside_its_text(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1")
    assert_shows(blocks(text), "cat")
    lines = [line.replace("▄", "").replace("\x1b[29G", "|") for line in plain(text)]
    (best,) = in_colour("query", "cat", "-n", "1", "--json").json
    assert lines[:2] == ["|1.  cat.jpg", f"|    {best['score']:.3f}  451 {TIMES} 300"]


def test_a_terminal_of_256_colours_gets_no_more(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", COLORTERM=None)
    assert "▄" in text
    assert "48;5;" in text
    assert "8;2;" not in text


def test_kitty_is_sent_the_photo_as_png(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", answer=KITTY)
    messages = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert [control.rpartition(",m=")[2][-1] for control, _ in messages] == [
        *["1"] * (len(messages) - 1),
        "0",
    ]
    assert all(len(code) <= 4096 for _, code in messages)
    keys = dict(pair.split("=") for pair in messages[0][0].split(","))
    assert (keys["a"], keys["f"], keys["q"]) == ("T", "100", "2")
    png = base64.b64decode("".join(code for _, code in messages))
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        assert_shows(image, "cat")
        assert image.width <= 26 * CELL[0]


def test_iterm2_is_sent_the_photo_in_its_own_way(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", answer=ITERM2)
    found = re.search(
        r"\x1b\]1337;File=inline=1;size=(\d+);width=(\d+);height=(\d+)[^:]*:(.*?)\a", text
    )
    assert found is not None
    data = base64.b64decode(found[4])
    assert len(data) == int(found[1])
    with Image.open(io.BytesIO(data)) as image:
        assert_shows(image, "cat")
        assert (int(found[2]) - 1) * CELL[0] < image.width <= int(found[2]) * CELL[0]
        assert (int(found[3]) - 1) * CELL[1] < image.height <= int(found[3]) * CELL[1]


@pytest.mark.parametrize(
    ("has_pixels", "answer", "cell"),
    [(True, SIXEL, CELL), (False, "\x1b[6;24;12t" + SIXEL, (12, 24)), (False, SIXEL, (10, 20))],
)
def test_sixels_fill_the_room_beside_the_text(in_colour, has_pixels, answer, cell) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", answer=answer, has_pixels=has_pixels)
    codes = re.findall(r"\x1bPq(.*?)\x1b\\", text)
    assert len(codes) == 1
    image = sixels(codes[0])
    assert_shows(image, "cat")
    assert image.width == 26 * cell[0]


def test_pictures_of_pixels_are_drawn_over_lines_that_are_there(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "3", answer=KITTY)
    drawn = re.findall(r"\x1b7\x1b\[(\d+)A\x1b\[(\d+)G\x1b_G", text)
    assert len(drawn) == text.count("\x1b8") == 3
    parts = re.split(r"\x1b7.*?\x1b8", text, flags=re.DOTALL)
    for (rows, column), part in zip(drawn, parts, strict=False):
        assert column == "1"
        assert part.count("\n") >= int(rows)


def test_at_200_columns_two_stand_beside_each_other(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "2", answer=KITTY, columns=200)
    assert [column for _, column in re.findall(r"\x1b\[(\d+)A\x1b\[(\d+)G", text)] == ["1", "102"]


def test_a_wall_of_photos_is_shown_as_it_is_found(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "24", answer=KITTY)
    numbers = [int(number) for number in re.findall(r"(\d+)\. +\x1b", text)]
    assert numbers == list(range(1, 25))
    assert text.count("a=T") == 24


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        ([], {"NO_COLOR": "1"}),
        ([], {"TERM": "dumb"}),
        ([], {"PHOTOND_QUERY_THUMBNAILS": "never"}),
        (["--no-thumbnails"], {}),
    ],
)
def test_a_terminal_that_shall_not_show_pictures_is_not_asked(in_colour, options, environ) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", *options, answer=None, **environ)
    assert "cat.jpg" in text
    assert "▄" not in text
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        assert not re.search(r"\x1b\[[\d;]*3\d", text)


def test_who_asks_for_thumbnails_gets_them_in_spite_of_no_color(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", "--thumbnails", answer=KITTY, NO_COLOR="1")
    assert "a=T" in text


def test_blocks_are_not_pixels(in_colour) -> None:
    only_pixels = {"PHOTOND_QUERY_THUMBNAILS": "pixels"}
    assert "▄" not in run(in_colour, "query", "cat", "-n", "1", **only_pixels)
    assert "a=T" in run(in_colour, "query", "cat", "-n", "1", answer=KITTY, **only_pixels)


def test_what_was_typed_ahead_is_left_for_the_shell(in_colour) -> None:
    text = run(in_colour, "query", "cat", "-n", "1", answer=None, typed="photond status\n")
    assert "▄" in text


def test_a_photo_that_cannot_be_shown_has_its_place_kept(photond, photos, sample) -> None:
    for name in ("cat", "coffee", "rocket"):
        sample(name, photos / f"{name}.jpg")
    photond("index", photos)
    (photos / "cat.jpg").unlink()
    (photos / "coffee.jpg").write_bytes(b"no photo")
    text = run(photond, "query", "x", "--thumbnails", answer=KITTY)
    assert text.count("a=T") == 1
    assert text.count("not there any more") == text.count("cannot be read") == 1
    assert text.count("╭") == text.count("╰") == 2


HOSTILE = "\x1b]0;title\x07\x1b[2J\n\x9b31m\u202egpj.jpg"


@pytest.mark.parametrize("way", [["--no-thumbnails"], ["--paths"], ["--format", "{path}"]])
def test_a_name_cannot_command_the_terminal(
    photond: Command, photos: Path, sample: Callable[..., Path], way: list[str]
) -> None:
    sample("cat", photos / HOSTILE)
    photond("index", photos)
    text = run(photond, "query", "cat", *way, answer=None)
    assert "\\x1b]0;title\\x07\\x1b[2J\\n\\x9b31m\\u202egpj.jpg" in text.replace("\r\n    ", "")
    links = re.sub(r"\x1b\]8;[^\x1b\x07\n]*\x1b\\|\x1b\[[\d;]*m|\r\n", "", text)
    assert links.isprintable()
    assert (
        "%1B%5D0%3Btitle%07%1B%5B2J%0A%C2%9B31m%E2%80%AEgpj.jpg" in text
        or way[0] != "--no-thumbnails"
    )
