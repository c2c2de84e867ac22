"""Draws the README's picture: a real run of photond on a terminal, on photos in some folder.

python tools/draw_terminal.py ~/Pictures docs/terminal.svg
"""

import io
import os
import re
import sys
import tempfile
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 104, 40
COMMANDS = (
    ["index", "."],
    ["query", "cup of coffee", "--limit", "2"],
    ["query", "a wild animal", "--limit", "2"],
    ["similar", "mountain.jpg", "--limit", "1"],
)


def run(argv: list[str], folder: str, environ: dict[str, str]) -> str:
    """What a command leaves on the terminal, with its colours."""
    terminal = pexpect.spawn(
        argv[0],
        argv[1:],
        cwd=folder,
        env=os.environ | environ,
        encoding="utf-8",
        dimensions=(ROWS, COLUMNS),
        timeout=120,
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


def main(folder: str, picture: str) -> None:
    """Run the commands and write the picture."""
    console = Console(
        record=True, width=COLUMNS, height=ROWS, file=io.StringIO(), force_terminal=True
    )
    with tempfile.TemporaryDirectory() as home:
        environ = {
            "PHOTOND_DATABASE": f"{home}/index.db",
            "XDG_CONFIG_HOME": home,
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
        }
        for command in COMMANDS:
            typed = " ".join(f'"{word}"' if " " in word else word for word in command)
            console.print(Text(f"$ photond {typed}", style="bold"))
            shown = run([sys.executable, "-m", "photond", *command], folder, environ)
            # The progress bar is drawn and wiped; what stays is what follows the last wipe.
            shown = shown.rpartition("\x1b[2K")[2].rpartition("\x1b[?25h")[2]
            console.print(Text.from_ansi(shown.replace("\r\n", "\n").rstrip() + "\n"))
    # Without the web fonts that rich asks for: a picture has no business fetching anything.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="photond"), flags=re.DOTALL)
    Path(picture).write_text(svg, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
