"""Walking a photo folder: what is on disk, folder by folder."""

import os
import stat
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from photond.logs import get_logger
from photond.pipeline.companions import may_have_relatives, with_relatives
from photond.pipeline.digest import GONE, FolderDigest, digest_of
from photond.pipeline.rules import IGNORE_FILE, Rules
from photond.store.files import FileStat
from photond.store.listings import KnownListing

log = get_logger(__name__)

# File systems that number their files anew at each mount, so that a number says nothing.
_VOLATILE_INODES = frozenset({"vfat", "exfat", "msdos", "ntfs", "ntfs3", "cifs", "smb3", "9p"})
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# How many folders are asked for at once, by when another one more costs as little as it can.
_AHEAD = 64
# The database's integers are signed.
_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder as it is on disk.

    Attributes:
        path: Absolute.
        volume: The id of the file system that is mounted there; None where none is.
        files: The photos in it, by name.
        unsure: Names of photos of which nothing can be said now: they changed a moment ago and may
            still be written to, or cannot be looked at.
        digest: Of all that there is to be seen; None if that could not be looked at.
    """

    path: str
    volume: str | None
    files: tuple[FileStat, ...]
    unsure: frozenset[str]
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder that could not be listed, so that nothing is known of what lies below it."""

    path: str
    reason: str


# As `KnownListing`, one is made a folder.
class Place(NamedTuple):
    """Where a walk goes: a root with its rules, or a folder below it.

    Attributes:
        root: An absolute path, which patterns are relative to.
        path: The root, or a folder below it.
        rules: Which names are taken at and below `path`, its own `.photondignore` not yet read.
    """

    root: str
    path: str
    rules: Rules

    def relative(self, path: str) -> str:
        """A path as patterns see it; empty for the root."""
        return path[len(self.root) :].lstrip("/")

    def inner(self, name: str) -> str:
        """The path of what has a name in this folder."""
        return f"{self.path.rstrip('/')}/{name}"

    def enters(self, name: str, rules: Rules) -> bool:
        """Whether a walk enters the folder of a name in this one, by the rules that hold here."""
        return rules.takes_folder(self.relative(self.inner(name)), name)


def place_below(root: str, path: str, rules: Rules) -> Place | None:
    """The place of a folder below a root; None if the walk of the root does not come by it.

    Args:
        root: An absolute path.
        path: The root or a path below it, which need not exist.
        rules: Of the root.
    """
    place = Place(root, root, rules)
    for name in filter(None, place.relative(path).split("/")):
        rules = _with_own(place)
        inner = place.inner(name)
        if not place.enters(name, rules):
            return None
        if not rules.follow_symlinks and os.path.islink(inner):  # noqa: PTH114 - see walk
            return None
        place = Place(root, inner, rules)
    return place


def refusal_below(root: str, path: str, rules: Rules) -> str | None:
    """Why the walk of a root does not take a file below it, as a sentence; None if it does.

    Args:
        root: An absolute path.
        path: Of the file, below the root.
        rules: Of the root.
    """
    place = Place(root, root, rules)
    names = place.relative(path).split("/")
    for depth in range(1, len(names)):
        folder = f"{root.rstrip('/')}/{'/'.join(names[:depth])}"
        inner = place_below(root, folder, rules)
        if inner is None:
            own = _with_own(place)
            why = own.refusal_of_folder(place.relative(folder), names[depth - 1])
            return f"{folder} {why or 'is a symbolic link (index.follow_symlinks)'}"
        place = inner
    why = _with_own(place).refusal_of_file(place.relative(path), names[-1])
    return why and f"it {why}"


