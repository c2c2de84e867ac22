"""Hints: what the kernel's events mean, which is no more than where to look.

Pure. What is true is found out by looking; so an event that comes late, twice, out of order, or under a
path that is no longer right costs a look and can do no harm.
"""

from dataclasses import dataclass

from watchdog.observers.inotify_c import InotifyConstants as In

from photond.imaging.formats import is_photo_name
from photond.pipeline.rules import IGNORE_FILE

WATCHED = (
    In.IN_CREATE
    | In.IN_MODIFY
    | In.IN_CLOSE_WRITE
    | In.IN_ATTRIB
    | In.IN_MOVED_FROM
    | In.IN_MOVED_TO
    | In.IN_DELETE
    | In.IN_DELETE_SELF
    | In.IN_MOVE_SELF
)
"""The events that are asked for. Opening and reading are not among them: photond itself does both."""

_OF_CONTENT = In.IN_MODIFY | In.IN_CLOSE_WRITE | In.IN_ATTRIB


@dataclass(frozen=True, slots=True)
class FileHint:
    """Look at a name in a folder, when it has settled."""

    folder: str
    name: str


@dataclass(frozen=True, slots=True)
class TreeHint:
    """Look at everything at and below a path, which may be gone."""

    path: str


@dataclass(frozen=True, slots=True)
class RootHint:
    """See whether a root is still, or again, the folder that is watched."""

    root: str


@dataclass(frozen=True, slots=True)
class LostHint:
    """Events were lost: look at everything."""


Hint = FileHint | TreeHint | RootHint | LostHint


def hint_of(folder: str, mask: int, name: str) -> Hint | None:
    """What an event in a watched folder means; None where it means nothing for photos.

    Args:
        folder: The folder's path.
        mask: What happened, in the kernel's bits.
        name: What it happened to; empty for the folder itself.
    """
    if not name:
        # A folder's own times and permissions are seen by whoever watches its parent.
        is_self = mask & (In.IN_DELETE_SELF | In.IN_MOVE_SELF | In.IN_UNMOUNT)
        return TreeHint(folder) if is_self else None
    if mask & In.IN_ISDIR:
        return TreeHint(f"{folder.rstrip('/')}/{name}")
    if name == IGNORE_FILE:
        return TreeHint(folder)
    if mask & ~_OF_CONTENT or is_photo_name(name):
        # The kernel does not say of a symbolic link whether it leads to a folder.
        return FileHint(folder, name)
    return None
