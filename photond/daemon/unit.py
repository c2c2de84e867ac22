"""The systemd unit of the daemon: the one in `systemd/`, with the paths of one installation in it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photond.errors import PhotondError

NAME = "photond.service"

# Present if the installation turned lingering on, so that uninstalling turns it off again. What begins
# with X- is nothing to systemd.
LINGER_MARK = "X-Photond-Linger=true"

# What decides where photond finds its files; a daemon that lacked one of them would keep another index.
_VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is particular to one user's photond.

    Attributes:
        command: What is started: an absolute path and its arguments.
        writable: The absolute paths of the folders that the daemon writes to.
        environment: The variables that it needs.
        has_linger: Whether the installation turned lingering on.
    """

    command: Sequence[str]
    writable: Sequence[str]
    environment: Mapping[str, str]
    has_linger: bool = False


def template() -> str:
    """The unit as it is shipped, from the wheel or from the checkout.

    Raises:
        PhotondError: It was not installed.
    """
    for folder in (_PACKAGE / "systemd", _PACKAGE.parent / "systemd"):
        if (folder / NAME).is_file():
            return (folder / NAME).read_text("utf-8")
    raise PhotondError("photond is installed without its systemd unit", "Install it again.")


def render(unit: str, installation: Installation) -> str:
    """A unit with an installation's command, folders and variables in place of the usual ones.

    Args:
        unit: As `template` gives it.
        installation: Whose it becomes.
    """
    program, *arguments = installation.command
    if any(char in "\"'\\" or ord(char) < ord(" ") for char in program):
        # systemd takes no such name for a program, and any for an argument.
        program, arguments = "/usr/bin/env", [program, *arguments]
    # Variables are filled in among the arguments, and not in the name of the program.
    words = [_quoted(program), *(_quoted(word).replace("$", "$$") for word in arguments)]
    exec_start = ["ExecStart=" + " ".join(words)]
    exec_start += [
        "Environment=" + _quoted(f"{name}={value}")
        for name, value in sorted(installation.environment.items())
    ]
    writable = ["ReadWritePaths=" + _quoted(f"-{path}") for path in installation.writable]
    lines: list[str] = []
    for line in unit.splitlines():
        if line.startswith("ExecStart="):
            lines += exec_start
        elif line.startswith("ReadWritePaths="):
            lines += writable
        else:
            lines.append(line)
            if line == "[Unit]" and installation.has_linger:
                lines.append(LINGER_MARK)
    return "\n".join(lines) + "\n"


def relevant_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which photond was set up where it was installed from."""
    return {
        name: value
        for name, value in environ.items()
        if value and (name.startswith("PHOTOND_") or name in _VARIABLES)
    }


def _quoted(word: str) -> str:
    """A word as systemd reads it back: in quotes, and with nothing filled in."""
    escaped = []
    for byte in os.fsencode(word):
        char = chr(byte)
        if char in '"\\':
            escaped.append("\\" + char)
        elif char == "%":
            escaped.append("%%")
        elif 0x20 <= byte < 0x7F:  # noqa: PLR2004 - what ASCII can print
            escaped.append(char)
        else:
            escaped.append(f"\\x{byte:02x}")
    return f'"{"".join(escaped)}"'
