"""Brings defaults, the configuration file and the environment together into settings.

Each wins over the one before it. Whatever is wrong is said in one line that names the place, the key,
what it takes and what it got; all that is wrong is said at once.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photond.config.keys import all_keys, build
from photond.config.layers import Layer, from_environment, from_file
from photond.config.locations import FILE_VARIABLE, chosen_file
from photond.config.settings import Settings
from photond.config.source import Source, read
from photond.errors import ConfigError
from photond.printable import printable


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from.

    Args:
        kind: The layer that set it.
        detail: The file and line, or the environment variable; empty for a default.
    """

    kind: Literal["default", "file", "environment"]
    detail: str = ""

    def __str__(self) -> str:
        return self.detail or self.kind


class WrongSettingsError(ConfigError):
    """Several things are wrong, or one.

    Args:
        problems: Each in a line.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self._problems = problems

    @property
    def lines(self) -> list[str]:
        """A line for each."""
        return list(self._problems)


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in effect.

    Args:
        path: The file named by the user, which must exist; without one it is the file that
            `PHOTOND_CONFIG` names, which must exist too, or the usual one, which may be missing.
        environ: Where to read `PHOTOND_*` from, if not from the process's own environment.

    Raises:
        ConfigError: The file cannot be read, or something in it or in the environment is wrong.
    """
    _source, file, environment = _layers(path, os.environ if environ is None else environ)
    return build(file.values | environment.values)


def load_with_origins(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, dict[str, Origin]]:
    """The settings in effect, and where each key's value came from, by its dotted name.

    Raises:
        ConfigError: As for `load`.
    """
    source, file, environment = _layers(path, os.environ if environ is None else environ)
    origins: dict[str, Origin] = {}
    for dotted, key in all_keys().items():
        if dotted in environment.values:
            origins[dotted] = Origin("environment", key.variable)
        elif source is not None and dotted in file.values:
            origins[dotted] = Origin("file", source.place(*key.path))
        else:
            origins[dotted] = Origin("default")
    return build(file.values | environment.values), origins


def _layers(path: Path | None, environ: Mapping[str, str]) -> tuple[Source | None, Layer, Layer]:
    """The file, what it sets, and what the environment sets.

    Raises:
        ConfigError: As for `load`.
    """
    chosen = chosen_file(path, environ)
    try:
        source = read(chosen)
    except FileNotFoundError as error:
        if path is not None or environ.get(FILE_VARIABLE):
            by = "" if path is not None else f" (named by {FILE_VARIABLE})"
            raise ConfigError(
                f"{printable(str(chosen))}: no such configuration file{by}",
                "`photond config init` writes one.",
            ) from error
        source = None
    file = from_file(source) if source is not None else Layer()
    environment = from_environment(environ)
    if problems := file.problems + environment.problems:
        raise WrongSettingsError(problems)
    return source, file, environment
