"""Things with a photo's name that are no files, or files that are more than they seem."""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

TERABYTE = 10**12


def make_special(folder: Path) -> list[Path]:
    """Put one of each into a folder, as far as it is permitted; returns those that are regular files.

    Those must be refused with a reason; the others are not photos and must be passed by.
    """
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "loop-a.jpg").symlink_to("loop-b.jpg")
    (folder / "loop-b.jpg").symlink_to("loop-a.jpg")
    (folder / "endless.jpg").symlink_to("/dev/zero")
    (folder / "terminal.jpg").symlink_to("/dev/tty")
    (folder / "pipe-link.jpg").symlink_to("pipe.jpg")
    (folder / "up.jpg").symlink_to("..")
    _make_socket(folder)
    with suppress(PermissionError):  # only root may
        os.mknod(folder / "device.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
    sparse = folder / "terabyte.jpg"
    with sparse.open("wb") as file:
        file.truncate(TERABYTE)
    zeros = folder / "zeros.jpg"
    with zeros.open("wb") as file:
        file.truncate(10**8)
    (folder / "empty.jpg").touch()
    return [sparse, zeros, folder / "empty.jpg"]


def _make_socket(folder: Path) -> None:
    """A socket; its address may have 107 bytes, so it is named from within its folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("socket.jpg")
    finally:
        os.chdir(before)
