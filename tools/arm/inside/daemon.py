"""The daemon on the emulated machine: it starts, answers, sees a new photo, and ends.

`python daemon.py FOLDER PHOTO`: the folder is indexed already, by the same user, and the photo is a
copy of one of its photos that comes while the daemon runs. Prints what was seen.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from photond.daemon.client import ask

_SECONDS = 150  # of patience with each step


def _wait_for_ready(notifications: socket.socket) -> None:
    while b"READY=1" not in notifications.recv(4096).split(b"\n"):
        pass


def _wait_for_copy(name: str, database: Path) -> None:
    """Ask until a photo is found in two files."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        answer = ask("query", text=name, limit=10, database=str(database), pack="mini")
        if answer and any(item["copies"] > 1 for item in answer.items):
            return
        time.sleep(1)
    raise TimeoutError("the copy was not found")


def main() -> None:
    """Run the daemon; an exception says what went wrong."""
    folder, photo = map(Path, sys.argv[1:])
    home = Path.home()
    config = home / ".config/photond/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'folders = ["{folder}"]\n', "utf-8")
    Path(os.environ["XDG_RUNTIME_DIR"]).mkdir(mode=0o700, exist_ok=True)
    address = home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(address))
        notifications.settimeout(_SECONDS)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "photond", "run"],
            env={**os.environ, "NOTIFY_SOCKET": str(address)},
        )
        try:
            _wait_for_ready(notifications)
            shutil.copy(photo, folder / "copy.jpg")
            _wait_for_copy(photo.stem, home / ".local/share/photond/index.db")
            daemon.send_signal(signal.SIGTERM)
            status = daemon.wait(_SECONDS)
        finally:
            daemon.kill()
            address.unlink()
    assert status == 0, f"the daemon ended with status {status}"
    print("ready, found a photo that came, ended by SIGTERM")


if __name__ == "__main__":
    main()
