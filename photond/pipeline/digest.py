"""Digests of folders: whether anything in one is other than it was when there was nothing to note.

A library is mostly unchanged, and what a scan costs then is what is done for each file. So this does as
little as can be: one `stat` a file, which finding out needs anyway, and no look at a rule or a row.
"""

import errno
from array import array
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from os import DirEntry, stat_result
from typing import NamedTuple

from photond.pipeline.rules import IGNORE_FILE

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What the kernel says of a path at which there is nothing."""

# Looked at together, so that a folder of a million files needs no more memory than one of a thousand.
_AT_ONCE = 4096
_DIGEST_BYTES = 16


# As `KnownListing`, one is made a folder.
class FolderDigest(NamedTuple):
    """What a folder's entries come to.

    Attributes:
        value: The same if the same files and folders are there, in the order in which the file system
            names them, each file with the size, time of modification and inode that it had.
        folders: The names of the folders in it.
        has_rules: Whether it has a file of patterns of its own, whose contents are not in the digest.
    """

    value: bytes
    folders: tuple[str, ...]
    has_rules: bool


def digest_of(
    entries: Iterable[DirEntry[str]], seed: bytes, *, follow_symlinks: bool, volatile_inodes: bool
) -> FolderDigest | None:
    """The digest of a folder.

    Args:
        entries: As `os.scandir` gives them.
        seed: What else decides what the entries mean.
        follow_symlinks: Whether a link to a folder is one.
        volatile_inodes: Whether the file system makes up the numbers of inodes at each mount.

    Returns:
        None if something in it cannot be looked at.

    Raises:
        OSError: The folder cannot be listed any further.
    """
    digest = blake2b(seed, digest_size=_DIGEST_BYTES)
    folders: list[str] = []
    has_rules = False
    entries = iter(entries)
    while some := list(islice(entries, _AT_ONCE)):
        are_all = len(some) < _AT_ONCE
        try:
            # Asked once: a folder with nothing but folders would take twice as long otherwise.
            inner = [entry for entry in some if entry.is_dir(follow_symlinks=follow_symlinks)]
            if inner:
                folders += [entry.name for entry in inner]
                are_folders = set(inner)
                some = [entry for entry in some if entry not in are_folders]
            try:
                stats = [entry.stat() for entry in some]
            except OSError:
                stats = [stat for entry in some if (stat := _stat(entry)) is not None]
        except OSError:
            return None
        names = [entry.name for entry in some]
        has_rules = has_rules or IGNORE_FILE in names
        # No name has a slash, so that two lists of names never read the same. Those that lead nowhere
        # are told from the others by how many times there are.
        read = f"{'/'.join([entry.name for entry in inner])}//{'/'.join(names)}//{len(stats)}//"
        digest.update(read.encode("utf-8", "surrogateescape"))
        digest.update(array("q", [stat.st_size for stat in stats]))
        digest.update(_times(stats))
        if not volatile_inodes:
            digest.update(array("Q", [stat.st_ino for stat in stats]))
        if are_all:
            break
    return FolderDigest(digest.digest(), tuple(folders), has_rules)


def _stat(entry: DirEntry[str]) -> stat_result | None:
    """What a file is like; None for a link that leads nowhere, and for a file that has just gone."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in GONE:
            return None
        raise


def _times(stats: list[stat_result]) -> bytes:
    try:
        return array("q", [stat.st_mtime_ns for stat in stats]).tobytes()
    except OverflowError:  # further from 1970 than 292 years
        return repr([stat.st_mtime_ns for stat in stats]).encode()
