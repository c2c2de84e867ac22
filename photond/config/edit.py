"""Changing the user's own files: one key and nothing else, and never half of it."""

import os
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from photond.errors import ConfigError
from photond.replacement import replacement


def set_key(file: Path, key: Sequence[str], value: str | bool) -> None:  # noqa: FBT001 - a value
    """Set a key in a TOML file, keeping its comments and order; makes the file if there is none.

    Args:
        file: The configuration file.
        key: The key's path, such as ("model", "pack").
        value: Its new value.

    Raises:
        ConfigError: The file is not TOML, or cannot be written.
    """
    try:
        text = file.read_text("utf-8-sig") if file.exists() else ""
        document = tomlkit.parse(text)
        table = document
        for name in key[:-1]:
            table = table.setdefault(name, tomlkit.table())
        table[key[-1]] = value
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    replace_file(file, tomlkit.dumps(document))


def replace_file(file: Path, text: str) -> None:
    """Write a file of the user's; it takes the old one's place at once, so that nobody meets half of it.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        # Through a link, so that a configuration kept elsewhere stays a link.
        target = Path(os.path.realpath(file))
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacement(target) as descriptor,
            os.fdopen(descriptor, "w", encoding="utf-8") as stream,
        ):
            stream.write(text)
            os.fchmod(descriptor, _mode_for(target))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error


def _mode_for(target: Path) -> int:
    """The mode of the file that is replaced; of a new one, what the user's umask leaves."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
