"""Where a pack is made ready, unseen, until it takes its place among the others in one step."""

import errno
import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from photond.errors import ModelError
from photond.models.pack import MANIFEST
from photond.replacement import sync

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Staging:
    """One pack's place among the packs, and the folder beside it in which it is made ready.

    Whatever begins with a dot is no pack, so nothing here is ever taken for one.

    Args:
        shelf: The folder of the packs.
        name: Of the pack.
    """

    def __init__(self, shelf: Path, name: str) -> None:
        self.target = shelf / name
        self.folder = shelf / f".download-{name}"
        self._replaced = shelf / f".replaced-{name}"
        self._removed = shelf / f".removed-{name}"

    def open(self, files: Collection[str]) -> None:
        """Make the folder, or keep of what an earlier try left there the files that are named.

        Raises:
            ModelError: The folder, or the pack that is to be replaced, is a symbolic link.
        """
        for path in (self.folder, self.target):
            if path.is_symlink():
                # It may lead to anything, which must not be written to and not be deleted.
                raise ModelError(f"{path} is a symbolic link", "Move it away, then try again.")
        self.folder.mkdir(exist_ok=True)
        for entry in os.scandir(self.folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            elif entry.name not in files or not entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink()

    def put_in_place(self) -> None:
        """Make it the pack; one that was there is deleted once this one has its place."""
        sync(self.folder)
        is_replaced = self.target.exists()
        if is_replaced:
            self.target.rename(self._replaced)
        try:
            self.folder.rename(self.target)
        except OSError:
            if is_replaced:
                self._replaced.rename(self.target)
            raise
        sync(self.target.parent)
        _delete(self._replaced)

    @property
    def found(self) -> list[Path]:
        """What there is of it: the pack, and what was fetched of one; what is no pack is not."""
        found = [self.target] if (self.target / MANIFEST).exists() else []
        return [*found, self.folder] if os.path.lexists(self.folder) else found

    def remove(self) -> None:
        """Delete what there is of it; of a link, the link and not what it leads to."""
        for path in self.found:
            # Out of sight first: half a pack must not be met by anyone.
            path.rename(self._removed)
            _delete(self._removed)

    def recover(self) -> None:
        """Finish what a process that died in `put_in_place` or `remove` left undone."""
        if self._replaced.is_dir() and not os.path.lexists(self.target):
            self._replaced.rename(self.target)
        _delete(self._replaced)
        _delete(self._removed)


@contextmanager
def reserved(shelf: Path, name: str) -> Iterator[Staging]:
    """Be the only process that downloads or removes a pack.

    The kernel drops the lock with the process, however that ends. Its file stays, empty: deleting it
    could part two processes that believe to hold the same lock.

    Args:
        shelf: The folder of the packs; it is made if it is missing.
        name: Of the pack.

    Raises:
        ModelError: Another process is at it, or the disk is full or cannot be written to.
    """
    with on_disk(shelf):
        for folder in (shelf.parent, shelf):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(shelf / f".lock-{name}", flags, 0o600)
    try:
        staging = Staging(shelf, name)
        with on_disk(shelf):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ModelError(
                    f"another photond is downloading or removing the pack {name!r}",
                    "Wait until it has finished.",
                ) from None
            staging.recover()
        yield staging
    finally:
        os.close(descriptor)


@contextmanager
def on_disk(place: Path) -> Iterator[None]:
    """Explain what the file system refuses.

    Raises:
        ModelError: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        path = error.filename or place
        if error.errno in _NO_ROOM:
            raise ModelError(
                f"there is no room left for {path}: {error.strerror}",
                "What is there is kept; make room, and the same command goes on from there.",
            ) from error
        raise ModelError(f"{path}: {error.strerror or error}") from error


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
