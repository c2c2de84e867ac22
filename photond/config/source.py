"""The configuration file: reads it, and says where in it something stands."""

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from photond.config.lines import KeyPath, key_lines, statements
from photond.config.ownership import Distrust, distrust
from photond.errors import ConfigError
from photond.printable import printable

_LARGEST = 1 << 20  # bytes; more than this is some other file
_POSITION = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")


@dataclass(frozen=True)
class Source:
    """A configuration file that was read.

    Args:
        path: Where it lies, as the user named it.
        text: What is in it.
        data: What it says.
    """

    path: Path
    text: str
    data: dict[str, object]

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return key_lines(self.text)

    def place(self, *key: str) -> str:
        """`config.toml:7`, the file and line where a key is set or a table begins."""
        return f"{printable(str(self.path))}:{self._lines[key]}"


def read(path: Path) -> Source:
    """Reads a file that must exist.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It cannot be read, is not TOML, or somebody else could have written it.
    """
    return _source(path, _content(path, distrust))


def read_from_anybody(path: Path) -> Source:
    """As `read`, where the user named a file for its contents, whoever wrote them.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It cannot be read, or is not TOML.
    """
    return _source(path, _content(path, lambda _path, _status: None))


def _content(path: Path, why_not: Callable[[Path, os.stat_result], Distrust | None]) -> bytes:
    """What is in a file, unless there is something against it; as far as it could be a configuration.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It cannot be read, or is not to be.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            # Of the file that is open: what its path leads to may change until then.
            against = why_not(path, os.fstat(file.fileno()))
            content = b"" if against else file.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(path) from error
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ConfigError(f"{name}: cannot be read: {reason[0].lower()}{reason[1:]}") from error
    except ValueError as error:
        raise ConfigError(f"{name}: cannot be read: {error}") from error
    if against is not None:
        raise ConfigError(f"{against.reason}, so it is not read", against.remedy)
    if len(content) > _LARGEST:
        raise ConfigError(
            f"{name}: larger than 1 MiB, so this cannot be a configuration of photond"
        )
    return content


def _source(path: Path, content: bytes) -> Source:
    name = printable(str(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ConfigError(
            f"{name}:{line}: not UTF-8 (byte 0x{byte:02x}); save it as UTF-8"
        ) from error
    try:
        return Source(path, text, tomllib.loads(text))
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply") from error
    except ValueError as error:
        raise ConfigError(f"{name}:{_syntax_error(text, str(error))}") from error


def _syntax_error(text: str, message: str) -> str:
    """`7:3: reason`; for a statement that never ends, the line where it begins."""
    position = _POSITION.search(message)
    *_, (last, _statement) = statements(text)
    if position is None:  # an integer with thousands of digits
        return f"{last}: {message}"
    reason = message[: position.start()]
    line, column = position.groups()
    if line is None:
        return f"{last}: {reason} (it reaches the end of the file)"
    return f"{line}:{column}: {reason}"
