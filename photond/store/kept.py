"""The folders that the daemon keeps, as a list beside the index.

The index alone does not tell a folder that was taken out of the configuration from one that was indexed
by hand and never stood in it. The list does; without it, nothing is known to have been taken out.
"""

import json
import os
from pathlib import Path

from photond.logs import get_logger
from photond.replacement import replacement

log = get_logger(__name__)


def kept_folders(database: Path) -> list[str]:
    """The absolute paths of the folders that the daemon kept last; none if that is not known.

    Args:
        database: The index's file.
    """
    try:
        folders = json.loads(_file(database).read_text("ascii"))
    except (OSError, ValueError):
        return []
    return [one for one in folders if isinstance(one, str)] if isinstance(folders, list) else []


def set_kept_folders(database: Path, folders: list[str]) -> None:
    """Write down which folders the daemon keeps."""
    file = _file(database)
    try:
        # In ASCII, so that a path's odd bytes travel as the escapes of lone surrogates.
        with (
            replacement(file) as descriptor,
            os.fdopen(descriptor, "w", encoding="ascii") as stream,
        ):
            json.dump(folders, stream)
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        log.warning("the folders could not be noted", path=str(file), reason=error.strerror)


def _file(database: Path) -> Path:
    return database.with_name(f"{database.name}.folders")
