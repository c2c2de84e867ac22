"""The actor: somebody who does with photos what people, programs and misfortune do, from a seed."""

import errno
import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path

from tests.chaos.camera import Camera
from tests.chaos.disks import Disks

# What chance asks for is not always possible, such as moving a folder into itself or away from under a
# disk, or copying to a disk that is full.
_IMPOSSIBLE = {
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EINVAL,
    errno.ENOTEMPTY,
    errno.EBUSY,
    errno.ENOSPC,
    errno.EXDEV,
}


class Actor:
    """Acts on some roots and on a place outside of them.

    Args:
        place: An empty folder for all of them.
        seed: The same seed acts alike, as far as the daemon's pace lets it.
        has_mounts: Whether file systems may be mounted, so that there are disks to act on.
        index: The folder that holds the index; a small disk is mounted there.
    """

    def __init__(self, place: Path, seed: int, index: Path, *, has_mounts: bool) -> None:
        self.random = random.Random(seed)
        self.camera = Camera(self.random)
        self.roots = [place / "One", place / "Two"]
        self.outside = place / "outside"
        self.done: Counter[str] = Counter()
        self._serial = 0
        for folder in (*self.roots, self.outside):
            folder.mkdir(parents=True)
        for root in self.roots:
            # A root that is left empty is offline, and then nothing is to be compared.
            self.camera.write(root / "stays.jpg")
        self.disks: Disks | None = None
        self._actions = {
            self.add: 10,
            self.add_slowly: 2,
            self.add_a_folder: 3,
            self.import_a_burst: 2,
            self.import_by_renaming: 2,
            self.import_as_rsync_does: 3,
            self.import_as_cp_does: 2,
            self.import_with_a_sidecar: 2,
            self.edit: 4,
            self.replace: 4,
            self.touch: 2,
            self.spoil: 1,
            self.copy: 3,
            self.move: 8,
            self.move_a_folder: 5,
            self.delete: 6,
            self.delete_a_folder: 2,
            self.swap_a_root: 1,
            self.ignore: 1,
            self.pause: 6,
        }
        if has_mounts:
            self.roots.append(place / "Disk")
            points = [self.roots[0] / "usb", self.roots[1] / "card", self.roots[2]]
            self.disks = Disks(place / "disks", index, points)
            self._actions |= {self.plug: 5, self.unplug: 4, self.fill_the_disk: 2}

    def act(self) -> None:
        """Do one thing at random; what cannot be done is left."""
        action = self.random.choices(list(self._actions), list(self._actions.values()))[0]
        try:
            action()
            self.done[action.__name__] += 1
        except OSError as error:
            # shutil.Error is what copying a folder comes to when a disk gets full.
            if error.errno not in _IMPOSSIBLE and not isinstance(error, shutil.Error):
                raise

    def add(self) -> None:
        self.camera.write(self._new_path())

    def add_slowly(self) -> None:
        self.camera.write_slowly(self._new_path())

    def add_a_folder(self) -> None:
        self.camera.tree(self._new_path().with_suffix(""))

    def import_a_burst(self) -> None:
        self.camera.burst(self._new_path().with_suffix(""))

    def import_by_renaming(self) -> None:
        self.camera.copy_then_rename(self._new_path())

    def import_as_rsync_does(self) -> None:
        self.camera.as_rsync_does(self._new_path())

    def import_as_cp_does(self) -> None:
        self.camera.as_cp_does(self._photo(), self._new_path())

    def import_with_a_sidecar(self) -> None:
        self.camera.with_sidecar(self._new_path())

    def edit(self) -> None:
        with self._photo().open("ab") as file:
            file.write(self.random.randbytes(5))

    def replace(self) -> None:
        self.camera.replace(self._photo())

    def touch(self) -> None:
        os.utime(self._photo(), (self.random.choice([0, 1e9, 4e9]),) * 2)

    def spoil(self) -> None:
        self._photo().write_bytes(b"no photo any more")

    def copy(self) -> None:
        self.camera.duplicate(self._photo(), self._new_path())

    def move(self) -> None:
        shutil.move(self._photo(), self._new_path())

    def move_a_folder(self) -> None:
        folder, to = self._folder(), self._new_path().with_suffix("")
        try:
            folder.rename(to)
        except OSError as error:
            if error.errno != errno.EXDEV or to.is_relative_to(folder):
                raise
            shutil.copytree(folder, to)  # as file managers do between disks
            shutil.rmtree(folder)

    def delete(self) -> None:
        self._photo().unlink()

    def delete_a_folder(self) -> None:
        shutil.rmtree(self._folder())

    def swap_a_root(self) -> None:
        """Take a root away for a moment, as if somebody had renamed it."""
        root = self.random.choice(self.roots)
        root.rename(root.with_name("away"))
        if self.random.random() < 0.5:
            root.mkdir()
        time.sleep(self.random.uniform(0, 1))
        if root.exists():
            root.rmdir()
        root.with_name("away").rename(root)

    def ignore(self) -> None:
        (self._folder() / ".photondignore").write_text(
            self.random.choice(["", "1*.jpg\n", "deep/\n"])
        )

    def pause(self) -> None:
        time.sleep(self.random.uniform(0, 1.2))

    def plug(self) -> None:
        assert self.disks is not None
        self.disks.plug(self.random)

    def unplug(self) -> None:
        assert self.disks is not None
        self.disks.unplug(self.random)

    def fill_the_disk(self) -> None:
        """Take the index its room; whoever leads the run gives it back."""
        assert self.disks is not None
        if self.disks.is_full:
            raise FileExistsError(errno.EEXIST, "it is full")
        self.disks.fill()

    def _places(self) -> list[Path]:
        unplugged = self.disks.unplugged if self.disks else []
        return [*self.roots, self.outside, *unplugged]

    def _folders(self) -> list[Path]:
        return sorted(
            path for place in self._places() for path in place.rglob("*") if path.is_dir()
        )

    def _folder(self) -> Path:
        folders = self._folders()
        if not folders:
            raise FileNotFoundError(errno.ENOENT, "there is no folder yet")
        return self.random.choice(folders)

    def _photo(self) -> Path:
        photos = sorted(
            path
            for place in self._places()
            for path in place.rglob("*.[jJ][pP][gG]")
            if path.name != "stays.jpg"
        )
        if not photos:
            raise FileNotFoundError(errno.ENOENT, "there is no photo yet")
        return self.random.choice(photos)

    def _new_path(self) -> Path:
        self._serial += 1
        folder = self.random.choice([*self._places(), *self.roots, *self._folders()])
        return folder / f"{self.random.randrange(10)}{self._serial}.jpg"
