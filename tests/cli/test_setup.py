"""`photond config` and `photond models`, and what every command has in common."""

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pexpect
import pytest
import typer
from typer.main import get_command, get_group

from photond.cli.app import COMMANDS, app
from photond.models.shelf import BUILT_IN
from tests.conftest import SAMPLES, TYPER

PROJECT = Path(__file__).parents[2]


def test_a_new_configuration_is_in_order_and_never_overwritten_unasked(photond, sample) -> None:
    assert photond("config", "path").stdout.strip() == str(photond.config_file)
    photond("config", "init")
    assert photond.config_file.read_text() == (PROJECT / "config.example.toml").read_text()
    sample("cat", photond.home / "Pictures" / "cat.jpg")
    assert "in order" in photond("config", "check").stdout
    assert photond("index", "--json").json["new"] == 1
    photond.config_file.write_text("folders = []\n")
    assert "is there already" in photond("config", "init", code=3).stderr
    photond("config", "init", "--force")
    assert "~/Pictures" in photond.config_file.read_text()


def test_the_settings_in_effect_tell_where_they_come_from(photond) -> None:
    photond("config", "init")
    shown = photond("config", "show", PHOTOND_INDEX_WORKERS="3").stdout
    assert "workers = 3  # PHOTOND_INDEX_WORKERS" in shown
    assert f"# {photond.config_file}:" in shown
    assert photond("config", "show", "--json").json["model"]["pack"] == "mini"


@pytest.mark.parametrize("position", ["before", "after"])
def test_the_general_options_stand_before_or_after_the_command(photond, tmp_path, position) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[query]\nlimit = 7\n")
    general = ["--config", str(file)]
    arguments = (
        [*general, "config", "show"] if position == "before" else ["config", "show", *general]
    )
    assert "limit = 7" in photond(*arguments).stdout


def test_a_pack_in_the_users_folder_is_listed_tried_and_used(photond) -> None:
    folder = photond.home / "data" / "photond" / "models" / "other"
    shutil.copytree(BUILT_IN / "mini", folder)
    manifest = folder / "model.toml"
    manifest.write_text(manifest.read_text().replace('name = "mini"', 'name = "other"'))
    listed = photond("models", "list", "--json").json
    there = {one["name"]: one["in_use"] for one in listed if one["downloaded"]}
    assert there == {"mini": True, "other": False}
    assert photond("models", "path", "other").stdout.strip() == str(folder)
    photond("models", "verify", "other")
    photond("models", "use", "other")
    assert photond("models", "path").stdout.strip() == str(folder)
    run = photond("models", "use", "mini", code=3, PHOTOND_MODEL_PACK="other")
    assert "PHOTOND_MODEL_PACK" in run.stderr


def test_a_broken_pack_does_not_hide_the_others(photond) -> None:
    folder = photond.home / "data" / "photond" / "models" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text("format = 1\n")
    listed = {one["name"]: one["error"] for one in photond("models", "list", "--json").json}
    assert listed["mini"] is None
    assert "missing" in listed["broken"]


def commands() -> list[list[str]]:
    """Every command and subcommand that there is."""
    found: list[list[str]] = [[]]
    for name, one in get_command(app).commands.items():
        found += [[name], *([name, inner] for inner in getattr(one.load(), "commands", {}))]
    return found


@pytest.mark.parametrize(
    ("name", "one"), get_command(app).commands.items(), ids=get_command(app).commands
)
def test_the_list_of_commands_says_of_each_what_it_says_of_itself(name, one) -> None:
    real = one.load()
    assert real.name == name
    assert one.get_short_help_str(200) == real.get_short_help_str(200)


