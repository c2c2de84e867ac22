"""Copies of the photos of an answer, or links to them, in one folder."""

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from photond.cli.output import note
from photond.cli.photo import Photo
from photond.errors import PhotondError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.cli.answer import Photos, Step

_MAX_NAME_BYTES = 255
# What says that the folder takes no more, rather than that one photo is not to be had.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_CHUNK_BYTES = 1 << 20


def collecting(folder: Path, failed: Callable[[], None], *, link: bool) -> "Step":
    """Put photos into a folder as `001 IMG_2041.jpg`, so that it shows the best ones first.

    Two photos of one name are told apart by their numbers. What stands there already is left as it
    is: the same photo once more is not copied again, and another one gets a name of its own.

    Args:
        folder: It is made where there is none.
        failed: Called for each photo that could not be had, after the user was told.
        link: Make symbolic links instead of copies.

    Raises:
        PhotondError: The folder cannot be written to, or is full.
    """

    def step(photos: Iterator[Photo]) -> "Photos":
        count = 0
        for photo in photos:
            if photo.number == 1:
                _make(folder)
            if _is_put(photo, folder, link=link):
                count += 1
            else:
                failed()
            yield photo
        if count:
            photos_were = "1 photo was" if count == 1 else f"{count} photos were"
            done = "linked in" if link else "copied to"
            note(f"photond: {photos_were} {done} {printable(str(folder))}")

    return step


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotondError(f"{folder} cannot be made: {error.strerror}") from error


def _is_put(photo: Photo, folder: Path, *, link: bool) -> bool:
    """Put a photo into the folder; if that fails because of the photo, the user is told why."""
    put = _link if link else _copy
    reason = "it is on a disk that is not there"
    # A link may wait for its disk.
    if link or not photo.is_offline:
        try:
            return any(put(photo.path, f"{folder}/{name}") for name in _names(photo))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if error.errno in _FULL:
                raise PhotondError(f"{folder} takes no more: {reason}") from error
    done = "linked" if link else "copied"
    note(f"photond: {printable(photo.path)} was not {done}: {reason}")
    return False


def _names(photo: Photo) -> Iterator[str]:
    """The names that a photo may have, in the order in which they are tried; no name is too long."""
    stem, suffix = os.path.splitext(photo.name)  # noqa: PTH122 - of a text with odd bytes
    for again in itertools.count(1):
        mark = "" if again == 1 else f" ({again})"
        room = _MAX_NAME_BYTES - len(os.fsencode(f"{photo.number:03} {mark}{suffix}"))
        yield f"{photo.number:03} {_cut(stem, room)}{mark}{suffix}"


def _cut(text: str, room: int) -> str:
    """As much of a text as fits into so many bytes, without half a letter at its end."""
    encoded = os.fsencode(text)
    return text if len(encoded) <= room else encoded[: max(room, 0)].decode("utf-8", "ignore")


def _link(path: str, to: str) -> bool:
    """Make a link; False where another file has its name."""
    try:
        os.symlink(path, to)  # noqa: PTH211 - paths are text here
    except FileExistsError:
        return os.path.islink(to) and os.readlink(to) == path  # noqa: PTH114, PTH115
    return True


def _copy(path: str, to: str) -> bool:
    """Copy a photo with its times; False where another file has its name."""
    # A pipe in a photo's place would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        try:
            target = open(to, "xb")  # noqa: PTH123, SIM115 - paths are text here
        except FileExistsError:
            there = os.lstat(to)
            return (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        try:
            with target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
                target.flush()
                # Of the file that is open: something else may have its name by now.
                os.utime(target.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        except BaseException:
            # Half a photo would be taken for a whole one, by the next look at its name.
            os.unlink(to)  # noqa: PTH108
            raise
    return True
