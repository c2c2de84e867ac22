"""Reading a photo file once: its bytes, their hash, and proof that it stood still meanwhile."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from photond.errors import PictureError


class UnreadableError(PictureError):
    """The file could not be read; that may be different the next time, without it having changed."""


@dataclass(frozen=True, slots=True)
class PhotoBytes:
    """The content of a photo file.

    Attributes:
        data: The whole file. It is read rather than mapped: a disk that is unplugged under a mapping
            kills the process.
        sha256: Of the data, hexadecimal.
        status: Of the file, when it was read.
    """

    data: memoryview
    sha256: str
    status: os.stat_result


def _own_room(size: int) -> memoryview:
    return memoryview(bytearray(size))


def read_photo(
    path: str, max_bytes: int, room: Callable[[int], memoryview] = _own_room
) -> PhotoBytes:
    """Read a photo file whole.

    Args:
        path: Of the file.
        max_bytes: A larger file is not read.
        room: Gives the memory, of so many bytes, that it is read to.

    Raises:
        FileNotFoundError: It is not there any more.
        UnreadableError: It may not be read, the disk fails, or it is being written to.
        PictureError: It is too large, empty, or not a regular file.
    """
    try:
        # Opening a device may already do something, and opening a pipe wakes its writer.
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a Path costs more
            raise PictureError("it is not a regular file")
        # Non-blocking, because a pipe may stand there by now, and opening it would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise PictureError("it is not a regular file")
            if before.st_size > max_bytes:
                raise PictureError(
                    f"the file has {before.st_size / 1e6:.0f} MB, "
                    f"the limit is {max_bytes / 1e6:.0f} MB (index.max_megabytes)"
                )
            # One byte more shows that it grew.
            whole, count = room(before.st_size + 1), 0
            while count < len(whole) and (read := file.readinto(whole[count:])):
                count += read
            data = whole[:count]
            after = os.fstat(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError((error.strerror or str(error)).lower()) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or (
        len(data) != after.st_size
    ):
        raise UnreadableError("it was being written to while it was read")
    return PhotoBytes(data, hashlib.sha256(data).hexdigest(), after)
