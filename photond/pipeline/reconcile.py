"""What a scan means: the difference between a folder on disk and the same folder in the index.

Pure: it decides, and `scan` carries it out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from photond.store.files import Absence, FileStat, KnownFile, KnownFolder

_NO_PAIRS: Mapping[str, str] = MappingProxyType({})

# alone: it is read, as every photo. covered: its photo is read in its place. standing in: its photo
# cannot be read, so it is. undecided: nothing can be said of its photo now.
_Part = Literal["alone", "covered", "standing in", "undecided"]


@dataclass(frozen=True, slots=True)
class Companion:
    """A RAW file that is not to be read, because a photo is read in its place.

    Attributes:
        stat: As it is on disk.
        photo: The photo's name.
        is_as_read: Whether what the index has of the RAW's own content is still true of it.
    """

    stat: FileStat
    photo: str
    is_as_read: bool


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
        covered: RAW files that are not to be read, new ones and known ones.
        standing_in: The names of RAW files that are read because their photo cannot be, with its name.
        parted: Ids of RAW files that are no photo's companion any more; they are among `changed` too
            unless they are indexed or waiting already.
    """

    new: tuple[FileStat, ...]
    changed: tuple[tuple[int, FileStat], ...]
    returned: tuple[tuple[int, FileStat], ...]
    gone: tuple[int, ...]
    unchanged: int
    held: tuple[str, ...] = ()
    covered: tuple[Companion, ...] = ()
    standing_in: tuple[tuple[str, str], ...] = ()
    parted: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be written."""
        return not any(
            (
                self.new,
                self.changed,
                self.returned,
                self.gone,
                self.covered,
                self.standing_in,
                self.parted,
            )
        )


def compare(
    found: Sequence[FileStat],
    known: Mapping[str, KnownFile],
    absence: Absence,
    unsure: Collection[str] = (),
    in_hand: Collection[int] = (),
    pairs: Mapping[str, str] = _NO_PAIRS,
) -> Changes:
    """Compare a folder on disk with the index.

    Args:
        found: The photos on disk.
        known: The photos in the index, by name.
        absence: What a photo is that was not found: missing from a folder that is there, or offline
            with its disk.
        unsure: Names of files that are not to be judged now, because they may still be written to.
        in_hand: Ids of files that are being read just now; what is noted about them waits for that.
        pairs: The photo that each companion has, both by name; see `companions.photos_of`.
    """
    comparison = _Comparison(known, unsure, in_hand)
    stats = {stat.name: stat for stat in found}
    for stat in found:
        if stat.name not in pairs:
            comparison.judge(stat, "alone")
            continue
        photo = pairs[stat.name]
        part = comparison.part_beside(photo, stats.get(photo))
        if part == "covered":
            comparison.judge_covered(stat, photo)
        elif comparison.judge(stat, part) and part == "standing in":
            comparison.judge_standing_in(stat, photo)
    # Offline photos whose disk is back without them are missing; missing ones never become offline.
    had = {"present", "offline"} if absence == "missing" else {"present"}
    for name, file in known.items():
        if name not in stats and file.state in had:
            comparison.judge_absent(name, file)
    return comparison.changes()


@dataclass(slots=True)
class _Comparison:
    """What was noted so far; see `Changes` and `compare`."""

    known: Mapping[str, KnownFile]
    unsure: Collection[str]
    in_hand: Collection[int]
    new: list[FileStat] = field(default_factory=list)
    changed: list[tuple[int, FileStat]] = field(default_factory=list)
    returned: list[tuple[int, FileStat]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    covered: list[Companion] = field(default_factory=list)
    standing_in: list[tuple[str, str]] = field(default_factory=list)
    parted: list[int] = field(default_factory=list)
    unchanged: int = 0

    def part_beside(self, photo: str, stat: FileStat | None) -> _Part:
        """What a RAW file is whose photo is on disk; `stat` is None where it cannot be looked at."""
        file = self.known.get(photo)
        if stat is None or (file is None and photo in self.unsure):
            return "undecided"
        if file is None or not file.has_failed:
            return "covered"
        is_unjudged = photo in self.unsure or is_same(stat, file.stat)
        return "standing in" if is_unjudged else "covered"

    def judge(self, stat: FileStat, part: _Part) -> bool:
        """Note what is to be noted about a file that is read; returns whether it could be judged."""
        file = self.known.get(stat.name)
        is_due = file is None or file.outlook in {"due", "covered"} or not is_same(stat, file.stat)
        if is_due and (part == "undecided" or self._is_held(stat, file)):
            self.held.append(stat.name)
            return False
        if file is None:
            self.new.append(stat)
            return True
        if is_due:
            self.changed.append((file.id, stat))
        elif file.state != "present":
            self.returned.append((file.id, stat))
        elif file.outlook == "indexed":
            self.unchanged += 1
        if part == "alone" and file.companion_of is not None:
            self.parted.append(file.id)
        return True

    def judge_covered(self, stat: FileStat, photo: str) -> None:
        """Note what is to be noted about a RAW file that is not read."""
        file = self.known.get(stat.name)
        is_as_seen = file is not None and is_same(stat, file.stat)
        photo_file = self.known.get(photo)
        if (
            is_as_seen
            and file is not None
            and photo_file is not None
            and file.companion_of == photo_file.id
            and file.state == "present"
            and file.outlook in {"covered", "indexed"}
        ):
            return
        if (file is not None and file.id in self.in_hand) or (
            stat.name in self.unsure and not is_as_seen
        ):
            self.held.append(stat.name)
            return
        is_as_read = is_as_seen and file is not None and file.outlook == "indexed"
        self.covered.append(Companion(stat, photo, is_as_read))

    def judge_standing_in(self, stat: FileStat, photo: str) -> None:
        """Note whose companion a RAW file is that is read all the same."""
        file = self.known.get(stat.name)
        if file is None or file.companion_of != self.known[photo].id:
            self.standing_in.append((stat.name, photo))

    def judge_absent(self, name: str, file: KnownFile) -> None:
        """Note that a file is not there."""
        if name in self.unsure or file.id in self.in_hand:
            self.held.append(name)
        else:
            self.gone.append(file.id)

    def changes(self) -> Changes:
        """All that was noted."""
        return Changes(
            tuple(self.new),
            tuple(self.changed),
            tuple(self.returned),
            tuple(self.gone),
            self.unchanged,
            tuple(self.held),
            tuple(self.covered),
            tuple(self.standing_in),
            tuple(self.parted),
        )

    def _is_held(self, stat: FileStat, file: KnownFile | None) -> bool:
        return stat.name in self.unsure or (file is not None and file.id in self.in_hand)


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
    unvisited: Sequence[KnownFolder],
    unreadable: Iterable[str],
    offline: Iterable[str],
) -> list[tuple[KnownFolder, Absence]]:
    """The folders that a scan did not come by, with what that means for their photos.

    Args:
        unvisited: Those of the folders that the index has below the scanned root.
        unreadable: Folders that could not be listed: nothing is known of what lies below.
        offline: Folders whose volume is not mounted: what lies below is offline.
    """
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
