"""Where photond's files lie: the places of the XDG Base Directory Specification.

Every place is looked up when it is asked for, so that a changed environment counts at once. A relative
`XDG_*` variable is ignored, as the specification wants. Nothing here creates a folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from platformdirs.unix import Unix

from photond.config.wording import quoted
from photond.errors import ConfigError

ENVIRONMENT_PREFIX = "PHOTOND_"
FILE_VARIABLE = "PHOTOND_CONFIG"


def chosen_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The configuration file that is read, whether or not it exists.

    Args:
        path: The file named by the user; without one it is the file that `PHOTOND_CONFIG` names, or
            the usual one.
        environ: Where to look for that variable, if not in the process's own environment.
    """
    environ = os.environ if environ is None else environ
    if path is not None:
        return path
    if named := environ.get(FILE_VARIABLE):
        return with_home(named)
    return config_file()


def config_file() -> Path:
    """The configuration file that is read when no other is named; it may be missing."""
    return _absolute("config") / "config.toml"


def vocabulary_file() -> Path:
    """The user's own part of the vocabulary; it may be missing."""
    return _absolute("config") / "vocabulary.toml"


def data_dir() -> Path:
    """What must not be lost and is not the user's to edit: the index and the model packs."""
    return _absolute("data")


def state_dir() -> Path:
    """What photond found out and can find out again."""
    return _absolute("state")


def cache_dir() -> Path:
    """What photond made of other files and makes again when it is gone."""
    return _absolute("cache")


def models_dir() -> Path:
    """The model packs that were downloaded or made; the embedded one is not among them."""
    return data_dir() / "models"


def units_dir() -> Path:
    """Where systemd looks for the user's own units."""
    return _absolute("config").parent / "systemd" / "user"


def runtime_dir() -> Path:
    """What lives as long as the user is logged in: the daemon's socket.

    Raises:
        ConfigError: There is no such place: `XDG_RUNTIME_DIR` is not set.
    """
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if not given.startswith("/"):
        raise ConfigError(
            "XDG_RUNTIME_DIR is not set, so there is no place for the daemon's socket",
            "systemd sets it when you log in; after `su` or `sudo`, set it to /run/user/$(id -u).",
        )
    return Path(given) / "photond"


def socket_file() -> Path:
    """Where the daemon is asked.

    Raises:
        ConfigError: As for `runtime_dir`.
    """
    return runtime_dir() / "photond.sock"


def with_home(path: str) -> Path:
    """Fills in a leading `~`, as a shell would.

    Raises:
        ConfigError: It is the home of somebody who is not known here.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{quoted(path)} begins with a home folder that is not known") from error


def _absolute(kind: Literal["config", "data", "state", "cache"]) -> Path:
    """The folder of a kind that belongs to photond alone.

    Raises:
        ConfigError: It cannot be told where the user's home is.
    """
    dirs = Unix("photond", appauthor=False)
    try:
        return Path(getattr(dirs, f"user_{kind}_dir"))
    except RuntimeError as error:
        raise ConfigError(
            "your home folder cannot be found", "Set HOME to an absolute path."
        ) from error
