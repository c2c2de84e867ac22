"""Asks the daemon, for commands that must start quickly: a socket and JSON, and nothing else."""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photond.config import locations
from photond.daemon.peer import peer_uid
from photond.errors import ConfigError, ExitCode, PhotondError

VERSION = 1  # as photond.daemon.protocol has it, which would bring msgspec with it
CONNECTING = 0.5  # seconds
ANSWERING = 60.0  # seconds; a query may have to load a model first
MAX_ANSWER_BYTES = 1 << 28
_ROOT = 0  # as which systemd may listen for a service


class DaemonError(PhotondError):
    """The daemon could not do what it was asked, or has not answered.

    Args:
        exit_code: That of the error on its side.
    """

    def __init__(
        self, message: str, remedy: str = "", exit_code: ExitCode = ExitCode.INCOMPLETE
    ) -> None:
        super().__init__(message, remedy)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon answered.

    Attributes:
        items: What was found, where that was the question.
        result: The end of the answer.
    """

    items: list[dict[str, Any]]
    result: dict[str, Any]


def ask(
    command: str, *, path: Path | None = None, timeout: float = ANSWERING, **fields: object
) -> Answer | None:
    """Ask the daemon.

    Args:
        command: One of docs/protocol.md.
        path: The daemon's socket, if not the usual one.
        timeout: Seconds until the daemon is given up, from one sign of life to the next.
        **fields: What else the request holds.

    Returns:
        The answer, None if no daemon is running.

    Raises:
        DaemonError: It could not do it, or has not answered.
    """
    try:
        path = locations.socket_file() if path is None else path
    except ConfigError:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECTING)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except OSError as error:
            raise DaemonError(f"the daemon at {path} cannot be asked: {_reason(error)}") from error
        if peer_uid(connection) not in {os.geteuid(), _ROOT}:
            # It would learn what is asked, and answer what it likes.
            raise DaemonError(
                f"what answers at {path} is another user's", "See what XDG_RUNTIME_DIR is set to."
            )
        connection.settimeout(timeout)
        try:
            connection.sendall(encode_request(command, **fields))
            return _read_answer(connection)
        except TimeoutError as error:
            raise DaemonError(f"the daemon has not answered for {timeout:g} seconds") from error
        except OSError as error:
            raise DaemonError(f"the daemon went away: {_reason(error)}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DaemonError("the daemon's answer cannot be understood") from error


def encode_request(command: str, **fields: object) -> bytes:
    """A request as a line."""
    request = {"photond": VERSION, "command": command} | fields
    return json.dumps(request).encode("ascii") + b"\n"


def _read_answer(connection: socket.socket) -> Answer:
    items: list[dict[str, Any]] = []
    for line in _lines(connection):
        said = json.loads(line)
        if "item" in said:
            items.append(said["item"])
        elif "error" in said:
            error = said["error"]
            raise DaemonError(error["message"], error["remedy"], ExitCode(error["exit_code"]))
        else:
            return Answer(items, said["result"])
    raise DaemonError("the daemon went away before it had answered")


def _lines(connection: socket.socket) -> Iterator[bytes]:
    with connection.makefile("rb") as stream:
        left = MAX_ANSWER_BYTES
        while line := stream.readline(left):
            left -= len(line)
            if not line.endswith(b"\n"):
                return
            yield line


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
