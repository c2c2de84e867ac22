"""Walking a photo folder: what is on disk, folder by folder."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from structlog import get_logger

from photond.pipeline.rules import Rules
from photond.store.files import FileStat

log = get_logger(__name__)

# File systems that number their files anew at each mount, so that a number says nothing.
_VOLATILE_INODES = frozenset({"vfat", "exfat", "msdos", "ntfs", "ntfs3", "cifs", "smb3", "9p"})
# The database's integers are signed.
_MAX_INODE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder as it is on disk.

    Attributes:
        path: Absolute.
        volume: The id of the file system that is mounted there; None where none is.
        files: The photos in it, by name.
    """

    path: str
    volume: str | None
    files: tuple[FileStat, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder that could not be listed, so that nothing is known of what lies below it."""

    path: str
    reason: str


def walk(root: str, rules: Rules) -> Iterator[Listing | Unreadable]:
    """Every folder at and below `root`, parents first, in the order of their names.

    A folder is visited once even when symbolic links or bind mounts lead to it again from below.

    Args:
        root: An absolute path.
        rules: Which names are taken.
    """
    volatile = _volatile_devices()
    visited: set[tuple[int, int]] = set()
    stack = [root]
    while stack:
        path = stack.pop()
        try:
            here = os.stat(path)  # noqa: PTH116 - a path may have surrogates and a million friends
            if (here.st_dev, here.st_ino) in visited:
                continue
            visited.add((here.st_dev, here.st_ino))
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(path, _reason(error))
            continue
        files: list[FileStat] = []
        folders: list[str] = []
        for entry in listed:
            relative = entry.path[len(root) :].lstrip("/")
            is_volatile = here.st_dev in volatile
            found = _look_at(entry, relative, rules, volatile_inode=is_volatile)
            if isinstance(found, FileStat):
                files.append(found)
            elif found is not None:
                folders.append(found)
        yield Listing(path, _volume(path, here), tuple(files))
        stack.extend(reversed(folders))


def file_stat(name: str, status: os.stat_result, *, volatile_inode: bool = False) -> FileStat:
    """What the index compares of a file."""
    inode = 0 if volatile_inode else status.st_ino & _MAX_INODE
    return FileStat(name, status.st_size, status.st_mtime_ns, inode)


def _look_at(
    entry: os.DirEntry[str], relative: str, rules: Rules, *, volatile_inode: bool
) -> FileStat | str | None:
    """A photo's stat, a folder's path, or None for what is neither or not taken."""
    try:
        if entry.is_dir(follow_symlinks=rules.follow_symlinks):
            return entry.path if rules.takes_folder(relative, entry.name) else None
        if not rules.takes_file(relative, entry.name):
            return None
        status = entry.stat()
    except OSError as error:
        # Gone since it was listed, or a link that leads nowhere.
        log.debug("skipped", path=entry.path, reason=_reason(error))
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return file_stat(entry.name, status, volatile_inode=volatile_inode)


def _volume(path: str, here: os.stat_result) -> str | None:
    try:
        if os.stat(os.path.dirname(path)).st_dev == here.st_dev:  # noqa: PTH116, PTH120
            return None
        return f"{os.statvfs(path).f_fsid:x}"
    except OSError:
        return None


def _volatile_devices() -> frozenset[int]:
    """The devices whose inode numbers do not survive a remount."""
    devices = set()
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        # proc_pid_mountinfo(5): field 3 is major:minor; the type follows a lone hyphen.
        before, _, after = line.partition(" - ")
        major, minor = before.split(" ")[2].split(":")
        kind = after.split(" ", 1)[0]
        if kind in _VOLATILE_INODES or kind.startswith("fuse"):
            devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
