"""Files that stand in their place when they are whole, and not before."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacement(file: Path) -> Iterator[int]:
    """A new file, its owner's alone, that takes the place of another one when it was written whole.

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
