"""Mounts: what is mounted where, and which folders a change of it concerns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from photond.pipeline.reconcile import is_below_any

MOUNTINFO = Path("/proc/self/mountinfo")

# File systems on which other machines or programs change files without the kernel knowing of it.
_SILENT = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone"}
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount.

    Attributes:
        number: The kernel's, which another mount may be given once this one is gone.
        kind: The type of the file system.
    """

    number: int
    kind: str


def parse(text: str) -> dict[str, Mount]:
    """What `/proc/self/mountinfo` says, by mount point; where several lie over each other, the last."""
    mounts: dict[str, Mount] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        mounts[_unescaped(fields[4])] = Mount(int(fields[0]), after.split(" ", 1)[0])
    return mounts


def read() -> dict[str, Mount]:
    """What is mounted now."""
    return parse(MOUNTINFO.read_text("utf-8", "surrogateescape"))


def concerned(
    roots: Iterable[str], before: Mapping[str, Mount], after: Mapping[str, Mount]
) -> list[str]:
    """The roots in which, or above which, something was mounted or unmounted.

    Args:
        roots: Absolute paths.
        before: What was mounted when this was looked at last.
        after: What is mounted now, after the kernel has said that something changed.
    """
    changed = [
        point for point in before.keys() | after.keys() if before.get(point) != after.get(point)
    ]
    if not changed:
        # A disk that was taken away and put back between two looks, with its number given to it again.
        changed = [point for point in after if point != "/"]
    return [
        root
        for root in roots
        if is_below_any(root, changed) or any(is_below_any(point, [root]) for point in changed)
    ]


def silent_kind(path: str, mounts: Mapping[str, Mount]) -> str | None:
    """The type of the file system of a path, if changes by others are not announced on it."""
    points = [point for point in mounts if is_below_any(path, [point])]
    kind = mounts[max(points, key=len)].kind if points else ""
    return kind if kind in _SILENT else None


def _unescaped(text: str) -> str:
    r"""A path as mountinfo writes it, with space, tab, newline and backslash as `\040` and so on."""
    for code in ("\\040", "\\011", "\\012", "\\134"):
        text = text.replace(code, chr(int(code[1:], 8)))
    return text