def walk(
    place: Place,
    on_enter: Callable[[str], None] = lambda _path: None,
    settle_seconds: float = 0,
    known: Callable[[Sequence[str]], Mapping[str, KnownListing | None]] = dict.fromkeys,
) -> Iterator[Listing | KnownListing | Unreadable]:
    """Every folder at and below a place, parents first, in the order of their names.

    One that is as it is known is not listed anew. A folder is visited once even when symbolic links or
    bind mounts lead to it again from below.

    Args:
        place: Where to begin.
        on_enter: Told of each folder before it is listed.
        settle_seconds: Photos that changed within the last so many seconds are unsure.
        known: What is known of each of some folders as a whole; of one with None, no digest is wanted.
            It is asked of many together, most of which the walk has yet to come to.
    """
    volatile = _volatile_devices()
    # By device, as that takes half the memory that pairs would: of a folder, this stays.
    visited: defaultdict[int, set[int]] = defaultdict(set)
    above = os.path.dirname(place.path)  # noqa: PTH120 - a path may have surrogates and a million friends
    stack = [(place, _device(above))]
    ahead: dict[str, KnownListing | None] = {}
    while stack:
        here, device_above = stack.pop()
        if here.path not in ahead:
            # Those that come next, which are at the end, up to the first that was asked about before.
            coming = (place.path for place, _ in reversed(stack))
            unasked = takewhile(lambda path: path not in ahead, coming)
            ahead.update(known([here.path, *islice(unasked, _AHEAD - 1)]))
        listing = ahead.pop(here.path)
        try:
            # Open while it is looked at, so that what is in it is looked up from there, not from `/`.
            descriptor = os.open(here.path, _AS_FOLDER)
            try:
                status = os.fstat(descriptor)
                if status.st_ino in visited[status.st_dev]:
                    continue
                visited[status.st_dev].add(status.st_ino)
                on_enter(here.path)
                volume = None if status.st_dev == device_above else _volume(here.path, status)
                disk = _disk(volume, has_volatile_inodes=status.st_dev in volatile)
                found, inner, rules = _as_known(here, descriptor, disk, listing) or _listed(
                    here, descriptor, disk, settle_seconds, with_digest=listing is not None
                )
            finally:
                os.close(descriptor)
        except OSError as error:
            yield Unreadable(here.path, _reason(error))
            continue
        yield found
        if inner:
            device = status.st_dev
            stack += [
                (Place(here.root, here.inner(name), rules), device) for name in reversed(inner)
            ]


@dataclass(frozen=True, slots=True)
class _Disk:
    """What folders have in common that lie on one disk.

    Attributes:
        volume: The id of its file system, of the folder where it is mounted; None of those below.
        has_volatile_inodes: Whether the numbers of its files say nothing.
        seed: Both, for digests.
    """

    volume: str | None
    has_volatile_inodes: bool
    seed: bytes


@lru_cache(maxsize=16)
def _disk(volume: str | None, *, has_volatile_inodes: bool) -> _Disk:
    return _Disk(volume, has_volatile_inodes, f"{volume} {has_volatile_inodes:d} ".encode())


def _as_known(
    here: Place, descriptor: int, disk: _Disk, known: KnownListing | None
) -> tuple[KnownListing, list[str], Rules] | None:
    """A folder with the names of those to enter and the rules there, if it is as it is known."""
    if known is None or not known.digest:
        return None
    with os.scandir(descriptor) as entries:
        seen, rules = _seen(entries, here, disk)
    if seen is None or seen.value != known.digest:
        return None
    inner = [name for name in sorted(seen.folders) if here.enters(name, rules)]
    return known, inner, rules


def _listed(
    here: Place, descriptor: int, disk: _Disk, settle_seconds: float, *, with_digest: bool
) -> tuple[Listing, list[str], Rules]:
    """The same, of a folder whose files are wanted one by one."""
    with os.scandir(descriptor) as entries:
        listed = list(entries)
    # Before they are sorted: it goes by the order in which they come.
    seen, rules = _seen(listed, here, disk) if with_digest else (None, here.rules)
    listed.sort(key=lambda entry: entry.name)
    if seen is None and any(entry.name == IGNORE_FILE for entry in listed):
        rules = _with_own(here)
    inner, files, unsure = _sort(
        listed, here, rules, settle_seconds, volatile_inode=disk.has_volatile_inodes
    )
    digest = None if seen is None else seen.value
    return Listing(here.path, disk.volume, tuple(files), frozenset(unsure), digest), inner, rules


