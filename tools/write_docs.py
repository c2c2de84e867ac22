"""Writes the pages that are generated: the command line reference and the example configuration."""

import subprocess
import sys
import tempfile
from pathlib import Path

from typer.main import get_command

from photond.cli.app import app
from photond.config.example import example

PROJECT = Path(__file__).resolve().parents[1]


def all_commands() -> list[str]:
    """Every command and subcommand, in the order in which `photond --help` lists them."""
    found = [""]
    for name, one in get_command(app).commands.items():
        found.append(name)
        found += [f"{name} {inner}" for inner in getattr(one.load(), "commands", {})]
    return found


def reference() -> str:
    """The help of every command, as a pipe gets it: without the boxes and colours of a terminal."""
    pages = [
        "# Commands",
        "",
        "Written by `make docs` from what the commands say of themselves.",
        "",
    ]
    with tempfile.TemporaryDirectory() as home:
        environ = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "HOME": home}
        for command in all_commands():
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
