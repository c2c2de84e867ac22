"""What the shell completes, asked as bash, zsh and fish ask."""

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import typer

from photond.cli import completion
from tests.conftest import SAMPLES, Command, make_command


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Four photos in folders with all kinds of names, of two cameras."""
    home = tmp_path_factory.mktemp("completion")
    command = make_command(home / "home")
    photos = home / "My Photos"
    for folder, name in (
        ("2023/Lisbon", "cat"),
        ("2023/Berlin", "coffee"),
        ("2024", "mountain"),
        (os.fsdecode(b"\xff"), "rocket"),
    ):
        (photos / folder).mkdir(parents=True)
        shutil.copy(SAMPLES / f"{name}.jpg", photos / folder)
    command("index", photos)
    cat = photos / "2023/Lisbon/cat.jpg"
    command("tag", cat, "--add", "our garden", "--add", "Minka", "--add", "it's $5")
    with closing(sqlite3.connect(command.database)) as database, database:
        database.execute("update contents set camera = 'FUJIFILM X-T4', lens = 'XF35mm F1.4'")
        database.execute(
            "update contents set camera = 'Canon EOS 5D' where id = (select min(id) from contents)"
        )
    return command


def photos_of(library: Command) -> Path:
    return library.home.parent / "My Photos"


def bash(command: Command, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    said = command(
        _PHOTOND_COMPLETE="complete_bash",
        COMP_WORDS="\n".join(["photond", *words]),
        COMP_CWORD=str(len(words)),
    ).stdout
    return [line for line in said.splitlines() if line]


def zsh(command: Command, line: str) -> str:
    return command(_PHOTOND_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line).stdout.strip()


def fish(command: Command, line: str) -> list[str]:
    said = command(
        _PHOTOND_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS=line,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    ).stdout
    return [word for word in said.splitlines() if word]


def test_tags_are_completed_for_each_shell(library: Command) -> None:
    assert bash(library, "query", "x", "--tag", "our") == [r"our\ garden"]
    assert bash(library, "query", "x", "--tag", "'our") == ["our garden"]
    assert bash(library, "query", "x", "--tag", "our\\ g") == [r"our\ garden"]
    assert bash(library, "similar", "a.jpg", "--tag", "it") == [r"it\'s\ \$5"]
    assert zsh(library, "photond query x --tag our") == ("""_arguments '*: :(("our garden"))'""")
    assert fish(library, "photond query x --tag our") == ["our garden"]


def test_the_case_of_a_tag_is_the_librarys(library: Command) -> None:
    assert bash(library, "query", "x", "--tag", "MIN") == ["Minka"]


def test_a_tag_that_is_not_wanted_is_completed_as_well(library: Command) -> None:
    assert bash(library, "query", "x", "--tag", r"\!Min") == [r"\!Minka"]
    assert fish(library, "photond query x --tag '!Min") == ["!Minka"]


@pytest.mark.parametrize("option", ["--add", "--remove"])
def test_tags_are_completed_where_they_are_set(library: Command, option: str) -> None:
    assert bash(library, "tag", "a.jpg", option, "Mi") == ["Minka"]


def test_only_tags_that_photos_have_are_offered(library: Command) -> None:
    offered = fish(library, "photond query x --tag ")
    assert {"Minka", "our garden", "cat"} <= set(offered)
    assert len(offered) < 40
    library("tag", photos_of(library) / "2024/mountain.jpg", "--add", "gone", "--json")
    assert fish(library, "photond query x --tag gon") == ["gone"]
    library("tag", photos_of(library) / "2024/mountain.jpg", "--remove", "gone")
    assert fish(library, "photond query x --tag gon") == []


def test_folders_are_those_of_the_disk_and_of_the_index(library: Command) -> None:
    photos = str(photos_of(library))
    assert fish(library, f"photond query x --in '{photos[:-3]}") == [f"{photos}/"]
    assert bash(library, "query", "x", "--in", shlex.quote(photos)[:-1] + "/") == [
        f"{photos}/2023/",
        f"{photos}/2024/",
    ]
    assert bash(library, "query", "x", "--in", "Lis") == [
        f"{photos}/2023/Lisbon/".replace(" ", "\\ ")
    ]


def test_a_folder_that_is_away_is_completed_from_the_index(library: Command) -> None:
    photos = photos_of(library)
    away = photos.with_name("away")
    photos.rename(away)
    try:
        assert fish(library, f"photond query x --in '{photos}/2023/") == [
            f"{photos}/2023/Berlin/",
            f"{photos}/2023/Lisbon/",
        ]
    finally:
        away.rename(photos)


def test_folders_are_named_from_home_and_from_where_one_stands(library: Command) -> None:
    (library.home / "here" / "deeper").mkdir(parents=True, exist_ok=True)
    (library.home / "here" / ".hidden").mkdir(exist_ok=True)
    assert bash(library, "query", "x", "--in", "~/he") == ["~/here/"]
    assert bash(library, "query", "x", "--in", "he") == ["here/"]
    assert bash(library, "query", "x", "--in", "here/") == ["here/deeper/"]
    assert bash(library, "query", "x", "--in", "here/.h") == ["here/.hidden/"]


def test_without_an_index_there_is_nothing_to_offer_and_nothing_to_say(photond: Command) -> None:
    for option in ("--tag", "--in"):
        done = subprocess.run(
            photond.argv(),
            env=photond.environ
            | {
                "_PHOTOND_COMPLETE": "complete_bash",
                "COMP_WORDS": f"photond query x {option} zz",
                "COMP_CWORD": "4",
            },
            cwd=photond.home,
            capture_output=True,
            check=True,
        )
        assert (done.stdout.strip(), done.stderr) == (b"", b"")
    assert not photond.database.exists()


@pytest.mark.parametrize("what", ["index", "configuration"])
def test_what_is_damaged_is_nothing_to_offer(photond: Command, what: str) -> None:
    file = photond.database if what == "index" else photond.config_file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"folders = [" * 1000)
    assert bash(photond, "query", "x", "--tag", "c") == []


def test_an_index_in_use_is_read_all_the_same(library: Command) -> None:
    with closing(sqlite3.connect(library.database, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        writer.execute("delete from scans where 0")
        assert bash(library, "query", "x", "--tag", "Min") == ["Minka"]


def test_cameras_and_lenses_are_found_by_any_part(
    library: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in library.environ.items():
        monkeypatch.setenv(name, value)
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    assert completion.complete_camera(context, "") == ["Canon EOS 5D", "FUJIFILM X-T4"]
    assert completion.complete_camera(context, "x-t") == ["FUJIFILM X-T4"]
    assert completion.complete_lens(context, "xf") == ["XF35mm F1.4"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_itself_gets_the_words(library: Command, tmp_path: Path) -> None:
    program = tmp_path / "photond"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m photond "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_PHOTOND_COMPLETE=source_bash photond)"\n'
        "COMP_WORDS=(photond query x --tag our) COMP_CWORD=4\n"
        '_photond_completion photond\nprintf "%s|" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=library.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=library.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == r"our\ garden|"