def _seen(
    entries: Iterable[os.DirEntry[str]], here: Place, disk: _Disk
) -> tuple[FolderDigest | None, Rules]:
    """What a folder's entries come to, and the rules there, which are not read if that is None."""
    rules = here.rules
    seed = rules.fingerprint + disk.seed
    if rules.scopes:
        # Patterns are about paths below the root, so what they say depends on where that is.
        seed += os.fsencode(here.root)
    seen = digest_of(
        entries,
        seed,
        follow_symlinks=rules.follow_symlinks,
        volatile_inodes=disk.has_volatile_inodes,
    )
    if seen is not None and seen.has_rules:
        rules = _with_own(here)
        seen = seen._replace(value=seen.value + rules.fingerprint)
    return seen, rules


def look(
    place: Place, names: Iterable[str], on_folder: Callable[[str], None]
) -> Listing | Unreadable:
    """As much of one folder as some names say, looked at now, and what they may be paired with.

    Args:
        place: Its place.
        names: Of files that may or may not be there.
        on_folder: Told of each name that is a folder.
    """
    rules = _with_own(place)
    names = set(names)
    files: list[FileStat] = []
    unsure: set[str] = set()
    try:
        here = os.stat(place.path)  # noqa: PTH116 - as above
        if rules.pair_raw and any(map(may_have_relatives, names)):
            names = with_relatives(names, os.listdir(place.path))  # noqa: PTH208 - as above
    except OSError as error:
        return Unreadable(place.path, _reason(error))
    is_volatile = here.st_dev in _volatile_devices()
    for name in sorted(names):
        path = place.inner(name)
        if not rules.takes_file(place.relative(path), name):
            continue
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            if error.errno not in GONE:
                unsure.add(name)
            continue
        if stat.S_ISREG(status.st_mode):
            files.append(file_stat(name, status, volatile_inode=is_volatile))
        elif stat.S_ISDIR(status.st_mode):
            on_folder(path)
    return Listing(place.path, _volume(place.path, here), tuple(files), frozenset(unsure))


def file_stat(name: str, status: os.stat_result, *, volatile_inode: bool = False) -> FileStat:
    """What the index compares of a file."""
    inode = 0 if volatile_inode else status.st_ino & _MAX_INTEGER
    return FileStat(name, status.st_size, min(status.st_mtime_ns, _MAX_INTEGER), inode)


def volume_at(path: str) -> str | None:
    """The id of the file system that is mounted at a path; None where none is, or nothing is there."""
    try:
        return _volume(path, os.stat(path))  # noqa: PTH116
    except OSError:
        return None


def _sort(
    entries: Iterable[os.DirEntry[str]],
    here: Place,
    rules: Rules,
    settle_seconds: float,
    *,
    volatile_inode: bool,
) -> tuple[list[str], list[FileStat], set[str]]:
    """The names of folders to enter, the photos, and the names of which nothing can be said now."""
    folders: list[str] = []
    files: list[FileStat] = []
    unsure: set[str] = set()
    still_since = time.time_ns() - round(settle_seconds * 1e9)
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=rules.follow_symlinks):
                if here.enters(entry.name, rules):
                    folders.append(entry.name)
                continue
            if not rules.takes_file(here.relative(here.inner(entry.name)), entry.name):
                continue
            status = entry.stat()
        except OSError as error:
            # A link that leads nowhere or a file that has just gone is no photo; all else may be one.
            if error.errno not in GONE:
                unsure.add(entry.name)
            log.debug("skipped", path=here.inner(entry.name), reason=_reason(error))
            continue
        if stat.S_ISREG(status.st_mode):
            files.append(file_stat(entry.name, status, volatile_inode=volatile_inode))
            # The time of the last change of any kind: unlike mtime, no program can set it.
            if settle_seconds and status.st_ctime_ns > still_since:
                unsure.add(entry.name)
    return folders, files, unsure


def _with_own(place: Place) -> Rules:
    """A place's rules with those of its own `.photondignore`, if it has one that can be used."""
    path = Path(place.path, IGNORE_FILE)
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
        return place.rules.within(place.relative(place.path), lines)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("file of patterns cannot be used", path=str(path), reason=str(error))
    return place.rules


def _volume(path: str, here: os.stat_result) -> str | None:
    try:
        if os.stat(os.path.dirname(path)).st_dev == here.st_dev:  # noqa: PTH116, PTH120
            return None
        return f"{os.statvfs(path).f_fsid:x}"
    except OSError:
        return None


def _device(path: str) -> int | None:
    try:
        return os.stat(path).st_dev  # noqa: PTH116
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
