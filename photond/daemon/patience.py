"""Waiting for an index that cannot be written to for the moment, as on a full disk."""

import time
from itertools import count
from pathlib import Path

from photond.errors import IndexUnavailableError
from photond.logs import get_logger
from photond.store.database import Connection, open_index

log = get_logger(__name__)

_SECONDS = (1.0, 5.0, 15.0, 60.0)


def trouble_seconds(troubles: int) -> float:
    """How long to wait after so many troubles in a row, in seconds."""
    return _SECONDS[min(troubles, len(_SECONDS) - 1)]


def open_patiently(database: Path) -> Connection:
    """Open the index, or make it, as soon as its disk lets that be done.

    A daemon that ended for want of room would be started a few times more, and not when there is room.

    Raises:
        IndexDatabaseError: It is damaged or from a newer version.
    """
    for troubles in count():
        try:
            return open_index(database, create=True)
        except IndexUnavailableError as error:
            if not troubles:
                log.warning("waiting", reason=str(error))
            time.sleep(trouble_seconds(troubles))
    raise AssertionError
