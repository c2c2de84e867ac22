"""Writes the pages that are generated: the command line reference and the example configuration."""

import subprocess
import sys
import tempfile
from pathlib import Path

from photond.config.example import example

PROJECT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "",
    "index",
    "query",
    "similar",
    "tags",
    "status",
    "doctor",
    "models",
    "models list",
    "models path",
    "models verify",
    "models use",
    "models quantize",
    "config",
    "config init",
    "config show",
    "config path",
    "config check",
)


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
        for command in COMMANDS:
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
