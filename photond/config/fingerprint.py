"""What settings come from, as a text: who asks the daemon need not read them to mean the same ones."""

import json
import os
from pathlib import Path

from photond import __version__
from photond.config import locations
from photond.config.locations import ENVIRONMENT_PREFIX, FILE_VARIABLE


def fingerprint(path: Path | None = None) -> str | None:
    """Equal in two processes only if `load(path)` gives both the same settings; costs one stat.

    The file counts as it is now: one that was edited, replaced or restored has another fingerprint. Of
    the environment, the `PHOTOND_*` variables count, and where it puts photond's files; other variables
    that a path in the settings may name do not.

    Args:
        path: The configuration file that the user named, if any.

    Returns:
        None where the settings cannot be read; reading them says why.

    Raises:
        ConfigError: It cannot be told where the user's home is.
    """
    try:
        status = locations.chosen_file(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        if path is not None or os.environ.get(FILE_VARIABLE):
            return None
        file = None
    except (OSError, ValueError):
        return None
    else:
        # By its ctime, which no copying, touching or restoring can set.
        file = [status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns]
    variables = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name != FILE_VARIABLE
    )
    # An older daemon may have other defaults than the command that asks it.
    return json.dumps([__version__, file, _places(), variables])


def _places() -> list[str]:
    """Where the environment puts photond's files, and what `~` is."""
    home = os.path.expanduser("~")  # noqa: PTH111 - whatever it is, also where there is no such folder
    return [home, str(locations.config_file()), str(locations.data_dir())]
