"""Disks that the actor plugs in, pulls out and fills, in the mount namespace of the harness."""

import errno
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_INDEX_MB = 48
_DISK_MB = 32
_BLOCK = 1 << 20


@dataclass
class Disks:
    """Two disks for photos with three places to plug them in, and a small one that holds the index.

    A disk goes on living under a path of its own while it is not plugged in, where the actor may
    write to it as another computer would.

    Attributes:
        place: Where the disks live.
        index: The folder that holds the index.
        points: Where a disk can be plugged in; the last is a whole root.
    """

    place: Path
    index: Path
    points: list[Path]
    plugged: dict[Path, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.disks = [self.place / "red", self.place / "blue"]
        for disk in self.disks:
            disk.mkdir(parents=True)
            _mount("-t", "tmpfs", "-o", f"size={_DISK_MB}m", disk.name, disk)
        self.index.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", f"size={_INDEX_MB}m", "index", self.index)
        for point in self.points:
            point.mkdir(parents=True, exist_ok=True)

    @property
    def unplugged(self) -> list[Path]:
        """Where the disks live that are not plugged in."""
        return [disk for disk in self.disks if disk not in self.plugged.values()]

    def plug(self, chance: random.Random) -> None:
        """Plug a disk in somewhere."""
        free = [point for point in self.points if point not in self.plugged]
        disk, point = chance.choice(self.unplugged or [None]), chance.choice(free)
        if disk is None:
            raise FileNotFoundError(errno.ENOENT, "every disk is plugged in")
        point.mkdir(exist_ok=True)
        _mount("--bind", disk, point)
        self.plugged[point] = disk

    def unplug(self, chance: random.Random) -> None:
        """Pull a disk out, whoever has files of it open."""
        if not self.plugged:
            raise FileNotFoundError(errno.ENOENT, "no disk is plugged in")
        point = chance.choice(sorted(self.plugged))
        _unmount(point)
        del self.plugged[point]

    def fill(self) -> None:
        """Leave no room for the index."""
        with (self.index / "ballast").open("ab", buffering=0) as file:
            for size in (_BLOCK, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Make room again."""
        (self.index / "ballast").unlink(missing_ok=True)

    @property
    def is_full(self) -> bool:
        """Whether the index has no room."""
        return (self.index / "ballast").exists()

    def close(self) -> None:
        """Unmount everything."""
        for path in [*self.plugged, *self.disks, self.index]:
            _unmount(path)


def _mount(*arguments: str | os.PathLike[str]) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", path], check=True)
