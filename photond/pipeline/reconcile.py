"""What a scan means: the difference between a folder on disk and the same folder in the index.

Pure: it decides, and `scan` carries it out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from photond.store.files import Absence, FileStat, KnownFile, KnownFolder


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be noted about one folder.

    Attributes:
        new: Files that the index does not have.
        changed: Known files to be read again, by id: they changed, or were never finished.
        returned: Known files that had gone and are back as they were; there is nothing to read.
        gone: Ids of files that are not there any more.
        unchanged: How many files are indexed as they are.
        held: Names of files that something is to be noted about, but not now.
    """

    new: tuple[FileStat, ...]
    changed: tuple[tuple[int, FileStat], ...]
    returned: tuple[tuple[int, FileStat], ...]
    gone: tuple[int, ...]
    unchanged: int
    held: tuple[str, ...] = ()


def compare(
    found: Sequence[FileStat],
    known: Mapping[str, KnownFile],
    absence: Absence,
    unsure: Collection[str] = (),
    in_hand: Collection[int] = (),
) -> Changes:
    """Compare a folder on disk with the index.

    Args:
        found: The photos on disk.
        known: The photos in the index, by name.
        absence: What a photo is that was not found: missing from a folder that is there, or offline
            with its disk.
        unsure: Names of files that are not to be judged now, because they may still be written to.
        in_hand: Ids of files that are being read just now; what is noted about them waits for that.
    """
    new = []
    changed = []
    returned = []
    held = []
    unchanged = 0
    for stat in found:
        file = known.get(stat.name)
        if file is None or file.outlook == "due" or not is_same(stat, file.stat):
            if stat.name in unsure or (file is not None and file.id in in_hand):
                held.append(stat.name)
            elif file is None:
                new.append(stat)
            else:
                changed.append((file.id, stat))
        elif file.state != "present":
            returned.append((file.id, stat))
        elif file.outlook == "indexed":
            unchanged += 1
    names = {stat.name for stat in found}
    # Offline photos whose disk is back without them are missing; missing ones never become offline.
    had = {"present", "offline"} if absence == "missing" else {"present"}
    gone = []
    for name, file in known.items():
        if name in names or file.state not in had:
            continue
        if name in unsure or file.id in in_hand:
            held.append(name)
        else:
            gone.append(file.id)
    return Changes(tuple(new), tuple(changed), tuple(returned), tuple(gone), unchanged, tuple(held))


def is_same(found: FileStat, known: FileStat) -> bool:
    """Whether a file can be taken for unchanged without reading it."""
    same_inode = found.inode == known.inode or 0 in {found.inode, known.inode}
    return same_inode and (found.size, found.mtime_ns) == (known.size, known.mtime_ns)


def absence_below(stored: str | None, found: str | None) -> Absence:
    """What it means when photos of a folder are not found.

    Args:
        stored: The volume that was mounted there when they were last seen.
        found: The volume that is mounted there now.
    """
    return "missing" if stored is None or stored == found else "offline"


def absent_folders(
    known: Iterable[KnownFolder],
    visited: set[str],
    unreadable: Iterable[str],
    offline: Iterable[str],
) -> list[tuple[KnownFolder, Absence]]:
    """The folders that a scan did not come by, with what that means for their photos.

    Args:
        known: The folders that the index has below the scanned root.
        visited: The paths that were listed.
        unreadable: Folders that could not be listed: nothing is known of what lies below.
        offline: Folders whose volume is not mounted: what lies below is offline.
    """
    unvisited = [folder for folder in known if folder.path not in visited]
    # A mount point that vanished altogether, as those below /run/media do, is offline too.
    away = [*offline, *(folder.path for folder in unvisited if folder.volume is not None)]
    unknown = list(unreadable)
    return [
        (folder, "offline" if is_below_any(folder.path, away) else "missing")
        for folder in unvisited
        if not is_below_any(folder.path, unknown)
    ]


def is_below_any(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of some folders, or lies below one."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
