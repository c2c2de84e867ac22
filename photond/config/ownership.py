"""Who else could have written a file that photond believes.

A configuration says what is read, a model pack is a program of a kind, and what is in the index is shown
and opened. So each of them is refused where somebody else could have put it there, by one rule:

- It belongs to the user or to root.
- Nobody else may write it: not everybody, and no group but the user's private one, which distributions
  with a umask of 002 give to each user.
- Nor may everybody put another file into its place: its folder belongs to the user or to root as well,
  and is not writable by all, unless it is sticky as /tmp is. Groups that may write to the folder were
  let in by whoever owns it.

Access lists need no rule of their own: what they let others do shows in the bits of the group.
"""

import grp
import os
import pwd
import shlex
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from photond.errors import PhotondError
from photond.printable import printable

_ROOT = 0
_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW = Path("/proc/sys/kernel/overflowuid")
_ALL_IDS = ["0", "0", "4294967295"]


@dataclass(frozen=True, slots=True)
class Distrust:
    """Why a file is not believed.

    Attributes:
        reason: What is wrong, with the file's name.
        remedy: What the user can do about it.
    """

    reason: str
    remedy: str


def distrust(path: Path, status: os.stat_result | None = None) -> Distrust | None:
    """Why somebody else could have written a file or folder; None if nobody could, or there is none.

    Args:
        path: The file; symbolic links are followed, and judged by where they lead.
        status: Of the file, where it is open already and its path may lead elsewhere by now.

    Raises:
        OSError: The file cannot be looked at.
    """
    try:
        there = path.stat() if status is None else status
    except (FileNotFoundError, NotADirectoryError):
        return None
    if found := _of_file(path, there):
        return found
    folder = Path(os.path.realpath(path)).parent
    # A pipe that a shell handed over has no place where somebody could put another one.
    is_placed = stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode)
    return _of_folder(folder, folder.stat()) if is_placed else None


def require_trusted(kind: type[PhotondError], *paths: Path) -> None:
    """Refuse files that somebody else could have written; those that are not there pass.

    Raises:
        PhotondError: Of the given kind, which has the exit code.
    """
    for path in paths:
        try:
            found = distrust(path)
        except OSError as error:
            raise kind(f"{printable(str(path))} cannot be read: {error.strerror}") from error
        if found is not None:
            raise kind(found.reason, found.remedy)


def _of_file(path: Path, status: os.stat_result) -> Distrust | None:
    name = printable(str(path))
    if not _is_ours(status.st_uid):
        return _strange(path, status.st_uid)
    if status.st_mode & stat.S_IWOTH and not (
        stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    ):
        return Distrust(f"{name} can be written by everybody", f"Run: chmod go-w {_word(path)}")
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid, status.st_uid):
        who = _group_name(status.st_gid)
        return Distrust(
            f"{name} can be written by the group {who}", f"Run: chmod g-w {_word(path)}"
        )
    return None


def _of_folder(path: Path, status: os.stat_result) -> Distrust | None:
    name = printable(str(path))
    if not _is_ours(status.st_uid):
        return _strange(path, status.st_uid)
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return Distrust(
            f"everybody can replace what is in {name}",
            f"Run: chmod o-w {_word(path)} (a disk that knows no modes: mount it with umask=022).",
        )
    return None


def _strange(path: Path, uid: int) -> Distrust:
    return Distrust(
        f"{printable(str(path))} belongs to {_user_name(uid)}, and not to you",
        f"If it should be yours, run: sudo chown {os.geteuid()} {_word(path)}",
    )


def _word(path: Path) -> str:
    """A path as a shell takes it."""
    return printable(shlex.quote(str(path)))


def _is_ours(uid: int) -> bool:
    return uid in {os.geteuid(), _ROOT} or uid == _hidden_id()


@cache
def _hidden_id() -> int | None:
    """The number that stands for all who have none here; None where everybody has one.

    In a container, and in a sandbox with a namespace of users of its own, root's files from outside look
    like those of `nobody`.
    """
    try:
        if _UID_MAP.read_text("ascii").split() == _ALL_IDS:
            return None
        return int(_OVERFLOW.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _is_private(gid: int, uid: int) -> bool:
    """Whether a group has nobody in it but one user: it has the user's name, or their number."""
    try:
        user = pwd.getpwuid(uid)
        group = grp.getgrgid(gid)
    except KeyError:
        return gid == uid  # as in a container without their names
    return (
        gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    )


def _user_name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
