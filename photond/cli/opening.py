"""Showing files with the programs that the desktop has for them."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from photond.errors import PhotondError

# A desktop's own opener is back at once, and says whether it knew a program. Where there is no desktop,
# xdg-open is the program, and lasts as long as somebody looks at the photo.
_PATIENCE = 3.0  # seconds


def open_file(path: str) -> None:
    """Open a file with the program that the user's desktop has for its kind.

    Raises:
        PhotondError: There is no such program, no xdg-open to find it, or no such file.
    """
    opener = shutil.which("xdg-open")
    if opener is None:
        raise PhotondError(
            "there is no xdg-open here, which knows your viewer",
            "Install the package xdg-utils.",
        )
    if not os.path.exists(path):  # noqa: PTH110 - paths are text here
        raise PhotondError(
            f"{path} is not there any more", "`photond index` looks where it is now."
        )
    started = subprocess.Popen(  # noqa: S603 - which file is opened is what the user asked for
        [opener, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C that is meant for the shell must not close the viewer.
        start_new_session=True,
    )
    try:
        code = started.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return
    if code != 0:
        raise PhotondError(
            f"xdg-open could not open {path} (it ended with {code})",
            "See which program opens files of its kind in your desktop's settings.",
        )


def sheet_to_open() -> Path:
    """Where to write a sheet that is only to be looked at; nobody else can read it.

    There is one such file, which each sheet replaces: it goes when the user logs out, and a browser
    that shows the one before has all of it.
    """
    from photond.config.locations import runtime_dir
    from photond.config.ownership import require_trusted

    try:
        folder = runtime_dir()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_trusted(PhotondError, folder)
    except (PhotondError, OSError):
        folder = Path(tempfile.mkdtemp(prefix="photond-"))
    return folder / "sheet.html"
