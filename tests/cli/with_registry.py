"""Runs the command with another registry, and writes down every address that it turns to."""

import os
import sys
from pathlib import Path

from photond import __main__
from photond.models import registry

registry.REGISTRY = Path(sys.argv[1])
_addresses = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY | os.O_APPEND)


def _write_down(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        os.write(_addresses, f"{arguments[1]!r}\n".encode())
    elif event == "socket.getaddrinfo":
        os.write(_addresses, f"{arguments[:2]!r}\n".encode())


sys.addaudithook(_write_down)
sys.argv = ["photond", *sys.argv[3:]]
__main__.main()
