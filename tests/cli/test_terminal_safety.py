"""Names, tags and reasons that would command a terminal, through every command, on a real one."""

import os
import re
from contextlib import closing
from pathlib import Path

import pexpect
import pytest
from PIL import Image

from photond.store.database import open_index
from photond.store.tags import set_user_tag
from tests.conftest import SAMPLES, Command, make_command
from tools.write_docs import all_commands

HOSTILE = "\x1b]0;evil\x07\x1b[31m\x9b32m\nFORGED\r\u202egpj"
# What photond writes itself: colours, links to files, and the moves of a progress bar.
OWN = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;[^;]*;[!-~]*\x1b\\|\x1b\[\?25[lh]|\x1b\[\d*[KAG]|\r")
ELSEWHERE = {"run", "models download"}  # a test of its own below; needs a network

COMMANDS: dict[str, list[str]] = {
    "index": ["{photos}", "--retry"],
    "query": ["cat", "--no-thumbnails"],
    "similar": ["{cat}", "--no-thumbnails"],
    "duplicates": [],
    "show": ["{cat}", "{broken}", "{missing}"],
    "tags": ["{cat}", "{missing}"],
    "tag": ["{cat}", "{missing}", "--remove", HOSTILE, "--add", "mine"],
    "retag": [],
    "status": [],
    "pause": [],
    "resume": [],
    "rescan": ["{photos}"],
    "retry": ["{photos}"],
    "doctor": [],
    "models list": [],
    "models prune": [],
    "models path": [HOSTILE],
    "models verify": [HOSTILE],
    "models remove": [HOSTILE],
    "models use": ["mini"],
    "models quantize": [HOSTILE],
    "vocabulary list": [],
    "vocabulary add": [HOSTILE],
    "vocabulary remove": [HOSTILE],
    "vocabulary import": ["{missing}"],
    "vocabulary export": ["{home}/vocabulary.toml"],
    "service install": ["--dry-run"],
    "service uninstall": [],
    "service status": [],
    "config init": ["--force"],
    "config show": [],
    "config path": [],
    "config check": [],
    "export": ["--parquet", "{home}/photos.parquet", "--force"],
    "db check": [],
    "db backup": ["{home}/backup.db", "--force"],
    "db restore": ["{home}/backup.db"],
    "db salvage": [],
    "db vacuum": [],
    "db stats": [],
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, dict[str, str]]:
    """A library of which everything that can be hostile is, the user's own home included."""
    folder = tmp_path_factory.mktemp("hostile")
    command = make_command(folder / f"home{HOSTILE}")
    photos = folder / f"photos{HOSTILE}"
    photos.mkdir()
    cat = photos / f"cat{HOSTILE}.jpg"
    with Image.open(SAMPLES / "cat.jpg") as image:
        exif = Image.Exif()
        exif[271], exif[272] = HOSTILE, HOSTILE
        image.save(cat, exif=exif.tobytes())
    (photos / f"copy{HOSTILE}.jpg").write_bytes(cat.read_bytes())
    Path(os.fsdecode(os.fsencode(photos) + b"/\x9b31m.jpg")).write_bytes(cat.read_bytes())
    broken = photos / f"broken{HOSTILE}.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    command("index", photos, code=1)
    with closing(open_index(command.database)) as connection:
        connection.execute("update jobs set reason = ?", (HOSTILE,))
        for (content,) in connection.execute("select id from contents").fetchall():
            set_user_tag(connection, content, HOSTILE, "added")
    return command, {
        "photos": str(photos),
        "cat": str(cat),
        "broken": str(broken),
        "missing": str(photos / f"none{HOSTILE}.jpg"),
        "home": str(command.home),
    }


def on_a_terminal(command: Command, *arguments: str) -> str:
    environ = {name: value for name, value in command.environ.items() if name != "NO_COLOR"}
    program, *rest = command.argv(*arguments)
    terminal = pexpect.spawn(
        program,
        rest,
        env=environ | {"TERM": "xterm-256color", "COLUMNS": "2000", "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        cwd=str(command.home),
        dimensions=(50, 2000),
        timeout=120,
    )
    terminal.expect(pexpect.EOF)
    said: bytes = terminal.before
    return said.decode("utf-8")  # strictly: no byte that is no text came through


def assert_tame(said: str) -> None:
    lines = OWN.sub("", said).split("\n")
    assert all(line.isprintable() for line in lines), [x for x in lines if not x.isprintable()]
    assert not any(line.startswith("FORGED") for line in lines)


def test_every_command_is_looked_at() -> None:
    groups = {name.partition(" ")[0] for name in all_commands() if " " in name}
    assert COMMANDS.keys() | ELSEWHERE == set(all_commands()) - groups - {""}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_hostile_reaches_the_terminal(hostile, name: str) -> None:
    command, places = hostile
    arguments = [re.sub(r"^\{(\w+)\}", lambda m: places[m[1]], one) for one in COMMANDS[name]]
    said = on_a_terminal(command, *name.split(), *arguments)
    assert said
    assert_tame(said)


@pytest.mark.parametrize("way", [["--paths"], ["-0"], ["--format", "{path} {tags}"]])
def test_what_is_raw_in_a_pipe_is_escaped_on_a_terminal(hostile, way: list[str]) -> None:
    said = on_a_terminal(hostile[0], "query", "cat", *way)
    assert_tame(said.replace("\0", "\n"))
    assert "\\x1b]0;evil" in said


@pytest.mark.parametrize("arguments", [["similar", "a", HOSTILE], [f"--{HOSTILE}"], [HOSTILE]])
def test_mistakes_in_the_arguments_are_tame(photond: Command, arguments: list[str]) -> None:
    assert_tame(on_a_terminal(photond, *arguments))
