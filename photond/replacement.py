"""Files that stand in their place when they are whole, and not before, and then stay there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacement(file: Path) -> Iterator[int]:
    """A new file, its owner's alone, that takes the place of another one when it was written whole.

    It has a name that nobody can foresee: no link that lies in wait is written through.

    Yields:
        Its descriptor, which the block closes. If the block fails, what it wrote is removed.
    """
    descriptor, name = tempfile.mkstemp(prefix=".photond-", dir=file.parent)
    written = Path(name)
    try:
        yield descriptor
        written.replace(file)
    except BaseException:
        written.unlink()
        raise


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file or folder, so that a power cut cannot take it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