def test_every_module_of_commands_is_in_the_list_with_all_that_it_adds() -> None:
    listed, there = set(COMMANDS), set()
    for file in (PROJECT / "photond" / "cli").glob("*.py"):
        register = getattr(import_module(f"photond.cli.{file.stem}"), "register", None)
        if register is not None:
            found = typer.Typer(add_completion=False)
            register(found)
            there |= set(get_group(found).commands)
    assert listed == there


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself_and_is_in_the_reference(photond, command) -> None:
    shown = photond(*command, "--help").stdout
    assert "Usage: photond" in shown
    reference = (PROJECT / "docs" / "cli.md").read_text()
    title = f"## photond {' '.join(command)}".rstrip() + "\n"
    assert title in reference
    # How help is laid out is typer's affair and changes with it; which options there are is ours.
    section = reference.partition(title)[2].partition("\n## ")[0]
    for option in re.findall(r"--[a-z][a-z-]+", shown):
        assert option in section, f"{option}: run `make docs`"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_typer_and_no_command(photond, option) -> None:
    imported = photond.imports(option)
    assert {name.partition(".")[0] for name in imported} <= TYPER | {"photond"}
    commands = {f"photond.cli.{module}" for module, _ in COMMANDS.values()}
    assert not imported & commands


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("photond mod", ["models"]),
        ("photond models d", ["download"]),
        ("photond query --lim", ["--limit"]),
    ],
)
def test_the_shell_completes_commands_and_what_each_of_them_takes(
    photond, words, completed
) -> None:
    last = str(len(words.split()) - 1)
    run = photond(_PHOTOND_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=last)
    assert run.stdout.split() == completed


def test_a_query_does_not_load_what_only_indexing_needs(indexed_samples) -> None:
    imported = indexed_samples.imports("query", "a text that nobody has asked for", "--paths")
    assert "onnxruntime" in imported
    forbidden = {"PIL.Image", "rawpy", "pillow_heif", "sqlite_utils", "httpx2", "structlog", "rich"}
    assert not imported & forbidden


def in_terminal(photond, *arguments: str | Path, columns: int = 120, **environ: str) -> str:
    """What a command shows on a terminal."""
    argv = photond.argv(*arguments)
    terminal = pexpect.spawn(
        argv[0],
        argv[1:],
        env=photond.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns)} | environ,
        dimensions=(50, columns),
        encoding="utf-8",
        timeout=60,
        cwd=str(photond.home),
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


def test_a_terminal_gets_a_table_with_a_heading(indexed_samples) -> None:
    shown = in_terminal(indexed_samples, "tags", SAMPLES / "cat.jpg")
    heading, first, *_ = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert heading.split() == ["photo", "tags"]
    assert str(SAMPLES / "cat.jpg") in first


def test_a_terminal_is_not_commanded_by_file_names(photond, photos, sample) -> None:
    sample("cat", photos / "evil\x1b]0;title\x07\nname.jpg")
    photond("index", photos)
    shown = in_terminal(photond, "query", "cat")
    assert "\x1b]0" not in shown
    assert "\\x1b]0" in shown


def test_a_terminal_sees_progress_and_a_pipe_does_not(photond, photos, sample) -> None:
    for number, name in enumerate(("cat", "coffee", "rocket") * 4):
        sample(name, photos / f"{number}.jpg")
    shown = in_terminal(photond, "index", photos)
    assert "indexing" in shown
    assert re.search(r"12 new", shown)
    sample("moon", photos / "moon.jpg")
    assert photond("index", photos).stderr == ""


def test_colours_are_left_out_when_asked(indexed_samples) -> None:
    colourful = in_terminal(indexed_samples, "query", "cat", NO_COLOR="")
    plain = in_terminal(indexed_samples, "query", "cat", NO_COLOR="1")
    assert "\x1b[" in colourful
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)


def test_the_debug_log_has_the_traceback_and_the_message_is_one_line(photond) -> None:
    (photond.home / "config" / "photond").mkdir(parents=True)
    done = subprocess.run(
        photond.argv("query", "cat", "-v"),
        env=photond.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    logged, message = done.stderr.splitlines()
    assert "Traceback" in logged
    assert message.startswith("photond: there is no index")


def test_nothing_is_written_outside_the_users_folders(photond, photos, sample) -> None:
    photo = sample("cat", photos / "a.jpg")
    before = photo.read_bytes(), photo.stat().st_mtime_ns
    photond("index", photos)
    photond("query", "cat")
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == before
    assert [one.name for one in photos.iterdir()] == ["a.jpg"]
    # onnxruntime keeps a device id in ~/.cache, to report with, unless it is told not to.
    assert sorted(one.name for one in photond.home.iterdir()) == ["data", "state"]
    state = photond.home / "state"
    assert [one.name for one in state.rglob("*") if one.is_file()] == ["hashed.json"]


def test_the_doctor_counts_the_folders_that_a_daemon_would_watch(photond, photos, sample) -> None:
    for name in ("a", "b", "c"):
        sample("cat", photos / name / "cat.jpg")
    photond("index", photos)
    assert re.search(
        r"^ok +watches +3 folders with photos, and the kernel allows [\d,]+ watches$",
        photond("doctor").stdout,
        re.MULTILINE,
    )
