"""Writes the pages that are generated: the command line reference and the example configuration."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from typer.main import get_command

from photond.cli.app import app
from photond.config.example import example

PROJECT = Path(__file__).resolve().parents[1]


def commands(group: object = None, name: str = "") -> Iterator[str]:
    """The names of all commands, each before its subcommands."""
    yield name
    group = get_command(app) if group is None else group
    for sub, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{name} {sub}".lstrip())


def reference() -> str:
    """The help of every command, as it is shown on a terminal of 100 columns."""
    pages = [
        "# Commands",
        "",
        "Written by `make docs` from what the commands say of themselves.",
        "",
    ]
    with tempfile.TemporaryDirectory() as home:
        environ = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "HOME": home}
        for command in commands():
            done = subprocess.run(
                [sys.executable, "-m", "photond", *command.split(), "--help"],
                capture_output=True,
                text=True,
                check=True,
                env=environ,
            )
            lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
            pages += [f"## photond {command}".rstrip(), "", "```text", *lines, "```", ""]
    return "\n".join(pages)


if __name__ == "__main__":
    for name, text in {"docs/cli.md": reference(), "config.example.toml": example()}.items():
        print(f"writing {name}")
        (PROJECT / name).write_text(text, "utf-8")
