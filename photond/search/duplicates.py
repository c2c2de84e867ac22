"""Which photos are one photo: groups of copies, and which copy of each is the best.

Nothing here knows the index or the disk: contents and files come in as data, groups go out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["identical", "alike"]
Role = Literal["best", "copy", "same file"]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is on disk now.

    Attributes:
        path: Absolute.
        mtime_ns: Time of the last modification, nanoseconds since 1970.
        identity: What all names of one file have in common: its device and inode.
        is_link: Whether the path leads through a symbolic link.
    """

    path: str
    mtime_ns: int
    identity: tuple[int, int]
    is_link: bool


@dataclass(frozen=True, slots=True)
class Photo:
    """A content with its files.

    Attributes:
        sha256: Of its bytes.
        size: In bytes.
        format: Such as "JPEG".
        width: In pixels, as displayed.
        height: In pixels, as displayed.
        taken_at: Local wall time, where the photo states it.
        camera: Make and model, where it does.
        files: All that have these bytes, at least one.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int
    taken_at: str | None
    camera: str | None
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near two photos are to each other.

    Attributes:
        cosine: Of their embeddings, in [-1, 1].
        bits: In which their perceptual hashes differ, 0 to 128.
    """

    cosine: float
    bits: int


SAME = Likeness(1.0, 0)


@dataclass(frozen=True, slots=True)
class Copy:
    """One file of a group.

    Attributes:
        role: "best"; "copy"; or "same file", one more name of the file before it.
        photo: What it shows.
        file: Where it is.
        likeness: To the best one.
        others: How many more files have the same bytes; they have a group of their own.
    """

    role: Role
    photo: Photo
    file: File
    likeness: Likeness
    others: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one photo, the best first.

    Attributes:
        kind: "identical" to the byte, or "alike".
        copies: At least two.
        gain: Bytes that are free when only the best one is left.
    """

    kind: Kind
    copies: tuple[Copy, ...]
    gain: int


def clusters(neighbours: Mapping[int, Iterable[int]], order: Sequence[int]) -> list[list[int]]:
    """Gather what is near to the same best one.

    The best one takes all that are near to it, then the best of what is left, and so on. So every
    member is near to the first of its cluster: a chain in which each is near to the next only, such as a
    pan across a landscape, does not become one cluster.

    Args:
        neighbours: What each is near to, in both directions.
        order: All that have neighbours, the best first.

    Returns:
        Clusters of at least two, the best of each first and the others in their order.
    """
    place = {one: index for index, one in enumerate(order)}
    taken: set[int] = set()
    found = []
    for best in order:
        if best in taken:
            continue
        members = sorted(set(neighbours[best]) - taken - {best}, key=place.__getitem__)
        if members:
            taken.update(members, [best])
            found.append([best, *members])
    return found


def quality(photo: Photo) -> tuple[object, ...]:
    """What sorts photos of one thing from the best to the worst.

    The most pixels; then RAW, of which all else is made; then what the camera wrote into it, which
    messengers and editors lose; then the most bytes; then the one that was there first.
    """
    first = file_order(_first(photo))
    return (
        -photo.width * photo.height,
        photo.format != "RAW",
        -((photo.taken_at is not None) + (photo.camera is not None)),
        -photo.size,
        first,
    )


def file_order(file: File) -> tuple[object, ...]:
    """What sorts files of the same bytes from the best to the worst: the oldest, no symbolic link."""
    return file.is_link, file.mtime_ns, len(file.path), file.path


def identical_group(photo: Photo) -> Group | None:
    """The group of a photo's files; None if it has but one."""
    if len(photo.files) == 1:
        return None
    names: defaultdict[tuple[int, int], list[File]] = defaultdict(list)
    for file in sorted(photo.files, key=file_order):
        names[file.identity].append(file)
    copies: list[Copy] = []
    for first, *more in names.values():
        copies.append(Copy("copy" if copies else "best", photo, first, SAME))
        copies += [Copy("same file", photo, file, SAME) for file in more]
    return Group("identical", tuple(copies), (len(names) - 1) * photo.size)


def alike_group(photos: Sequence[tuple[Photo, Likeness]]) -> Group:
    """The group of photos that look alike, the best first, each with its likeness to the best."""
    copies = tuple(
        Copy("copy" if index else "best", photo, _first(photo), likeness, len(photo.files) - 1)
        for index, (photo, likeness) in enumerate(photos)
    )
    return Group("alike", copies, sum(photo.size for photo, _ in photos[1:]))


def in_order(groups: Iterable[Group]) -> list[Group]:
    """Groups as they are shown: the identical first, of each kind those with the most to gain first."""
    return sorted(
        groups,
        key=lambda group: (group.kind != "identical", -group.gain, group.copies[0].file.path),
    )


def both_ways(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """What each of some pairs is paired with."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        found[one].append(other)
        found[other].append(one)
    return dict(found)


def _first(photo: Photo) -> File:
    return min(photo.files, key=file_order)
